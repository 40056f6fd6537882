"""The command line: `main` is what the `rag` script runs.

One module for each command; each imports the service only when it is called, so that `rag --help` is instant.
"""

from __future__ import annotations


def main() -> None:
    """Run the command that `sys.argv` names, and exit with its code."""
    from rag.cli.app import app

    app(prog_name="rag")
