"""Ratings of the chat page as items: what a reader disliked, to be looked at and made a reference question."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from rag.ask.figures import figures
from rag.core.answer import Answer
from rag.evaluation.drafting.item import SplitRule, by_hash, span_of
from rag.evaluation.items import SETS, Item, Kind, Message, Nugget, Span, Split
from rag.home.feedback import Feedback, latest
from rag.papers import Paper, fold
from rag.papers.sentences import split_sentences

GIST = 300
"""Characters of the answer that a note repeats."""


def from_feedback(records: Iterable[Feedback], papers: Sequence[Paper], split: SplitRule = by_hash) -> list[Item]:
    """One draft for each question, with its history, whose last rating is a thumbs-down.

    What the answer cited is proposed as gold; an answer that abstained, or cites nothing that the papers have, becomes
    an unanswerable question. Nothing here says that the answer was wrong or right: each note leaves it to the reviewer,
    and `rag eval check` tells what is still to be done. Where the cited papers are of both splits, those of the first
    one's split are kept.
    """
    asked: dict[tuple[str, ...], Feedback] = {}
    for rating in latest(records):
        key = (fold(rating.question), *(fold(turn.content) for turn in rating.history))
        asked.pop(key, None)
        asked[key] = rating
    known = {paper.id: paper for paper in papers}
    return [_item(rating, known, split) for rating in asked.values() if rating.thumb == "down"]


def _item(rating: Feedback, known: dict[str, Paper], rule: SplitRule) -> Item:
    answer = rating.answer
    spans = [] if answer.abstained else _spans(answer, known)
    ids = list(dict.fromkeys(s.paper_id for s in spans))
    split = _split(rating, ids, rule)
    kept = [id for id in ids if rule(id) == split]
    spans = [s for s in spans if s.paper_id in kept]
    history = tuple(Message(role=t.role, content=t.content) for t in rating.history if t.content)
    kind = _kind(answer, kept, bool(history))
    titles, nuggets = tuple(known[id].title for id in kept), _nuggets(kind, rating.question, spans)
    said = "\n".join((rating.question, *(m.content for m in history)))
    return Item(
        id=f"feedback-{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:12]}",
        kind=kind,
        question=rating.question,
        history=history,
        reference_answer=_reference(kind, titles, nuggets),
        nuggets=nuggets,
        gold_papers=tuple(kept),
        gold_titles=titles,
        gold_spans=tuple(spans),
        answerable=kind != "unanswerable",
        missing=answer.missing if kind == "comparison" else (),
        split=split,
        sort="absent" if kind == "unanswerable" else "",
        notes=_note(rating, len(ids) - len(kept)),
        draft=True,
    )


def _spans(answer: Answer, known: dict[str, Paper]) -> list[Span]:
    """What the answer quotes, where it still stands so in a paper of the collection."""
    found = []
    for c in answer.citations:
        paper = known.get(c.paper_id)
        if paper is None or not c.quote:
            continue
        start = c.start if paper.abstract[c.start : c.end] == c.quote else paper.abstract.find(c.quote)
        if start >= 0:
            found += _whole(paper, start, start + len(c.quote))
    return list(dict.fromkeys(found))


def _whole(paper: Paper, start: int, end: int) -> list[Span]:
    """The sentences of an abstract that a stretch of it touches."""
    touched = [s for s in split_sentences(paper.abstract) if s.start < end and start < s.end]
    return [span_of(paper, s.start, s.end) for s in touched]


def _split(rating: Feedback, ids: Sequence[str], rule: SplitRule) -> Split:
    if not ids:
        return by_hash(fold(rating.question))
    return rule(ids[0])


def _kind(answer: Answer, gold: Sequence[str], after_turns: bool) -> Kind:
    if not gold:
        return "unanswerable"
    if answer.kind == "list":
        return "count" if re.search(r"\bhow\s+many\b|\bnumber\s+of\b", answer.question, re.IGNORECASE) else "list"
    if answer.kind == "comparison" and len(gold) + len(answer.missing) >= 2:
        return "comparison"
    return "followup" if after_turns else "fact"


def _reference(kind: Kind, titles: Sequence[str], nuggets: Sequence[Nugget]) -> str:
    if kind == "unanswerable":
        return "To be reviewed: the collection does not say, or does it?"
    if kind in SETS:
        return f"To be reviewed: the answer cited {len(titles)}, {'; '.join(titles)}."
    return f"To be reviewed: {'; '.join(n.text for n in nuggets)}."


def _nuggets(kind: Kind, question: str, spans: Sequence[Span]) -> tuple[Nugget, ...]:
    """Of each cited paper the first figure, or the longest words, that the question does not have."""
    found: dict[str, Nugget] = {}
    for span in spans if kind not in SETS else ():
        for text in (*_figures(span.text), *_runs(span.text)):
            nugget = Nugget(text=text, importance="vital", aliases=(text,), paper_id=span.paper_id)
            if span.paper_id not in found and not nugget.found_in(question):
                found[span.paper_id] = nugget
    return tuple(found.values())


def _figures(text: str) -> list[str]:
    written = [" ".join(f.text.split()) for f in figures(text) if not f.named]
    return [w for w in written if len(re.sub(r"\W", "", w)) >= 2]


def _runs(text: str) -> list[str]:
    """Three words in a row, those with the most letters first."""
    tokens = text.split()
    runs = [" ".join(tokens[n : n + 3]).strip(" .,;:()") for n in range(max(1, len(tokens) - 2))]
    return sorted((r for r in runs if len(r) > 2), key=len, reverse=True)


def _note(rating: Feedback, left_out: int) -> str:
    answer, gist = rating.answer, " ".join(rating.answer.answer.split())
    reason = f"reason: {rating.reason}" if rating.reason else "no reason was given"
    cited = "Gold is what the answer cited." if answer.citations else "The answer cited nothing."
    if answer.abstained:
        cited = "The answer abstained, and the user disagreed: if the collection does say it, this is answerable."
    left = (
        f"{left_out} cited paper{' of the other split is' if left_out == 1 else 's of the other split are'} left out. "
    )
    return (
        f"draft from feedback of {rating.time}; review: the reader may be wrong, and so may the answer; {reason}. "
        f"{cited} {left if left_out else ''}The answer: {gist[:GIST]}{' …' if len(gist) > GIST else ''}"
    )
