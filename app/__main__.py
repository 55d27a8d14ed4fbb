"""`python -m app`: the command line. `python -m app --help` teaches it by example."""

from app.commands import main

if __name__ == "__main__":
    main()
