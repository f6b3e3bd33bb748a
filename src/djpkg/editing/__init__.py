"""Turn assignments, or an edited document, into overrides."""
