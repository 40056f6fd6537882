"""Which sentences of a paper say something of an aspect, in free words of any field.

No list of aspects is kept. A sentence says an aspect where it supports its words, by writing them or by meaning; only
the parts that abstracts of every field have, such as their method and their results, are known by their place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from rag.ask.quoting import Finder
from rag.ask.sentences import Sentence, aim_of, evidence_spans
from rag.index.embedding import Floats
from rag.index.lexical import STOPWORDS, stem, terms, words
from rag.index.scores import Encoded
from rag.papers.sentences import Span

FEATURES = ("support", "tokens", "meaning", "background", "no_figure")
"""
support: the mean support of a word of the aspect, weighted by rarity: 1 where the sentence writes it, else the mean
cosine of its word pieces there; tokens: late interaction; meaning: the cosine of the sentence; background: it stands
before the sentence that says what the paper does; no_figure: a figure is asked for and it has none.
"""
WEIGHTS, BIAS = np.array([3.15, 3.15, 2.43, -3.39, -1.41], np.float32), -4.14
"""Logistic regression on the sentences of 16 aspects of 44 papers on systems (eval/aspects.jsonl)."""
THRESHOLD, SECOND = 0.35, 0.5
"""Probabilities from which on a sentence is quoted, and a second one beside it. Of the cells with quotes .80 are right
on the development papers and .77 on 22 others; of those that should have one, .54 and .56 have a right one."""
SENTENCES = 2
"""Quotes for one paper and one aspect."""

_FIGURE = re.compile(
    r"\b(?:how\s+(?:many|much|long|often|large|big|small|fast\w*|high|low|old)|numbers?|amounts?|sizes?|rates?|ratios?|shares?|"
    r"percent\w*|proportions?|counts?|times?|durations?|lengths?|costs?|prices?|speed\w*|accurac\w+|memory|scores?|doses?|"
    r"age|errors?|prevalence|incidence|odds|figures?)\b|%",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:\.\d+)?")
_MAIN = (
    r"(?:(?:the|its|their|main|key|core|central|major|overall|proposed|used|general|research|study|what|is|are)\s+)*"
)
_PARTS = {
    part: re.compile(rf"^\W*{_MAIN}(?:{nouns})\W*$", re.IGNORECASE)
    for part, nouns in {
        "aim": r"ideas?|aims?|goals?|purposes?|objectives?|contributions?|proposals?|topics?|questions?|summary",
        "method": r"methods?|methodolog(?:y|ies)|approach(?:es)?|techniques?|(?:study\s+)?designs?",
        "result": r"results?|findings?|outcomes?|conclusions?",
        "background": r"problems?|motivations?|backgrounds?|challenges?|gaps?|problem\s+does\s+it\s+solve",
    }.items()
}
_LABELS = {
    "aim": re.compile(r"aim|objective|purpose|question|hypothes", re.IGNORECASE),
    "method": re.compile(r"method|design|material|intervention|measure", re.IGNORECASE),
    "result": re.compile(r"result|finding|conclusion|interpretation", re.IGNORECASE),
    "background": re.compile(r"background|introduction|context|importance|rationale", re.IGNORECASE),
}


def cells(finder: Finder, rows: Sequence[int], aspects: Sequence[str]) -> tuple[tuple[tuple[Sentence, ...], ...], ...]:
    """For each paper, and each aspect, at most two sentences that say it, in the order of the abstract; often none."""
    encoded = [finder.ranker.encode(aspect) for aspect in aspects]
    return tuple(tuple(_said(finder, query, row) for query in encoded) for row in rows)


def is_part(aspect: str) -> bool:
    """Whether an aspect is a part that abstracts of every field have: "method", "main results"."""
    return any(pattern.match(aspect) for pattern in _PARTS.values())


def _said(finder: Finder, query: Encoded, row: int) -> tuple[Sentence, ...]:
    index = finder.index
    abstract = index.papers[row].abstract
    spans, labels = evidence_spans(abstract, index.sentences(row))
    part = next((name for name, pattern in _PARTS.items() if pattern.match(query.text)), None)
    if part is not None:
        found = _of_part(part, [abstract[s.start : s.end] for s in spans], labels)
        if len(found) > SENTENCES:
            scores = [s.score for s in finder.scorer.score(query, row)]
            found = sorted(found, key=lambda n: -scores[n])[:SENTENCES]
        chosen = [_sentence(row, n, spans[n], 1.0, abstract) for n in found]
    else:
        odds = _features(finder, query, row) @ WEIGHTS + BIAS
        chosen = [_sentence(row, n, s, 1 / (1 + math.exp(-float(odds[n]))), abstract) for n, s in enumerate(spans)]
        chosen = sorted(chosen, key=lambda s: -s.score)[:SENTENCES]
        chosen = [s for n, s in enumerate(chosen) if s.score >= (SECOND if n else THRESHOLD)]
    return tuple(sorted(chosen, key=lambda s: s.number))


def _sentence(row: int, number: int, span: Span, score: float, abstract: str) -> Sentence:
    return Sentence(row, number, span, score, np.zeros(0, np.float32), len(abstract[span.start : span.end].split()))


def _of_part(part: str, texts: Sequence[str], labels: Sequence[str]) -> list[int]:
    """The numbers of the sentences of a part: by the abstract's headings, else by where it says what the paper does."""
    labelled = [n for n, label in enumerate(labels) if _LABELS[part].search(label)]
    if labelled:
        return labelled if part == "result" else labelled[:SENTENCES]
    if not texts:
        return []
    aim = aim_of(texts)
    if part == "background":
        return list(range(aim))[-SENTENCES:] if aim < len(texts) else [0]
    if part == "result":
        return list(range(min(aim + 1, len(texts) - 1), len(texts)))
    first = aim if aim < len(texts) else 0
    return [first] if part == "aim" else list(range(first, min(first + SENTENCES, len(texts))))


def _features(finder: Finder, query: Encoded, row: int) -> Floats:
    """The features of each sentence of a paper, (s, len(FEATURES))."""
    index = finder.index
    spans, _, cover = finder.scorer.features(query, row)
    texts = [index.papers[row].abstract[s.start : s.end] for s in spans]
    aim = aim_of(texts)
    first, last = (int(i) for i in index.sentence_starts[row : row + 2])
    meaning = np.asarray(index.sentence_vectors[first:last], np.float32) @ query.vector
    asked, figure = _words(finder, query), bool(_FIGURE.search(query.text))
    lines = []
    for n, text in enumerate(texts):
        written = set(terms(text))
        support = [w * (1.0 if t in written else float(cover[n][pieces].mean())) for t, (pieces, w) in asked.items()]
        mean = sum(support) / max(sum(w for _, w in asked.values()), 1e-9)
        background, silent = n < aim < len(texts), figure and not any(c.isdigit() for c in text)
        tokens = float(cover[n] @ query.importance)
        lines.append([mean, tokens, float(meaning[n]), float(background), float(silent)])
    return np.array(lines, np.float32).reshape(-1, len(FEATURES))


def _words(finder: Finder, query: Encoded) -> dict[str, tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], float]]:
    """The word pieces and the rarity of each stem of the aspect without its stop words."""
    found = {}
    for match in _WORD.finditer(query.text):
        parts = words(match.group())
        inside = (query.offsets[:, 0] >= match.start()) & (query.offsets[:, 1] <= match.end())
        if parts and parts[0] not in STOPWORDS and inside.any():
            found[stem(parts[0])] = inside, finder.index.lexicon.idf(stem(parts[0]))
    return found
