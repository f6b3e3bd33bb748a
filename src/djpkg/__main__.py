"""``python -m djpkg``."""

from djpkg.cli import main

if __name__ == "__main__":
    main()
