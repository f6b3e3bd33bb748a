"""Later migration steps, which `schema` puts in order.

`KEPT` is a part of the third step: tables for the details of answers and for measured values over time. `GRAPH`, the
sixth, has the indexes of the graph of requirements, and `SNAPSHOTS`, the seventh, what the mirror knows about the
snapshots that it took in.
"""

KEPT = """
-- Damaged rows are left for the next merge: ALTER TABLE would check them all.
PRAGMA ignore_check_constraints = ON;
ALTER TABLE facts ADD COLUMN parser_version INTEGER NOT NULL DEFAULT 1; -- facts of an older parser are fetched anew

ALTER TABLE packages ADD COLUMN archived_at TEXT;
ALTER TABLE packages ADD COLUMN archived_at_utc TEXT;
ALTER TABLE packages ADD COLUMN django_requires TEXT;
ALTER TABLE packages ADD COLUMN releases INTEGER;
ALTER TABLE packages ADD COLUMN first_released TEXT;
ALTER TABLE packages ADD COLUMN first_released_utc TEXT;
-- From `requirements` of all packages.
ALTER TABLE packages ADD COLUMN requires TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(requires));
ALTER TABLE packages ADD COLUMN used_by INTEGER;
PRAGMA ignore_check_constraints = OFF;

-- What the newest release requires; former requirements keep their rows, with the day of the change in `until`.
CREATE TABLE requirements (
    package_id INTEGER NOT NULL REFERENCES packages (id) ON UPDATE CASCADE ON DELETE CASCADE,
    project TEXT NOT NULL,    -- whose release it is; an edit of the address leads to another project
    requires TEXT NOT NULL,   -- the normalized name of a project
    specifier TEXT NOT NULL,  -- "" for any version
    marker TEXT,
    version TEXT NOT NULL,    -- the last release that required it
    since TEXT NOT NULL,
    until TEXT
) STRICT;

CREATE INDEX requirements_package ON requirements (package_id, project);
CREATE INDEX requirements_requires ON requirements (requires) WHERE until IS NULL;

CREATE TABLE releases (
    package_id INTEGER NOT NULL REFERENCES packages (id) ON UPDATE CASCADE ON DELETE CASCADE,
    project TEXT NOT NULL,
    version TEXT NOT NULL,
    uploaded TEXT,            -- null for a release without files
    yanked INTEGER NOT NULL CHECK (yanked IN (0, 1)),
    requires_python TEXT,
    PRIMARY KEY (package_id, project, version)
) STRICT, WITHOUT ROWID;

-- PyPI's facts about projects that packages are measured against, in the columns of `facts`: django.
CREATE TABLE projects (
    name TEXT PRIMARY KEY,
    asked TEXT,
    answered TEXT,
    outcome TEXT CHECK (outcome IN ('updated', 'unchanged', 'gone', 'failed')),
    error TEXT,
    etag TEXT,
    serial INTEGER,
    gone_count INTEGER NOT NULL DEFAULT 0,
    retry_after TEXT,
    facts TEXT CHECK (facts IS NULL OR json_valid(facts)),
    parser_version INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

CREATE TABLE project_releases (
    project TEXT NOT NULL REFERENCES projects (name) ON UPDATE CASCADE ON DELETE CASCADE,
    version TEXT NOT NULL,
    uploaded TEXT,
    yanked INTEGER NOT NULL CHECK (yanked IN (0, 1)),
    requires_python TEXT,
    PRIMARY KEY (project, version)
) STRICT, WITHOUT ROWID;

-- One row per UTC day on which a value changed; after two years, one per month.
CREATE TABLE history (
    package_id INTEGER NOT NULL REFERENCES packages (id) ON UPDATE CASCADE ON DELETE CASCADE,
    day TEXT NOT NULL,
    stars INTEGER,
    forks INTEGER,
    contributors INTEGER,
    commits INTEGER,          -- of the last 52 weeks
    PRIMARY KEY (package_id, day)
) STRICT, WITHOUT ROWID;

-- The history begins with what the forges stated last, where no edit covers it.
WITH stated AS (
    SELECT package_id, source, coordinate, answered, weeks_head,
        CASE WHEN json_valid(facts) THEN json_extract(facts, '$.repository.stars') END AS stars,
        CASE WHEN json_valid(facts) THEN json_extract(facts, '$.repository.forks') END AS forks
    FROM facts
)
INSERT INTO history (package_id, day, stars, forks, contributors, commits)
    SELECT packages.id, substr(stated.answered, 1, 10), stated.stars, stated.forks, packages.participant_count,
        CASE WHEN stated.weeks_head IS NOT NULL THEN packages.commits_last_year END
    FROM packages JOIN stated ON stated.package_id = packages.id AND stated.source = packages.forge
        AND stated.coordinate = packages.repository_key
    WHERE stated.answered IS NOT NULL AND typeof(stated.stars) = 'integer'
        AND typeof(stated.forks) IN ('integer', 'null')
        AND NOT EXISTS (
            SELECT 1 FROM overrides WHERE overrides.package_id = packages.id
            AND overrides.field IN ('repo_url', 'participants', 'commits_over_52')
        );

-- Serves the deletion of runs, which sets `run_id` to null.
CREATE INDEX events_run ON events (run_id);
"""

GRAPH = """
-- As before, and with the numbers and lists of the graph.
DROP INDEX packages_lookup;
CREATE INDEX packages_lookup ON packages (
    repo_watchers DESC, slug, id, title, category, catalog_state, repo_state, archived, last_updated_utc, released_utc,
    pypi_state, forge, license, commits_last_year, participant_count, repo_forks, yanked, moved_to, django_versions,
    python_versions, used_by, requires
);
-- Leads to the packages that stopped requiring a project.
CREATE INDEX requirements_former ON requirements (requires) WHERE until IS NOT NULL;
"""

SNAPSHOTS = """
-- Damaged rows are left for the next merge: ALTER TABLE would check them all.
PRAGMA ignore_check_constraints = ON;
-- When the snapshot was made from which the answer was taken; null for an answer to this mirror.
ALTER TABLE facts ADD COLUMN via TEXT;
PRAGMA ignore_check_constraints = OFF;

-- The last snapshot of each address: the validators that let its server answer "unchanged", and the file's digest.
CREATE TABLE snapshots (
    address TEXT PRIMARY KEY,
    etag TEXT,
    modified TEXT,
    sha256 TEXT,
    made TEXT NOT NULL,
    taken TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""
