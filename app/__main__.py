"""`python -m app` in the checkout; installed, it is the command `advanced-rag`."""

import sys


def main() -> None:
    """Run a command. Ctrl-C while it is still being imported ends it, too, without a traceback."""
    try:
        from .cli.main import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
