"""What groups of papers are about, each in two or three terms that their abstracts write."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from rag.core.paper import Paper
from rag.index.lexical import STOPWORDS, stem, words

TERMS = 3
"""Terms of a name, at most."""
_BIGRAM = 1.4
"""A phrase of two words says more than a word that is in as many papers: "collaborative filtering", "filtering"."""
_COVERED = 0.15
"""The share of its group's papers that a term has to be in."""
_PLAIN = 1 / 3
"""A word is written small when at least this share of its occurrences is: the others begin a sentence."""

_LONGEST = 30
"""Characters of a word: what is longer is no word, or text of a language that has no space between words."""

_TOKEN = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_NO_NOUN = re.compile(
    r"(?:[^e]ed|ly|ous|able|ible|ful|[ts]ive|ional|ical|cial|less)$|^(?:sparse|dense|deep|neural|dynamic|linear)$"
)
"""What a name can't end with: it goes before a noun."""
_DULL = STOPWORDS | frozenset(
    """able achieve across address advance advantage ai aim al allow among analysis apply approach area aspect
    available based baseline benchmark benefit best better capability challenge change code combine common compare
    complex concept consider context cost current deep demonstrate describe design develop different discuss domain
    effect effective efficient enable et etc evaluate evidence example existing experiment explore extensive fast
    faster fewer final find first focus framework full future general good great group high higher idea identify
    impact implement important improve include increase initial introduce investigate issue key know known lack
    large large-scale larger last latest lead learn learning less level limit literature long longer low lower main
    make method model multiple naive need new novel number objective obtain offer open order overall part people
    perform performance point possible potential practical present previous problem process produce project propose
    provide public purpose question rate real real-world recent reduce related report require researcher resource
    respect result review role run same scale second set several significant simple single situation small smaller
    solution solve specific state state-of-the-art strategy strong superior support system take target task
    technique term test text three time today tool total two type understand university value various version wide
    world year""".split()
)
"""Words that abstracts of any field write. Without them a name would still be told by its other terms, less clearly."""


def names(papers: Sequence[Paper], groups: Sequence[Sequence[int]]) -> list[tuple[str, ...]]:
    """For each group, given as places in `papers`, its most telling terms, best first; no term is in two names.

    A term tells of a group when it is in many of its papers and in few others: its score is the F1 of finding the
    group's papers by it, up to doubled by how many of these have it in their title. Terms are counted by their stems
    and shown as they are written most. A group of which nothing can be told, as one without words, gets no term.
    """
    titles, found = [_terms(p.title, title=True) for p in papers], [_terms(p.abstract) for p in papers]
    for terms, more in zip(found, titles, strict=True):
        for term, written in more.items():
            terms.setdefault(term, []).extend(written)
    total = Counter(term for terms in found for term in terms)
    scored = []
    for number, members in enumerate(groups):
        inside = Counter(term for i in members for term in found[i])
        titled = Counter(term for i in members for term in titles[i])
        least = max(_COVERED * len(members), 3 if len(members) > 5 else min(2, len(members)))
        for term, count in inside.items():
            if count >= least:
                f1 = 2 * count / (len(members) + total[term])
                weight = (_BIGRAM if " " in term else 1) * (1 + titled[term] / count)
                scored.append((-f1 * weight, number, term))
    return _shared_out(sorted(scored), _forms(found), len(groups))


def _shared_out(
    scored: Iterable[tuple[float, int, str]], forms: Mapping[str, str], groups: int
) -> list[tuple[str, ...]]:
    """The terms of each group, each term where it tells most; in one name no word comes twice."""
    chosen: list[list[str]] = [[] for _ in range(groups)]
    given: set[str] = set()
    for _, number, term in scored:
        name, form = chosen[number], forms[term]
        # "Fine-tuning" and "fine tuning" are one term.
        joined = term.replace(" ", "")
        if len(name) < TERMS and joined not in given and not _parts(form) & {p for f in name for p in _parts(f)}:
            name.append(form)
            given.add(joined)
    return [tuple(name) for name in chosen]


def _parts(form: str) -> set[str]:
    """What a term repeats if another of the same name has it: its words, and what it is shortened to."""
    own = words(form)
    return {stem(word) for word in own if word not in STOPWORDS} | {"".join(word[0] for word in own)}


def _terms(text: str, *, title: bool = False) -> dict[str, list[str]]:
    """The words and pairs of words that could name a group, by their stems, as they are written."""
    found: dict[str, list[str]] = {}
    before, end = ("", ""), 0
    for match in _TOKEN.finditer(text):
        word = _uncapitalized(match[0]) if title else match[0]
        root = _root(word)
        if root and not _NO_NOUN.search(word):
            found.setdefault(root, []).append(word)
            if before[0] not in ("", root) and text[end : match.start()].isspace():
                found.setdefault(f"{before[0]} {root}", []).append(f"{before[1]} {word}")
        before, end = (root, word), match.end()
    return found


def _uncapitalized(word: str) -> str:
    """A word of a title without its capitals, which say nothing there; "LLM" and "mAP" keep theirs."""
    return "-".join(part.lower() if part[1:] == part[1:].lower() else part for part in word.split("-"))


def _root(word: str) -> str:
    """What a word is counted under; empty for one that can't be part of a name."""
    plain = word.lower()
    if not 2 <= len(word) <= _LONGEST or not any(c.isalpha() for c in word) or word[0].isdigit() or plain in _DULL:
        return ""
    root = stem("".join(words(word)))
    return "" if root in _DULL_ROOTS or plain.endswith("ly") else root


_DULL_ROOTS = frozenset(stem("".join(words(word))) for word in _DULL)


def _forms(found: Iterable[Mapping[str, list[str]]]) -> dict[str, str]:
    """How each term is written most."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for terms in found:
        for term, written in terms.items():
            counts[term].update(written)
    return {term: _form(count) for term, count in counts.items()}


def _form(counts: Counter[str]) -> str:
    small = {form: count for form, count in counts.items() if form == form.lower()}
    if sum(small.values()) >= _PLAIN * counts.total():
        counts = Counter(small)
    return min(counts, key=lambda form: (-counts[form], form))
