"""Programs of the user's own that are asked for what they know."""
