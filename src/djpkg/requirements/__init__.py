"""Read a project's requirements files, pyproject.toml and lock files into requirements."""
