"""PyPI by its JSON API and its list of serials."""
