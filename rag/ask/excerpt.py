"""An abstract as if it had nothing but what is quoted of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rag.ask.figures import figures
from rag.ask.grounding import TITLE, Abstract
from rag.index.lexical import stem, words
from rag.papers.passages import Span


def excerpt(paper: Abstract, within: Sequence[Span]) -> Abstract:
    """`paper` with its title, and of its abstract only what lies in the spans; offsets stay, the rest is blank.

    A sentence of which only a part is left keeps its vectors: they are of the whole.
    """
    shift = len(paper.text) - paper.length
    kept = np.zeros(len(paper.text), bool)
    kept[:shift] = True
    for span in within:
        kept[shift + max(0, span.start) : shift + span.end] = True
    text = "".join(c if keep else " " for c, keep in zip(paper.text, kept, strict=True))
    left = [n for n, s in enumerate(paper.spans) if text[shift + s.start : shift + s.end].strip()]
    numbers = {TITLE: TITLE} | {old: new for new, old in enumerate(left)}
    ends = [*paper.starts[1:].tolist(), len(paper.pieces)]
    chosen: list[int] = []
    starts: list[int] = []
    pieces: list[int] = []
    for j, (item, owner) in enumerate(zip(paper.items, paper.owners.tolist(), strict=True)):
        at = shift + paper.spans[owner].start if owner != TITLE else 0
        if owner != TITLE and not kept[at + item.start : at + item.end].all():
            continue
        chosen.append(j)
        starts.append(len(pieces))
        pieces += paper.pieces[paper.starts[j] : ends[j]].tolist()
    spans = tuple(paper.spans[n] for n in left)
    told = (tuple(stem(w) for w in words(text[shift + s.start : shift + s.end])) for s in spans)
    return replace(
        paper,
        text=text,
        spans=spans,
        items=tuple(paper.items[j] for j in chosen),
        owners=np.array([numbers[int(paper.owners[j])] for j in chosen], np.int64),
        starts=np.array(starts, np.int64),
        pieces=np.array(pieces, np.int64),
        sentences=paper.sentences[left],
        stems=(paper.stems[0], *told),
        figures=tuple(figures(text)),
    )
