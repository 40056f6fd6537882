"""The chat page from the command line: `python app.py`. `rag serve` is the same with options."""

from __future__ import annotations

import sys

from rag.core.config import Config
from rag.core.errors import RagError
from rag.web import launch


def main() -> int:
    """Serve until interrupted; returns the exit code."""
    try:
        launch(Config.load())
    except RagError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
