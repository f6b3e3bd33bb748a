"""What a person types for `list` -> a query -> SQL."""
