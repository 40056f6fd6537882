"""The command line where a model writes: answers with their doubts, failures and their exit codes, stopping, doctor."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import endpoint_server as play
import pytest
from endpoint_server import Behaviour, EndpointServer
from fake_rag import DRAFT, FALSE, HALF, PAPER, QUOTE, TRUE, FakeRag
from rich.console import Console
from serving import ROOT
from test_cli import QUESTION, Shell, terminal
from typer.testing import CliRunner, Result

from rag.cli import endpoint_checks, session
from rag.cli.app import app
from rag.cli.console import rendered
from rag.core.answer import Answer
from rag.core.config import Config
from rag.core.errors import ModelError, ModelUnreachable

if TYPE_CHECKING:
    from rag.service import Rag

CANARY = "canary-key-0123456789"
ASKED = "What does double quantization save in QLoRA?"
HELD = "Double quantization reduces the average memory footprint by quantizing the quantization constants"
INVENTED = "QLoRA was trained on 512 supercomputers of NASA"


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell()
    monkeypatch.setattr(session, "build", shell.build)
    return shell


# --- what is shown of an answer -------------------------------------------------------------------------------------


def test_doubts_are_told_under_the_answer_and_beside_the_source(shell: Shell) -> None:
    result = shell("ask", "a written one")
    assert result.stdout == (
        f"{TRUE} [1]. {HALF} [2] [partly supported]. {FALSE} [unsupported].\n\n"
        f'partly supported: {HALF}. (no sentence says "always")\n'
        f"unsupported: {FALSE}. (the abstract gives 0.37, not 3)\n\n"
        f"Sources\n[1] {PAPER.title}\n    “{QUOTE}”\n[2] {PAPER.title} (partly)\n    “QLoRA is frugal.”\n"
    )
    assert result.stderr == "Written by fake-1, checked · 2 papers searched · 1 cited · 1,234 tokens · 1.50 s\n"


def test_what_strict_mode_left_out_is_told_as_such(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    *_, written = FakeRag(Config()).stream("a written one")
    short = replace(written, answer=f"{TRUE} [1].")  # type: ignore[type-var]
    monkeypatch.setattr(FakeRag, "stream", lambda *_, **__: iter([short]))
    stdout = shell("ask", QUESTION).stdout
    assert f"left out: {FALSE}. (the abstract gives 0.37, not 3)" in stdout
    assert f'left out: {HALF}. (no sentence says "always")' in stdout
    assert "unsupported" not in stdout


def test_json_of_a_written_answer_is_one_object_and_has_the_claims(shell: Shell) -> None:
    result = shell("ask", "a written one", "--json")
    answer = json.loads(result.stdout)
    assert [c["verdict"] for c in answer["claims"]] == ["supported", "partly", "unsupported"]
    assert result.stdout.count("\n") == 1
    assert result.stderr == ""


def test_a_terminal_shows_the_draft_and_keeps_the_answer() -> None:
    seen, code = terminal("ask", "a written one", env={"COLUMNS": "200"})
    assert code == 0
    final = seen.rpartition("\x1b[?25h")[2]
    assert "And a guess" not in final
    for words in ("[unsupported]", "the abstract gives 0.37, not 3", "(partly)", "Written by fake-1"):
        assert words in final
    assert "\x1b[1m[unsupported]" in final


def test_a_claim_without_a_source_is_marked_in_bold_and_told_below_with_the_same_words(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, written = FakeRag(Config()).stream("a written one")
    assert isinstance(written, Answer)
    guess = replace(written, answer=written.answer.replace("[partly supported]", "[no source]"))
    monkeypatch.setattr(FakeRag, "stream", lambda *_, **__: iter([guess]))
    assert f'no source: {HALF}. (no sentence says "always")' in shell("ask", QUESTION).stdout
    console = Console(force_terminal=True, width=200, file=io.StringIO())
    console.print(rendered(guess.answer))
    assert "\x1b[1m[no source]" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_pipe_gets_the_final_answer_only(shell: Shell) -> None:
    result = shell("chat", input="a written one\n")
    assert "And a guess" not in result.output


# --- the settings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "settings"),
    [
        (["--model", "m", "--base-url", "http://127.0.0.1:9/v1"], {"model": "m", "base_url": "http://127.0.0.1:9/v1"}),
        (["--llm", "none"], {"llm": "none"}),
        (["--strict", "--judge", "--no-fallback"], {"strict": True, "judge": True, "fallback": False}),
        ([], {}),
    ],
)
@pytest.mark.parametrize("command", ["ask", "chat"])
def test_flags_reach_the_settings(
    shell: Shell, home: Path, command: str, flags: list[str], settings: dict[str, Any]
) -> None:
    assert shell(command, *([QUESTION] if command == "ask" else []), *flags, input="").exit_code == 0
    assert shell.rag.config == Config(home=home, **settings)


def test_flags_left_out_leave_the_environment_in_force(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"STRICT": "1", "JUDGE": "1", "FALLBACK": "no", "MODEL": "m", "LLM": "none"}.items():
        monkeypatch.setenv(f"RAG_{name}", value)
    shell("ask", QUESTION)
    c = shell.rag.config
    assert (c.strict, c.judge, c.fallback, c.model, c.llm) == (True, True, False, "m", "none")


def test_serve_hands_the_model_on(monkeypatch: pytest.MonkeyPatch, shell: Shell) -> None:
    import rag.web

    configs: list[Config] = []
    monkeypatch.setattr(rag.web, "launch", lambda config, **_: configs.append(config))
    assert shell("serve", "--model", "m", "--base-url", "http://127.0.0.1:9/v1", "--strict").exit_code == 0
    assert (configs[0].model, configs[0].base_url, configs[0].strict) == ("m", "http://127.0.0.1:9/v1", True)


@pytest.mark.parametrize("flags", [["--llm", "gpt"], ["--base-url", "localhost"], ["--model", "a b"]])
def test_a_wrong_flag_is_named(shell: Shell, flags: list[str]) -> None:
    result = shell("ask", QUESTION, *flags)
    assert result.exit_code == 2
    assert f"Error: {flags[0]} is {flags[1]!r}" in result.stderr


@pytest.mark.parametrize("command", [["papers"], ["ingest"]])
def test_papers_are_read_without_the_model(shell: Shell, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    monkeypatch.setenv("RAG_MODEL", "m")  # and nothing that says who serves it
    assert shell(*command).exit_code == 0
    assert shell.rag.config.llm == "none"


# --- a model that fails ---------------------------------------------------------------------------------------------


def test_the_text_so_far_comes_before_the_error(shell: Shell) -> None:
    result = shell("ask", "unreachable")
    assert result.exit_code == ModelUnreachable.exit_code
    assert result.stdout == f"{DRAFT.strip()}\n\n[The answer broke off here: it is incomplete.]\n"
    assert result.stderr == "Error: The connection to models.example broke; try again.\n"


def test_json_has_no_partial_text(shell: Shell) -> None:
    result = shell("ask", "unreachable", "--json")
    assert (result.exit_code, result.stdout) == (5, "")


def test_chat_goes_on_after_a_model_error(shell: Shell) -> None:
    result = shell("chat", input=f"unreachable\n{QUESTION}\n")
    assert result.exit_code == 0
    assert "incomplete" in result.stdout
    assert "Error: The connection" in result.stderr
    assert "Sources" in result.stdout


def _every_kind(root: type[ModelError]) -> list[type[ModelError]]:
    return [
        root,
        *(k for child in root.__subclasses__() if child.__module__ == "rag.core.errors" for k in _every_kind(child)),
    ]


@pytest.mark.parametrize("kind", _every_kind(ModelError))
def test_every_model_error_has_its_exit_code(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, kind: type[ModelError]
) -> None:
    def stream(*_: Any, **__: Any) -> Any:
        raise kind("It failed; do this.")

    monkeypatch.setattr(FakeRag, "stream", stream)
    result = shell("ask", QUESTION)
    assert (result.exit_code, result.stdout, result.stderr) == (kind.exit_code, "", "Error: It failed; do this.\n")


# --- stopping -------------------------------------------------------------------------------------------------------


def test_ctrl_c_in_chat_keeps_the_text_and_says_stopped() -> None:
    seen, code = terminal("chat", typed=["endless\n", "What is QLoRA?\n", "\x04"], interrupt_at="more more")
    assert code == 0
    final = seen[seen.index("[stopped:") - 200 :]
    assert DRAFT.strip() in final
    assert "[stopped: the answer above is incomplete]" in final
    assert "0.37 bits" in final, "and the conversation goes on"


def test_ctrl_c_in_ask_keeps_the_text_and_exits_130() -> None:
    seen, code = terminal("ask", "endless", interrupt_at="more more")
    assert code == 130
    assert "[stopped: the answer above is incomplete]" in seen
    assert "Traceback" not in seen


def test_ctrl_c_sets_the_event_that_stops_the_model(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell("ask", "interrupt")
    assert [stop.is_set() for stop in shell.rag.stops if stop] == [True]


# --- against an endpoint --------------------------------------------------------------------------------------------

Ask = Callable[..., Result]


@pytest.fixture
def settings(
    collection: Rag, collection_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[EndpointServer], None]:
    def settings(server: EndpointServer) -> None:
        monkeypatch.setenv("RAG_HOME", str(collection_home))
        monkeypatch.setenv("OPENAI_API_KEY", CANARY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("RAG_MODEL", play.MODEL)
        monkeypatch.setenv("RAG_BETWEEN_TOKENS", "1")

    return settings


def call(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments, prog_name="rag")
    assert CANARY not in result.output
    assert "Traceback" not in result.output
    return result


def test_the_answer_of_a_model_is_checked(settings: Callable[[EndpointServer], None]) -> None:
    with EndpointServer(play.answer(f"{HELD} [1]. ", f"{INVENTED} [1]."), key=CANARY) as server:
        settings(server)
        result = call("ask", ASKED)
        strict = call("ask", ASKED, "--strict")
        quoted = call("ask", ASKED, "--llm", "none")
        data = json.loads(call("ask", ASKED, "--json").stdout)
        assert len([r for r in server.requests if r.path.endswith("/completions")]) == 3
    assert result.exit_code == 0
    assert f"{HELD} [1]." in result.stdout
    assert re.search(rf"{re.escape(INVENTED)}(?: \[\d\])? \[unsupported\]\.", result.stdout)
    assert f"unsupported: {INVENTED}. (" in result.stdout
    assert f"Written by {play.MODEL}, checked" in result.stderr
    shown, _, below = strict.stdout.partition("left out: ")
    assert INVENTED not in shown
    assert below.startswith(f"{INVENTED}. (")
    assert "double quantization" in quoted.stdout
    assert HELD not in quoted.stdout
    assert [c["verdict"] for c in data["claims"]] == ["supported", "unsupported"]
    assert data["prompts"]


FAILURES = {
    "wrong key": ([play.wrong_key()], 4),
    "unknown model": ([play.unknown_model()], 3),
    "rate limit": ([play.rate_limit(0)], 6),
    "quota": ([play.quota()], 6),
    "stall": ([play.stall(f"{HELD} [1]. ", "And then")], 7),
    "unavailable": ([play.error(503, "Overloaded.", {"Retry-After": "0"})], 8),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_falls_back_with_a_warning_or_has_its_exit_code(
    settings: Callable[[EndpointServer], None], name: str
) -> None:
    script, code = FAILURES[name]
    with EndpointServer(*script) as server:
        settings(server)
        result, alone = call("ask", ASKED), call("ask", ASKED, "--no-fallback")
    assert result.exit_code == 0
    assert "Warning: 127.0.0.1" in result.stderr
    assert "double quantization" in result.stdout
    assert alone.exit_code == code
    assert "Error: 127.0.0.1" in alone.stderr
    if name == "stall":
        assert alone.stdout.startswith(f"{HELD} [1].")
        assert alone.stdout.endswith("[The answer broke off here: it is incomplete.]\n")
    else:
        assert alone.stdout == ""


def test_an_answer_tells_what_it_cost_where_prices_are_given(
    settings: Callable[[EndpointServer], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with EndpointServer(play.answer(f"{HELD} [1].", usage=(2_000_000, 500_000)), key=CANARY) as server:
        settings(server)
        free = call("ask", ASKED)
        monkeypatch.setenv("RAG_PRICES", "0.40,1.60")
        paid = call("ask", ASKED)
        data = json.loads(call("ask", ASKED, "--json").stdout)
    assert "cost" not in free.stderr
    assert "2,500,000 tokens · cost 1.6 ·" in paid.stderr
    assert data["usage"] == {"prompt_tokens": 2_000_000, "completion_tokens": 500_000, "calls": 1, "cost": 1.6}


def test_what_the_cache_replays_costs_nothing(
    settings: Callable[[EndpointServer], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAG_PRICES", "0.40,1.60")
    monkeypatch.setenv("RAG_CACHE", str(tmp_path / "replies"))
    with EndpointServer(play.answer(f"{HELD} [1].", usage=(2_000_000, 500_000)), key=CANARY) as server:
        settings(server)
        costs = [json.loads(call("ask", ASKED, "--json").stdout)["usage"]["cost"] for _ in range(2)]
    assert costs == [1.6, 0.0]


def test_nobody_at_the_address(settings: Callable[[EndpointServer], None]) -> None:
    with EndpointServer() as server:
        settings(server)
    result, alone = call("ask", ASKED), call("ask", ASKED, "--no-fallback")
    assert (result.exit_code, alone.exit_code) == (0, 5)
    assert "can't be reached" in result.stderr
    assert "can't be reached" in alone.stderr


def test_a_batch_goes_on_when_the_model_fails(settings: Callable[[EndpointServer], None]) -> None:
    Path("q.jsonl").write_text(json.dumps({"id": "1", "question": ASKED}) + "\n")
    with EndpointServer(play.wrong_key()) as server:
        settings(server)
        quoted, failed = (
            json.loads(call("ask", "--batch", "q.jsonl", *more).stdout) for more in ([], ["--no-fallback"])
        )
    assert quoted["citations"]
    assert not quoted["abstained"]
    assert "refuses the key" in quoted["warnings"][0]
    assert failed["abstained"]
    assert "refuses the key" in failed["warnings"][0]


def test_ctrl_c_ends_the_request_at_once(settings: Callable[[EndpointServer], None]) -> None:
    with EndpointServer(play.stall(f"{HELD} [1]. ", "And then")) as server:
        settings(server)
        process = subprocess.Popen(
            [sys.executable, "-m", "rag.cli", "ask", ASKED],
            env={**os.environ, "PYTHONPATH": str(ROOT), "RAG_BETWEEN_TOKENS": "60"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        end = time.monotonic() + 120
        while not (asked := [r for r in server.requests if r.path.endswith("/completions")]) and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert asked[0].hung_up.wait(5)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (130, b"", b"Stopped.\n")


# --- doctor ---------------------------------------------------------------------------------------------------------


TRIED = (play.answer("Yes."), play.answer("Not here."))
"""What the doctor asks first: whether the model answers, and how fast it reads."""


def doctor(*flags: str) -> tuple[dict[str, Any], int]:
    result = call("doctor", "--json", *flags)
    return {c["name"]: c for c in json.loads(result.stdout)}, result.exit_code


def test_doctor_tries_the_model(settings: Callable[[EndpointServer], None]) -> None:
    with EndpointServer(*TRIED, play.answer('{"ready": true}'), key=CANARY) as server:
        settings(server)
        checks, code = doctor()
        host = server.url.split("/")[2]
        sent = [r.body["messages"] for r in server.requests if r.body]
    assert code == 0, checks
    assert checks["answers"]["found"] == (
        f"generating mode: {play.MODEL} at {host} (key set), quotes if the model fails"
    )
    assert f"{play.MODEL} is among" in checks["models"]["found"]
    assert "answered in" in checks["completion"]["found"]
    assert checks["speed"]["found"].startswith("a question with 12 papers takes about")
    assert "as asked for" in checks["constrained JSON"]["found"]
    assert checks["network"]["found"] == host
    assert len(sent) == 3


def test_doctor_offline_calls_nobody(settings: Callable[[EndpointServer], None]) -> None:
    with EndpointServer() as server:
        settings(server)
        checks, code = doctor("--offline")
        assert (code, server.requests) == (0, [])
    assert "not tried" in checks["network"]["found"]
    assert "completion" not in checks


def test_doctor_names_the_models_that_are_there(settings: Callable[[EndpointServer], None]) -> None:
    with EndpointServer(play.unknown_model(), models=("qwen3", "llama4")) as server:
        settings(server)
        checks, code = doctor()
    assert code == 1
    assert checks["models"]["remedy"].endswith("qwen3, llama4.")
    assert "does not know the model" in checks["completion"]["remedy"]


def test_doctor_is_content_with_a_server_that_answers_to_any_name(settings: Callable[[EndpointServer], None]) -> None:
    with EndpointServer(*TRIED, play.answer('{"ready": true}'), models=("a.gguf",)) as server:
        settings(server)
        checks, code = doctor()
    assert code == 0, checks
    assert "not among" in checks["models"]["found"]


def test_doctor_says_how_long_a_question_takes_and_what_fewer_papers_would_save(
    settings: Callable[[EndpointServer], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(x / 10 for x in range(0, 100_000, 50))
    monkeypatch.setattr(endpoint_checks, "perf_counter", lambda: next(clock))
    slow = play.answer(*["word "] * 4)
    with EndpointServer(play.answer("Yes."), slow, play.answer('{"ready": true}'), key=CANARY) as server:
        settings(server)
        checks, code = doctor()
    assert code == 0
    assert re.fullmatch(
        r"a question with 12 papers takes about \d{2,3} s; with RAG_SOURCES=4 about \d{2,3} s", checks["speed"]["found"]
    )


@pytest.mark.parametrize(
    ("script", "name", "words"),
    [
        ([play.wrong_key()], "completion", "refuses the key"),
        ([play.stall()], "completion", "deadline"),
        (
            [*TRIED, play.answer("Sure! Here you go.")],
            "constrained JSON",
            "rules alone",
        ),
        ([*TRIED, play.unavailable()], "constrained JSON", "503"),
    ],
)
def test_doctor_turns_a_failure_into_a_remedy(
    settings: Callable[[EndpointServer], None],
    monkeypatch: pytest.MonkeyPatch,
    script: list[Behaviour],
    name: str,
    words: str,
) -> None:
    monkeypatch.setenv("RAG_FIRST_TOKEN", "1")
    with EndpointServer(*script) as server:
        settings(server)
        checks, code = doctor()
    assert code == 1
    assert words in checks[name]["remedy"]
    assert [n for n, c in checks.items() if not c["ok"]] == [name]


def test_doctor_finds_nobody_there(settings: Callable[[EndpointServer], None]) -> None:
    with EndpointServer() as server:
        settings(server)
    checks, code = doctor()
    assert code == 1
    assert "can't be reached" in checks["model"]["remedy"]


def test_doctor_finds_half_a_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_MODEL", "m")
    checks, code = doctor()
    assert code == 1
    assert "OPENAI_API_KEY" in checks["answers"]["remedy"]


def test_doctor_tries_another_embedding(
    settings: Callable[[EndpointServer], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with EndpointServer(play.unknown_model()) as server:
        settings(server)
        monkeypatch.setenv("RAG_LLM", "none")
        monkeypatch.setenv("RAG_EMBEDDING", "openai:embedder")
        checks, code = doctor()
        offline, fine = doctor("--offline")
    assert (code, fine) == (1, 0)
    assert "embedder" in checks["other embedding"]["remedy"]
    assert offline["other embedding"]["found"].startswith("embedder at 127.0.0.1")
