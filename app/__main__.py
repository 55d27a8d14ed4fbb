"""`python -m app` in the checkout; installed, it is the command `advanced-rag`."""

from .cli.main import main

if __name__ == "__main__":
    main()
