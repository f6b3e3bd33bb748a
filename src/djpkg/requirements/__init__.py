"""A project's files -> the requirements in them."""
