"""What the answers of several systems to the same questions are worth, side by side with intervals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

from eval.citation_engine import abstains, cited
from rag.evaluation.intervals import DECISIVE, Estimate, difference, ratio
from eval.quality import Question

Share = tuple[float, float]
"""A part and its whole: (2, 3) for two of three gold papers in a pooled measure, (0.67, 1) in a mean over questions."""

POOLED = ("exact quotes", "claims supported", "claims partly", "claims unsupported")
"""Measures over quotes or claims and not over questions; the peer has neither."""
PEER = "peer"


@dataclass(frozen=True, slots=True)
class Record:
    """What one system said to one question: a line of the file that a run is resumed from.

    `asked` is a hash of the question and its history, `revision` says what the answer depends on besides the model.
    `answer` is the JSON of an `Answer`, or of a `PeerAnswer`; it is empty where `error` says why there is none.
    """

    system: str
    id: str
    model: str
    revision: str
    asked: str
    seconds: float
    error: str
    answer: dict[str, Any]

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """Records with the same key answer for one another."""
        return self.system, self.id, self.model, self.revision, self.asked

    @property
    def cited(self) -> tuple[str, ...]:
        """The ids of the papers that the answer cites, each once."""
        if self.system == PEER:
            return cited(self.answer.get("answer", ""), self.answer.get("sources", ()))
        return tuple(dict.fromkeys(c["paper_id"] for c in self.answer.get("citations", ())))

    @property
    def abstained(self) -> bool:
        """Whether it declines to answer; a failure doesn't."""
        if self.error:
            return False
        if self.system == PEER:
            return abstains(self.answer["answer"], self.answer["sources"])
        return bool(self.answer["abstained"])

    @property
    def tokens(self) -> int:
        """Tokens read and written by the model, over all calls of the answer."""
        usage = self.answer.get("usage", self.answer)
        return int(usage.get("prompt_tokens", 0) + usage.get("completion_tokens", 0))


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: a measure of a group of questions, by system, and what each of ours has over the peer."""

    group: str
    measure: str
    systems: Mapping[str, Estimate]
    over_peer: Mapping[str, Estimate]


def measure(q: Question, record: Record, abstracts: Mapping[str, str]) -> dict[str, Share]:
    """What one answer is worth. A failure cites nothing, has no fact, and abstains from nothing."""
    found: dict[str, Share] = {}
    papers = set(record.cited)
    if q.kind == "unanswerable":
        found["rightly abstained"] = (record.abstained, 1)
    else:
        found["gold papers cited"] = (len(q.gold & papers) / len(q.gold), 1)
        found["all gold papers cited"] = (q.gold <= papers, 1)
        if judged := papers - q.borderline:
            found["cited papers that are gold"] = (len(q.gold & judged) / len(judged), 1)
        if q.facts:
            found["all key facts"] = (_facts(q, record.answer.get("answer", "")), 1)
        found["wrongly abstained"] = (record.abstained, 1)
    if record.error:
        return found
    found["seconds"] = (record.seconds, 1)
    if record.model:
        found["tokens"] = (record.tokens, 1)
    if record.system == "generating":
        # An abstention that no model was asked for is of this mode, too.
        found["written by the model"] = (record.answer["mode"] == "generating" and record.tokens > 0, 1)
    return found | _pooled(record.answer, abstracts)


def _facts(q: Question, text: str) -> bool:
    # As in eval/quality.py: every fact, without the backslashes of Markdown.
    text = text.replace("\\", "")
    return all(any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns) for patterns in q.facts)


def _pooled(answer: Mapping[str, Any], abstracts: Mapping[str, str]) -> dict[str, Share]:
    found: dict[str, Share] = {}
    if quotes := answer.get("citations"):
        exact = [abstracts.get(c["paper_id"], "")[c["start"] : c["end"]] == c["quote"] != "" for c in quotes]
        found["exact quotes"] = (sum(exact), len(exact))
    if claims := answer.get("claims"):
        for level in ("supported", "partly", "unsupported"):
            found[f"claims {level}"] = (sum(c["verdict"] == level for c in claims), len(claims))
    return found


def figures(questions: Sequence[Question], records: Iterable[Record], abstracts: Mapping[str, str]) -> list[Figure]:
    """Every measure of every kind, and over all answerable questions, with 95% intervals.

    Questions with the same gold papers are one cluster; one without any is a cluster of its own.
    """
    by_id = {q.id: q for q in questions}
    worth: dict[str, dict[str, dict[str, Share]]] = {}
    for r in records:
        worth.setdefault(r.system, {})[r.id] = measure(by_id[r.id], r, abstracts)
    groups = {kind: [q for q in questions if q.kind == kind] for kind in dict.fromkeys(q.kind for q in questions)}
    answerable = [q for q in questions if q.kind != "unanswerable"]
    if len({q.kind for q in answerable}) > 1:
        groups["all answerable"] = answerable
    return [
        figure
        for group, members in groups.items()
        for name in _names(members, worth.values())
        if (figure := _figure(group, name, members, worth)).systems
    ]


def _names(members: Sequence[Question], systems: Iterable[Mapping[str, Mapping[str, Share]]]) -> list[str]:
    order = [
        *("gold papers cited", "all gold papers cited", "cited papers that are gold", "all key facts"),
        *("rightly abstained", "wrongly abstained", *POOLED, "written by the model", "seconds", "tokens"),
    ]
    there = {name for worth in systems for q in members for name in worth.get(q.id, {})}
    return [name for name in order if name in there]


def _figure(
    group: str, name: str, members: Sequence[Question], worth: Mapping[str, Mapping[str, Mapping[str, Share]]]
) -> Figure:
    shares = {
        system: {q.id: answers[q.id][name] for q in members if name in answers.get(q.id, {})}
        for system, answers in worth.items()
    }
    clusters = {q.id: " ".join(sorted(q.gold)) or q.id for q in members}
    estimates = {
        system: ratio([s[0] for s in own.values()], [s[1] for s in own.values()], [clusters[i] for i in own])
        for system, own in shares.items()
        if own
    }
    over = {}
    peer = shares.get(PEER, {})
    for system, own in shares.items():
        both = [i for i in own if i in peer]
        if both and system != PEER and name not in POOLED:
            ours, theirs = [own[i][0] for i in both], [peer[i][0] for i in both]
            over[system] = difference(ours, theirs, [clusters[i] for i in both])
    return Figure(group, name, estimates, over)


def table(found: Sequence[Figure], systems: Sequence[str]) -> Table:
    """The figures for the terminal; * marks a difference whose interval leaves out 0."""
    head, rows = _cells(found, systems)
    shown = Table(*head)
    for i, row in enumerate(rows):
        if i and row[0]:
            shown.add_section()
        shown.add_row(*row)
    return shown


def markdown(found: Sequence[Figure], systems: Sequence[str], about: Mapping[str, str]) -> str:
    """The figures as a Markdown table, under what the run was."""
    head, rows = _cells(found, systems)
    lines = [f"- {name}: {value}" for name, value in about.items()]
    lines += ["", f"| {' | '.join(head)} |", "|---|---|" + "---:|" * (len(head) - 2)]
    lines += [f"| {' | '.join(row)} |".replace("*", r"\*") for row in rows]
    legend = (
        "In brackets 95% intervals, 10,000 bootstrap resamples of clusters of questions with the same gold papers; "
        rf"differences are paired, and \* marks those whose interval leaves out 0, from {DECISIVE} clusters on."
    )
    return "\n".join([*lines, "", legend, ""])


def report(found: Sequence[Figure], records: Iterable[Record], about: Mapping[str, str]) -> str:
    """Everything as JSON: what the run was, the figures, and every answer of every system with how it was read."""
    answers = [asdict(r) | {"cited": r.cited, "abstained": r.abstained, "tokens": r.tokens} for r in records]
    whole = {"about": about, "figures": [asdict(figure) for figure in found], "answers": answers}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _cells(found: Sequence[Figure], systems: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    ours = [s for s in systems if s != PEER] if PEER in systems else []
    head = ["", "measure", "n", *systems, *(f"{s} − {PEER}" for s in ours)]
    rows = []
    previous = ""
    for figure in found:
        n = max(e.n for e in figure.systems.values())
        cells = [_shown(figure.systems.get(s), figure.measure) for s in systems]
        cells += [_shown(figure.over_peer.get(s), figure.measure, signed=True) for s in ours]
        rows.append([figure.group if figure.group != previous else "", figure.measure, str(n), *cells])
        previous = figure.group
    return head, rows


def _shown(e: Estimate | None, name: str, *, signed: bool = False) -> str:
    if e is None:
        return ""
    form = {"seconds": ".1f", "tokens": ",.0f"}.get(name, ".2f")
    form = f"+{form}" if signed else form
    return f"{e.value:{form}} [{e.low:{form}}, {e.high:{form}}]{'*' if signed and e.decided else ''}"
