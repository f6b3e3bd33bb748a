"""The tables of the mirror, as numbered migration steps.

Steps are plain SQL: `STRICT` tables, checks, generated columns and cascades read best that way. A released step never
changes; a change of the tables is a new step.
"""

from __future__ import annotations

import sqlite3

from djpkg.mirror.schema_steps import GRAPH, KEPT, SNAPSHOTS
from djpkg.mirror.upgrade_repair import reset_damaged_values

# "djpk" in ASCII: `file` shows it, and it tells a mirror from other SQLite files.
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

-- One row per package: the effective values, merged from facts and overrides. Lists are JSON.
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

-- Not unique: removed packages stay, and the catalog reuses slugs.
CREATE INDEX packages_slug ON packages (replace(lower(slug), '_', '-'));
-- Covers most queries, in the order of most lists, so that they do not read the wide rows.
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

-- Replaced by the second step.
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

-- The user's values, which replace upstream values. A fetch never writes here.
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

-- One row per quota pool of a source, from its last response.
CREATE TABLE sources (
    source TEXT NOT NULL,
    pool TEXT NOT NULL DEFAULT '',
    quota_limit INTEGER,
    remaining INTEGER,
    reset TEXT,
    not_before TEXT,
    PRIMARY KEY (source, pool)
) STRICT, WITHOUT ROWID;

-- Replaced by the second step.
CREATE TABLE sweeps (
    source TEXT PRIMARY KEY,
    completed TEXT NOT NULL,
    packages INTEGER NOT NULL,
    mark INTEGER
) STRICT, WITHOUT ROWID;

-- The full-text index; Datasette shows it as the search box of `packages`.
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

-- Most updates change a number or a time; the index changes only with its texts.
CREATE TRIGGER packages_fts_update AFTER UPDATE OF id, slug, title, repo_description ON packages
WHEN old.id <> new.id OR old.slug <> new.slug OR old.title <> new.title OR old.repo_description <> new.repo_description
BEGIN
    INSERT INTO packages_fts (packages_fts, rowid, slug, title, repo_description)
    VALUES ('delete', old.id, old.slug, old.title, old.repo_description);
    INSERT INTO packages_fts (rowid, slug, title, repo_description)
    VALUES (new.id, new.slug, new.title, new.repo_description);
END;
"""

# Source names become data, and columns get plainer names. Copies are made without ALTER TABLE, which would check and
# rewrite the views that users may have added.
_SECOND = """
CREATE TEMP TABLE old_facts AS
    SELECT package_id, source, coordinate, asked, answered, outcome, error, etag, serial, misses, retry, said
    FROM facts;
DROP TABLE facts;

-- The last answer of each source, by the coordinate that was requested. Facts of a former coordinate stay.
CREATE TABLE facts (
    package_id INTEGER NOT NULL REFERENCES packages (id) ON UPDATE CASCADE ON DELETE CASCADE,
    source TEXT NOT NULL,
    coordinate TEXT NOT NULL,
    asked TEXT,
    answered TEXT,
    outcome TEXT CHECK (outcome IN ('updated', 'unchanged', 'gone', 'failed')),
    error TEXT,
    etag TEXT,
    serial INTEGER,
    gone_count INTEGER NOT NULL DEFAULT 0, -- consecutive answers "gone" or "blocked"
    retry_after TEXT,                      -- not requested before this time, unless named
    facts TEXT CHECK (facts IS NULL OR json_valid(facts)),
    -- Validators of a forge: the last known head, and the heads that the weeks and the contributors belong to.
    node_id TEXT AS (json_extract(facts, '$.repository.node_id')) STORED,
    head TEXT AS (json_extract(facts, '$.repository.head')) STORED,
    head_at TEXT AS (json_extract(facts, '$.repository.head_at')) STORED,
    weeks_head TEXT AS (json_extract(facts, '$.weeks.head')) STORED,
    contributors_head TEXT AS (json_extract(facts, '$.contributors.head')) STORED,
    contributors_taken TEXT AS (json_extract(facts, '$.contributors.taken')) STORED,
    PRIMARY KEY (package_id, source, coordinate)
) STRICT;

INSERT INTO facts
    (package_id, source, coordinate, asked, answered, outcome, error, etag, serial, gone_count, retry_after, facts)
    SELECT * FROM old_facts;
DROP TABLE old_facts;

CREATE TEMP TABLE old_sweeps AS SELECT source, completed, packages, mark FROM sweeps;
DROP TABLE sweeps;

-- The last complete sweep of a source's whole list, with the largest id that it contained.
CREATE TABLE sweeps (
    source TEXT PRIMARY KEY,
    completed TEXT NOT NULL,
    packages INTEGER NOT NULL,
    newest_id INTEGER
) STRICT, WITHOUT ROWID;

INSERT INTO sweeps SELECT * FROM old_sweeps;
DROP TABLE old_sweeps;
"""

# Letters of scripts that are written without spaces between words, or with endings attached to them.
_UNSPACED_LETTER = (
    "[\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff]"
)

# Counts of what nobody has counted become null, and the kinds of events are no longer listed in a CHECK.
#
# Both constraints are removed in the text of the schema (sqlite.org/lang_altertable.html, "simpler and faster"): a new
# table would lose the columns, indexes and triggers that users added, and ALTER TABLE would check their views. Damaged
# lists are left for the next merge. An event "moved" to an address was another repository that the project named.
_THIRD = f"""
PRAGMA writable_schema = ON;
UPDATE sqlite_master
SET sql = replace(sql, 'participant_count INTEGER NOT NULL DEFAULT 0', 'participant_count INTEGER')
WHERE type = 'table' AND name = 'packages';
UPDATE sqlite_master
SET sql = replace(
    sql,
    ' CHECK (event IN (''added'', ''removed'', ''back'', ''released'', ''yanked'', ''archived'', '
    || '''unarchived'',
                                         ''moved'', ''gone'', ''blocked'', ''license''))',
    ''
)
WHERE type = 'table' AND name = 'events';
PRAGMA writable_schema = RESET;

UPDATE packages SET participant_count = CASE
    WHEN NOT json_valid(participants) THEN NULL
    WHEN json_array_length(participants) > 0 THEN json_array_length(participants)
    WHEN repo_state = 'empty' OR edited LIKE '%"participants"%' THEN 0
END;
UPDATE packages SET commits_last_year = NULL
WHERE CASE WHEN json_valid(commits_over_52) THEN json_array_length(commits_over_52) <> 52 ELSE 1 END
    OR (commits_last_year = 0 AND repo_state IN ('none', 'unsupported') AND edited NOT LIKE '%"commits_over_52"%');
UPDATE events SET event = 'suggested' WHERE event = 'moved' AND new LIKE 'http%://%';

-- The few descriptions in scripts without spaces between words, of which packages_fts knows no words. A new index also
-- makes other connections read the schema again.
CREATE INDEX packages_unspaced ON packages (repo_description)
WHERE repo_description GLOB '*{_UNSPACED_LETTER}*';
"""

# The history names its repository, because the address of a package can change. The catalog's zeros for a repository
# that it could not read are no count.
_FOURTH = """
ALTER TABLE history ADD COLUMN coordinate TEXT;
UPDATE history SET coordinate = (SELECT repository_key FROM packages WHERE packages.id = package_id)
WHERE package_id NOT IN (SELECT package_id FROM overrides WHERE field = 'repo_url');
-- An edited address has no history: it is that of the repository which was answered before the edit.
UPDATE history SET coordinate = (
    SELECT facts.coordinate FROM facts JOIN packages ON packages.id = facts.package_id
    WHERE facts.package_id = history.package_id AND source NOT IN ('catalog', 'pypi')
    AND facts.coordinate IS NOT packages.repository_key
    ORDER BY answered DESC LIMIT 1
)
WHERE package_id IN (SELECT package_id FROM overrides WHERE field = 'repo_url');

UPDATE packages SET commits_last_year = NULL
WHERE commits_last_year = 0 AND repo_state IN ('gone', 'blocked') AND edited NOT LIKE '%"commits_over_52"%'
    AND NOT EXISTS (
        SELECT 1 FROM facts WHERE facts.package_id = packages.id AND facts.source = packages.forge
        AND facts.coordinate = packages.repository_key AND facts.weeks_head IS NOT NULL
    );
"""

# What only the user sets. `replaced_by` is one value of one field, and so a row of `overrides`; tags are rows, so that
# SQL can join and count them. `packages` has the values of all three, as of every other field.
_FIFTH = """
-- Damaged rows are left for the next merge: ALTER TABLE would check them all.
PRAGMA ignore_check_constraints = ON;
ALTER TABLE packages ADD COLUMN note TEXT;
ALTER TABLE packages ADD COLUMN tags TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags));
ALTER TABLE packages ADD COLUMN replaced_by TEXT;
PRAGMA ignore_check_constraints = OFF;

-- A fetch never writes to these two, nor to `overrides`.
CREATE TABLE notes (
    package_id INTEGER PRIMARY KEY REFERENCES packages (id) ON UPDATE CASCADE,
    note TEXT NOT NULL,
    edited TEXT NOT NULL
) STRICT;

CREATE TABLE tags (
    package_id INTEGER NOT NULL REFERENCES packages (id) ON UPDATE CASCADE,
    tag TEXT NOT NULL,
    edited TEXT NOT NULL,
    PRIMARY KEY (package_id, tag)
) STRICT, WITHOUT ROWID;
"""

STEPS: tuple[str, ...] = (_FIRST, _SECOND, _THIRD + KEPT, _FOURTH, _FIFTH, GRAPH, SNAPSHOTS)
VERSION = len(STEPS)


def migrate(db: sqlite3.Connection, *, steps: tuple[str, ...] = STEPS) -> None:
    """Apply the steps that are newer than the file's `user_version`, each in one transaction.

    `db` is in autocommit mode and does not check foreign keys. Damaged values of an older mirror are reset before each
    step. Raises sqlite3.Error; a failed step leaves the version before it.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    for number, step in enumerate(steps[version:], start=version + 1):
        db.execute("BEGIN IMMEDIATE")
        try:
            if version:  # a new mirror has no rows
                reset_damaged_values(db)
            for statement in split_statements(step):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {number}")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")


def split_statements(sql: str) -> list[str]:
    """Return the statements of a script. `executescript` is no alternative: it commits first."""
    statements: list[str] = []
    part = ""
    for piece in sql.split(";"):
        part += piece + ";"
        # The body of a trigger contains semicolons too.
        if sqlite3.complete_statement(part):
            if part.strip("; \n"):
                statements.append(part.strip())
            part = ""
    return statements
