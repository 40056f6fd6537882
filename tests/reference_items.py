"""A small reference set of every kind over twelve papers of its own, for tests of what reads, checks and asks one."""

from __future__ import annotations

import json
from typing import Any

from rag.evaluation.items import Item
from rag.papers import Paper, paper_id

_ABSTRACTS = {
    "Sparrow: Lazy Offloading for Small Machines": (
        "Training on one machine is held back by scarce device memory. Sparrow keeps optimizer states on disk and "
        "fetches them lazily while the backward pass runs. It trains a model of 13 billion parameters on a single "
        "card with 24 GB, at 87% of the speed of a cluster. Sparrow needs no change of the user's code."
    ),
    "Finch: Lazy Offloading for Edge Phones": (
        "Phones lack the memory that inference of language models asks for. Finch moves cold weights to flash storage "
        "and predicts which ones come next. Answers arrive 2.4 times sooner than with paging by the kernel. The "
        "predictor is a table of 3 MB."
    ),
    "Heron: Pipelines without Bubbles": (
        "Pipeline schedules waste time in bubbles. Heron splits the backward pass into two halves and fills every "
        "bubble with the second half. On 64 accelerators it raises utilization to 96%. Its schedule is found by a "
        "solver."
    ),
    "Ibis: Schedules that Adapt": (
        "Static pipeline schedules suffer where stages differ in speed. Ibis measures the stages while they run and "
        "moves layers between them. Throughput grows by 31% on mixed hardware. No restart is needed when a stage moves."
    ),
    "Plover: Quantizing Caches to Two Bits": (
        "Long contexts fill memory with keys and values. Plover stores keys per channel and values per token in two "
        "bits. Quality falls by less than 0.5% on twelve tasks. It serves batches that are four times larger."
    ),
    "Wren: Rounding that Learns": (
        "Rounding to nearest hurts weights of four bits. Wren learns in which direction each weight is rounded. A "
        "thousand calibration samples are enough, and it takes 40 minutes on one card. Activations stay in full "
        "precision."
    ),
}
_FILLERS = (
    ("Stone Bridges of the North", "Bridges of dry stone carry carts over brooks. Their arches were measured by hand."),
    ("Salt in Bread", "Bread with little salt rises faster. Bakers in nine towns were asked for their recipes."),
    ("Tides and Harbours", "Harbours silt up where tides are slow. Dredging every spring keeps ships afloat."),
    ("Wool Dyes from Lichen", "Lichen gives wool a purple shade. The dye fades in sunlight within a decade."),
    ("Bells of Village Churches", "Bells crack in hard frost. Founders recast them with more tin."),
    ("Orchards on Slopes", "Apple trees on slopes escape late frost. Cold air drains into the valley below."),
)
PAPERS = tuple(
    Paper(id=title.split(":")[0].casefold().replace(" ", "-"), title=title, abstract=text, raw_abstract=text)
    for title, text in (*_ABSTRACTS.items(), *_FILLERS)
)
BY_ID = {p.id: p for p in PAPERS}


def span(paper: str, part: str) -> dict[str, Any]:
    """The sentence of a paper's abstract that has `part`, as the JSON of a span."""
    abstract = BY_ID[paper].abstract
    found = next(s for s in abstract.replace(". ", ".\n").split("\n") if part in s)
    start = abstract.index(found)
    return {"paper_id": paper, "start": start, "end": start + len(found), "text": found}


def nugget(text: str, *patterns: str, aliases: tuple[str, ...] = (), vital: bool = True, paper: str = "") -> Any:
    """The JSON of a nugget."""
    found = {"text": text, "importance": "vital" if vital else "okay", "aliases": [*aliases], "patterns": [*patterns]}
    return found | ({"paper_id": paper} if paper else {})


def _item(id: str, kind: str, question: str, answer: str, split: str, *spans: dict[str, Any], **more: Any) -> Any:
    gold = [*dict.fromkeys(s["paper_id"] for s in spans)]
    return {
        "id": id, "kind": kind, "question": question, "history": [], "reference_answer": answer, "nuggets": [],
        "gold_papers": gold, "gold_titles": [BY_ID[g].title for g in gold], "gold_spans": [*spans],
        "borderline_papers": [], "about_papers": [], "answerable": kind != "unanswerable", "missing": [],
        "split": split, "sort": "", "notes": "", "draft": False,
    } | more  # fmt: skip


def lines() -> list[dict[str, Any]]:
    """The set as JSON, fresh at each call: an item of each kind, and some more for the sake of the splits."""
    sides = (span("heron", "splits the backward"), span("ibis", "moves layers"))
    return [
        _item(
            *("fact", "fact", "Where does Sparrow hold the optimizer's state?", "On disk, fetched lazily.", "dev"),
            span("sparrow", "optimizer states on disk"),
            nuggets=[nugget("on disk", r"\bon disk\b"), nugget("lazily", aliases=("lazily",), vital=False)],
        ),
        _item(
            *("number", "number", "How big a model does Sparrow train on one card?", "One of 13 billion.", "dev"),
            span("sparrow", "13 billion"),
            nuggets=[nugget("13 billion", r"13 ?(billion|B)\b", aliases=("13 billion parameters",))],
        ),
        _item(
            *("idea", "idea", "Who lets slow stages give up work during a run?", "Ibis, which moves layers.", "test"),
            span("ibis", "moves layers"),
            nuggets=[nugget("layers move", r"moves layers", paper="ibis")],
        ),
        _item(
            *("lookalike", "lookalike", "Lazy offloading, the one for phones: how large is the predictor?"),
            *("Three megabytes (3 MB).", "test"),
            span("finch", "3 MB"),
            nuggets=[nugget("3 MB", r"\b3 MB\b")],
        ),
        _item(
            *("followup", "followup", "And how much sooner do answers come?", "2.4 times sooner.", "test"),
            span("finch", "2.4 times"),
            nuggets=[nugget("2.4 times", r"\b2\.4 ?(x|times)")],
            history=[
                {"role": "user", "content": "What does Finch do?"},
                {"role": "assistant", "content": "“Finch: Lazy Offloading for Edge Phones” moves weights to flash."},
            ],
        ),
        _item(
            *("premise", "false_premise", "How must users rewrite their code for Sparrow?"),
            *("They need not: it takes no change of it.", "dev"),
            span("sparrow", "needs no change"),
            nuggets=[nugget("no change", r"\bno change\b")],
        ),
        _item(
            *("comparison", "comparison", "How do Heron, Ibis and Stork deal with slow pipelines?"),
            *("Heron halves the backward pass, Ibis moves layers; Stork is not there.", "test", *sides),
            nuggets=[
                nugget("two halves", r"\bhalves\b", paper="heron"),
                nugget("moves layers", r"\bmoves layers", paper="ibis"),
            ],
            missing=["Stork"],
        ),
        _item(
            *("list", "list", "Which papers are about pipeline schedules?", "Two: Heron and Ibis.", "test"),
            span("heron", "waste time in bubbles"),
            span("ibis", "Static pipeline schedules"),
            borderline_papers=["sparrow"],
        ),
        _item(
            *("count", "count", "How many papers work with fewer bits?", "Two: Plover and Wren.", "dev"),
            span("plover", "two bits"),
            span("wren", "four bits"),
        ),
        _item(
            *("detail", "unanswerable", "Which optimizer does Sparrow use?", "The abstract names no optimizer.", "dev"),
            sort="detail",
        ),
        _item(
            *("offtopic", "unanswerable", "Who won the cup?", "Nothing here is about sports.", "test"),
            sort="offtopic",
        ),
    ]  # fmt: skip


def items() -> list[Item]:
    """The set."""
    return [Item.model_validate(line) for line in lines()]


def as_ingested() -> tuple[str, str]:
    """The papers and the set as JSONL, the ids as a collection gives them out."""
    papers = "".join(json.dumps({"title": p.title, "abstract": p.abstract}) + "\n" for p in PAPERS)
    questions = "".join(json.dumps(line) + "\n" for line in lines())
    for p in PAPERS:
        questions = questions.replace(f'"{p.id}"', f'"{paper_id(p.title, p.abstract)}"')
    return papers, questions
