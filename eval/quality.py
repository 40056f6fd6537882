"""`make quality`: how good the answers to the reference questions are, measure by measure beside what is wanted.

Every question of eval/questions.jsonl is asked once, in one process. Key facts are regular expressions that are looked
for in the text of the answer, without the backslashes of its Markdown. eval/NOTES.md says what the questions are and
what the figures are worth.

    python -m eval.quality --split test --kind idea --failures
    python -m eval.quality --curve
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from rag import Answer, Config, Paper, Rag, Turn, build
from rag.confidence import THRESHOLD, Confidence, Doubt
from rag.question import understand
from rag.threads import one_thread

QUESTIONS = Path(__file__).parent / "questions.jsonl"
KINDS = ("fact", "number", "idea", "lookalike", "followup", "comparison", "list", "unanswerable")
SINGLE = ("fact", "number", "idea", "lookalike", "followup")
"""Kinds of questions that one paper answers."""

TARGETS: Mapping[tuple[str, str], tuple[str, float]] = {
    ("fact", "gold paper cited"): ("≥", 0.98),
    ("fact", "all key facts"): ("≥", 0.95),
    ("fact", "words"): ("≤", 110),
    ("number", "gold paper cited"): ("≥", 1.0),
    ("number", "all key facts"): ("≥", 0.97),
    ("idea", "among the first five"): ("≥", 0.88),
    ("idea", "gold paper cited"): ("≥", 0.80),
    ("idea", "all key facts"): ("≥", 0.72),
    ("unanswerable", "refused"): ("≥", 0.80),
    ("unanswerable, offtopic", "refused"): ("≥", 1.0),
    ("answerable", "refused"): ("≤", 0.03),
    ("comparison", "every side cited"): ("≥", 0.90),
    ("comparison", "share of key facts"): ("≥", 0.85),
    ("comparison", "absent side named"): ("≥", 0.80),
    ("comparison", "words"): ("≤", 260),
    ("list", "F1"): ("≥", 0.80),
    ("followup", "gold paper cited"): ("≥", 0.90),
    ("followup", "all key facts"): ("≥", 0.85),
    ("lookalike", "only the right cited"): ("≥", 1.0),
    ("every quote", "exact"): ("≥", 1.0),
}
"""What each measure is meant to reach, by group and measure."""
WRONG_BELOW = {
    "gold paper cited": 1.0,
    "all key facts": 1.0,
    "only the right cited": 1.0,
    "refused": 1.0,
    "every side cited": 1.0,
    "share of key facts": 0.8,
    "absent side named": 1.0,
    "no side falsely absent": 1.0,
    "F1": 0.7,
    "exact": 1.0,
}
"""A question with less than this in any measure of its kind is shown as a failure."""
CURVE = (-2.5, -2.0, -1.5, -1.0, -0.8, THRESHOLD, -0.4, -0.2, 0.0, 0.5, 1.0, 1.5)
"""Log-odds below which the curve refuses to answer."""

Measure = tuple[str, str, float]
"""Group, measure, value."""


@dataclass(frozen=True, slots=True)
class Question:
    """One reference question; `facts` has the alternative patterns of each key fact, the papers are ids."""

    id: str
    kind: str
    sort: str
    question: str
    history: tuple[Turn, ...]
    facts: tuple[tuple[str, ...], ...]
    gold: frozenset[str]
    borderline: frozenset[str]
    missing: tuple[str, ...]
    split: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: the mean of a measure over the `n` questions that have it; `met` is None where nothing
    is wanted of it."""

    group: str
    measure: str
    n: int
    value: float
    target: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the answer it got, and its measures."""

    question: Question
    answer: Answer
    measures: tuple[Measure, ...]

    @property
    def wrong(self) -> dict[str, float]:
        """The measures that make this a failure."""
        own = (m for m in self.measures if m[0] != "answerable")
        return {name: value for _, name, value in own if value < WRONG_BELOW.get(name, -math.inf)}


def main() -> None:
    """Ask, print the table, and write the figures as JSON where wanted."""
    parser = argparse.ArgumentParser(prog="python -m eval.quality", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--split", choices=("dev", "test", "all"), default="dev", help="default: %(default)s")
    parser.add_argument("--kind", choices=KINDS, action="append", help="only this kind; may be repeated")
    parser.add_argument("--questions", type=Path, default=QUESTIONS, metavar="FILE", help="default: %(default)s")
    parser.add_argument("--home", type=Path, metavar="DIR", help="an index that is kept; default: a temporary one")
    parser.add_argument("--failures", action="store_true", help="list the questions that were answered wrongly")
    parser.add_argument("--curve", action="store_true", help="the curve of abstention instead of the table")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure and answer here, too")
    args = parser.parse_args()
    questions = read_questions(args.questions, args.split, args.kind or KINDS)
    console, progress = Console(), Console(stderr=True)
    with (
        tempfile.TemporaryDirectory(prefix="rag-quality-") as folder,
        build(Config.load(home=args.home or Path(folder))) as rag,
        progress.status(f"Asking {len(questions):,} questions"),
    ):
        rag.ingest()
        if args.curve:
            console.print(curve(rag, questions), markup=False, highlight=False, soft_wrap=True)
            return
        asked = ask(rag, questions)
    lines = summary(asked)
    console.print(table(lines, len(asked)))
    if args.failures:
        for a in (a for a in asked if a.wrong):
            console.print(failure(a), markup=False, highlight=False, soft_wrap=True)
    if args.json:
        report = {
            "measures": [asdict(line) for line in lines],
            "questions": [
                {"id": a.question.id, "wrong": a.wrong, "measures": a.measures, "answer": a.answer.to_json()}
                for a in asked
            ],
        }
        args.json.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_questions(path: Path = QUESTIONS, split: str = "all", kinds: Sequence[str] = KINDS) -> list[Question]:
    """The questions of a JSONL file, of one split or all, of some kinds."""
    found = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            q: dict[str, Any] = json.loads(line)
            question = Question(
                id=q["id"],
                kind=q["kind"],
                sort=q.get("sort", ""),
                question=q["question"],
                history=tuple(Turn(**turn) for turn in q["history"]),
                facts=tuple(tuple(fact["any"]) for fact in q["facts"]),
                gold=frozenset(q["gold_papers"]),
                borderline=frozenset(q["borderline"]),
                missing=tuple(q["missing"]),
                split=q["split"],
            )
            if split in ("all", question.split) and question.kind in kinds:
                found.append(question)
    return found


def ask(rag: Rag, questions: Iterable[Question]) -> list[Asked]:
    """Every question with its answer and measures."""
    papers = {p.id: p for p in rag.papers()}
    asked = []
    for q in questions:
        answer = rag.ask(q.question, q.history)
        asked.append(Asked(q, answer, tuple(measure(q, answer, papers))))
    return asked


def measure(q: Question, answer: Answer, papers: Mapping[str, Paper]) -> Iterator[Measure]:
    """What one answer is worth, by the measures of its kind."""
    if answer.citations:
        exact = [papers[c.paper_id].abstract[c.start : c.end] == c.quote != "" for c in answer.citations]
        yield "every quote", "exact", statistics.fmean(exact)
    if q.kind == "unanswerable":
        yield q.kind, "refused", answer.abstained
        yield f"{q.kind}, {q.sort}", "refused", answer.abstained
        return
    yield "answerable", "refused", answer.abstained
    of_kind = {"comparison": _comparison, "list": _list}.get(q.kind, _single)
    for name, value in of_kind(q, answer):
        yield q.kind, name, value


def _single(q: Question, answer: Answer) -> Iterator[tuple[str, float]]:
    cited = {c.paper_id for c in answer.citations}
    found = [r.paper_id for r in answer.retrieved]
    # A follow-up may be about several papers of the history; any other question has alternatives at most.
    yield "gold paper cited", q.gold <= cited if q.kind == "followup" else bool(q.gold & cited)
    yield "all key facts", all(facts(q, answer))
    if q.kind == "lookalike":
        yield "only the right cited", cited == q.gold
    yield "retrieved first", found[0] in q.gold if found else False
    yield "among the first five", bool(q.gold & set(found[:5]))
    yield "words", len(answer.answer.split())


def _comparison(q: Question, answer: Answer) -> Iterator[tuple[str, float]]:
    cited = {c.paper_id for c in answer.citations}
    found = facts(q, answer)
    yield "every side cited", q.gold <= cited
    if found:
        yield "share of key facts", statistics.fmean(found)
    if q.missing:
        called = [m.casefold() for m in answer.missing]
        named = (any(m.casefold() in c or c in m.casefold() for c in called) for m in q.missing)
        yield "absent side named", all(named)
    else:
        yield "no side falsely absent", not answer.missing
    yield "words", len(answer.answer.split())


def _list(q: Question, answer: Answer) -> Iterator[tuple[str, float]]:
    cited = {c.paper_id for c in answer.citations}
    # Borderline papers are those on which a careful reader would not insist either way.
    yield "F1", f1(cited - q.borderline, q.gold)
    yield "F1, borderline as wrong", f1(cited, q.gold)


def f1(found: set[str], gold: frozenset[str]) -> float:
    """Twice what both have over the sum of their sizes; 0 where both are empty."""
    return 2 * len(found & gold) / max(1, len(found) + len(gold))


def facts(q: Question, answer: Answer) -> list[bool]:
    """Whether each key fact is in the answer."""
    text = answer.answer.replace("\\", "")
    return [any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns) for patterns in q.facts]


def summary(asked: Iterable[Asked]) -> list[Line]:
    """The mean of every measure, group by group."""
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for a in asked:
        for group, name, value in a.measures:
            values[group, name].append(float(value))
    order = [*KINDS[:-1], "answerable", "unanswerable", "every quote"]
    groups = sorted({group for group, _ in values}, key=lambda g: (order.index(g.partition(",")[0]), g))
    lines = []
    for group, name in (key for g in groups for key in values if key[0] == g):
        mean, target = statistics.fmean(values[group, name]), TARGETS.get((group, name))
        met = None if target is None else mean >= target[1] if target[0] == "≥" else mean <= target[1]
        wanted = f"{target[0]} {target[1]:g}" if target else ""
        lines.append(Line(group, name, len(values[group, name]), mean, wanted, met))
    return lines


def table(lines: Sequence[Line], n: int) -> Table:
    """The lines as a table for the terminal."""
    found = Table("", "measure", "n", "value", "wanted", "met", title=f"Answers to {n:,} reference questions")
    previous = ""
    for line in lines:
        value = f"{line.value:.1f}" if line.measure == "words" else f"{line.value:.3f}"
        if previous and line.group.partition(",")[0] != previous.partition(",")[0]:
            found.add_section()
        met = {True: "yes", False: "NO", None: ""}[line.met]
        found.add_row(line.group if line.group != previous else "", line.measure, str(line.n), value, line.target, met)
        previous = line.group
    return found


def failure(a: Asked) -> str:
    """A question that was answered wrongly, in a few lines."""
    cited = dict.fromkeys(c.title for c in a.answer.citations)
    wrong = ", ".join(f"{name} {value:.2f}" for name, value in a.wrong.items())
    lines = [f"\n{a.question.id}: {a.question.question}", f"  wrong: {wrong}"]
    if a.answer.standalone_question != a.question.question:
        lines.append(f"  read as: {a.answer.standalone_question}")
    lines.append(f"  {a.answer.kind}, cited: {'; '.join(cited) or 'nothing'}")
    missed = [
        " | ".join(p) for p, there in zip(a.question.facts, facts(a.question, a.answer), strict=True) if not there
    ]
    return "\n".join(lines + ([f"  facts not found: {'; '.join(missed)}"] if missed else []))


class _Noted(Confidence):
    """Keeps the last verdict."""

    last: Doubt | None = None

    def assess(self, *args: Any) -> Doubt:
        self.last = super().assess(*args)
        return self.last


def odds(rag: Rag, questions: Iterable[Question]) -> dict[str, list[float]]:
    """The log-odds that a question is answered, by "answerable" or the sort of unanswerable.

    Only of questions that are read as being about a single paper: a comparison refuses side by side, a list has a
    threshold of its own. What is refused without being weighed (a greeting) has minus infinity.
    """
    finder = rag._open()
    finder._confidence = noted = _Noted(finder.index)
    found: dict[str, list[float]] = defaultdict(list)
    for q in questions:
        noted.last = None
        with one_thread():
            query = understand(q.question, q.history, finder.names, finder.best_row)
            if query.kind != "single" or q.kind not in (*SINGLE, "unanswerable"):
                continue
            finder.find(query)
        p = noted.last.probability if noted.last else 0.0
        found[q.sort or "answerable"].append(math.log(p / (1 - p)) if 0 < p < 1 else math.copysign(math.inf, p - 0.5))
    return dict(found)


def curve(rag: Rag, questions: Iterable[Question]) -> str:
    """What share is refused at each threshold, as a Markdown table, and a plot of wrongly against rightly refused."""
    found = odds(rag, questions)
    columns = [name for name in ("answerable", "offtopic", "absent", "detail") if name in found]
    unanswerable = [o for name in columns if name != "answerable" for o in found[name]]
    head = [*(f"{name} ({len(found[name])})" for name in columns), f"all unanswerable ({len(unanswerable)})"]
    lines = [f"| refused below | {' | '.join(head)} |", "|---:|" + "---:|" * len(head)]
    plot = []
    for limit in CURVE:
        shares = [_below(found[name], limit) for name in columns] + [_below(unanswerable, limit)]
        mark = "**" if limit == THRESHOLD else ""
        lines.append(f"| {mark}{limit:.1f}{mark} | {' | '.join(f'{s:.3f}' for s in shares)} |")
        wrongly, rightly = (round(50 * s) for s in (shares[0], shares[-1]))
        row = "".join("o" if i == rightly else "x" if i == wrongly else "·" for i in range(51))
        plot.append(f"{limit:5.1f} {row}{'  <- threshold' if mark else ''}")
    scale = "      0" + "".join(f"{x:>10}" for x in ("0.2", "0.4", "0.6", "0.8", "1"))
    legend = "      x: share of the answerable refused, o: share of the unanswerable refused"
    return "\n".join([*lines, "", "```text", *plot, scale, legend, "```"])


def _below(values: Sequence[float], limit: float) -> float:
    return sum(v < limit for v in values) / max(1, len(values))


if __name__ == "__main__":
    main()
