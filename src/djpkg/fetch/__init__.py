"""Fetch into the mirror: queue -> requests -> facts -> merge -> one transaction per page."""
