"""Questions that a collection does not answer: details, joined topics, other things."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

from rag.ask.details import missing_kind
from rag.evaluation.drafting.asking import Asked
from rag.evaluation.drafting.sets import Term
from rag.evaluation.drafting.source import Source, drafted
from rag.evaluation.drafting.splits import SplitRule, by_hash
from rag.evaluation.items import Item
from rag.index.lexical import terms as stems_of
from rag.papers import Paper

_ALWAYS = (
    ("Under which licence is the code of ", " released?"),
    ("How many lines of code does ", " consist of?"),
    ("At which conference was the paper on ", " presented?"),
    ("Which university do the authors of ", " work at?"),
    ("How many dollars did the work on ", " cost?"),
    ("What do the authors of ", " name as future work?"),
)
"""Details that are asked of any paper, before and after its name."""
_TRAINED = (
    ("What learning rate is used in the experiments on ", "?"),
    ("For how many epochs do the experiments on ", " train?"),
    ("What batch size is used in the experiments on ", "?"),
    ("Which optimizer is used in the experiments on ", "?"),
)
"""Those that are only asked where something is trained."""
_STUDIED = (("How many annotators took part in the study of ", "?"),)
_ASKING = frozenset(stems_of("report achieve mention many take part"))
_OFFTOPIC = (
    "How long do I have to boil an egg until it is hard?",
    "Who won the football world cup in 1998?",
    "Can you recommend a hotel near the central station?",
    "What is the capital of Mongolia?",
    "Write me a short poem about the sea.",
    "Will it rain in Lisbon tomorrow?",
    "How do I get red wine out of a white shirt?",
    "What time does the next train to Vienna leave?",
)


def details(source: Source, seed: int) -> Iterator[Item]:
    """Details of a kind that nothing in the abstract looks like, in an order that `seed` gives."""
    abstract = source.paper.abstract
    asked = [*_ALWAYS]
    if re.search(r"\b(?:train(?:ed|ing)?|fine-?tun)", abstract):
        asked += _TRAINED
    if re.search(r"\b(?:annotat|label|human)", abstract):
        asked += _STUDIED
    random.Random(f"{seed} {source.paper.id}").shuffle(asked)
    for head, tail in asked:
        question = f"{head}{source.called('writer')}{tail}"
        if missing_kind(f"{head}it{tail}", f"{source.paper.title}\n{abstract}"):
            yield _unanswerable("detail", "kind", question, f"The abstract of {source.title} does not say.", source)


def crossed(asked: Sequence[tuple[Source, Asked]], seed: int) -> Iterator[Item]:
    """What one paper gives a figure for, asked of another whose abstract has no word of it."""
    others = [source for source, _ in asked]
    random.Random(seed).shuffle(others)
    for (source, question), other in zip(asked, others, strict=True):
        told = set(stems_of(f"{question.head} {question.tail}")) - _ASKING
        held = set(stems_of(f"{other.paper.title} {other.paper.abstract}"))
        if other is not source and len(told) >= 2 and not told & held:
            reference = f"The abstract of {other.title} does not say."
            yield _unanswerable("detail", "crossed", question.question(other), reference, other)


def unjoined(terms: Sequence[Term], papers: Sequence[Paper], rule: SplitRule, seed: int) -> Iterator[Item]:
    """Two terms that no paper writes both of."""
    shuffled = [t for t in terms if not t.near and not t.text.rstrip("s").isupper()]
    random.Random(seed).shuffle(shuffled)
    for a, b in zip(shuffled[::2], shuffled[1::2], strict=False):
        if set(a.rows) & set(b.rows):
            continue
        yield drafted(
            "unanswerable",
            "unanswerable/unjoined",
            f"Is there a paper that brings together {a.quoted} and {b.quoted}?",
            f"No paper of the collection mentions both {a.quoted} and {b.quoted}.",
            rule(papers[a.rows[0]].id),
            sort="absent",
        )


def offtopic() -> Iterator[Item]:
    """What no collection of papers answers."""
    for question in _OFFTOPIC:
        reference = "The collection has nothing on that."
        template = "unanswerable/offtopic"
        yield drafted("unanswerable", template, question, reference, by_hash(question), sort="offtopic")


def _unanswerable(sort: str, template: str, question: str, reference: str, source: Source) -> Item:
    about = (source.paper.id,)
    named = f"unanswerable/{template}"
    return drafted("unanswerable", named, question, reference, source.split, sort=sort, about_papers=about)
