"""A local mirror of the Django Packages directory, updated from GitHub, PyPI and other forges."""

HOME_PAGE = "https://github.com/djpkg/djpkg"
"""The project's home page, which the User-Agent and feeds name."""


def __getattr__(name: str) -> str:
    # Reading package metadata takes 15 ms or more; only `--version` and the User-Agent need it.
    if name == "__version__":
        from importlib.metadata import version

        found = globals()[name] = version("djpkg")
        return found
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
