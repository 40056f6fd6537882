"""`python -m eval.public NAME --data FOLDER`: the figures of a public set in quoting mode, with their intervals."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from eval.public.files import Files, SetError
from eval.public.sets import SETS
from rag.core.errors import RagError
from rag.evaluation.session import revision
from rag.evaluation.systems import code
from rag.evaluation.table import figure


def main(arguments: list[str] | None = None) -> int:
    """Print the figures, and what they were made from; 1 where a file is missing or of another shape."""
    parser = argparse.ArgumentParser(prog="python -m eval.public", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("name", choices=SETS)
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="the files of the set, or its file")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="at most N questions (of a part); 0: all")
    parser.add_argument("--papers", type=int, default=456, metavar="N", help="litsearch: among so many papers; 0: all")
    parser.add_argument("--output", type=Path, metavar="FILE", help="JSON: the figures, the SHA-256 of the files")
    given = parser.parse_args(arguments)
    files, started, asked = Files(given.data), time.perf_counter(), code()
    try:
        figures = SETS[given.name](files, given.limit, given.papers)
    except (SetError, RagError, OSError, UnicodeDecodeError) as e:
        print(e, file=sys.stderr)
        return 1
    took = time.perf_counter() - started
    for name, found in figures.items():
        print(f"{name:28} {figure(found.value)} ({figure(found.low)} to {figure(found.high)}), n = {found.n:,}")
    for name, digest in files.hashes.items():
        print(f"sha256 {digest}  {name}")
    print(f"{took:,.0f} s, code {asked}")
    if given.output:
        about = {"set": given.name, "limit": given.limit, "papers": given.papers, "files": files.hashes}
        told = {**about, "code": asked, "revision": revision(), "figures": {n: asdict(e) for n, e in figures.items()}}
        given.output.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
