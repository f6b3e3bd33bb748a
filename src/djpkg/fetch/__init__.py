"""The one place where sources and mirror meet: queue -> requests -> facts -> merge -> one transaction per page."""
