"""Forges without a bulk API, which need requests per repository: one module each."""
