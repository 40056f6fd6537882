"""The command line as a user calls it; a fake answers where what matters is what becomes of an answer."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_rag import OTHER, PAPER, QUOTE, FakeRag
from serving import ROOT
from typer.testing import CliRunner, Result

from rag.cli import session
from rag.cli.app import app
from rag.core.config import MAX_HISTORY, Config
from rag.core.errors import ConfigError, Locked, RagError, StoreError
from rag.core.options import Options

QUESTION = "What does double quantization save?"


class Shell:
    """`rag` with a fake behind it: `shell("ask", "…")`; `rag` is the fake of the latest call."""

    rag: FakeRag

    def __init__(self) -> None:
        self.empty = False

    def build(self, config: Config) -> FakeRag:
        self.rag = FakeRag(config, empty=self.empty)
        return self.rag

    def __call__(self, *arguments: str, input: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, arguments, input=input, prog_name="rag")


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell()
    monkeypatch.setattr(session, "build", shell.build)
    return shell


def real(*arguments: str, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, somewhere outside the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **kwargs.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "rag.cli", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **kwargs,
    )


# --- help, version, usage -------------------------------------------------------------------------------------------

COMMANDS = ("", "ask", "chat", "ingest", "papers", "export", "collections", "remove", "serve", "doctor")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_as_documented(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`UPDATE_HELP=1 make test` writes the files anew."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    result = CliRunner().invoke(app, [*command.split(), "--help"], prog_name="rag")
    file = ROOT / "tests" / "help" / f"{command or 'rag'}.txt"
    if os.environ.get("UPDATE_HELP"):
        file.write_text(result.output)
    assert result.exit_code == 0
    assert result.output == file.read_text()
    assert "Examples:" in result.output


def test_help_needs_none_of_the_libraries() -> None:
    code = (
        "import sys\nfrom rag.cli import main\nsys.argv = ['rag', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'llama_index', 'chromadb', 'gradio', 'numpy', 'onnxruntime', 'openai', 'rich.markdown'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_help_is_instant() -> None:
    def seconds() -> float:
        start = time.perf_counter()
        assert real("--help").returncode == 0
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.6


def test_version(shell: Shell) -> None:
    from rag import __version__

    assert shell("--version").output == f"rag {__version__}\n"


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_shell_completion(name: str) -> None:
    result = real(env={"_RAG_COMPLETE": f"source_{name}"})
    assert result.returncode == 0
    assert "_RAG_COMPLETE" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["ask", "--no-such-flag"],
        ["ask"],
        ["ask", "question", "--batch", "file"],
        ["ask", "question", "--output", "file"],
        ["ask", "--batch", "no-such-file"],
        ["ask", "--batch", "-", "--history", "h.json"],
        ["ask", "question", "--history", "no-such-file"],
        ["ask", ""],
        ["ask", "x" * 4001],
        ["ask", "question", "--collection", "../.."],
        ["ask", "question", "--home", __file__],
        ["ingest", "no-such-file"],
        ["serve", "--port", "http"],
    ],
)
def test_wrong_usage_exits_2_and_says_so_on_standard_error(shell: Shell, arguments: list[str]) -> None:
    result = shell(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: " in result.stderr
    assert "Traceback" not in result.stderr


def test_a_wrong_variable_exits_3_and_is_named() -> None:
    result = real("ask", QUESTION, env={"RAG_COLLECTION": "a/b"})
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith("Error: RAG_COLLECTION is 'a/b': ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code"), [(RagError("r"), 1), (ConfigError("c"), 3), (StoreError("s"), 1), (Locked("l"), 1)]
)
def test_our_errors_become_a_line_and_their_exit_code(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, error: RagError, code: int
) -> None:
    def ask(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(FakeRag, "stream", ask)
    result = shell("ask", QUESTION)
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"Error: {error}\n")
    assert shell.rag.closed


def test_a_full_disk_is_a_line(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def ingest(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device", "/home/papers.jsonl")

    monkeypatch.setattr(FakeRag, "ingest", ingest)
    result = shell("ingest")
    assert (result.exit_code, result.stderr) == (1, "Error: No space left on device: /home/papers.jsonl.\n")


def test_interrupted(shell: Shell) -> None:
    result = shell("ask", "interrupt")
    assert (result.exit_code, result.stderr) == (130, "Stopped.\n")
    assert shell.rag.closed


# --- ask ------------------------------------------------------------------------------------------------------------


def test_ask_prints_the_answer_and_its_sources(shell: Shell) -> None:
    result = shell("ask", QUESTION)
    assert result.exit_code == 0
    assert result.stdout == f"**QLoRA**: {QUOTE} [1]\n\nSources\n[1] {PAPER.title}\n    “{QUOTE}”\n"
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("question", "line"),
    [("What is nearest?", "State: nearest"), ("What is partly there?", "State: partly; not found here: H2O; Bloop")],
)
def test_ask_tells_the_state_of_an_answer_that_is_not_sure(shell: Shell, question: str, line: str) -> None:
    result = shell("ask", question)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{line}\n\n")
    assert f"[1] {PAPER.title}\n    “{QUOTE}”" in result.stdout


def test_ask_json_is_one_object_and_nothing_else(shell: Shell) -> None:
    shell.empty = True
    result = shell("ask", QUESTION, "--json")
    assert json.loads(result.stdout)["citations"][0]["quote"] == QUOTE
    assert result.stdout.count("\n") == 1
    assert "Embedding" in result.stderr, "progress is told elsewhere"


def test_ask_fills_an_empty_collection_once(shell: Shell) -> None:
    shell("ask", QUESTION)
    assert shell.rag.ingested == []
    shell.empty = True
    shell("ask", QUESTION)
    assert shell.rag.ingested == [{"paths": (), "add": False, "strict": False}]


def test_ask_from_standard_input(shell: Shell) -> None:
    shell("ask", "-", input=f"{QUESTION}\n")
    assert shell.rag.asked == [(QUESTION, ())]


def test_ask_with_a_history(shell: Shell) -> None:
    Path("h.json").write_text('[{"role": "user", "content": "What is QLoRA?"}]')
    result = shell("ask", "What does it save?", "--history", "h.json")
    assert [t.content for t in shell.rag.asked[0][1]] == ["What is QLoRA?"]
    assert result.stdout.startswith("Understood as: What does it save? (QLoRA)\n\n")


@pytest.mark.parametrize("content", ["", "{}", "[1]", '[{"role": "system", "content": "x"}]', '[{"role": "user"}]'])
def test_a_malformed_history_names_its_file(shell: Shell, content: str) -> None:
    Path("h.json").write_text(content)
    result = shell("ask", QUESTION, "--history", "h.json")
    assert result.exit_code == 2
    assert "h.json" in result.stderr


def test_flags_reach_the_settings(shell: Shell, tmp_path: Path) -> None:
    shell("ask", QUESTION, "-c", "biology", "--home", "elsewhere")
    assert shell.rag.config == Config(home=tmp_path / "elsewhere", collection="biology")


def test_caution_is_a_setting(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_CAUTION", "bold")
    shell("ask", QUESTION)
    assert shell.rag.config.caution == "bold"
    shell("ask", QUESTION, "--caution", "careful")
    assert shell.rag.config.caution == "careful"
    result = shell("ask", QUESTION, "--caution", "timid")
    assert (result.exit_code, "careful, usual, bold" in result.stderr) == (2, True)
    shell("ask", QUESTION, "--caution", "0.8")
    assert shell.rag.config.caution == "0.8"
    assert shell("ask", QUESTION, "--caution", "1.5").exit_code == 2


def test_control_characters_never_reach_the_terminal(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fake_rag.QUOTE", "saves \x1b]0;owned\x07 0.37")
    monkeypatch.setattr("fake_rag.ABSTRACT", "QLoRA saves \x1b]0;owned\x07 0.37 bits.")
    result = shell("ask", QUESTION)
    assert "saves ]0;owned 0.37" in result.stdout
    assert "\x1b" not in result.stdout


# --- batch ----------------------------------------------------------------------------------------------------------

LINES = [
    b'\xef\xbb\xbf{"id": "a", "question": "one"}',
    b"not json",
    b'{"id": "c", "question": "three", "history": [{"role": "user", "content": "before"}]}',
    b"",
    b'{"id": "d"}',
    b'{"id": "e", "question": ""}',
    b'{"id": "f", "question": "crash"}',
    b'{"id": 7, "question": "seven"}',
    b'{"id": "h", "question": "h", "history": "none"}',
    b'["question"]',
    b'{"id": "j", "question": "caf\xe9"}',
    b"[" * 100_000,
    b'{"id": "l", "question": "half \\ud83d"}',
    b'{"id": "m", "question": "last", "history": null}',
]
IDS = ["a", None, "c", "d", "e", "f", "7", "h", None, None, None, "l", "m"]
FAILED = {1, 3, 4, 5, 7, 8, 9, 10}


def test_batch_answers_every_line_in_order(shell: Shell) -> None:
    Path("in.jsonl").write_bytes(b"\n".join(LINES))
    result = shell("ask", "--batch", "in.jsonl", "--output", "out.jsonl")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "13 answers, 8 of them failed" in result.stderr
    answers = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [a["id"] for a in answers] == IDS
    for n, answer in enumerate(answers):
        assert (answer["kind"] == "none") == answer["abstained"] == bool(answer["warnings"]) == (n in FAILED)
    assert [q for q, _ in shell.rag.asked] == ["one", "three", "", "crash", "seven", "half \ud83d", "last"]


def test_batch_from_and_to_the_pipe(shell: Shell) -> None:
    result = shell("ask", "--batch", "-", "--output", "-", input='{"question": "a"}\n{"question": "b"}\n')
    assert [json.loads(line)["question"] for line in result.stdout.splitlines()] == ["a", "b"]
    assert "2 answers." in result.stderr


def test_batch_keeps_what_was_answered_when_it_is_interrupted(shell: Shell) -> None:
    Path("in.jsonl").write_text('{"question": "a"}\n{"question": "interrupt"}\n')
    assert shell("ask", "--batch", "in.jsonl", "--output", "out.jsonl").exit_code == 130
    assert len(Path("out.jsonl").read_text().splitlines()) == 1


def test_batch_never_empties_its_own_questions(shell: Shell) -> None:
    Path("q.jsonl").write_text('{"question": "a"}\n')
    Path("link.jsonl").symlink_to("q.jsonl")
    assert shell("ask", "--batch", "q.jsonl", "--output", "link.jsonl").exit_code == 2
    assert Path("q.jsonl").read_text() == '{"question": "a"}\n'


def test_batch_into_a_missing_folder_is_wrong_usage(shell: Shell) -> None:
    Path("q.jsonl").write_text('{"question": "a"}\n')
    result = shell("ask", "--batch", "q.jsonl", "--output", "nowhere/out.jsonl")
    assert result.exit_code == 2
    assert "nowhere/out.jsonl" in result.stderr


# --- chat -----------------------------------------------------------------------------------------------------------


def test_chat_from_a_pipe_keeps_the_conversation(shell: Shell) -> None:
    result = shell("chat", input="What is QLoRA?\n\nWhat does it save?\n/new\nAgain?\n/quit\nnever\n")
    assert result.exit_code == 0
    assert [(q, len(h)) for q, h in shell.rag.asked] == [
        ("What is QLoRA?", 0),
        ("What does it save?", 2),
        ("Again?", 0),
    ]
    assert result.stdout.count("Sources") == 3


def test_a_question_of_some_papers(shell: Shell) -> None:
    assert shell("ask", QUESTION, "--paper", "GPipe", "--paper", PAPER.id).exit_code == 0
    assert shell.rag.options == [Options(papers=frozenset({PAPER.id, OTHER.id}))]
    shell("chat", "--paper", "gpi", input=f"{QUESTION}\nAnd now?\n")
    assert shell.rag.options == 2 * [Options(papers=frozenset({OTHER.id}))]
    assert shell("ask", QUESTION).exit_code == 0
    assert shell.rag.options == [None]
    unknown = shell("ask", QUESTION, "--paper", "Zorblax")
    assert unknown.exit_code == 2
    assert "rag papers" in unknown.stderr
    assert shell("ask", "--batch", "-", "--paper", "GPipe").exit_code == 2


def test_chat_goes_on_after_an_error(shell: Shell) -> None:
    result = shell("chat", input=f"{'x' * 4001}\nWhat is QLoRA?\n")
    assert result.exit_code == 0
    assert "Error: The question has 4001 characters" in result.stderr
    assert "Sources" in result.stdout


def test_chat_sends_no_more_turns_than_are_allowed(shell: Shell) -> None:
    shell("chat", input="why?\n" * 40)
    assert len(shell.rag.asked) == 40
    assert max(len(h) for _, h in shell.rag.asked) == MAX_HISTORY


# --- ingest, papers, serve, doctor ----------------------------------------------------------------------------------


def test_ingest_reports(shell: Shell) -> None:
    Path("a.bib").touch()
    result = shell("ingest", "a.bib", "--add", "--skip-bad")  # the flag of old is what happens anyway
    assert shell.rag.ingested == [{"paths": (Path("a.bib"),), "add": True, "strict": False}]
    assert result.stdout == (
        "2 papers in papers: 2 added, 0 changed, 0 removed, 0 unchanged (1.2 s).\n"
        "Read: 2 papers; 1 merged.\n"
        f"Merged: b.bib, line 7 is the same paper as “{PAPER.title}”.\n"
    )
    assert result.stderr == "Embedding …\n"


def test_papers(shell: Shell) -> None:
    assert shell("papers").stdout == f"{PAPER.id}\t{PAPER.title} (2023)\n{OTHER.id}\t{OTHER.title}\n"
    assert shell("papers", "dettmers qlora").stdout.startswith(PAPER.id)
    assert shell("papers", "nothing of the kind").stdout == ""


def test_papers_json(shell: Shell) -> None:
    found = json.loads(shell("papers", "--json").stdout)
    assert [p["id"] for p in found] == [PAPER.id, OTHER.id]
    assert found[0]["abstract"] == PAPER.abstract
    assert {"id", "title", "abstract", "raw_abstract", "authors", "year", "url", "key"} <= set(found[0])


def test_serve_hands_its_settings_on(monkeypatch: pytest.MonkeyPatch, shell: Shell) -> None:
    import rag.web

    calls: list[tuple[Config, dict[str, Any]]] = []
    monkeypatch.setattr(rag.web, "launch", lambda config, **kwargs: calls.append((config, kwargs)))
    assert shell("serve", "--port", "8123", "--host", "::1", "--open", "--mcp").exit_code == 0
    ((config, kwargs),) = calls
    assert (config.host, config.port, kwargs) == ("::1", 8123, {"open_browser": True, "page": True})


def test_doctor_is_content_and_changes_nothing(shell: Shell, home: Path) -> None:
    result = shell("doctor", "--json")
    checks = {c["name"]: c for c in json.loads(result.stdout)}
    assert all(c["ok"] for c in checks.values()), checks
    assert result.exit_code == 0
    assert checks["network"]["found"] == "nothing is called"
    assert not home.exists()


def test_doctor_finds_what_is_wrong(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from rag.index import embedding

    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"x")
    monkeypatch.setattr(embedding, "model_file", lambda: broken)
    monkeypatch.setenv("RAG_HOEM", "x")
    result = shell("doctor")
    assert result.exit_code == 1
    assert "fix  embedding" in result.stdout
    assert "fix  settings" in result.stdout
    assert "RAG_HOEM" in result.stdout


# --- a real process -------------------------------------------------------------------------------------------------

HOOK = """
import sys; sys.path[:0] = [{root!r}, {tests!r}]
from rag.cli import main, session
from fake_rag import FakeRag
session.build = FakeRag
main()
"""


def fake_command(*arguments: str) -> list[str]:
    code = HOOK.format(root=str(ROOT), tests=str(ROOT / "tests"))
    return [sys.executable, "-c", code, *arguments]


def _heed_ctrl_c() -> None:
    """A shell that runs the tests in the background has told its children to ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def terminal(
    *arguments: str, typed: Sequence[str] = (), interrupt_at: str = "", env: dict[str, str] | None = None
) -> tuple[str, int]:
    """What a person sees who runs the command in a terminal and types at each prompt, and its exit code.

    Ctrl-C is pressed once when `interrupt_at` is on the screen. It is a signal only in the terminal that controls the
    process.
    """
    parent, child = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", **(env or {})}
    process = subprocess.Popen(
        fake_command(*arguments),
        stdin=child,
        stdout=child,
        stderr=child,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: (_heed_ctrl_c(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)),
    )
    os.close(child)
    seen, keys = b"", list(typed)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and select.select([parent], [], [], 30)[0]:
        try:
            piece = os.read(parent, 65_536)
        except OSError:  # Linux says EIO when the other end is closed
            break
        if not piece:
            break
        seen += piece
        if interrupt_at and interrupt_at.encode() in seen:
            interrupt_at = ""
            os.write(parent, b"\x03")
        if keys and seen.endswith(b"> "):
            time.sleep(0.2)  # a person is slower than readline, which loses a Ctrl-C right after its prompt
            os.write(parent, keys.pop(0).encode())
    os.close(parent)
    return seen.decode(), process.wait(10)


def test_a_terminal_gets_rendered_markdown_in_colour() -> None:
    seen, code = terminal("ask", QUESTION)
    assert code == 0
    assert "**QLoRA**" not in seen
    assert "QLoRA" in seen
    assert "\x1b[" in seen


def test_no_color_is_honoured() -> None:
    seen, _ = terminal("ask", QUESTION, env={"NO_COLOR": "1"})
    assert "\x1b[36m" not in seen
    assert "\x1b[3" not in seen.replace("\x1b[3m", "")


def test_chat_in_a_terminal() -> None:
    seen, code = terminal("chat", typed=["What is QLoRA?\n", "/help\n", "\x03", "\x04"])
    assert code == 0
    assert "0.37 bits" in seen
    assert seen.count("/quit or Ctrl-D leaves") == 2
    assert "Ctrl-C again or Ctrl-D leaves" in seen


def test_a_terminal_shows_tags_and_the_address_of_links(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import fake_rag; fake_rag.QUOTE = fake_rag.ABSTRACT = '<s> tokens, [here](http://there.example/)'\nmain()"
    monkeypatch.setitem(globals(), "HOOK", HOOK.removesuffix("main()\n") + code)
    seen, _ = terminal("ask", QUESTION, env={"NO_COLOR": "1"})
    assert "<s> tokens" in seen.replace("\x1b[0m", "")
    assert "http://there.example/" in seen
    assert "\x1b]8" not in seen


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_terminal_without_unicode(flags: list[str]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}
    result = subprocess.run(
        fake_command("ask", "What is “QLoRA” \U0001f642?", *flags), env=environment, capture_output=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, b"")
    if flags:
        assert json.loads(result.stdout)["question"] == "What is “QLoRA” \U0001f642?"


def test_a_reader_that_leaves_early() -> None:
    command = f"{subprocess.list2cmdline([sys.executable])} -m rag.cli --help | head -1; exit ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert result.stdout.startswith("Usage: rag")
    assert result.stderr == ""


def test_a_reader_that_leaves_before_the_result() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        result = subprocess.run(fake_command("papers"), stdout=closed, stderr=subprocess.PIPE, check=False)
    assert (result.returncode, result.stderr) == (141, b"")


def test_ctrl_c_is_130_without_a_traceback() -> None:
    process = subprocess.Popen(
        fake_command("chat"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_heed_ctrl_c,
    )
    assert process.stdin and process.stdout
    process.stdin.write(b"What is QLoRA?\n")
    process.stdin.flush()
    assert b"QLoRA" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == b"Stopped.\n"
