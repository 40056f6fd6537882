"""Mutation testing: errors that cosmic-ray plants in the code, and whether the tests that concern it fail.

python -m eval.mutants --cosmic-ray BIN [--seed 17] [--each 10]

Ten mutants a room are drawn by a seed among all that change what is run (no annotations, no docstrings). Each is
planted in a copy of the last commit, and the tests that import its module, and those of its room, are run until one
fails. cosmic-ray is no dependency: install it into an environment of its own, and name its program.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = {
    "rag/ask": "answers sides conversation_followups citing",
    "rag/index": "index searching answers",
    "rag/evaluation/metrics": "metrics",
}
"""The tests of a room, by their names after `test_`; those that import the module itself come before them."""
TIMEOUT = 900
"""Seconds after which a mutant that never ends counts as killed."""

Mutant = tuple[str, str, int]
"""File, operator and which of its places in the file."""


def main() -> None:
    """Draw, plant, test, and print a line for each mutant."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--cosmic-ray", required=True, type=Path)
    asked.add_argument("--seed", type=int, default=17)
    asked.add_argument("--each", type=int, default=10)
    options = asked.parse_args()
    program = str(options.cosmic_ray.resolve())
    killed = total = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(copy)], check=True)
        for room, tests in ROOMS.items():
            if _killed(copy, room, tests):
                sys.exit(f"The tests of {room} fail without a mutant.")
            everything = _all(program, copy, room)
            random.Random(options.seed).shuffle(everything)
            drawn = 0
            for mutant in everything:
                if drawn == options.each:
                    break
                changed = _planted(program, copy, mutant)
                if not changed:
                    continue
                drawn, dead = drawn + 1, _killed(copy, mutant[0], tests)
                subprocess.run(["git", "checkout", "-q", "."], cwd=copy, check=True)
                killed, total = killed + dead, total + 1
                print("killed  " if dead else "SURVIVED", *mutant, changed, sep="  ", flush=True)
    print(f"{killed} of {total} mutants were killed.")


def _all(program: str, copy: Path, room: str) -> list[Mutant]:
    """Every mutant of a room, in an order that is always the same."""
    config, session = copy.parent / "config.toml", copy.parent / f"{room.replace('/', '-')}.sqlite"
    config.write_text(
        f'[cosmic-ray]\nmodule-path = "{room}"\ntimeout = 10.0\nexcluded-modules = []\ntest-command = "true"\n'
        '[cosmic-ray.distributor]\nname = "local"\n'
    )
    subprocess.run([program, "init", str(config), str(session)], cwd=copy, check=True)
    found = sqlite3.connect(session).execute("SELECT module_path, operator_name, occurrence FROM mutation_specs")
    return sorted({(str(file), str(operator), int(place)) for file, operator, place in found})


def _planted(program: str, copy: Path, mutant: Mutant) -> str:
    """Plant a mutant, and say which line it changes; empty where no code that runs is another."""
    file, before = copy / mutant[0], (copy / mutant[0]).read_text()
    subprocess.run([program, "apply", mutant[0], mutant[1], str(mutant[2])], cwd=copy, check=True, capture_output=True)
    after = file.read_text()
    if _run(before) == _run(after):
        file.write_text(before)
        return ""
    lines = zip(before.splitlines(), after.splitlines(), strict=False)
    return next((f"{n}: {new.strip()}" for n, (old, new) in enumerate(lines, 1) if old != new), "a line more or less")


def _run(source: str) -> str:
    """What of a source is run: without annotations and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(0)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(0)
    return ast.dump(tree)


def _killed(copy: Path, file: str, tests: str) -> bool:
    """Whether a test that concerns a file fails."""
    module = file.removesuffix(".py").replace("/", ".")
    named = f"import {module}", f"from {module} import", f"from {module.rpartition('.')[0]} import {Path(file).stem}"
    own = [f for f in sorted((copy / "tests").glob("test_*.py")) if any(name in f.read_text() for name in named)]
    found = dict.fromkeys([*own, *(copy / "tests" / f"test_{name}.py" for name in tests.split())])
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *map(str, found)]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        return subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=TIMEOUT).returncode == 1
    except subprocess.TimeoutExpired:
        return True


if __name__ == "__main__":
    main()
