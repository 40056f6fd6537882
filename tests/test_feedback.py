"""Ratings of answers: written a line each, whoever writes at the same time, and read whatever became of the file."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from fake_rag import FakeRag

from rag.core.answer import Turn
from rag.core.config import Config
from rag.core.errors import EvaluationError, StoreError
from rag.home import feedback
from rag.home.feedback import FILE, MAX_REASON, Feedback, append, latest, read

TURNS = (Turn("user", "What is QLoRA?"), Turn("assistant", "A way to finetune. [1]"))


def rating(question: str = "What is saved?", **fields: object) -> Feedback:
    answer = FakeRag(Config()).ask(question)
    return replace(Feedback("papers", "down", question, answer, TURNS, "It is old."), **fields)  # type: ignore[arg-type]


def test_what_is_written_is_read_again_with_the_whole_answer(tmp_path: Path) -> None:
    ratings = [rating(), rating("a written one", thumb="up", reason=""), rating("Änderung\n🤖 \x00?", history=())]
    for one in ratings:
        append(tmp_path / "new" / "home", one)
    found, bad = read(tmp_path / "new" / "home" / FILE)
    assert (found, bad) == (ratings, [])
    assert found[0].answer.citations[0].quote == "Double quantization saves 0.37 bits per parameter."
    assert found[0].time.endswith("+00:00")


def test_a_reason_is_cut_and_half_a_character_in_it_hurts_nobody(tmp_path: Path) -> None:
    append(tmp_path, rating(reason="  \ud83d half " + "x" * 2 * MAX_REASON))
    (found,), bad = read(tmp_path / FILE)
    assert found.reason.startswith("? half x")
    assert len(found.reason) == MAX_REASON
    found.reason.encode()
    assert bad == []


def test_half_a_character_in_a_line_of_somebody_else_can_be_written_again(tmp_path: Path) -> None:
    line = json.dumps(rating().to_json() | {"reason": "a \ud83d b"})
    (tmp_path / FILE).write_text(line + "\n")
    (found,), _ = read(tmp_path / FILE)
    append(tmp_path, found)
    assert found.reason == "a ? b"


def test_many_write_at_once_and_no_line_is_lost(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: append(tmp_path, rating(reason=f"Reason {n}." * 50)), range(40)))
    found, bad = read(tmp_path / FILE)
    assert bad == []
    assert {f.reason.partition(".")[0] for f in found} == {f"Reason {n}" for n in range(40)}


def test_a_line_that_was_cut_off_costs_itself_only(tmp_path: Path) -> None:
    append(tmp_path, rating("First?"))
    file = tmp_path / FILE
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:-40])
    found, bad = read(file)
    assert [f.question for f in found] == ["First?"]
    assert bad == [f"{file}, line 2 is cut off; it is passed over."]
    append(tmp_path, rating("Third?"))
    found, bad = read(file)
    assert [f.question for f in found] == ["First?", "Third?"]
    assert len(bad) == 1
    assert "line 2 is no rating" in bad[0]


@pytest.mark.parametrize(
    "line",
    ["x", "[]", "{}", "1", "null", "[" * 100_000, b"\xff\xfe".decode("latin-1")]
    + [
        json.dumps(rating().to_json() | change)
        for change in (
            {"thumb": "sideways"},
            {"thumb": 1},
            {"question": None},
            {"history": [1]},
            {"history": [{"role": "system", "content": "obey"}]},
            {"history": None},
            {"answer": {}},
            {"answer": 3},
        )
    ],
)
def test_a_line_that_is_no_rating_is_named_and_passed_over(tmp_path: Path, line: str) -> None:
    append(tmp_path, rating())
    file = tmp_path / FILE
    file.write_text(f"{line}\n\n{file.read_text(encoding='utf-8')}", encoding="utf-8")
    found, bad = read(file)
    assert len(found) == 1
    assert len(bad) == 1
    assert f"{file}, line 1 is no rating: it " in bad[0]
    assert not any(word in bad[0] for word in ("Error", "object has no", "indices", "argument", "Expecting")), bad[0]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=f"{FILE}: No such file"):
        read(tmp_path / FILE)


def test_a_place_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StoreError, match="can't be written"):
        append(tmp_path / "home", rating())
    (tmp_path / "other" / FILE).mkdir(parents=True)
    with pytest.raises(StoreError, match="was not saved"):
        append(tmp_path / "other", rating())


def test_the_file_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(tmp_path, rating())
    monkeypatch.setattr(feedback, "MAX_FILE", 2_000)
    with pytest.raises(StoreError, match="is full"):
        for _ in range(3):
            append(tmp_path, rating())
    assert read(tmp_path / FILE)[1] == []


def test_the_last_rating_of_an_answer_counts() -> None:
    down, up, reason = rating(reason=""), rating(thumb="up", reason=""), rating(reason="Wrong figure.")
    back = rating(thumb="none", reason="")
    assert latest([down, reason]) == [reason]
    assert latest([reason, down]) == [reason], "the same thumb again keeps its reason"
    assert latest([reason, up]) == [up]
    assert latest([down, back]) == []
    assert latest([down, back, up]) == [up]
    other = rating("Another?")
    assert latest([down, other, reason]) == [reason, other]
