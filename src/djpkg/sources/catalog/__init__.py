"""The Django Packages catalog by its API v4."""
