"""The import contract: a room of the package imports only rooms below it, so that imports point one way."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from serving import ROOT

ORDER = (
    ("rag.core",),
    ("rag.papers",),
    ("rag.llm",),
    ("rag.index",),
    ("rag.ask",),
    ("rag.home",),
    ("rag.service", "rag.engines", "rag.retriever"),
    ("rag.evaluation",),
    ("rag.api",),
    ("rag.web", "rag.cli"),
)
"""From the lowest room to the highest; those of one line are level, and import each other only where ALSO says so."""
ALSO = {"rag.service": {"rag.engines", "rag.retriever"}, "rag.cli": {"rag.web"}}
"""The service hands out the engines and the retriever; the command line starts the page."""
RESERVED = {"rag.engines": {"rag.service"}}
"""What is only named in annotations (under TYPE_CHECKING)."""
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}


def room_of(module: str) -> str | None:
    """The room that a module is in; None for the package itself and for what is not ours."""
    return next((room for room in LEVEL if module == room or module.startswith(f"{room}.")), None)


@cache
def parsed(file: Path) -> ast.Module:
    """What a file says; without the garbage collector, which runs finalizers of others.

    Where one of them warns, Python 3.11 reads source for the message, and that spoils a parse that is under way
    ("AST constructor recursion depth mismatch").
    """
    text = file.read_text(encoding="utf-8")
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        gc.enable()


def imported(file: Path, module: str) -> Iterator[tuple[int, str]]:
    """The lines and modules that a file imports anywhere in it, also inside functions."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def annotations(file: Path) -> set[int]:
    """The lines that only a type checker reads."""
    found: set[int] = set()
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            found.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return found


def modules(package: Path) -> Iterator[tuple[Path, str]]:
    """The files of a package, with the names of their modules."""
    for file in sorted(package.rglob("*.py")):
        name = ".".join(file.relative_to(package.parent).with_suffix("").parts)
        yield file, name.removesuffix(".__init__")


def violations(package: Path) -> list[str]:
    """Each import that points upwards, as "file:line -> module"."""
    found = []
    for file, name in modules(package):
        room = room_of(name)
        if room is None:
            continue
        only_types = annotations(file)
        for line, target in imported(file, name):
            other = room_of(target)
            if target in ("rag.Rag", "rag.build", "rag.Config") or (target == "rag" and LEVEL[room] < len(ORDER) - 1):
                other = "rag.service"
            if other is None or other == room or LEVEL[other] < LEVEL[room]:
                continue
            if other in ALSO.get(room, ()) or (line in only_types and other in RESERVED.get(room, ())):
                continue
            found.append(f"{file.relative_to(package.parent)}:{line} -> {target}")
    return found


def test_a_room_imports_only_what_is_below_it() -> None:
    assert violations(ROOT / "rag") == []


def test_every_module_has_a_room() -> None:
    homeless = [name for _, name in modules(ROOT / "rag") if room_of(name) is None]
    assert homeless == ["rag"]


def test_nothing_imports_the_development_tools() -> None:
    for file, name in modules(ROOT / "rag"):
        for line, target in imported(file, name):
            assert target.split(".")[0] not in ("eval", "tests", "scripts"), f"{file}:{line}"


def test_a_violation_is_found(tmp_path: Path) -> None:
    """Also one in a function, and a relative one."""
    package = tmp_path / "rag"
    (package / "core").mkdir(parents=True)
    (package / "ask").mkdir()
    (package / "ask" / "plan.py").write_text("from ..web import page\nfrom rag.core import paper\n")
    (package / "core" / "paper.py").write_text("def f():\n    from rag.index.index import Index\n    import rag.cli\n")
    assert violations(package) == [
        "rag/ask/plan.py:1 -> rag.web.page",
        "rag/core/paper.py:2 -> rag.index.index.Index",
        "rag/core/paper.py:3 -> rag.cli",
    ]
