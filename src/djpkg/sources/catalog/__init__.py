"""The Django Packages directory by its API v4."""
