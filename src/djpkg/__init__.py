"""A local mirror of the Django Packages directory, kept fresh straight from where the facts are made."""


def __getattr__(name: str) -> str:
    # Reading a distribution's metadata costs 15 ms and more: only `--version` and the User-Agent pay for it, once.
    if name == "__version__":
        from importlib.metadata import version

        found = globals()[name] = version("djpkg")
        return found
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
