"""How reference questions are read and written: any line that can't be one is named, and the others are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference_items import items, lines

from rag.core.errors import EvaluationError
from rag.evaluation.items import KINDS, Item, Nugget, choose, digest, parse, read, to_line, write


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "questions.jsonl"


def text() -> str:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines())


# --- reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layout",
    [
        lambda t: t.encode(),
        lambda t: t.encode("utf-8-sig"),
        lambda t: t.replace("\n", "\r\n").encode(),
        lambda t: ("\n \n" + t.replace("\n", "\n\n\t\n")).encode(),
        lambda t: t.rstrip("\n").encode(),
        lambda t: "".join(json.dumps(json.loads(line)) + "\n" for line in t.splitlines()).encode(),
    ],
    ids=["plain", "BOM", "CRLF", "blank lines", "no last newline", "escaped"],
)
def test_the_layout_of_a_file_makes_no_difference(file: Path, layout: Callable[[str], bytes]) -> None:
    file.write_bytes(layout(text()))
    assert read(file) == items()
    assert digest(read(file)) == digest(items())


def test_a_line_may_hold_separators_of_unicode(file: Path) -> None:
    """U+2028 and U+0085 end no line of JSON, though Python's splitlines says so."""
    line = {**lines()[-1], "question": "Who won\u2028the\u0085cup?"}
    file.write_text(json.dumps(line, ensure_ascii=False) + "\n")
    assert read(file)[0].question == line["question"]


def test_what_is_written_is_read(file: Path) -> None:
    write(file, items())
    assert read(file) == items()
    assert not list(file.parent.glob("*.part"))
    assert file.read_text().count("\n") == len(items())
    assert "“Finch" in file.read_text(), "people read the file"


def _with(**fields: Any) -> str:
    return json.dumps({**lines()[0], **fields})


def _nugget(**fields: Any) -> str:
    return _with(nuggets=[{"text": "x", "importance": "vital", **fields}])


def _span(**fields: Any) -> str:
    return _with(gold_spans=[{"paper_id": "sparrow", "start": 0, "end": 4, "text": "Trai", **fields}])


@pytest.mark.parametrize(
    ("line", "name", "message"),
    [
        (_with(colour="red"), "fact", "colour: Extra inputs are not permitted"),
        (_with(answerable=1), "fact", "answerable: Input should be a valid boolean"),
        (_with(answerable="true"), "fact", "answerable: Input should be a valid boolean"),
        (_with(question=None), "fact", "question: Input should be a valid string"),
        (_with(question=""), "fact", "question: String should have at least 1 character"),
        (_with(question="half \ud83d of a character"), "fact", "question: Input should be a valid string"),
        (_with(kind="facts"), "fact", "kind: Input should be 'fact', 'number'"),
        (_with(split="train"), "fact", "split: Input should be 'dev' or 'test'"),
        (_with(gold_papers="sparrow"), "fact", "gold_papers: Input should be a valid list"),
        (_with(gold_papers=[1]), "fact", "gold_papers.0: Input should be a valid string"),
        (_with(missing={"a": 1}), "fact", "missing: Input should be a valid list"),
        (_with(history=[{"role": "tool", "content": "x"}]), "fact", "history.0.role: Input should be 'user' or 'assi"),
        (_with(history=[{"role": "user", "content": ""}]), "fact", "history.0.content: String should have at least"),
        (_with(history=[["user", "x"]]), "fact", "history.0: Input should be a valid object"),
        (_nugget(patterns=["("]), "fact", "nuggets.0.patterns: Value error, '(' is no regular expression"),
        (_nugget(patterns=["a{" + "9" * 30 + "}"]), "fact", "is no regular expression: the repetition number"),
        (_nugget(patterns=["(" * 5000]), "fact", "is no regular expression"),
        (_nugget(patterns=[r"(?P<a>x)(?P<a>y)"]), "fact", "is no regular expression"),
        (_nugget(patterns="x"), "fact", "nuggets.0.patterns: Input should be a valid list"),
        (_nugget(importance="must"), "fact", "nuggets.0.importance: Input should be 'vital' or 'okay'"),
        (_nugget(weight=2), "fact", "nuggets.0.weight: Extra inputs"),
        (_span(start=-1), "fact", "gold_spans.0.start: Input should be greater than or equal to 0"),
        (_span(start=0.5), "fact", "gold_spans.0.start: Input should be a valid integer"),
        (_span(start="0"), "fact", "gold_spans.0.start: Input should be a valid integer"),
        (_span(end=True), "fact", "gold_spans.0.end: Input should be a valid integer"),
        (_span(text=""), "fact", "gold_spans.0.text: String should have at least 1 character"),
        (_with(id="x" * 81), "x" * 81, "id: String should have at most 80 characters"),
        (_with(id=""), "line 2", "id: String should have at least 1 character"),
        (_with(id=7), "line 2", "id: Input should be a valid string"),
        (_with()[:-40], "fact", "line 2 is not JSON"),
        (_with()[:6], "line 2", "line 2 is not JSON"),
        (_with() + _with(), "fact", "line 2 is not JSON (Extra data"),
        (_with()[:-1] + ', "id": "other"}', "fact", "the field 'id' is there twice"),
        ("[1, 2]", "line 2", "Input should be a valid object: Item"),
        ("null", "line 2", "Input should be a valid object: Item"),
        ("What is QLoRA?", "line 2", "line 2 is not JSON"),
        ("[" * 100_000, "line 2", "line 2 is not JSON"),
        ('{"id": "a"}', "a", "kind: Field required"),
    ],
)
def test_a_line_that_is_no_item_is_named_and_the_others_are_read(
    file: Path, line: str, name: str, message: str
) -> None:
    first, last = json.dumps(lines()[-1]), json.dumps(lines()[-2])
    file.write_text(f"{first}\n{line}\n{last}\n")
    held, flaws = parse(file)
    assert [i.id for i in held] == ["offtopic", "detail"]
    assert {flaw.id for flaw in flaws} == {name}
    assert any(message in str(flaw) for flaw in flaws), flaws
    with pytest.raises(EvaluationError) as caught:
        read(file)
    assert str(file) in str(caught.value)
    assert name in str(caught.value)
    assert len(str(flaws[0])) < 500


def test_all_that_is_wrong_is_counted(file: Path) -> None:
    file.write_text("x\ny\n")
    with pytest.raises(EvaluationError, match=r"line 1 is not JSON.*and 1 more; rag eval check lists them"):
        read(file)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "holds no questions"),
        (b"\n \n", "holds no questions"),
        (b'{"id": "\xff"}', r"is not UTF-8 \(byte 9\)"),
        ('{"id": "a"}'.encode("utf-16"), "is not UTF-8"),
        (None, "No such file or directory. --questions names a JSONL file"),
    ],
)
def test_a_file_that_is_no_set_says_so(file: Path, raw: bytes | None, message: str) -> None:
    if raw is not None:
        file.write_bytes(raw)
    with pytest.raises(EvaluationError, match=message):
        read(file)


def test_a_folder_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="Is a directory"):
        parse(tmp_path)


@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes, cut: int) -> None:
    file = tmp_path_factory.mktemp("set") / "questions.jsonl"
    file.write_bytes(text().encode()[:cut] + raw)
    try:
        held, flaws = parse(file)
    except EvaluationError as e:
        assert "is not UTF-8" in str(e)
    else:
        assert (
            held
            or flaws
            or not (text()[:cut] + raw.decode()).strip("\ufeff \t\r\n\f\v\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029")
        )


# --- nuggets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("aliases", "patterns", "text", "found"),
    [
        (("2.5 times",), (), "It is 2.5 TIMES faster.", True),
        (("2.5 times",), (), "It is 2.5\n  times faster.", True),
        (("2.5  times",), (), "It is 2.5 times faster.", True),
        (("2.5 times",), (), "It is 2x5 times faster.", False),
        ((), (r"2\.5 ?(x|×|times)",), "2.5× faster", True),
        ((), (r"2\.5 ?(x|×|times)",), "12.5 times", False),
        ((), (r"\b2\.5 ?(x|×|times)",), "12.5 times", False),
        ((), (r"on disk.*lazily",), "on disk\nand lazily", True),
        (("STRASSE",), (), "straße", True),
        (("",), (), "", True),
        ((), (), "anything", False),
    ],
)
def test_where_a_nugget_is(aliases: tuple[str, ...], patterns: tuple[str, ...], text: str, found: bool) -> None:
    assert Nugget(text="n", importance="vital", aliases=aliases, patterns=patterns).found_in(text) is found


# --- the hash and the choice ----------------------------------------------------------------------------------------


def test_the_hash_is_of_what_a_set_says() -> None:
    whole = digest(items())
    for n, item in enumerate(items()):
        for changed in ({"notes": "x"}, {"question": item.question + "?"}, {"draft": True}, {"split": "dev"}):
            other = [*items()[:n], item.model_copy(update=changed), *items()[n + 1 :]]
            assert (digest(other) == whole) is (other == items())
    assert digest(items()[::-1]) != whole
    assert digest(items()[1:]) != whole


def _many() -> list[Item]:
    base = items()[0]
    made = [
        base.model_copy(update={"id": f"q{n}", "kind": KINDS[n % 3], "split": "dev" if n % 2 else "test"})
        for n in range(60)
    ]
    return [i.model_copy(update={"draft": True}) if i.id in ("q6", "q7") else i for i in made]


def test_fewer_are_always_among_more_and_in_the_order_of_the_file() -> None:
    asked = [choose(_many(), limit=n) for n in (1, 2, 5, 100)]
    for fewer, more in pairwise(asked):
        assert {i.id for i in fewer} < {i.id for i in more}
    for chosen in asked:
        assert [i.id for i in chosen] == [i.id for i in _many() if i in chosen]
    assert [len(a) for a in asked] == [3, 6, 15, 58]


def test_a_choice_is_of_its_split_and_kinds_and_without_drafts() -> None:
    assert {i.split for i in choose(_many(), split="dev")} == {"dev"}
    assert {i.kind for i in choose(_many(), kinds=["fact", "idea"])} == {"fact", "idea"}
    assert not [i for i in choose(_many()) if i.draft]
    assert [i.id for i in choose(_many(), drafts=True) if i.draft] == ["q6", "q7"]
    assert choose(_many(), kinds=["list"]) == []


def test_items_are_in_one_cluster_where_their_gold_papers_are_the_same() -> None:
    by_id = {i.id: i for i in items()}
    assert by_id["fact"].cluster == by_id["number"].cluster == "sparrow"
    turned = by_id["list"].model_copy(update={"gold_papers": by_id["list"].gold_papers[::-1]})
    assert by_id["list"].cluster == turned.cluster == by_id["comparison"].cluster
    assert by_id["detail"].cluster != by_id["offtopic"].cluster


def test_a_follow_up_is_asked_with_its_history() -> None:
    asked = next(i for i in items() if i.kind == "followup")
    assert [t.role for t in asked.turns] == ["user", "assistant"]
    assert asked.turns[0].content == "What does Finch do?"


def test_items_do_not_change() -> None:
    item = items()[0]
    with pytest.raises(ValueError, match="frozen"):
        item.question = "x"
    assert json.loads(to_line(item)) == lines()[0] | {"nuggets": [{"paper_id": "", **n} for n in lines()[0]["nuggets"]]}


@pytest.mark.parametrize(
    ("alias", "text", "there"),
    [
        ("EMA", "the EMA of the weights", True),
        ("EMA", "the demand remains", False),
        ("GPU hour", "four GPU  hours", True),
        ("2.5x", "12.5x faster", False),
        ("2.5", "2.5× faster", True),
        ("2.5", "2.51× faster", False),
        ("47", "47,000 papers", False),
        ("47", "47, and no more", True),
        ("±3", "an error of ±3", True),
    ],
)
def test_an_alias_stands_as_words(alias: str, text: str, there: bool) -> None:
    assert Nugget(text="a fact", importance="vital", aliases=(alias,)).found_in(text) is there
