"""A reference set is proved against its abstracts: whatever is changed in a set that holds is found, and said where."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from reference_items import BY_ID, PAPERS, items, lines, nugget, span
from serving import ROOT

from eval.proofreading import check
from rag.core.resources import evaluation, seeds
from rag.evaluation import checking
from rag.evaluation.items import KINDS, Flaw, Item, parse
from rag.papers import Paper, load

Line = dict[str, Any]
Lines = dict[str, Line]


def flaws(
    changed: Callable[[Lines], None],
    papers: tuple[Paper, ...] = PAPERS,
    file: Path | None = None,
    check: Callable[[Sequence[Item], Sequence[Paper]], list[Flaw]] = check,
) -> list[Flaw]:
    """What parsing and checking find in the set after `changed`."""
    data = {line["id"]: line for line in lines()}
    changed(data)
    file = file or Path("questions.jsonl")
    file.write_text("".join(json.dumps(line) + "\n" for line in data.values()))
    held, found = parse(file)
    return [*found, *check(held, papers)]


def test_the_set_holds() -> None:
    assert flaws(lambda data: None) == []
    assert {line["kind"] for line in lines()} == set(KINDS) - {"overview"}


def put(id: str, **fields: Any) -> Callable[[Lines], None]:
    return lambda data: data[id].update(fields)


def edit(id: str, change: Callable[[Line], object]) -> Callable[[Lines], None]:
    return lambda data: change(data[id]) and None


def copy(source: str, new: str, **fields: Any) -> Callable[[Lines], None]:
    return lambda data: data.update({new: {**data[source], "id": new, **fields}})


def of_nugget(id: str, **fields: Any) -> Callable[[Lines], None]:
    return edit(id, lambda i: i["nuggets"][0].update(fields))


def of_span(id: str, **fields: Any) -> Callable[[Lines], None]:
    return edit(id, lambda i: i["gold_spans"][0].update(fields))


def moved(id: str, by: int, *, text: bool) -> Callable[[Lines], None]:
    """The first span, some characters further; with `text` what it says as well."""

    def change(item: Line) -> None:
        one = item["gold_spans"][0]
        one["start"], one["end"] = one["start"] + by, one["end"] + by
        if text:
            one["text"] = BY_ID[one["paper_id"]].abstract[one["start"] : one["end"]]

    return edit(id, change)


def without(id: str, paper: str, **fields: Any) -> Callable[[Lines], None]:
    """A gold paper left out with its title, spans and nuggets, and some fields changed."""

    def change(item: Line) -> None:
        at = item["gold_papers"].index(paper)
        del item["gold_papers"][at], item["gold_titles"][at]
        item["gold_spans"] = [s for s in item["gold_spans"] if s["paper_id"] != paper]
        item["nuggets"] = [n for n in item["nuggets"] if n.get("paper_id") != paper]
        item.update(fields)

    return edit(id, change)


def joined(id: str, paper: str, part: str) -> Callable[[Lines], None]:
    """Another gold paper, with its title and a span; without one where `part` is empty."""

    def change(item: Line) -> None:
        item["gold_papers"].append(paper)
        item["gold_titles"].append(BY_ID[paper].title)
        item["gold_spans"] += [span(paper, part)] if part else []

    return edit(id, change)


def swapped(a: str, b: str, *fields: str) -> Callable[[Lines], None]:
    def change(data: Lines) -> None:
        for name in fields:
            data[a][name], data[b][name] = data[b][name], data[a][name]

    return change


GOLD = ("gold_papers", "gold_titles", "gold_spans")
HEAD = "Sparrow: Lazy Offloading for Small Machines"
COPY = "Sparrow keeps optimizer states on disk and fetches them lazily while the backward pass runs."

# A name, the item that has to be named, the change, and what the message has to say.
CORRUPTIONS: tuple[tuple[str, str, Callable[[Lines], None], str], ...] = (
    ("title changed", "fact", put("fact", gold_titles=[HEAD.replace("Small", "Tiny")]), "is not the title of sparrow"),
    ("title with a space", "fact", put("fact", gold_titles=[HEAD + " "]), "is not the title of sparrow"),
    ("titles too many", "fact", put("fact", gold_titles=[HEAD, HEAD]), "1 gold_papers, but 2 gold_titles"),
    ("titles in another order", "list", edit("list", lambda i: i["gold_titles"].reverse()), "is not the title of"),
    ("paper id changed", "fact", put("fact", gold_papers=["sparrows"]), "no paper 'sparrows'"),
    ("paper id of another", "fact", put("fact", gold_papers=["wren"]), "is not the title of wren"),
    ("paper twice", "list", joined("list", "ibis", ""), "ibis is there twice"),
    ("borderline unknown", "list", put("list", borderline_papers=["emu"]), "borderline_papers: the collection has no"),
    ("borderline twice", "list", put("list", borderline_papers=["wren"] * 2), "wren is there twice"),
    ("borderline is gold", "list", put("list", borderline_papers=["ibis"]), "both gold and borderline"),
    ("borderline of a fact", "fact", put("fact", borderline_papers=["wren"]), "only a list or a count"),
    ("span moved by one", "fact", moved("fact", 1, text=False), "it stands at"),
    ("span moved with its text", "fact", moved("fact", 3, text=True), "cuts the word"),
    ("span of a list moved with its text", "list", moved("list", 4, text=True), "cuts the word"),
    ("span's text changed", "fact", of_span("fact", text=COPY.replace("disk", "tape")), "is not in the abstract"),
    ("span's end changed", "fact", edit("fact", lambda i: i["gold_spans"][0].update(end=40)), "is not at"),
    ("span far outside", "fact", of_span("fact", start=9000, end=9000 + len(COPY)), "it stands at"),
    ("span of another sentence", "fact", of_span("fact", **span("sparrow", "held back")),
     "no gold span of sparrow has"),
    ("span of a list elsewhere", "list", of_span("list", **span("ibis", "No restart")),
     "overlap|nothing to do|no span"),
    ("span of another paper", "fact", of_span("fact", **span("wren", "four bits")), "'wren' is no gold paper"),
    ("span under another id", "fact", of_span("fact", paper_id="wren"), "'wren' is no gold paper"),
    ("span dropped", "fact", put("fact", gold_spans=[]), "no span says what sparrow"),
    ("span dropped of a list", "list", edit("list", lambda i: i["gold_spans"].pop()), "no span says what ibis"),
    ("span twice", "fact", edit("fact", lambda i: i["gold_spans"].append(i["gold_spans"][0])), "overlap"),
    ("span begins with a space", "fact", moved("fact", -1, text=True), "begins or ends with a space"),
    ("nugget that the abstract lacks", "fact", of_nugget("fact", patterns=["on tape"]), "abstract of sparrow does not"),
    ("nugget added", "number", edit("number", lambda i: i["nuggets"].append(nugget("Adam", "Adam", vital=False))),
     "abstract of sparrow does not have it"),
    ("nugget without pattern", "fact", of_nugget("fact", patterns=[]), "neither alias nor pattern"),
    ("nugget in its question", "fact", of_nugget("fact", aliases=["Sparrow"]), "its own question gives it away"),
    ("question with the nugget", "fact", put("fact", question="Is Sparrow's state on disk?"), "gives it away"),
    ("alias of one character", "fact", of_nugget("fact", aliases=["k"]), "so short that anything"),
    ("alias of signs", "fact", of_nugget("fact", aliases=["."]), "so short that anything"),
    ("alias empty", "fact", of_nugget("fact", aliases=[""]), "so short that anything"),
    ("alias everywhere", "fact", of_nugget("fact", aliases=["in"]), "more than half of the abstracts"),
    ("pattern everywhere", "fact", of_nugget("fact", patterns=[r"[a-z]{3}"]), "more than half of the abstracts"),
    ("pattern of nothing", "fact", of_nugget("fact", patterns=["x*"]), "so short that anything"),
    ("pattern broken", "fact", of_nugget("fact", patterns=["(on disk"]), "no regular expression"),
    ("nugget of another paper", "fact", of_nugget("fact", paper_id="wren"), "'wren' is no gold paper"),
    ("nugget of nobody", "comparison", edit("comparison", lambda i: i["nuggets"][0].pop("paper_id")),
     "paper_id has to"),
    ("importance unknown", "fact", of_nugget("fact", importance="nice"), "nuggets.0.importance"),
    ("nothing vital", "fact", of_nugget("fact", importance="okay"), "no vital nugget"),
    ("nuggets dropped", "number", put("number", nuggets=[]), "no vital nugget"),
    ("nuggets of a list", "list", put("list", nuggets=[nugget("x", "bubbles", paper="heron")]), "leave nuggets empty"),
    ("kind unknown", "fact", put("fact", kind="facts"), "kind: Input should be"),
    ("kind of another", "fact", put("fact", kind="count"), "leave nuggets empty"),
    ("fact as comparison", "fact", put("fact", kind="comparison"), "two sides or more"),
    ("list as fact", "list", put("list", kind="fact"), "no vital nugget"),
    ("number without figure", "number", of_nugget("number", text="big", aliases=["parameters"], patterns=[]),
     "a figure"),
    ("duplicate id", "fact", copy("number", "other", id="fact"), "the id is there 2 times"),
    ("duplicate question", "other", copy("fact", "other"), "asks the same as fact"),
    ("duplicate question, the other", "fact", copy("fact", "other"), "asks the same as other"),
    ("duplicate question, other signs", "other",
     copy("fact", "other", question="where does SPARROW hold the optimizer’s state"), "asks the same as fact"),
    ("split leaks", "fact", put("fact", split="test"), "sparrow is in both splits"),
    ("split leaks by one of two", "followup", put("followup", split="dev"), "finch is in both splits"),
    ("split unknown", "fact", put("fact", split="train"), "split: Input should be"),
    ("gold dropped", "fact", put("fact", gold_papers=[], gold_titles=[]), "at least one gold paper"),
    ("gold of a list dropped", "list", without("list", "ibis"), "gives 2 count, and the gold papers are 1"),
    ("gold of a list dropped, and the number", "list", without("list",
     "ibis", reference_answer="They are Heron and Ibis."),
     "says 'Ibis'|not name"),
    ("extra gold without span", "list", joined("list", "wren", ""), "no span says what wren"),
    ("extra gold with span", "list", joined("list", "wren", "four bits"), "does not name wren|gives 2 count"),
    ("extra gold of a fact with span", "idea", joined("idea", "wren", "four bits"),
     "gold paper wren has no vital nugget"),
    ("gold of two items swapped", "fact", swapped("fact", "idea", *GOLD), "sparrow' is no gold|does not have it"),
    ("gold of two sets swapped", "list", swapped("list", "count", *GOLD), "does not name plover"),
    ("answerable flipped", "fact", put("fact", answerable=False), "answerable is false, and the kind is fact"),
    ("unanswerable flipped", "detail", put("detail", answerable=True), "answerable is true"),
    ("unanswerable with gold", "detail", put("detail", gold_papers=["wren"], gold_titles=[BY_ID["wren"].title]),
     "an unanswerable question has no gold"),
    ("unanswerable with nugget", "detail", put("detail", nuggets=[nugget("Adam", "Adam", paper="wren")]),
     "has no gold"),
    ("unanswerable with missing", "detail", put("detail", missing=["Sparrow"]), "missing sides"),
    ("unanswerable of no sort", "detail", put("detail", sort=""), "sort is ''"),
    ("sort of a fact", "fact", put("fact", sort="detail"), "only unanswerable questions"),
    ("comparison with one side", "comparison", without("comparison", "ibis", missing=()), "two sides or more"),
    ("side without nugget", "comparison", edit("comparison", lambda i: i["nuggets"].pop()),
     "the side ibis has no vital"),
    ("missing on a fact", "fact", put("fact", missing=["Stork"]), "only a comparison has missing"),
    ("missing that nobody asks for", "comparison", put("comparison", missing=["Crane"]), "does not name 'Crane'"),
    ("missing that is there", "comparison", put("comparison", missing=["Heron"]), "'Heron' is in the collection"),
    ("missing that is blank", "comparison", put("comparison", missing=[" "]), "does not name ' '"),
    ("history dropped", "followup", put("followup", history=[]), "a follow-up has a history"),
    ("history cut", "followup", edit("followup", lambda i: i["history"].pop()), "alternate from user to assistant"),
    ("history turned", "followup", edit("followup", lambda i: i["history"].reverse()), "alternate"),
    ("history of a machine", "followup", edit("followup", lambda i: i["history"][0].update(role="system")), "role"),
    ("title misquoted in the history", "followup",
     edit("followup", lambda i: i["history"][1].update(content="“Finch: Lazy Offload for Edge Phones” moves it.")),
     "is quoted for the title"),
    ("count that disagrees", "count", put("count", reference_answer="Three: Plover and Wren."),
     "the gold papers are 2"),
    ("count without number", "count", put("count", reference_answer="Plover and Wren."), "no count"),
    ("answer of a list that disagrees", "list", put("list", reference_answer="3 papers: Heron, Ibis."), "papers are 2"),
    ("answer of another list", "list", put("list", reference_answer="Two: Plover and Wren."), "does not name heron"),
    ("answer copied", "fact", put("fact", reference_answer=COPY), "copies 'sparrow keeps"),
    ("answer without the nugget", "fact", put("fact", reference_answer="In the cloud."),
     "reference answer does not have"),
    ("answer of another item", "fact", swapped("fact", "premise", "reference_answer"),
     "reference answer does not have"),
    ("question empty", "fact", put("fact", question=""), "question: String should have at least 1"),
    ("question blank", "fact", put("fact", question=" \n"), "question: nothing but spaces"),
    ("answer empty", "detail", put("detail", reference_answer=""), "reference_answer: String should have"),
    ("answer blank", "detail", put("detail", reference_answer="\t"), "reference_answer: nothing but spaces"),
    ("field unknown", "fact", put("fact", answer="x"), "answer: Extra inputs are not permitted"),
    ("field missing", "fact", edit("fact", lambda i: i.pop("split")), "split: Field required"),
    ("field of another type", "fact", put("fact", answerable="yes"), "answerable: Input should be a valid boolean"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("id", "changed", "message"), [c[1:] for c in CORRUPTIONS], ids=[c[0].replace(" ", "-") for c in CORRUPTIONS]
)
def test_a_corruption_is_refused_with_its_item(id: str, changed: Callable[[Lines], None], message: str) -> None:
    found = [flaw for flaw in flaws(changed) if flaw.id == id]
    said = "\n".join(str(flaw) for flaw in found)
    assert any(part in said for part in message.split("|")), said or "nothing was found"


PROSE = frozenset(
    (
        "alias everywhere",
        "pattern everywhere",
        "gold of a list dropped",
        "gold of a list dropped, and the number",
        "extra gold with span",
        "gold of two sets swapped",
        "missing that nobody asks for",
        "missing that is there",
        "missing that is blank",
        "title misquoted in the history",
        "count that disagrees",
        "count without number",
        "answer of a list that disagrees",
        "answer of another list",
        "answer copied",
    )
)
"""What only reading on finds (`eval.proofreading`)."""


def test_the_program_finds_what_is_wrong_in_form_by_itself() -> None:
    for name, id, changed, message in CORRUPTIONS:
        said = "\n".join(str(flaw) for flaw in flaws(changed, check=checking.check) if flaw.id == id)
        assert any(part in said for part in message.split("|")) == (name not in PROSE), name


def test_flaws_come_in_the_order_of_the_set_and_name_each_item_once_with_its_own() -> None:
    def changed(data: Lines) -> None:
        put("number", gold_titles=["x"])(data)
        put("fact", gold_titles=["x"])(data)
        put("detail", sort="")(data)

    assert [flaw.id for flaw in flaws(changed)] == ["fact", "number", "detail"]


def test_another_collection_is_none_of_the_set() -> None:
    """Every answerable item is named where the papers are others, or where one abstract was edited."""
    found = {flaw.id for flaw in check(items(), PAPERS[6:])}
    assert found >= {i.id for i in items() if i.answerable}
    edited = replace(BY_ID["sparrow"], abstract="Now. " + BY_ID["sparrow"].abstract)
    papers = [edited if p.id == "sparrow" else p for p in PAPERS]
    assert {flaw.id for flaw in check(items(), papers)} == {"fact", "number", "premise"}


def test_an_empty_set_and_an_empty_collection_are_checked() -> None:
    assert check([], PAPERS) == []
    assert {flaw.id for flaw in check(items(), [])} >= {i.id for i in items() if i.answerable}


def test_a_span_that_is_the_whole_abstract_says_nothing() -> None:
    long = replace(BY_ID["sparrow"], abstract=BY_ID["sparrow"].abstract + " It is free. " * 12)
    papers = tuple(long if p.id == "sparrow" else p for p in PAPERS)
    whole = {"paper_id": "sparrow", "start": 0, "end": len(long.abstract) - 1, "text": long.abstract[:-1]}
    assert "is most of the abstract" in str(flaws(put("fact", gold_spans=[whole]), papers))


@given(data=st.data())
def test_any_edit_of_a_span_is_refused(data: st.DataObject) -> None:
    """A character of its text put in, left out or replaced, or an offset moved: the item is named."""
    held = lines()
    line = data.draw(st.sampled_from([i for i in held if i["gold_spans"]]))
    one = data.draw(st.sampled_from(line["gold_spans"]))
    before = dict(one)
    field = data.draw(st.sampled_from(["text", "start", "end"]))
    if field == "text":
        at = data.draw(st.integers(0, len(one["text"]) - 1))
        new = data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=1))
        one["text"] = one["text"][:at] + new + one["text"][at + data.draw(st.integers(0, 1)) :]
        assume(one["text"])
    else:
        one[field] += data.draw(st.integers(-300, 300))
        assume(one[field] >= (field == "end"))
    assume(one != before)
    found = check([Item.model_validate(i) for i in held], PAPERS)
    assert line["id"] in {flaw.id for flaw in found}


@given(st.data())
def test_a_span_of_a_fact_is_one_that_has_its_nugget(data: st.DataObject) -> None:
    """Wherever a span goes together with its text: it holds whole words and the vital nugget, or it is refused."""
    line = next(i for i in lines() if i["id"] == "number")
    abstract = BY_ID["sparrow"].abstract
    start = data.draw(st.integers(0, len(abstract) - 1))
    end = data.draw(st.integers(start + 1, len(abstract)))
    text = abstract[start:end]
    line["gold_spans"] = [{"paper_id": "sparrow", "start": start, "end": end, "text": text}]
    if not check([Item.model_validate(line)], PAPERS):
        assert "13 billion" in text
        assert not (abstract[:start] + "|" + text).replace("|", "", 1)[start - 1 : start + 1].isalnum() or start == 0


# --- the set that comes with the program ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped() -> list[Item]:
    found, wrong = parse(evaluation() / "questions.jsonl")
    assert [str(flaw) for flaw in wrong[:5]] == []
    return found


@pytest.fixture(scope="module")
def papers() -> tuple[Paper, ...]:
    return load([seeds()]).papers


def test_the_shipped_set_holds(shipped: list[Item], papers: tuple[Paper, ...]) -> None:
    assert [str(flaw) for flaw in check(shipped, papers)] == []
    assert not [item.id for item in shipped if item.draft]


def test_the_shipped_set_is_what_the_readme_says_it_is(shipped: list[Item], papers: tuple[Paper, ...]) -> None:
    assert len(papers) == 82
    assert len(shipped) >= 330
    gold = Counter(id for item in shipped for id in item.gold_papers)
    assert [p.id for p in papers if gold[p.id] < 3] == []
    for split in ("dev", "test"):
        assert {item.kind for item in shipped if item.split == split} == set(KINDS) - {"overview"}
    dev, test = ({id for i in shipped if i.split == s for id in i.gold_papers} for s in ("dev", "test"))
    assert not dev & test
    assert {i.sort for i in shipped if i.kind == "unanswerable"} == {"detail", "absent", "offtopic", "injected"}
    sides = {len(i.gold_papers) + len(i.missing) for i in shipped if i.kind == "comparison"}
    assert sides >= {2, 3, 4}
    assert any(i.missing for i in shipped)


def test_the_shipped_file_is_plain_text(shipped: list[Item]) -> None:
    raw = (ROOT / "eval" / "questions.jsonl").read_bytes()
    assert raw.endswith(b"}\n")
    assert b"\r" not in raw
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\n") == len(shipped)
