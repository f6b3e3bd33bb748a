"""HTTP for all sources: client, transport, retry, rate limit."""
