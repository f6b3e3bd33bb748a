"""Snapshots: the public facts of another mirror, in one file."""
