"""The command line: `main` is what the `rag` script runs.

One module for each command; each imports the service only when it is called, so that `rag --help` is instant.
"""

from __future__ import annotations


def main() -> None:
    """Run the command that `sys.argv` names, and exit with its code."""
    import io
    import sys

    from rag.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        # A terminal that isn't UTF-8 shows what it can't show as an escape, and doesn't end the program.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="rag")
