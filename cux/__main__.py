"""`python -m cux` is the command line `cux`."""

from cux.cli import app

if __name__ == "__main__":
    app()
