"""The seventh migration step: what a mirror knows about the snapshots that it took in."""

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
