"""``python -m annealrl``."""

from annealrl.cli import main

if __name__ == "__main__":
    main()
