"""The mirror: one SQLite file, readable at any time, written in whole pages only."""
