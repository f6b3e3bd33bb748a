"""The query language of `list`: parse terms into a query, and a query into SQL."""
