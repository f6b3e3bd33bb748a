"""The network: one small interface, an HTTP client, and one folder or module for each source."""
