"""What a reference set says in prose is held against the abstracts, too: histories, texts of nuggets, sides, kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from reference_items import BY_ID, nugget
from test_checking import Line, Lines, copy, edit, flaws, of_nugget, put

from eval.proofreading.titles import Titles

FINCH = BY_ID["finch"].title
SAID = "“Finch: Lazy Offloading for Edge Phones” moves weights to flash"


def told(content: str) -> Callable[[Lines], None]:
    """Another last turn of the assistant before the follow-up."""
    return edit("followup", lambda i: i["history"][1].update(content=content))


def asked(content: str) -> Callable[[Lines], None]:
    """Another first turn of the user, and an answer about something else."""
    turns = [{"role": "user", "content": content}, {"role": "assistant", "content": "The dye fades within a decade."}]
    return put("followup", history=turns)


def _halved(item: Line) -> None:
    one = item["gold_spans"][0]
    one["text"] = one["text"].partition(" on a single")[0]
    one["end"] = one["start"] + len(one["text"])


# A name, the item that has to be named, the change, and what the message has to say.
CORRUPTIONS: tuple[tuple[str, str, Callable[[Lines], None], str], ...] = (
    ("title misspelt in a history", "followup", told("Finch: Lazy Offlading for Edge Phones moves it."),
     "is nearly, and not exactly, the title 'Finch"),
    ("title misspelt in an answer", "lookalike",
     put("lookalike", reference_answer="3 MB: Finch, Lazy Offloading for Edge Phone, says it."), "is nearly"),
    ("word of a title changed", "followup", told("See Finch: Lazy Offloading for Edge Photos."), "is nearly"),
    ("figure of a history", "followup", told(f"{SAID}, and answers come 2.7 times sooner."), "says '2.7 times'"),
    ("figure of another paper", "followup", told(f"{SAID}. It has 87% of the speed."), "says '87%'"),
    ("figure of nobody", "followup", told("It saves 71% of the weights, lazy offloading on phones."), "says '71%'"),
    ("history of another", "followup", asked("What of dyes?"), "the history is about other things"),
    ("span of half a sentence", "number", edit("number", _halved), "is not made of whole sentences"),
    ("text of a nugget", "fact", of_nugget("fact", text="purple lichen"), "shares no word"),
    ("figure of a nugget", "number", of_nugget("number", text="17 billion"), "its text says '17 billion'"),
    ("nugget twice", "fact", edit("fact", lambda i: i["nuggets"].append(i["nuggets"][0])), "is there twice"),
    ("nugget twice, other text", "fact",
     edit("fact", lambda i: i["nuggets"].append(nugget("disk states", r"\bon disk\b"))), "the same aliases"),
    ("missing number", "comparison", edit("comparison", lambda i: i.update(
        question=i["question"] + " Two of them?", missing=["Stork", "Two"])), "'Two' is no name"),
    ("missing word", "comparison", edit("comparison", lambda i: i["missing"].append("How")), "'How' is no name"),
    ("missing part of a word", "comparison", edit("comparison", lambda i: i.update(missing=["Sto"])),
     "does not name 'Sto'"),
    ("side that is not gold", "comparison", edit("comparison", lambda i: i.update(
        question="How do Heron, Ibis, Plover and Stork deal with slow pipelines?")), "names 'Plover', which is plover"),
    ("list made a count", "list", put("list", kind="count", borderline_papers=[]), "asks for no number"),
    ("count made a list", "count", put("count", kind="list"), "asks how many"),
    ("figure of nothing", "detail", put("detail", reference_answer="Sparrow says 417."), "says '417'"),
    ("figure of nothing, no paper", "offtopic", put("offtopic", reference_answer="They won 417 to 3."), "says '417'"),
    ("escape in an id", "a\x1b[31m", copy("offtopic", "a\x1b[31m", question="Who lost?"), "id: "),
    ("line end in an id", "a\nb", copy("offtopic", "a\nb", question="Who lost?"), "id: "),
    ("space at an end of an id", " a", copy("offtopic", " a", question="Who lost?"), "id: "),
    ("escape in a question", "fact", edit("fact", lambda i: i.update(question="\x1b[2J" + i["question"])),
     "question: a control character"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("id", "changed", "message"), [c[1:] for c in CORRUPTIONS], ids=[c[0].replace(" ", "-") for c in CORRUPTIONS]
)
def test_a_corruption_is_refused_with_its_item(
    id: str, changed: Callable[[Lines], None], message: str, tmp_path: Path
) -> None:
    said = "\n".join(str(flaw) for flaw in flaws(changed, file=tmp_path / "q.jsonl") if flaw.id == id)
    assert message in said, said or "nothing was found"


@pytest.mark.parametrize(
    "changed",
    [
        told(f"{SAID}, and answers come 2.4× sooner [1]."),
        told(f"Two fit:\n1. {FINCH}\n2. {BY_ID['sparrow'].title}, on cards with 24 GB"),
        told("Lazy offloading on edge phones."),
        edit("followup", lambda i: i.update(history=[], kind="fact", question="How much sooner does Finch answer?")),
        put("followup", question="No, I meant the other one. How much sooner?"),
        put("detail", reference_answer="Sparrow gives 87% of the speed, and no optimizer."),
        put("detail", reference_answer="None of its two parts names one."),
        put("count", question="Count the papers that work with fewer bits."),
        put("count", kind="list", question="How many papers work with fewer bits, and which are they?"),
        put("comparison", question="How do Heron, Ibis and Stork\ndeal with slow pipelines?"),
        of_nugget("fact", aliases=["never said anywhere"]),
    ],
)
def test_what_is_right_in_other_words_is_no_flaw(changed: Callable[[Lines], None], tmp_path: Path) -> None:
    """An alias that no text has may still be the paraphrase of an answer."""
    assert flaws(changed, file=tmp_path / "q.jsonl") == []


def test_a_title_in_a_longer_one_is_no_slip() -> None:
    longer = replace(BY_ID["finch"], id="finch-2", title=f"{FINCH} in Cold Weather")
    titles = Titles([*BY_ID.values(), longer])
    assert list(titles.flaws(f"{longer.title} is another paper than {FINCH}.")) == []
    assert list(titles.flaws("Lazy offloading for edge phones is done by Finch.")) == []
