"""Whether a reference set can be trusted: every id, title, span and nugget is held against the abstracts."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from rag.evaluation.conversation import conversation, held, stated
from rag.evaluation.items import SETS, Flaw, Item, Span
from rag.evaluation.naming import Names
from rag.evaluation.nuggets import nuggets
from rag.evaluation.titles import Titles, flat
from rag.index.lexical import STOPWORDS
from rag.papers import Paper
from rag.papers.sentences import split_sentences

COPIED = 12
"""Words in a row that a reference answer may not share with an abstract: long figures with their units have fewer."""
SORTS = ("detail", "absent", "offtopic", "injected")
"""Of unanswerable questions."""
LONG = 400
"""Characters of an abstract of which a span is at most three quarters: it is to say where, not that it is somewhere."""
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_HOW_MANY = re.compile(r"\bhow\s+many\b|\bnumber\b|\bcount\b", re.IGNORECASE)
_WHICH = re.compile(r"\b(?:and (?:which|what)|which (?:are|ones)|list|names?|show)\b", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_COUNT = re.compile(rf"(?:there are |only |exactly |just )*(\d+|{'|'.join(_NUMBERS)})\b(?![-.,]\d|-)", re.IGNORECASE)


def check(items: Sequence[Item], papers: Sequence[Paper]) -> list[Flaw]:
    """What is wrong with a set, in the order of the items; an empty list says that it holds."""
    known = {p.id: p for p in papers}
    titles = Titles(papers)
    names = Names(papers)
    # A set over abstracts that are not at hand where it is written has no spans at all.
    spanned = any(item.gold_spans for item in items)
    flaws = [flaw for item in items for flaw in _of_item(item, known, titles, names, spanned)]
    flaws += [*_repeated(items), *_leaked(items)]
    order = {item.id: n for n, item in reversed(list(enumerate(items)))}
    return sorted(flaws, key=lambda flaw: order[flaw.id])


def _of_item(item: Item, papers: Mapping[str, Paper], titles: Titles, names: Names, spanned: bool) -> Iterator[Flaw]:
    parts = (
        _blank(item),
        _gold(item, papers),
        _form(item),
        _asked(item),
        conversation(item, papers, names),
        _refused(item, papers, names),
        _sides(item, titles, names),
        _spans(item, papers) if spanned else (),
        nuggets(item, papers, names, spanned),
        _set(item, papers, names),
        _words(item, papers, titles),
    )
    for part in parts:
        yield from (Flaw(item.id, what) for what in part)


def _blank(item: Item) -> Iterator[str]:
    """Texts that a reader could not see, or that a terminal would obey."""
    texts = [("id", item.id), ("question", item.question), ("reference_answer", item.reference_answer)]
    texts += [("history", m.content) for m in item.history] + [("nuggets", n.text) for n in item.nuggets]
    yield from (f"{name}: nothing but spaces" for name, text in texts if not text.strip())
    texts += [("gold_titles", title) for title in item.gold_titles]
    yield from (f"{name}: a control character, {c[0]!r}" for name, text in texts if (c := _CONTROL.search(text)))
    if item.id.strip() and (item.id != item.id.strip() or not item.id.isprintable()):
        yield f"id: {item.id!r} has a space at an end, or a character that can't be printed"


def _gold(item: Item, papers: Mapping[str, Paper]) -> Iterator[str]:
    lists = {
        "gold_papers": item.gold_papers,
        "borderline_papers": item.borderline_papers,
        "about_papers": item.about_papers,
    }
    for name, ids in lists.items():
        yield from (f"{name}: the collection has no paper {i!r}" for i in ids if i not in papers)
        yield from (f"{name}: {i} is there twice" for i, n in Counter(ids).items() if n > 1)
    if both := set(item.gold_papers) & set(item.borderline_papers):
        yield f"{', '.join(sorted(both))} is both gold and borderline"
    if len(item.gold_titles) != len(item.gold_papers):
        yield f"{len(item.gold_papers)} gold_papers, but {len(item.gold_titles)} gold_titles"
        return
    for id, title in zip(item.gold_papers, item.gold_titles, strict=True):
        if id in papers and papers[id].title != title:
            yield f"gold_titles: {title!r} is not the title of {id}, which is {papers[id].title!r}"


def _form(item: Item) -> Iterator[str]:
    """What each kind needs."""
    if item.answerable == (item.kind == "unanswerable"):
        yield f"answerable is {str(item.answerable).lower()}, and the kind is {item.kind}"
    if item.kind == "unanswerable":
        if item.gold_papers or item.gold_spans or item.nuggets or item.borderline_papers or item.missing:
            yield "an unanswerable question has no gold or borderline papers, spans, nuggets or missing sides"
        if item.sort not in SORTS:
            yield f"sort is {item.sort!r}; of an unanswerable question it is one of {', '.join(SORTS)}"
        return
    if item.sort:
        yield f"sort is {item.sort!r}; only unanswerable questions have one"
    if item.about_papers and item.sort != "detail":
        yield "about_papers are those of an unanswerable detail"
    if item.kind not in SETS and item.borderline_papers:
        yield "only a list or a count has borderline papers"
    if not item.gold_papers and item.kind != "overview":
        yield "an answerable question has at least one gold paper"
    if item.kind in SETS and item.nuggets:
        yield f"the nuggets of a {item.kind} are its gold papers; leave nuggets empty"
    if item.kind not in (*SETS, "overview") and not any(n.importance == "vital" for n in item.nuggets):
        yield "it has no vital nugget"
    if item.kind == "followup" and not item.history:
        yield "a follow-up has a history"
    if item.kind == "comparison":
        if len(item.gold_papers) + len(item.missing) < 2:
            yield "a comparison has two sides or more"
    elif item.missing:
        yield "only a comparison has missing sides"
    if item.kind == "number" and not any(
        n.importance == "vital" and re.search(r"\d", " ".join((n.text, *n.aliases, *n.patterns))) for n in item.nuggets
    ):
        yield "no vital nugget of a number has a figure"


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


def _spans(item: Item, papers: Mapping[str, Paper]) -> Iterator[str]:
    for n, span in enumerate(item.gold_spans, 1):
        if span.paper_id not in item.gold_papers:
            yield f"span {n}: {span.paper_id!r} is no gold paper"
        elif span.paper_id in papers:
            abstract = papers[span.paper_id].abstract
            if abstract[span.start : span.end] != span.text or span.end - span.start != len(span.text):
                at = abstract.find(span.text)
                where = f"stands at {at}" if at >= 0 else "is not in the abstract"
                yield f"span {n}: {span.text[:60]!r} is not at {span.start}–{span.end} of {span.paper_id}; it {where}"
            else:
                yield from (f"span {n}: {span.text[:60]!r} {what}" for what in _cut(span, abstract))
    by_paper = sorted(item.gold_spans, key=lambda s: (s.paper_id, s.start))
    for a, b in pairwise(by_paper):
        if a.paper_id == b.paper_id and b.start < a.end:
            yield f"the spans {a.start}–{a.end} and {b.start}–{b.end} of {a.paper_id} overlap"
    without = set(item.gold_papers if item.kind != "overview" else ()) - {span.paper_id for span in item.gold_spans}
    yield from (f"no span says what {id} has to do with it" for id in sorted(without))


def _cut(span: Span, abstract: str) -> Iterator[str]:
    whole = split_sentences(abstract)
    for at in (span.start, span.end):
        if abstract[max(at - 1, 0) : at].isalnum() and abstract[at : at + 1].isalnum():
            yield f"cuts the word around {at}"
    if span.text != span.text.strip():
        yield "begins or ends with a space"
    elif span.start not in {s.start for s in whole} or span.end not in {s.end for s in whole}:
        yield "is not made of whole sentences"
    if len(abstract) > LONG and 4 * len(span.text) > 3 * len(abstract):
        yield "is most of the abstract; give the sentence that says it"


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


def _repeated(items: Iterable[Item]) -> Iterator[Flaw]:
    by_id: dict[str, int] = Counter(item.id for item in items)
    yield from (Flaw(id, f"the id is there {n} times") for id, n in by_id.items() if n > 1)
    asked: dict[tuple[str, ...], list[Item]] = defaultdict(list)
    for item in items:
        asked[(" ".join(flat(item.question)), *(m.content for m in item.history))].append(item)
    for same in asked.values():
        for a, b in pairwise(same):
            yield from (Flaw(a.id, f"it asks the same as {b.id}"), Flaw(b.id, f"it asks the same as {a.id}"))


def _leaked(items: Iterable[Item]) -> Iterator[Flaw]:
    """Papers of both splits, reported at the items of the split that has fewer of them."""
    by_paper: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for item in items:
        for id in (*item.gold_papers, *item.about_papers):
            by_paper[id][item.split].append(item.id)
    for id, splits in by_paper.items():
        if len(splits) < 2:
            continue
        fewest = min(len(ids) for ids in splits.values())
        for split, ids in splits.items():
            other = next(i for s, others in splits.items() if s != split for i in others)
            if len(ids) == fewest:
                yield from (Flaw(i, f"{id} is in both splits: here in {split}, also in {other}") for i in ids)
