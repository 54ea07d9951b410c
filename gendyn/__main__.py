"""``python -m gendyn`` is the command ``gendyn``."""

from gendyn.commands import main

if __name__ == "__main__":
    main()
