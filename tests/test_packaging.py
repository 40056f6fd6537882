"""What is shipped, what it needs, and who may import whom."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from serving import ROOT

import rag
from rag import Rag

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = tuple(f"requirements{part}.lock" for part in ("", "-dev", "-peers", "-server", "-store"))


def test_public_names() -> None:
    assert rag.__all__ == [
        "Answer",
        "Cell",
        "Citation",
        "Claim",
        "Comparison",
        "Config",
        "ConfigError",
        "ContextOverflow",
        "Event",
        "IndexMismatch",
        "Ingested",
        "Locked",
        "ModelAuthError",
        "ModelError",
        "ModelRateLimit",
        "ModelServerError",
        "ModelStopped",
        "ModelTimeout",
        "ModelUnknown",
        "ModelUnreachable",
        "Options",
        "Paper",
        "PaperError",
        "QuotaExhausted",
        "Rag",
        "RagError",
        "Retrieved",
        "Row",
        "Step",
        "StoreError",
        "Text",
        "Turn",
        "UsageError",
        "__version__",
        "build",
    ]
    for name in rag.__all__:
        value = getattr(rag, name)
        assert name in dir(rag)
        assert name in ("Event", "__version__") or value.__doc__
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = rag.no_such_name  # type: ignore[attr-defined]


def test_importing_does_nothing(tmp_path: Path) -> None:
    """No third-party library, and not the environment."""
    code = (
        "import os, sys\nbefore = set(sys.modules)\nimport rag, rag.core.errors, rag.core.answer, "
        "rag.core.config, rag.core.paper\n"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names) - {'rag'}\n"
        "sys.exit(str(new) if new else 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAG_PORT": "not a port"}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_question_without_a_model_loads_no_llama_index(collection: Rag, tmp_path: Path) -> None:
    """LlamaIndex takes four seconds to load, and quoting from a finished index needs nothing of it."""
    code = (
        "import sys\nfrom rag.cli import main\nsys.argv = ['rag', 'ask', 'What does QLoRA save?']\n"
        "try:\n    main()\nfinally:\n    print('loaded:', 'llama_index.core' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAG_HOME": str(collection.config.home)}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert "QLoRA" in result.stdout, result.stderr
    assert "loaded: False" in result.stdout


# --- the wheel ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    (file,) = folder.glob("*.whl")
    return file


def test_the_wheel_carries_all_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as z:
        names = z.namelist()
        info = f"paper_rag-{rag.__version__}.dist-info"
        assert "rag = rag.cli:main" in z.read(f"{info}/entry_points.txt").decode()
    for folder in ("prompts", "seeds"):
        for file in (ROOT / folder).rglob("*"):
            if file.is_file():
                assert f"rag/_data/{file.relative_to(ROOT).as_posix()}" in names
    for file in ("questions.jsonl", "labels.jsonl", "thresholds.toml"):
        assert f"rag/_data/eval/{file}" in names
    tracked = subprocess.run(["git", "ls-files", "rag"], cwd=ROOT, capture_output=True, text=True, check=False)
    for name in tracked.stdout.splitlines():
        if (ROOT / name).exists():
            assert name in names
    assert "rag/py.typed" in names
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE"} <= set(names)
    assert {n.partition("/")[0] for n in names} == {"rag", info}


def test_the_wheel_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "site"
    with zipfile.ZipFile(wheel) as z:
        z.extractall(place)
    code = (
        "import rag, rag.papers\nfrom rag.core import resources\n"
        f"assert rag.__file__.startswith({str(place)!r}), rag.__file__\n"
        f"assert str(resources.prompts()).startswith({str(place)!r})\n"
        f"assert str(resources.evaluation()).startswith({str(place)!r})\n"
        "print(len(rag.papers.load([resources.seeds()]).papers))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.stdout, result.returncode) == ("82\n", 0), result.stderr


@pytest.mark.parametrize(("arguments", "extra"), [("serve", "page"), ("mcp", "mcp")])
def test_where_an_extra_is_missing_it_is_named(arguments: str, extra: str, tmp_path: Path) -> None:
    code = (
        "import sys\nsys.modules |= {'gradio': None, 'mcp': None}\nfrom rag.cli import main\n"
        f"sys.argv = ['rag', {arguments!r}]\nmain()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 3
    assert f"pip install 'paper-rag[{extra}]'" in run.stderr
    assert "Traceback" not in run.stderr


def test_missing_resources_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from rag.core import resources

    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "rag")
    with pytest.raises(rag.ConfigError, match="seeds/"):
        resources.seeds()


# --- the locks ------------------------------------------------------------------------------------------------------


def _pinned(lock: str) -> Iterator[tuple[Requirement, list[str]]]:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / lock).read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    for line in filter(str.strip, text.splitlines()):
        requirement, *hashes = re.split(r"\s+--hash=", line.strip())
        yield Requirement(requirement), hashes


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_everything_with_hashes_and_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-|#)(?!-hash=sha256:)", text, re.MULTILINE), "no options and no comments"
    pinned = list(_pinned(lock))
    assert pinned
    for requirement, hashes in pinned:
        assert re.fullmatch(r"==[^*,]+", str(requirement.specifier)), requirement
        assert not requirement.url
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", h) for h in hashes)


@pytest.mark.parametrize(
    ("wanted", "locks"),
    [
        (PROJECT["project"]["dependencies"], LOCKS[:1]),
        (PROJECT["project"]["optional-dependencies"]["page"], LOCKS[:1]),
        (PROJECT["project"]["optional-dependencies"]["mcp"], LOCKS[:1]),
        (PROJECT["dependency-groups"]["build"], LOCKS[:1]),
        (PROJECT["dependency-groups"]["dev"], LOCKS[:2]),
        (PROJECT["dependency-groups"]["server"], LOCKS[2:]),
        (PROJECT["dependency-groups"]["store"], LOCKS[4:]),
        (PROJECT["project"]["optional-dependencies"]["postgres"], LOCKS[4:]),
    ],
)
def test_the_locks_fit_the_project(wanted: list[str], locks: tuple[str, ...]) -> None:
    """`make lock` was run after the last change of pyproject.toml."""
    pinned = {canonicalize_name(r.name): r for lock in locks for r, _ in _pinned(lock)}
    for requirement in map(Requirement, wanted):
        (pin,) = pinned[canonicalize_name(requirement.name)].specifier
        assert requirement.specifier.contains(pin.version, prereleases=True), requirement


def test_the_locks_agree() -> None:
    """They are installed into one environment, in this order."""
    installed: dict[str, str] = {}
    for lock in LOCKS:
        pinned = {canonicalize_name(r.name): str(r.specifier) for r, _ in _pinned(lock)}
        assert {n: v for n, v in pinned.items() if installed.get(n, v) != v} == {}
        installed |= pinned


@pytest.mark.parametrize("group", ["server", "store"])
def test_the_servers_of_tests_come_without_dependencies(group: str) -> None:
    """Only the weights are wanted of a plugin that asks for a program and a library of its own, and only the programs
    of a package with a database."""
    names = sorted(canonicalize_name(r.name) for r, _ in _pinned(f"requirements-{group}.lock"))
    assert names == sorted(canonicalize_name(Requirement(r).name) for r in PROJECT["dependency-groups"][group])


def test_nothing_brings_torch() -> None:
    names = {canonicalize_name(r.name) for lock in LOCKS for r, _ in _pinned(lock)}
    assert not names & {"torch", "tensorflow", "sentence-transformers", "transformers"}


# --- who may import whom --------------------------------------------------------------------------------------------

SOURCES = sorted((ROOT / "rag").rglob("*.py"))
FRONT_ENDS = ("rag.cli", "rag.web", "app", "eval")
# One third-party SDK behind one module, or one folder.
SOLE_IMPORTER = {
    "chromadb": "rag/index/store.py",
    "gradio": "rag/web/",
    "onnxruntime": "rag/index/embedding.py",
    "bm25s": "rag/index/lexical.py",
    "typer": "rag/cli/",
    "dotenv": "rag/core/config.py",
    "fastapi": "rag/api/",
    "mcp": "rag/api/tools.py",
    "opentelemetry": "rag/core/tracing.py",
    "prometheus_client": "rag/api/metrics.py",
    "uvicorn": "rag/web/stack.py",
    "openai": ("rag/llm/endpoint.py", "rag/llm/sdk.py"),
    "httpx": ("rag/llm/endpoint.py", "rag/llm/sdk.py", "rag/llm/events.py", "rag/index/remote.py"),
    "psycopg": "rag/index/remote.py",
    "bibtexparser": ("rag/papers/", "rag/home/citing.py"),  # read there, written here
    "defusedxml": "rag/papers/",
    "openpyxl": "rag/papers/",
    "pyarrow": "rag/papers/",
    "rispy": "rag/home/citing.py",
}


def _imports(file: Path) -> set[str]:
    """Every module, and every name out of a module, that a file imports anywhere."""
    return {name for node in ast.walk(ast.parse(file.read_text())) for name in _imported(node, file)}


def _imported(node: ast.AST, file: Path) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if not isinstance(node, ast.ImportFrom):
        return set()
    module = node.module or ""
    if node.level:  # the folder of a file is its package
        package = file.relative_to(ROOT).parts[:-1]
        module = ".".join((*package[: len(package) - node.level + 1], *filter(None, [module])))
    return {module} | {f"{module}.{alias.name}" for alias in node.names}


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("file", SOURCES, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_imports_point_one_way(file: Path) -> None:
    name = file.relative_to(ROOT).as_posix()
    imports = _imports(file)
    for front in FRONT_ENDS:
        # `rag serve` is the one place where a front end calls another.
        if name.startswith(front.replace(".", "/")) or (name, front) == ("rag/cli/serve.py", "rag.web"):
            continue
        assert not [i for i in imports if _within(i, front)], f"{name} imports {front}"
    for library, owner in SOLE_IMPORTER.items():
        if not name.startswith(owner):
            assert not [i for i in imports if _within(i, library)], f"only {owner} imports {library}"
    assert not [
        i for i in imports if _within(i, "llama_index.core.Settings") or _within(i, "llama_index.core.settings")
    ]


@pytest.mark.parametrize("file", SOURCES, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_only_the_settings_read_the_environment(file: Path) -> None:
    reads = {
        node.attr
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv", "putenv")
    }
    # Gradio and others take some switches from the environment only: they are set there.
    allowed = ("rag/core/config.py", "rag/web/__init__.py")
    assert not reads or file.relative_to(ROOT).as_posix() in allowed


def test_no_import_cycle() -> None:
    """Between modules of the service, counting what is imported when a module is imported."""
    graph: dict[str, set[str]] = {}
    for file in SOURCES:
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        graph[name] = {i for node in ast.parse(file.read_text()).body for i in _imported(node, file)}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " → ".join((*path, name))
        if name not in done:
            for other in graph[name] & set(graph):
                if not _within(name, other):  # its own package is there already
                    visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_the_command_is_installed_where_the_package_is() -> None:
    scripts = importlib.metadata.distribution("paper-rag").entry_points
    assert [e.value for e in scripts if e.name == "rag"] == ["rag.cli:main"]
