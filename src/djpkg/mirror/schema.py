"""The tables of the mirror, as numbered steps.

Each step is SQL in full, because a `STRICT` table with checks, generated columns and cascading updates reads best as
such. A step that has been released is never changed; a change is a new step.
"""

from __future__ import annotations

import sqlite3

# "djpk", so that `file` and a reader can tell a mirror from any other SQLite file.
APPLICATION_ID = 0x646A706B

_FIRST = """
CREATE TABLE categories (
    id INTEGER PRIMARY KEY,
    slug TEXT,
    title TEXT,
    title_plural TEXT,
    description TEXT
) STRICT;

CREATE TABLE grids (
    id INTEGER PRIMARY KEY,
    slug TEXT,          -- null until the grid is named
    title TEXT,
    description TEXT
) STRICT;

-- One row a package: the effective values, which the merge of facts and overrides gives. Lists are JSON.
CREATE TABLE packages (
    id INTEGER PRIMARY KEY,
    slug TEXT NOT NULL,
    title TEXT NOT NULL,
    category INTEGER REFERENCES categories (id) ON UPDATE CASCADE,
    grids TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(grids)),
    repo_url TEXT NOT NULL DEFAULT '',
    pypi_url TEXT NOT NULL DEFAULT '',
    documentation_url TEXT,
    repo_description TEXT NOT NULL DEFAULT '',
    repo_watchers INTEGER,
    repo_forks INTEGER,
    pypi_version TEXT,
    commits_over_52 TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(commits_over_52)),
    participants TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(participants)),
    created TEXT,
    modified TEXT,
    last_updated TEXT,
    last_fetched TEXT,
    -- Beyond the record.
    archived INTEGER CHECK (archived IN (0, 1)),
    forge TEXT,
    repository TEXT,
    repository_key TEXT, -- the coordinate under which `facts` keeps what the forge said
    repo_state TEXT,
    moved_to TEXT,
    commits_last_year INTEGER,
    participant_count INTEGER NOT NULL DEFAULT 0,
    pypi_name TEXT,
    pypi_state TEXT,
    released TEXT,
    yanked INTEGER CHECK (yanked IN (0, 1)),
    requires_python TEXT,
    python_versions TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(python_versions)),
    django_versions TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(django_versions)),
    license TEXT,
    development_status TEXT,
    catalog_state TEXT NOT NULL DEFAULT 'listed' CHECK (catalog_state IN ('listed', 'removed')),
    edited TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(edited)),
    checked TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(checked)),
    failed TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(failed)),
    suggestion TEXT,
    -- Each time once more as a UTC instant with six digits, for order and ranges.
    created_utc TEXT,
    modified_utc TEXT,
    last_updated_utc TEXT,
    last_fetched_utc TEXT,
    released_utc TEXT
) STRICT;

-- Not unique: packages that vanished stay, and the catalog gives their slugs away again.
CREATE INDEX packages_slug ON packages (replace(lower(slug), '_', '-'));
-- What most queries look at, in the order that most lists have: they read this narrow index and not the wide rows.
CREATE INDEX packages_lookup ON packages (
    repo_watchers DESC, slug, id, title, category, catalog_state, repo_state, archived, last_updated_utc, released_utc,
    pypi_state, forge, license, commits_last_year, participant_count, repo_forks, yanked, moved_to, django_versions,
    python_versions
);
CREATE INDEX packages_updated ON packages (last_updated_utc DESC, slug);
CREATE INDEX packages_released ON packages (released_utc DESC, slug);
CREATE INDEX packages_repository ON packages (repository_key);
CREATE INDEX packages_project ON packages (pypi_name);

CREATE TABLE package_grids (
    package_id INTEGER NOT NULL REFERENCES packages (id) ON UPDATE CASCADE ON DELETE CASCADE,
    grid_id INTEGER NOT NULL REFERENCES grids (id) ON UPDATE CASCADE,
    position INTEGER NOT NULL,
    PRIMARY KEY (package_id, grid_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX package_grids_grid ON package_grids (grid_id);

-- What each source said last, under the coordinate that was asked: facts of a place that a package has left stay.
CREATE TABLE facts (
    package_id INTEGER NOT NULL REFERENCES packages (id) ON UPDATE CASCADE ON DELETE CASCADE,
    source TEXT NOT NULL CHECK (source IN ('catalog', 'github', 'pypi', 'gitlab', 'bitbucket', 'forgejo')),
    coordinate TEXT NOT NULL,
    asked TEXT,
    answered TEXT,
    outcome TEXT CHECK (outcome IN ('updated', 'unchanged', 'gone', 'failed')),
    error TEXT,
    etag TEXT,
    serial INTEGER,
    misses INTEGER NOT NULL DEFAULT 0, -- how many answers in a row said gone or blocked
    retry TEXT,                        -- not asked again before, unless named
    said TEXT CHECK (said IS NULL OR json_valid(said)),
    -- The validators of a forge: the probed head, and the heads that the weeks and the contributors belong to.
    node_id TEXT AS (json_extract(said, '$.repository.node_id')) STORED,
    head TEXT AS (json_extract(said, '$.repository.head')) STORED,
    head_at TEXT AS (json_extract(said, '$.repository.head_at')) STORED,
    weeks_head TEXT AS (json_extract(said, '$.weeks.head')) STORED,
    contributors_head TEXT AS (json_extract(said, '$.contributors.head')) STORED,
    contributors_taken TEXT AS (json_extract(said, '$.contributors.taken')) STORED,
    PRIMARY KEY (package_id, source, coordinate)
) STRICT;

-- The user's values, which lie over the upstream ones. No fetch has a statement that writes here.
CREATE TABLE overrides (
    package_id INTEGER NOT NULL REFERENCES packages (id) ON UPDATE CASCADE,
    field TEXT NOT NULL,
    value TEXT NOT NULL CHECK (json_valid(value)),
    edited TEXT NOT NULL,
    PRIMARY KEY (package_id, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    started TEXT NOT NULL,
    finished TEXT,
    asked TEXT NOT NULL,
    exit INTEGER,
    report TEXT CHECK (report IS NULL OR json_valid(report))
) STRICT;

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    run_id INTEGER REFERENCES runs (id) ON DELETE SET NULL,
    package_id INTEGER NOT NULL REFERENCES packages (id) ON UPDATE CASCADE ON DELETE CASCADE,
    event TEXT NOT NULL CHECK (event IN ('added', 'removed', 'back', 'released', 'yanked', 'archived', 'unarchived',
                                         'moved', 'gone', 'blocked', 'license')),
    old TEXT,
    new TEXT
) STRICT;

CREATE INDEX events_at ON events (at);
CREATE INDEX events_package ON events (package_id);

-- One row a pool of a source's quota, as its last reply told it.
CREATE TABLE sources (
    source TEXT NOT NULL,
    pool TEXT NOT NULL DEFAULT '',
    quota_limit INTEGER,
    remaining INTEGER,
    reset TEXT,
    not_before TEXT,
    PRIMARY KEY (source, pool)
) STRICT, WITHOUT ROWID;

-- The last complete reading of a whole list. `mark`, the newest id that such a reading has seen, is stored last.
CREATE TABLE sweeps (
    source TEXT PRIMARY KEY,
    completed TEXT NOT NULL,
    packages INTEGER NOT NULL,
    mark INTEGER
) STRICT, WITHOUT ROWID;

-- The index for words; Datasette offers it as the search box of `packages`.
CREATE VIRTUAL TABLE packages_fts USING fts5 (
    slug, title, repo_description,
    content="packages", content_rowid="id", tokenize='unicode61 remove_diacritics 2'
);

CREATE TRIGGER packages_fts_insert AFTER INSERT ON packages BEGIN
    INSERT INTO packages_fts (rowid, slug, title, repo_description)
    VALUES (new.id, new.slug, new.title, new.repo_description);
END;

CREATE TRIGGER packages_fts_delete AFTER DELETE ON packages BEGIN
    INSERT INTO packages_fts (packages_fts, rowid, slug, title, repo_description)
    VALUES ('delete', old.id, old.slug, old.title, old.repo_description);
END;

-- Most updates change a number or a time: the index is touched only where its words change.
CREATE TRIGGER packages_fts_update AFTER UPDATE OF id, slug, title, repo_description ON packages
WHEN old.id <> new.id OR old.slug <> new.slug OR old.title <> new.title OR old.repo_description <> new.repo_description
BEGIN
    INSERT INTO packages_fts (packages_fts, rowid, slug, title, repo_description)
    VALUES ('delete', old.id, old.slug, old.title, old.repo_description);
    INSERT INTO packages_fts (rowid, slug, title, repo_description)
    VALUES (new.id, new.slug, new.title, new.repo_description);
END;
"""

STEPS: tuple[str, ...] = (_FIRST,)
VERSION = len(STEPS)


def apply(db: sqlite3.Connection, *, steps: tuple[str, ...] = STEPS) -> None:
    """Bring the tables from their `user_version` to the newest, one transaction a step.

    `db` is in autocommit mode. Raises sqlite3.Error; a step that fails leaves the version before it.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    for number, step in enumerate(steps[version:], start=version + 1):
        db.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements(step):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {number}")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")


def statements(sql: str) -> list[str]:
    """Split a script into its statements: `executescript` would commit before it starts."""
    found: list[str] = []
    part = ""
    for piece in sql.split(";"):
        part += piece + ";"
        # A trigger's body holds semicolons of its own.
        if sqlite3.complete_statement(part):
            if part.strip("; \n"):
                found.append(part.strip())
            part = ""
    return found
