"""A run keeps what it has paid for: it goes on after any kill, past any failure, and never mixes two runs."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from reference_items import items
from serving import ROOT

from rag.core.answer import Answer
from rag.core.errors import ConfigError, EvaluationError, ModelAuthError, ModelTimeout, ModelUnknown, StoreError
from rag.evaluation import runner
from rag.evaluation.items import Item
from rag.evaluation.runner import Asked, clear, finish, run
from rag.evaluation.runs import ANSWERS, load

if TYPE_CHECKING:
    pass

Reply = Callable[[Item], Answer]


def reply(item: Item) -> Answer:
    return Answer(item.question, item.question, "single", f"To {item.id}.", timings_ms={"total": 3.0})


class Scripted:
    """A system that answers as told, and remembers what it was asked."""

    name = "scripted"

    def __init__(self, answer: Reply = reply, jobs: int = 1, **about: Any) -> None:
        self._answer, self._about, self.jobs = answer, about, jobs
        self.asked: list[str] = []

    def about(self) -> dict[str, Any]:
        return self._about

    def answer(self, item: Item) -> Answer:
        self.asked.append(item.id)
        return self._answer(item)


def raising(errors: Mapping[str, Exception]) -> Reply:
    """Answers, except where there is an error for an item's id."""

    def answer(item: Item) -> Answer:
        if item.id in errors:
            raise errors[item.id]
        return reply(item)

    return answer


ITEMS = items()
IDS = [i.id for i in ITEMS]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


def kept(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]


# --- what is asked, and what is kept --------------------------------------------------------------------------------


def test_every_item_is_asked_once_and_kept_under_its_id(folder: Path) -> None:
    system = Scripted(model="m")
    asked = run(folder, ITEMS, system, {"collection": "c"})
    assert [a.item for a in asked] == ITEMS
    assert system.asked == IDS
    assert [a.answer.id for a in asked] == IDS == [line["id"] for line in kept(folder)]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["system"], manifest["model"], manifest["collection"], manifest["sessions"]) == (
        "scripted", "m", "c", 1,
    )  # fmt: skip
    assert len(manifest["set"]) == 64


def test_what_was_asked_is_not_asked_again(folder: Path) -> None:
    first = run(folder, ITEMS, Scripted(), {})
    system = Scripted()
    assert run(folder, ITEMS, system, {}) == first
    assert system.asked == []
    assert json.loads((folder / "manifest.json").read_text())["sessions"] == 2


def test_a_failure_is_kept_with_its_error_and_the_run_goes_on(folder: Path) -> None:
    errors = {"fact": ModelTimeout("It took 60 s."), "list": ValueError("odd"), "count": KeyError()}
    asked = run(folder, ITEMS, Scripted(raising(errors)), {})
    assert {a.item.id: a.error for a in asked if a.error} == {
        "fact": "It took 60 s.", "list": "ValueError: odd", "count": "KeyError: ",
    }  # fmt: skip
    assert {line["id"]: line["error"] for line in kept(folder) if "error" in line} == {
        a.item.id: a.error for a in asked if a.error
    }
    assert all(a.answer.abstained and a.answer.timings_ms["total"] >= 0 for a in asked if a.error)


def test_a_failure_is_asked_again_only_on_request(folder: Path) -> None:
    run(folder, ITEMS, Scripted(raising({"fact": ValueError("odd")})), {})
    plain = Scripted()
    assert next(a for a in run(folder, ITEMS, plain, {}) if a.item.id == "fact").error == "ValueError: odd"
    assert plain.asked == []
    again = Scripted()
    asked = run(folder, ITEMS, again, {}, retry=True)
    assert again.asked == ["fact"]
    assert not any(a.error for a in asked)
    assert [a.item for a in run(folder, ITEMS, Scripted(), {})] == ITEMS
    assert not any(a.error for a in run(folder, ITEMS, Scripted(), {})), "the later answer holds"


@pytest.mark.parametrize(
    "answer",
    [
        lambda item: replace(reply(item), answer="half \ud83d"),
        lambda item: replace(reply(item), timings_ms={"total": object()}),
        lambda item: replace(reply(item), citations=(object(),)),
        lambda item: None,
        lambda item: raising({item.id: ValueError("\udcff")})(item),
        lambda item: raising({item.id: StoreError("")})(item),
        lambda item: raising({item.id: RecursionError()})(item),
    ],
    ids=["half a character", "no JSON", "no citation", "no answer", "unprintable error", "empty error", "recursion"],
)
def test_whatever_a_system_does_to_an_item_it_does_to_that_alone(folder: Path, answer: Reply) -> None:
    asked = run(folder, ITEMS, Scripted(lambda item: answer(item) if item.id == "idea" else reply(item)), {})
    assert [a.item.id for a in asked if a.error] == ["idea"]
    again = Scripted()
    assert run(folder, ITEMS, again, {}) == asked
    assert again.asked == []


FATAL = [ConfigError("no"), ModelAuthError("no"), ModelUnknown("no")]


@pytest.mark.parametrize("error", FATAL)
def test_what_every_item_meets_ends_the_run_and_what_was_answered_stays(folder: Path, error: Exception) -> None:
    """A key that was revoked: three in a row, of which none is kept as an answer."""
    system = Scripted(raising(dict.fromkeys(IDS[4:], error)))
    with pytest.raises(type(error)):
        run(folder, ITEMS, system, {})
    assert system.asked == IDS[:7]
    again = Scripted()
    assert not any(a.error for a in run(folder, ITEMS, again, {}))
    assert again.asked == IDS[4:]


@pytest.mark.parametrize("error", FATAL)
@pytest.mark.parametrize("bad", [IDS[:2], IDS[3:5], IDS[-2:]], ids=["first", "middle", "last"])
def test_items_that_an_endpoint_refuses_never_end_the_run(folder: Path, error: Exception, bad: list[str]) -> None:
    """A filter of contents answers as for a model that is not there."""
    asked = run(folder, ITEMS, Scripted(raising(dict.fromkeys(bad, error))), {})
    assert [a.item.id for a in asked if a.error] == bad
    assert sorted(line["id"] for line in kept(folder)) == sorted(IDS)


def test_a_set_of_two_that_a_wrong_key_refuses_is_no_run(folder: Path) -> None:
    system = Scripted(raising(dict.fromkeys(IDS, ModelAuthError("no"))))
    with pytest.raises(ModelAuthError):
        run(folder, ITEMS[:2], system, {})
    assert not (folder / ANSWERS).exists()


def test_answers_that_were_under_way_when_the_run_ended_are_kept(folder: Path) -> None:
    """They were paid for: three questions are refused while another is being answered."""
    under_way = threading.Event()

    def answer(item: Item) -> Answer:
        if item.id != IDS[0]:
            under_way.wait(5)
            raise ModelAuthError("The key is wrong.")
        under_way.set()
        time.sleep(0.3)
        return reply(item)

    system = Scripted(answer, jobs=4)
    with pytest.raises(ModelAuthError):
        run(folder, ITEMS, system, {})
    assert [line["id"] for line in kept(folder)] == IDS[:1]


def test_a_stop_ends_it_after_what_is_being_asked(folder: Path) -> None:
    stop = threading.Event()
    system = Scripted(lambda item: stop.set() or reply(item) if item.id == IDS[3] else reply(item))
    asked = run(folder, ITEMS, system, {}, stop=stop)
    assert [a.item.id for a in asked] == system.asked == IDS[:4]
    assert [a.item for a in run(folder, ITEMS, Scripted(), {})] == ITEMS


@pytest.mark.parametrize("jobs", [2, 4, 20])
def test_questions_are_asked_at_once_and_answers_come_in_the_order_of_the_set(folder: Path, jobs: int) -> None:
    together = threading.Barrier(min(jobs, len(ITEMS)), timeout=10)
    first = set(IDS[:jobs])

    def answer(item: Item) -> Answer:
        if item.id in first:
            together.wait()  # breaks unless so many questions are really under way
        time.sleep(0.02 * random.Random(item.id).random())
        return reply(item)

    asked = run(folder, ITEMS, Scripted(answer), {}, jobs=jobs)
    assert [a.item for a in asked] == ITEMS
    assert not any(a.error for a in asked)
    assert Counter(line["id"] for line in kept(folder)) == Counter(IDS)


def test_no_more_are_asked_at_once_than_the_system_allows(folder: Path) -> None:
    running, most = [0], [0]
    guard = threading.Lock()

    def answer(item: Item) -> Answer:
        with guard:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.01)
        with guard:
            running[0] -= 1
        return reply(item)

    run(folder, ITEMS, Scripted(answer, jobs=3), {})
    assert most == [3]


def test_progress_counts_what_was_done_before(folder: Path) -> None:
    stop = threading.Event()
    run(folder, ITEMS, Scripted(lambda i: stop.set() or raising({"fact": ValueError()})(i)), {}, stop=stop)
    seen: list[tuple[int, int, int]] = []
    run(folder, ITEMS, Scripted(), {}, progress=lambda *counts: seen.append(counts))
    assert seen == [(n, len(ITEMS), 1) for n in range(1, len(ITEMS) + 1)]


# --- what lies in the folder ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 10, 200, -1])
def test_a_line_that_was_cut_is_asked_again(folder: Path, cut: int) -> None:
    """Also where only the newline is lacking, and in the middle of a character."""
    whole = run(folder, ITEMS, Scripted(lambda i: replace(reply(i), answer="ü" * 50)), {})
    file = folder / "answers.jsonl"
    *lines, last = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines) + last[:cut])
    system = Scripted(lambda i: replace(reply(i), answer="ü" * 50))
    assert run(folder, ITEMS, system, {}) == whole
    assert system.asked == ([] if cut == -1 else [IDS[-1]])
    again = Scripted()
    assert run(folder, ITEMS, again, {}) == whole
    assert again.asked == []


@pytest.mark.parametrize("line", ["", "5", "[]", '"x"', "null", '{"id": "fact"}', '{"id": "who"}', "\x00", "\xff"])
def test_lines_that_are_no_answers_are_passed_over(folder: Path, line: str) -> None:
    run(folder, ITEMS, Scripted(), {})
    file = folder / "answers.jsonl"
    file.write_bytes(line.encode("latin-1") + b"\n" + file.read_bytes())
    system = Scripted()
    assert [a.item for a in run(folder, ITEMS, system, {})] == ITEMS
    assert system.asked == []


def test_a_folder_without_a_manifest_has_no_answers_of_this_run(folder: Path) -> None:
    """Its answers are of nobody knows what."""
    run(folder, ITEMS, Scripted(), {})
    (folder / "manifest.json").unlink()
    system = Scripted(model="other")
    run(folder, ITEMS, system, {})
    assert system.asked == IDS


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[]", "is no object"),
        ("null", "is no object"),
        ("[" * 100_000, "is nested"),
    ],
    ids=["empty", "cut", "a list", "null", "deep"],
)
def test_a_manifest_that_is_damaged_is_named(folder: Path, text: str, what: str) -> None:
    run(folder, ITEMS, Scripted(), {})
    (folder / "manifest.json").write_text(text)
    with pytest.raises(EvaluationError, match=rf"The run run is damaged: manifest\.json {what}"):
        run(folder, ITEMS, Scripted(), {})


@pytest.mark.parametrize(
    ("what", "asked", "system", "about"),
    [
        ("model", ITEMS, Scripted(model="b"), {"index": "1"}),
        ("index", ITEMS, Scripted(model="a"), {"index": "2"}),
        ("system", ITEMS, type("Other", (Scripted,), {"name": "other"})(model="a"), {"index": "1"}),
        ("set", ITEMS[1:], Scripted(model="a"), {"index": "1"}),
        ("set", ITEMS[::-1], Scripted(model="a"), {"index": "1"}),
        ("index, model", ITEMS, Scripted(model="b"), {"index": "2"}),
        ("strict", ITEMS, Scripted(model="a", strict=True), {"index": "1"}),
        ("model", ITEMS, Scripted(), {"index": "1"}),
    ],
)
def test_another_run_is_refused_with_what_differs(
    folder: Path, what: str, asked: list[Item], system: Scripted, about: dict[str, Any]
) -> None:
    run(folder, ITEMS, Scripted(model="a"), {"index": "1"})
    before = {f.name: f.read_bytes() for f in folder.iterdir()}
    with pytest.raises(EvaluationError, match=f"made with other {what}; .*new name .--name., or .*--fresh"):
        run(folder, asked, system, about)
    assert system.asked == []
    assert {f.name: f.read_bytes() for f in folder.iterdir()} == before


@pytest.mark.parametrize(
    "about", [{"revision": "2"}, {"machine": "2"}, {"judge": "2"}, {"prices": "2"}, {"scoring": "2"}]
)
def test_what_no_answer_depends_on_may_differ(folder: Path, about: dict[str, Any]) -> None:
    run(folder, ITEMS, Scripted(), {next(iter(about)): "1"})
    assert len(run(folder, ITEMS, Scripted(), about)) == len(ITEMS)


def test_settings_that_json_changes_are_the_same_again(folder: Path) -> None:
    for _ in range(2):
        assert len(run(folder, ITEMS, Scripted(prompts={1: "a"}), {"kinds": ("fact",)})) == len(ITEMS)


def test_a_run_that_another_process_is_at_is_left_alone(folder: Path) -> None:
    run(folder, ITEMS, Scripted(), {})
    code = (
        "import sys, filelock\nwith filelock.FileLock(sys.argv[1]):\n"
        "    print('locked', flush=True)\n    sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(folder / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        before = (folder / "manifest.json").read_bytes()
        for begin in (lambda: run(folder, ITEMS, Scripted(), {}), lambda: clear(folder)):
            with pytest.raises(
                EvaluationError, match=r"Another process is at the run run; give this one another --name"
            ):
                begin()
        assert (folder / "manifest.json").read_bytes() == before
        assert other.stdin is not None
        other.stdin.close()
    assert len(run(folder, ITEMS, Scripted(), {})) == len(ITEMS)


def test_only_a_run_is_cleared(tmp_path: Path, folder: Path) -> None:
    clear(tmp_path / "nothing")
    run(folder, ITEMS, Scripted(), {})
    (folder / "plots").mkdir()
    clear(folder)
    assert [f.name for f in folder.iterdir()] == [".lock"]
    system = Scripted(model="other")
    run(folder, ITEMS, system, {})
    assert system.asked == IDS
    (tmp_path / "noise" / "collections").mkdir(parents=True)
    with pytest.raises(EvaluationError, match="is no run, and is not replaced"):
        clear(tmp_path / "noise")
    assert (tmp_path / "noise" / "collections").is_dir()


# --- the end of a run -----------------------------------------------------------------------------------------------


def scores(asked: list[Asked]) -> list[dict[str, Any]]:
    return [
        {"id": a.item.id, "kind": a.item.kind, "cluster": "c", "failed": False, "scores": {"m": [1, 2]}} for a in asked
    ]


SUMMARY: dict[str, Any] = {
    "n": len(ITEMS),
    "failed": 0,
    "groups": {"all": {"m": {"value": 0.5, "low": 0.4, "high": 0.6, "n": 11, "clusters": 6}, "k": {"undefined": "no"}}},
}


def finished(folder: Path) -> None:
    asked = run(folder, ITEMS, Scripted(jobs=4), {})
    finish(folder, ITEMS, scores(asked), SUMMARY, {"p50_ms": 3.0}, {"judge": {"model": "j"}})


def test_a_finished_run_is_read_as_it_was_written(folder: Path) -> None:
    finished(folder)
    found = load(folder)
    assert [s.item for s in found.scored] == ITEMS
    assert [line["id"] for line in kept(folder)] == IDS, "in the order of the set"
    assert found.scored[0].scores == {"m": (1, 2)}
    assert found.summary["all"]["k"] is None
    assert found.undefined == {"all": {"k": "no"}}
    assert found.manifest["finished"] >= found.manifest["created"]
    assert found.manifest["judge"] == {"model": "j"}
    assert not list(folder.glob("*.part"))


def test_going_on_with_a_finished_run_takes_its_summary_away_and_finishing_forgets_the_judge(folder: Path) -> None:
    finished(folder)
    asked = run(folder, ITEMS, Scripted(jobs=4), {})
    with pytest.raises(EvaluationError, match="is not finished: the same rag eval run goes on with it"):
        load(folder)
    finish(folder, ITEMS, scores(asked), SUMMARY, {}, {})
    assert "judge" not in load(folder).manifest


def test_finishing_is_all_or_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before any of its writes, a run is not finished, and has all its answers."""
    asked = run(folder, ITEMS, Scripted(), {})
    original, left = runner.put, [0]

    def put(file: Path, text: str) -> None:
        if not left[0]:
            file.with_suffix(".part").write_text(text[: len(text) // 2])
            raise KeyboardInterrupt
        left[0] -= 1
        original(file, text)

    for writes in range(5):
        left[0] = writes
        monkeypatch.setattr(runner, "put", put)
        with pytest.raises(KeyboardInterrupt):
            finish(folder, ITEMS, scores(asked), SUMMARY, {}, {})
        monkeypatch.setattr(runner, "put", original)
        with pytest.raises(EvaluationError, match="not finished"):
            load(folder)
        again = Scripted()
        assert run(folder, ITEMS, again, {}) == asked
        assert again.asked == []
    finish(folder, ITEMS, scores(asked), SUMMARY, {}, {})
    assert len(load(folder).scored) == len(ITEMS)


DAMAGES: dict[str, Callable[[str], str]] = {
    "last line dropped": lambda text: "".join(text.splitlines(keepends=True)[:-1]),
    "cut": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "a list": lambda text: "[]",
}


@pytest.mark.parametrize("name", ["manifest.json", "answers.jsonl", "scores.jsonl", "summary.json", "items.jsonl"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_run_is_named_whatever_is_damaged(folder: Path, name: str, damage: Callable[[str], str]) -> None:
    finished(folder)
    file = folder / name
    file.write_text(damage(file.read_text()))
    with pytest.raises(EvaluationError, match=rf"{folder}.*(damaged|not JSON|holds no questions|valid object)") as e:
        load(folder)
    assert not PYTHON.search(str(e.value))


PYTHON = re.compile(r"Error|object has no|\w+ indices|'NoneType'|positional|__\w+__|Expecting")
"""What only somebody who knows Python can read."""


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("manifest.json", "[]", "manifest.json is no object with fields"),
        ("manifest.json", '{"a"', "manifest.json is not JSON (line 1, character 5)"),
        ("summary.json", "[]", "summary.json is no object with fields"),
        ("summary.json", '{"n": 0}', "counts 0 questions, and scores.jsonl has "),
        ("summary.json", "{}", "summary.json lacks 'n'"),
        ("speed.json", "7", "speed.json is no object with fields"),
        ("answers.jsonl", "[]", "answers.jsonl has a value of another kind than belongs there"),
        ("answers.jsonl", "", ", which answers.jsonl lacks"),
        ("scores.jsonl", "{}", "scores.jsonl lacks 'id'"),
    ],
)
def test_what_is_damaged_is_said_in_words(folder: Path, name: str, text: str, what: str) -> None:
    finished(folder)
    (folder / name).write_text(text)
    with pytest.raises(EvaluationError) as e:
        load(folder)
    assert what in str(e.value)
    assert str(e.value).endswith("rag eval run makes it anew with --fresh.")
    assert not PYTHON.search(str(e.value))


def test_what_is_no_run_says_so(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"is no run: it has no manifest\.json"):
        load(tmp_path)


# --- kills ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 4])
def test_ten_kills_at_random_moments_change_nothing(tmp_path: Path, jobs: int) -> None:
    """The answers are those of an unbroken run, and nothing is asked again once its answer was kept."""
    from asking_run import ITEMS as hundred
    from asking_run import main

    main(tmp_path / "unbroken", tmp_path / "unbroken.log", jobs)
    folder, log = tmp_path / "broken", tmp_path / "broken.log"
    answers = folder / "answers.jsonl"
    dice = random.Random(jobs)
    moments = sorted(dice.sample(range(1, len(hundred) - 4), 10))
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, str(ROOT / "tests" / "asking_run.py"), str(folder), str(log), str(jobs)]
    known: set[str] = set()
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        for moment in moments:
            child = int(_told(server, "go on\n"))
            deadline = time.monotonic() + 60
            while len(_known(answers)) < moment:
                assert time.monotonic() < deadline
                time.sleep(0.001)
            time.sleep(dice.random() * 0.01)
            os.kill(child, signal.SIGKILL)
            assert int(_told(server)) == -signal.SIGKILL, "it was still at it"
            before, known = known, _known(answers)
            assert known >= before
            with log.open("a") as out:
                out.writelines(f"kept {id}\n" for id in sorted(known))
        _told(server, "go on\n")
        assert _told(server) == "0\n"
    seen: set[str] = set()
    for line in log.read_text().splitlines():
        what, id = line.split()
        assert what == "kept" or id not in seen, f"{id} was asked after its answer was kept"
        seen |= {id} if what == "kept" else set()
    for name in ("answers.jsonl", "scores.jsonl", "summary.json", "items.jsonl"):
        assert _steady(folder / name) == _steady(tmp_path / "unbroken" / name), name
    # A kill may come before a session has begun.
    assert 5 < json.loads((folder / "manifest.json").read_text())["sessions"] <= 11


def _told(server: subprocess.Popen[str], line: str = "") -> str:
    """What a process says next, to `line` where there is one."""
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(line)
    server.stdin.flush()
    return server.stdout.readline()


def _known(answers: Path) -> set[str]:
    """The ids of the lines that are whole."""
    if not answers.exists():
        return set()
    return {json.loads(line)["id"] for line in answers.read_bytes().split(b"\n")[:-1] if line.endswith(b"}")}


def _steady(file: Path) -> str:
    """A file without how long a failure took."""
    lines = (
        [json.loads(line) for line in file.read_text().splitlines()] if file.suffix == ".jsonl" else [file.read_text()]
    )
    for line in (entry for entry in lines if isinstance(entry, dict) and entry.get("error")):
        line["timings_ms"] = {}
    return json.dumps(lines)
