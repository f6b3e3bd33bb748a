"""GitHub by GraphQL and REST."""
