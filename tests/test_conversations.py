"""Conversations on the server: what was said is there again, for its owner alone, whatever became of the writer."""

from __future__ import annotations

import itertools
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest
from hostile import HOSTILE
from hypothesis import given
from hypothesis import strategies as st
from serving import ROOT

from rag.core import deleting
from rag.core.answer import Answer, Citation
from rag.core.errors import Locked, StoreError
from rag.core.options import Options
from rag.home import conversations, journal
from rag.home.conversation import TITLE, shortened
from rag.home.conversations import append, delete, delete_all, deleted, load, names, new_id, rename, truncate

OWNER = "local"


def answer(question: str = "What is saved?", text: str = "“It saves 0.37 bits.” [1]") -> Answer:
    quote = "It saves 0.37 bits."
    return Answer(question, question, "single", text, citations=(Citation(1, "qlora-1", "QLoRA", quote, 0, 19),))


def begun(home: Path, *questions: str, owner: str = OWNER) -> str:
    """The id of a conversation with these questions."""
    id = new_id()
    for question in questions:
        append(home, owner, id, "papers", answer(question))
    return id


def questions(home: Path, id: str, owner: str = OWNER) -> list[str]:
    found = load(home, owner, id)
    return [a.question for a in found.answers] if found else []


def path(home: Path, id: str, owner: str = OWNER) -> Path:
    return home / "history" / owner / f"{id}.jsonl"


def files(home: Path) -> set[Path]:
    return {file for file in home.rglob("*") if file.is_file()}


def test_a_conversation_comes_back_as_it_was(home: Path) -> None:
    id, said = new_id(), [answer("What is saved?"), answer("Änderung\n🤖 \x00? }}", "}}\n{}")]
    chosen = Options(papers=frozenset({"b", "a"}), most=2, mode="quoting", strict=True)
    append(home, OWNER, id, "papers", said[0])
    append(home, OWNER, id, "other", said[1], options=chosen)
    found = load(home, OWNER, id)
    assert found is not None
    assert found.answers == tuple(said)
    assert (found.id, found.title, found.collection) == (id, "What is saved?", "papers")
    assert found.options == (None, chosen)
    assert found.times == tuple(sorted(found.times))
    assert found.created <= found.updated == found.times[-1]
    assert found.updated.endswith("+00:00")


def test_the_list_has_the_newest_first_and_says_what_loading_says(home: Path) -> None:
    first = begun(home, "First?", "More?")
    time.sleep(0.02)  # Two writes within a tick of the kernel's clock have the same time.
    second = begun(home, "Second?")
    assert [s.title for s in names(home, OWNER)] == ["Second?", "First?"]
    time.sleep(0.02)
    append(home, OWNER, first, "papers", answer("}}\n}} again?"))
    found = names(home, OWNER)
    assert [(s.id, s.title, s.turns) for s in found] == [(first, "First?", 3), (second, "Second?", 1)]
    for one in found:
        whole = load(home, OWNER, one.id)
        assert whole is not None
        assert (whole.title, whole.updated, whole.collection, len(whole.answers)) == (
            one.title,
            one.updated,
            one.collection,
            one.turns,
        )


def test_nothing_is_there_before_something_is_said(home: Path) -> None:
    assert load(home, OWNER, new_id()) is None
    assert names(home, OWNER) == []
    assert delete(home, OWNER, new_id()) is False
    assert delete_all(home, OWNER) == 0
    truncate(home, OWNER, new_id(), 1)
    assert not home.exists()


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("What is QLoRA?", "What is QLoRA?"),
        ("  What \n\t is\x00 QLoRA? ", "What is QLoRA?"),
        ("x" * 100, "x" * 59 + "…"),
        ("word " * 30, ("word " * 12).strip() + "…"),
        ("How? " + "x" * 100, "How? " + "x" * 54 + "…"),
        ("a" * 55 + ", and then more of it", "a" * 55 + "…"),
        ("\u202egnp.exe", "gnp.exe"),
        ("", ""),
    ],
)
def test_titles_are_short_and_end_with_a_word(text: str, title: str) -> None:
    assert shortened(text) == title


@given(st.text())
def test_a_title_is_one_printable_line(text: str) -> None:
    title = shortened(text)
    assert len(title) <= TITLE
    assert title.isprintable()
    assert title == title.strip()


@pytest.mark.parametrize(("keep", "left"), [(-1, []), (0, []), (1, ["A?"]), (2, ["A?", "B?"]), (9, ["A?", "B?", "C?"])])
def test_the_end_can_be_taken_back_and_said_anew(home: Path, keep: int, left: list[str]) -> None:
    id = begun(home, "A?", "B?", "C?")
    truncate(home, OWNER, id, keep)
    assert questions(home, id) == left
    append(home, OWNER, id, "papers", answer("New?"))
    assert questions(home, id) == [*left, "New?"]
    assert names(home, OWNER)[0].title == (left or ["New?"])[0]


def test_what_is_deleted_is_gone_from_the_disk_after_a_while_and_nothing_else_is(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = begun(home, "Secret?"), begun(home, "Other?")
    theirs = begun(home, "Theirs?", owner="somebody")
    path(home, one).with_suffix(".part").write_text("Secret?")
    assert delete(home, OWNER, one)
    assert not delete(home, OWNER, one)
    assert [titles for _, titles in deleted(home, OWNER)] == [["Secret?"]]
    monkeypatch.setattr(deleting, "KEPT", 0)
    deleting.sweep(home)
    assert not any(b"Secret" in file.read_bytes() for file in files(home))
    assert [s.id for s in names(home, OWNER)] == [other]
    assert delete_all(home, OWNER) == 1
    assert names(home, OWNER) == []
    assert questions(home, theirs, "somebody") == ["Theirs?"]


ESCAPES = [
    "",
    ".",
    "..",
    "../x",
    "../../evil",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a\x00b",
    "\n",
    "é",
    "\ud83d",
    "con:",
    "~",
]
LONG = ["x" * 100_000, "../" * 10_000]


@pytest.mark.parametrize("owner", [*ESCAPES, *LONG, *HOSTILE, "-x", "_" + "0" * 32, "a.lock"])
def test_an_owner_leads_nowhere_else_and_is_nobody_else(home: Path, owner: str) -> None:
    id = begun(home, "Mine?", owner=owner)
    assert questions(home, id, owner) == ["Mine?"]
    assert names(home, owner)[0].id == id
    assert questions(home, id, OWNER) == []
    assert questions(home, id, owner + "x") == []
    (found,) = (file for file in files(home.parent) if file.suffix == ".jsonl")
    assert found.parent.parent == home / "history"
    assert names(home, found.parent.name) == [], "whoever knows the name of the folder is not its owner"
    assert delete_all(home, owner) == 1


def test_owners_that_differ_in_capitals_alone_share_nothing_on_any_disk(home: Path) -> None:
    begun(home, "A?", owner="ada")
    begun(home, "B?", owner="Ada")
    assert len({folder.name.lower() for folder in (home / "history").iterdir() if folder.is_dir()}) == 2


@pytest.mark.parametrize("id", [*ESCAPES, *LONG, *HOSTILE, "x" * 21, "x" * 23, "é" * 22, "../../local/" + "x" * 10])
def test_an_id_that_is_none_reads_writes_and_removes_nothing(home: Path, id: str) -> None:
    begun(home, "Mine?")
    before = {file: file.read_bytes() for file in files(home.parent)}
    assert load(home, OWNER, id) is None
    assert delete(home, OWNER, id) is False
    truncate(home, OWNER, id, 0)
    with pytest.raises(StoreError, match=r"no id of a conversation.*begin a new one") as caught:
        append(home, OWNER, id, "papers", answer())
    assert len(str(caught.value)) < 500
    assert {file: file.read_bytes() for file in files(home.parent)} == before


def test_ids_are_for_urls_and_never_the_same() -> None:
    ids = {new_id() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(len(id) == 22 and id.isascii() and id.replace("-", "").replace("_", "").isalnum() for id in ids)


@given(st.data())
def test_a_file_that_is_cut_anywhere_costs_what_was_cut_only(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    home = tmp_path_factory.mktemp("cut")
    id = begun(home, "A?", "B?", "C?")
    file = path(home, id)
    whole = file.read_bytes()
    ends = [n + 1 for n, byte in enumerate(whole) if byte == ord("\n")]
    cut = data.draw(st.integers(ends[0], len(whole)))
    file.write_bytes(whole[:cut])
    left = ["A?", "B?", "C?"][: sum(end - 1 <= cut for end in ends[1:])]
    assert questions(home, id) == left
    assert names(home, OWNER)[0].turns == len(left)
    append(home, OWNER, id, "papers", answer("D?"))
    assert questions(home, id) == [*left, "D?"]
    assert names(home, OWNER)[0].turns == len(left) + 1
    truncate(home, OWNER, id, len(left))
    assert questions(home, id) == left
    shutil.rmtree(home)


@pytest.mark.parametrize(
    "header",
    [b"", b"\xff\xfe", b"null", b"[]", b"{}", b"[" * 100_000, b'{"id": 1, "collection": 1, "created": 2, "title": 3}'],
)
def test_a_damaged_conversation_does_not_hide_the_others(
    home: Path, caplog: pytest.LogCaptureFixture, header: bytes
) -> None:
    good, bad = begun(home, "Good?"), begun(home, "Bad?")
    path(home, bad).write_bytes(header + b"\n" + path(home, bad).read_bytes().partition(b"\n")[2])
    assert [s.id for s in names(home, OWNER)] == [good]
    assert load(home, OWNER, bad) is None
    assert {(r.levelno, bad in r.getMessage()) for r in caplog.records} == {(logging.WARNING, True)}


def test_a_file_that_can_not_be_read_does_not_hide_the_others(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    good, bad = begun(home, "Good?"), new_id()
    path(home, bad).mkdir()
    assert [s.id for s in names(home, OWNER)] == [good]
    assert f"history/local/{bad}.jsonl can't be read" in caplog.text
    with pytest.raises(StoreError, match="see who may read it"):
        load(home, OWNER, bad)


@pytest.mark.parametrize(
    "line",
    ["x", "[]", "{}", "null", "[" * 100_000, '{"time": "t", "answer": {}}', '{"time": 1, "answer": {}}', "\udcff"],
)
def test_a_damaged_answer_does_not_hide_the_others(home: Path, caplog: pytest.LogCaptureFixture, line: str) -> None:
    id = begun(home, "A?")
    with path(home, id).open("ab") as file:
        file.write(line.encode("utf-8", "surrogateescape") + b"\n")
    append(home, OWNER, id, "papers", answer("B?"))
    assert questions(home, id) == ["A?", "B?"]
    assert f"The conversation {id}, line 3 " in caplog.text
    assert names(home, OWNER)[0].id == id


def test_options_of_another_version_are_forgotten_and_the_answer_stays(home: Path) -> None:
    id = begun(home, "A?")
    held = path(home, id).read_text()
    path(home, id).write_text(held.replace('"answer": {', '"options": {"mode": "singing", "new": 1}, "answer": {', 1))
    found = load(home, OWNER, id)
    assert found is not None
    assert (len(found.answers), found.options) == (1, (None,))


def test_half_a_character_hurts_nobody(home: Path) -> None:
    id = begun(home, "What is \ud83d?")
    assert questions(home, id) == ["What is ??"]


def test_a_conversation_has_an_end(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "MAX_ANSWERS", 2)
    id = begun(home, "A?", "B?")
    with pytest.raises(StoreError, match=r"full \(2 answers, .* begin a new one"):
        append(home, OWNER, id, "papers", answer("C?"))
    monkeypatch.setattr(conversations, "MAX_ANSWERS", 200)
    monkeypatch.setattr(conversations, "MAX_BYTES", path(home, id).stat().st_size + 100)
    with pytest.raises(StoreError, match="full"):
        append(home, OWNER, id, "papers", answer("C?"))
    assert questions(home, id) == ["A?", "B?"]


@pytest.mark.parametrize(("limit", "value"), [("MAX_CONVERSATIONS", 3), ("MAX_OWNED", 2_600)])
def test_the_oldest_make_room(home: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(conversations, limit, value)
    ids = []
    for n in range(6):
        ids.append(begun(home, f"{n}?"))
        os.utime(path(home, ids[-1]), (n, n))
    theirs = begun(home, "Theirs?", owner="somebody")
    assert [s.title for s in names(home, OWNER)] == ["5?", "4?", "3?"]
    assert questions(home, theirs, "somebody") == ["Theirs?"]


def test_the_disk_is_not_filled(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    id = begun(home, "A?")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40, 1 << 40, 1 << 20))
    with pytest.raises(StoreError, match="1 MB left, and 256 MB are kept free"):
        append(home, OWNER, id, "papers", answer("B?"))
    assert questions(home, id) == ["A?"]


def test_others_on_the_machine_can_not_read_along(home: Path) -> None:
    assert path(home, begun(home, "A?")).parent.stat().st_mode & 0o077 == 0


def test_a_place_that_can_not_be_written_is_named_without_the_home(home: Path) -> None:
    home.mkdir()
    (home / "history").write_text("a file")
    with pytest.raises(StoreError, match=r"history/local/.* can't be written .*was not saved") as caught:
        begun(home, "A?")
    assert str(home) not in str(caught.value)


def test_who_holds_the_lock_too_long_is_told_of(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LOCK_SECONDS", 0.05)
    id = begun(home, "A?")
    with (
        journal.writing(Path("x"), home / "history" / "local.lock", ""),
        pytest.raises(Locked, match="try again") as caught,
    ):
        append(home, OWNER, id, "papers", answer("B?"))
    assert str(home) not in str(caught.value)


WRITER = """
import sys
from pathlib import Path
from rag.core.answer import Answer
from rag.home.conversations import append
home, id, name, size = sys.argv[1:]
for n in range(10_000):
    question = f"{name}{n}"
    append(Path(home), "local", id, "papers", Answer(question, question, "single", "x" * int(size)))
    print(question, flush=True)
    if sys.stdin.readline() == "":
        break
"""


def writer(home: Path, id: str, name: str, size: int = 100) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(home), id, name, str(size)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_two_processes_write_one_conversation_at_once(home: Path) -> None:
    id = new_id()
    both = [writer(home, id, name) for name in "ab"]
    for process in both:
        assert process.stdin
        process.stdin.write("\n" * 19)  # 20 answers each
    for process in both:
        process.communicate(timeout=60)
        assert process.returncode == 0
    found = questions(home, id)
    assert sorted(found) == sorted(f"{name}{n}" for name in "ab" for n in range(20))
    assert [q for q in found if q[0] == "a"] == [f"a{n}" for n in range(20)], "each in its own order"
    assert names(home, OWNER)[0].turns == 40


def test_what_was_acknowledged_outlives_a_writer_that_is_killed(home: Path) -> None:
    id, said = new_id(), []
    for name, answers in zip("abcdef", itertools.cycle((1, 2, 4)), strict=False):
        process = writer(home, id, name, 200_000)
        assert process.stdin
        assert process.stdout
        for _ in range(answers):
            said.append(process.stdout.readline().strip())
            process.stdin.write("\n")
            process.stdin.flush()
        process.send_signal(signal.SIGKILL)  # in the middle of the next one
        rest, _ = process.communicate(timeout=60)
        said += rest.split()
        found = questions(home, id)
        assert [q for q in found if q in said] == said
        assert len(found) <= len(said) + 1, "the one that was not acknowledged may be there, whole"
        said = found
    append(home, OWNER, id, "papers", answer("Last?"))
    assert questions(home, id) == [*said, "Last?"]


KILLED = """
import os, signal, sys
from pathlib import Path
from rag.home import conversations
from rag.core.answer import Answer
home, id, action, moment = sys.argv[1:]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if moment == "fsync":
    os.fsync = die
else:
    Path.replace = die
if action == "append":
    conversations.append(Path(home), "local", id, "papers", Answer("New?", "New?", "single", "x"))
else:
    conversations.truncate(Path(home), "local", id, 1)
"""


def killed(home: Path, id: str, action: str, moment: str) -> None:
    command = [sys.executable, "-c", KILLED, str(home), id, action, moment]
    assert subprocess.run(command, cwd=ROOT, timeout=60, check=False).returncode == -signal.SIGKILL


@pytest.mark.parametrize("moment", ["fsync", "replace"])
@pytest.mark.parametrize("action", ["append", "truncate"])
def test_a_writer_that_dies_in_a_rewrite_changes_nothing(home: Path, action: str, moment: str) -> None:
    old = begun(home, "A?", "B?")
    id = new_id() if action == "append" else old  # the first answer makes the file
    killed(home, id, action, moment)
    assert questions(home, old) == ["A?", "B?"]
    assert [s.turns for s in names(home, OWNER)] == [2]
    append(home, OWNER, id, "papers", answer("C?"))
    assert questions(home, id)[-1] == "C?"
    begun(home, "Another?")
    assert not list(home.rglob("*.part"))


def test_a_conversation_gets_another_title_and_keeps_the_rest(home: Path) -> None:
    id = begun(home, "A?", "B?")
    before = names(home, OWNER)[0]
    rename(home, OWNER, id, "  On\ntides }} " + "x" * 90)
    assert names(home, OWNER)[0].title.startswith("On tides }}")
    assert len(names(home, OWNER)[0].title) <= TITLE + 1
    assert questions(home, id) == ["A?", "B?"]
    assert names(home, OWNER)[0].updated == before.updated
    rename(home, OWNER, id, " ")
    rename(home, "another", id, "Mine")
    rename(home, OWNER, new_id(), "Nobody's")
    assert [n.title[:2] for n in names(home, OWNER)] == ["On"]


@pytest.mark.parametrize(
    ("query", "count"),
    [("tides", 2), ("TID", 2), ("tides moons", 1), ("“moon”", 1), ("saves", 0), ("single", 0), ("", 3), ("cafe", 1)],
)
def test_conversations_are_searched_by_title_and_questions(home: Path, query: str, count: int) -> None:
    begun(home, "On tides?", 'And of "moons" \\ {}?')
    begun(home, "Tides?", "And winds?")
    begun(home, "Café?")
    assert len(names(home, OWNER, query)) == count


def test_the_lines_are_what_the_documentation_says(home: Path) -> None:
    id = begun(home, "A?")
    header, line = map(json.loads, path(home, id).read_text().splitlines())
    assert header == {"id": id, "collection": "papers", "created": header["created"], "title": "A?"}
    assert line == {"time": line["time"], "answer": answer("A?").to_json()}
