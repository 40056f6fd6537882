"""What a reference set says in prose, held against the abstracts: `rag eval check` proves its form, this reads on.

The project's own sets are read so (`python -m eval.proofreading`, which `make eval` calls). It knows English, and what
it finds may be a matter of taste, so it is no part of the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from eval.proofreading.conversation import conversation, held, stated
from eval.proofreading.naming import Names
from eval.proofreading.titles import Titles, flat
from rag.evaluation import checking
from rag.evaluation.items import SETS, Flaw, Item, Nugget
from rag.index.lexical import STOPWORDS, terms, words
from rag.papers import Paper
from rag.papers.sentences import split_sentences

COPIED = 12
"""Words in a row that a reference answer may not share with an abstract: long figures with their units have fewer."""
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_HOW_MANY = re.compile(r"\bhow\s+many\b|\bnumber\b|\bcount\b", re.IGNORECASE)
_WHICH = re.compile(r"\b(?:and (?:which|what)|which (?:are|ones)|list|names?|show)\b", re.IGNORECASE)
_COUNT = re.compile(rf"(?:there are |only |exactly |just )*(\d+|{'|'.join(_NUMBERS)})\b(?![-.,]\d|-)", re.IGNORECASE)


def check(items: Sequence[Item], papers: Sequence[Paper]) -> list[Flaw]:
    """What is wrong with a set in form and in prose, in the order of the items; an empty list says that it holds."""
    known = {p.id: p for p in papers}
    titles, names = Titles(papers), Names(papers)
    flaws = [Flaw(i.id, what) for i in items for what in _of_item(i, known, titles, names)]
    order = {item.id: n for n, item in reversed(list(enumerate(items)))}
    return sorted([*checking.check(items, papers), *flaws], key=lambda flaw: order[flaw.id])


def _of_item(item: Item, papers: Mapping[str, Paper], titles: Titles, names: Names) -> Iterator[str]:
    yield from _asked(item)
    yield from conversation(item, papers, names)
    yield from _refused(item, papers, names)
    yield from _sides(item, titles, names)
    yield from _set(item, papers, names)
    yield from _words(item, papers, titles)
    yield from _twice(item)
    for nugget in item.nuggets:
        if (nugget.paper_id or len(item.gold_papers) == 1) and (paper := papers.get(item.paper_of(nugget))):
            yield from (f"nugget {nugget.text!r}: {what}" for what in _text(item, nugget, paper))
        for found in names.everywhere(nugget):
            yield f"nugget {nugget.text!r}: {found!r} is in more than half of the abstracts, and proves nothing"


def _asked(item: Item) -> Iterator[str]:
    """A count is asked for in words that say so, and a list is not."""
    number = _HOW_MANY.search(item.question) is not None
    if item.kind == "count" and not number:
        yield "it is a count, and the question asks for no number"
    if item.kind == "list" and number and not _WHICH.search(item.question):
        yield "it is a list, and the question asks how many"


def _refused(item: Item, papers: Mapping[str, Paper], names: Names) -> Iterator[str]:
    """What has no answer has no figure, but those of the question or of the papers that are spoken of."""
    if item.kind != "unanswerable" or not (said := stated(item.reference_answer)):
        return
    about = names.mentioned(f"{item.question}\n{item.reference_answer}") or {*papers}
    texts = [item.question, *(f"{papers[id].title}\n{papers[id].abstract}" for id in about)]
    for figure in said:
        if not held(figure, texts):
            yield f"it is unanswerable, and the reference answer says {figure.text!r}, which no abstract has"


def _sides(item: Item, titles: Titles, names: Names) -> Iterator[str]:
    """A missing side is one that the question names and the collection lacks; the others are gold."""
    for side in item.missing:
        phrase = " ".join(flat(side))
        if not phrase or f" {phrase} " not in f" {' '.join(flat(item.question))} ":
            yield f"missing: the question does not name {side!r}"
        elif all(w in STOPWORDS or w in _NUMBERS or len(w) < 2 for w in flat(side)) or not re.search(r"[A-Z]", side):
            yield f"missing: {side!r} is no name"
        elif has := titles.having(side):
            yield f"missing: {side!r} is in the collection: {has!r}"
    if item.kind == "comparison":
        for name, id in names.outside(item.question, {*item.gold_papers, *item.borderline_papers}).items():
            yield f"the question names {name!r}, which is {id}, and that is no gold paper"


def _set(item: Item, papers: Mapping[str, Paper], names: Names) -> Iterator[str]:
    """Lists and counts have no nuggets that would hold them together: their reference answer names every paper."""
    if item.kind not in SETS:
        return
    answer, total = item.reference_answer, len(item.gold_papers)
    said = _COUNT.match(answer.strip())
    number = said and (_NUMBERS.index(said[1].casefold()) if said[1].casefold() in _NUMBERS else int(said[1]))
    if number != total if said else item.kind == "count" and not _says_number(answer, total):
        yield f"the reference answer gives {number if said else 'no'} count, and the gold papers are {total}"
    for id in item.gold_papers:
        if id in papers and not names.names(answer, id):
            yield f"the reference answer does not name {id} by a word of its own"
    for word, id in names.others(answer, {*item.gold_papers, *item.borderline_papers}):
        yield f"the reference answer says {word!r}, which is {id}, and that is no gold paper"


def _says_number(text: str, n: int) -> bool:
    word = _NUMBERS[n] if n < len(_NUMBERS) else str(n)
    return re.search(rf"\b(?:{n}|{word})\b", text, re.IGNORECASE) is not None


def _words(item: Item, papers: Mapping[str, Paper], titles: Titles) -> Iterator[str]:
    """Reference answers are written, not copied; titles are quoted as they are."""
    own = flat(item.reference_answer)
    for id in item.gold_papers:
        if id in papers and (copied := _shared_run(own, flat(papers[id].abstract))):
            yield f"the reference answer copies {copied!r} from {id}"
    written = [item.reference_answer, *(m.content for m in item.history if m.role == "assistant")]
    yield from (flaw for text in dict.fromkeys(written) for flaw in titles.flaws(text))


def _shared_run(own: Sequence[str], other: Sequence[str]) -> str:
    """The first `COPIED` words in a row that both have."""
    runs = {tuple(other[i : i + COPIED]) for i in range(len(other) - COPIED + 1)}
    found = (own[i : i + COPIED] for i in range(len(own) - COPIED + 1))
    return next((" ".join(run) for run in found if tuple(run) in runs), "")


def _text(item: Item, nugget: Nugget, paper: Paper) -> Iterator[str]:
    """The text is for readers, and no metric sees it: so it is held against what its expressions find."""
    sentences = (paper.abstract[s.start : s.end] for s in split_sentences(paper.abstract))
    where = [s for s in sentences if nugget.found_in(s)] or [paper.abstract]
    found = [*nugget.aliases, *nugget.patterns, item.reference_answer, *where]
    digits = {re.sub(r"\D", "", d) for text in found for d in re.findall(r"\d[\d.,\s]*", text)}
    figured = stated(nugget.text)
    for figure in figured:
        if re.sub(r"\D", "", figure.text) not in digits and not held(figure, found):
            yield f"its text says {figure.text!r}, which is not where its expressions are in {paper.id}"
    told = {*terms(nugget.text)} or {*words(nugget.text)}
    if not figured and not told & {w for text in found for w in (*terms(text), *words(text))}:
        yield f"its text shares no word with what its expressions find in {paper.id}"


def _twice(item: Item) -> Iterator[str]:
    for a, b in combinations(item.nuggets, 2):
        if words(a.text) == words(b.text) and item.paper_of(a) == item.paper_of(b):
            yield f"nugget {a.text!r} is there twice"
        elif {*a.expressions} == {*b.expressions} != set() and a.paper_id == b.paper_id:
            yield f"the nuggets {a.text!r} and {b.text!r} have the same aliases and patterns"
