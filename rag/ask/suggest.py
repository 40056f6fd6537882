"""Questions to ask next, and to begin with, made from the papers' own words.

Each is asked of the finder before it is offered, so that none goes unanswered. With a model, it words them first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest

from pydantic import BaseModel, Field

from rag.ask.overview import groups_of
from rag.ask.quoting import Finder, Found
from rag.core.answer import Answer
from rag.core.errors import ModelError
from rag.index.lexical import terms
from rag.index.topics import names
from rag.llm.client import Client, Deadlines
from rag.llm.prompts import data, prompt, source
from rag.llm.structured import ask_json

CHARACTERS = 110
"""Of a suggested question at most; one that would be longer is left out, and never cut."""
TITLE = 80
"""Characters of a title that is quoted in a question at most."""
TRIES, MISSES = 6, 2
"""Questions that are tried for each one wanted, for the reader waits, and of one kind before it is another's turn."""
TABLE, NEAR = 3, 4
"""Papers of the last answer that are asked about, and papers near to the first of them."""
ASKED = 4
"""Questions of the conversation that the model is told."""
DEADLINES = Deadlines(first=4.0, between=2.0, total=5.0)
"""Of the model: by now the reader has the answer."""
OVERVIEW = "What is this collection about?"

_NAME = re.compile(r"(?=.*[A-Z].*[A-Z]|.*[a-z][A-Z]|.*\d)[\w.+-]{2,20}")
"""A name before the colon of a title: "GPTQ", "S-LoRA", "PointNet2"."""
_UNSAFE = re.compile(
    r"[<>{}|\\$`*\[\]\"~#_]|https?:|javascript:|[\x00-\x1f\x7f-\x9f\u2028-\u202e\u200b-\u200f]", re.IGNORECASE
)

Candidate = tuple[str, tuple[int, ...]]
"""A question, and the rows of the papers that have to answer it; none where any may."""


class Questions(BaseModel):
    """The reply to the prompt `suggest`."""

    questions: list[str] = Field(max_length=5)


def starters(finder: Finder, count: int = 4) -> tuple[str, ...]:
    """At most `count` questions to begin with: of one paper, two papers, a topic and the whole collection.

    The same papers give the same questions.
    """
    groups = groups_of(finder.index, finder.rows)
    middle = [row for rows in zip_longest(*(g.typical for g in groups)) for row in rows if row is not None]
    kinds: list[Iterator[Candidate]] = [
        (c for row in middle for c in islice(_of_one(finder, row), 1)),
        (c for row in middle[1:] for other in _near(finder, row)[:2] for c in _of_two(finder, row, other)),
        (_of_topic(_phrase(group.terms)) for group in groups if group.terms),
        iter([(OVERVIEW, ())]),
    ]
    return tuple(_tried(kinds, finder, count, set(), frozenset()))


def suggest(
    answers: Sequence[Answer],
    finder: Finder,
    *,
    count: int = 3,
    allowed: frozenset[int] | None = None,
    client: Client | None = None,
) -> tuple[str, ...]:
    """At most `count` questions that go on from the last of `answers`; none was asked, each shows something new.

    They are about the papers that it cites, those near to them, and their topic, and only of the rows in `allowed`
    (None: all). With `client` a model words them first; where it fails, the papers' own words do.
    """
    finder = finder if allowed is None else finder.among(allowed)
    rows = _rows_of(answers[-1], finder) if answers else []
    if not rows:
        return starters(finder, count)
    asked = {_folded(q) for a in answers for q in (a.question, a.standalone_question)}
    shown = frozenset((c.paper_id, c.start, c.end) for a in answers for c in a.citations)
    found: list[str] = []
    if client is not None:
        written = ((q, ()) for q in _written(rows, [a.question for a in answers], finder, client))
        found = _tried([written], finder, count, asked, shown, among=rows)
    near = [row for row in _near(finder, rows[0]) if row not in rows]
    kinds: list[Iterator[Candidate]] = [
        (c for some in zip_longest(*(_of_one(finder, row) for row in rows)) for c in some if c),
        (c for row in [*rows[1:], *near] for c in _of_two(finder, rows[0], row)),
        (_of_topic(term) for row in rows for term in _topics(finder, row)),
        (c for row in near for c in _of_one(finder, row)),
    ]
    return (*found, *_tried(kinds, finder, count - len(found), asked, shown))


def _rows_of(answer: Answer, finder: Finder) -> list[int]:
    """The rows of the papers that an answer cites, or else found, that may be asked about."""
    for ids in ([c.paper_id for c in answer.citations], [r.paper_id for r in answer.retrieved]):
        known = [finder.index.rows[i] for i in dict.fromkeys(ids) if i in finder.index.rows]
        if rows := [row for row in known if finder.rows is None or row in finder.rows]:
            return rows[:TABLE]
    return []


def _tried(
    kinds: Sequence[Iterator[Candidate]],
    finder: Finder,
    count: int,
    asked: set[str],
    shown: frozenset[tuple[str, int, int]],
    among: Sequence[int] = (),
) -> list[str]:
    """At most `count` questions that hold, one of each kind in turn; those that were tried are added to `asked`."""
    found: list[str] = []
    tries, waiting = TRIES * count, list(kinds)
    while waiting and len(found) < count:
        kind = waiting.pop(0)
        missed = 0
        for question, rows in kind:
            if _folded(question) in asked or len(question) > CHARACTERS or _UNSAFE.search(question):
                continue
            if tries == 0:
                return found
            asked.add(_folded(question))
            tries -= 1
            if _holds(finder, finder.find(finder.plan(question, [])), rows or among, shown, every=bool(rows)):
                found.append(question)
                waiting.append(kind)
                break
            missed += 1
            if missed == MISSES:
                waiting.append(kind)
                break
    return found


def _holds(
    finder: Finder, found: Found, rows: Sequence[int], shown: frozenset[tuple[str, int, int]], *, every: bool
) -> bool:
    """Whether it is answered, by sentences not shown yet, and by `rows` first: all of them, or one and no other."""
    papers = finder.index.papers
    quoted = {(papers[p.row].id, s.span.start, s.span.end) for p in found.papers for s in p.sentences}
    if found.state != "answers" or quoted <= shown or (found.plan.kind == "list" and len(found.papers) < 2):
        return False
    first = {p.row for p in found.papers[: max(1, len(rows) if every else 1)]}
    return not rows or (first == {*rows} if every else first <= {*rows})


def _of_one(finder: Finder, row: int) -> Iterator[Candidate]:
    """Questions about one paper: what it finds, and what it says of the terms that tell it from those near to it."""
    paper = finder.index.papers[row]
    called = _called(paper.title)
    if not called:
        return
    quoted = called.startswith("“")
    yield (f"What does {called} find?" if quoted else f"How does {called} work?"), (row,)
    for term in _terms(finder, row):
        if not {*terms(term)} <= {*terms(paper.title)}:
            where = called if quoted else f"the paper on {called}"
            yield f"What does {where} say about {term}?", (row,)
    yield (f"What do the authors of {called} report?"), (row,)


def _of_two(finder: Finder, row: int, other: int) -> Iterator[Candidate]:
    """The question how two papers differ."""
    one, two = (_called(finder.index.papers[r].title) for r in (row, other))
    if one and two and one != two:
        yield f"How do {one} and {two} differ?", (row, other)


def _of_topic(term: str) -> Candidate:
    return f"Which papers are about {term}?", ()


def _called(title: str) -> str:
    """What to call a paper in a question: the name of what it brings, or its title between quotes; "" where long."""
    title = " ".join(title.split()).rstrip(".")
    head = title.partition(":")[0].strip()
    if head != title and _NAME.fullmatch(head):
        return head
    short = title if len(title) <= TITLE else head
    return f"“{short}”" if 0 < len(short) <= TITLE and "“" not in short else ""


def _near(finder: Finder, row: int) -> list[int]:
    """The papers nearest to one."""
    return [other for other in finder.search(finder.index.papers[row].title) if other != row][:NEAR]


def _terms(finder: Finder, row: int) -> tuple[str, ...]:
    """Terms that a paper writes and those near to it hardly do."""
    papers = [finder.index.papers[r] for r in (row, *_near(finder, row))]
    return names(papers, [[0]])[0]


def _topics(finder: Finder, row: int) -> tuple[str, ...]:
    """Terms that a paper and those nearest to it share, and those less near hardly have."""
    papers = [finder.index.papers[r] for r in finder.search(finder.index.papers[row].title)]
    return names(papers, [list(range(min(len(papers), NEAR + 1)))])[0]


def _phrase(terms_of: Sequence[str]) -> str:
    """The first term that is more than a word, which says more; else the first one."""
    return next((t for t in terms_of if " " in t or "-" in t), terms_of[0])


def _written(rows: Sequence[int], asked: Sequence[str], finder: Finder, client: Client) -> list[str]:
    """The questions that the model words about these papers; none where it fails."""
    papers = [finder.index.papers[row] for row in rows]
    messages = prompt("suggest").fill(
        sources="\n".join(source(n, p.title, p.abstract) for n, p in enumerate(papers, 1)),
        asked="\n".join(f"- {data(' '.join(q.split()))[:CHARACTERS]}" for q in asked[-ASKED:]),
    )
    hurried = Client(client.source, deadlines=DEADLINES, retries=0, cache=client.cache)
    try:
        said = ask_json(hurried, messages, Questions, stop=None, count=lambda _: None)
    except ModelError:
        return []
    found = [" ".join(text.split()) for text in said.questions] if said else []
    return [q for q in found if len(q) >= 10 and q.endswith("?")]


def _folded(question: str) -> str:
    return " ".join(question.casefold().split()).rstrip("?. ")
