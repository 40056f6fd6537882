"""Whether quotes support a statement: they alone are seen, verbatim is enough, several papers may share the clauses."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from rag import Citation, Rag
from rag.evaluation.entailment import Entailment, verbatim
from rag.papers import Paper

DOUBLE = "double quantization to reduce the average memory footprint"
SAVES = "QLoRA's double quantization reduces the average memory footprint by quantizing the quantization constants."
LAYERS = "GPipe is a pipeline parallelism library that allows scaling any network expressed as a sequence of layers"
HOLMES = (
    "Holmes is a training framework for LLMs that employs thoughtfully crafted data and model parallelism strategies"
)


@pytest.fixture(scope="module")
def supports(collection: Rag) -> Entailment:
    return Entailment(collection.papers())


def paper(rag: Rag, title: str) -> Paper:
    """The paper whose title begins so."""
    (found,) = [p for p in rag.papers() if p.title.startswith(title)]
    return found


def whole(rag: Rag, title: str, marker: int = 1) -> Citation:
    """A citation of a whole abstract."""
    p = paper(rag, title)
    return Citation(marker, p.id, p.title, p.abstract, 0, len(p.abstract))


def part(rag: Rag, title: str, words: str) -> Citation:
    """A citation of the part of an abstract from these words to the next full stop."""
    p = paper(rag, title)
    start = p.abstract.index(words)
    end = p.abstract.index(".", start) + 1
    return Citation(1, p.id, p.title, p.abstract[start:end], start, end)


def test_a_paraphrase_is_supported_by_what_says_it(collection: Rag, supports: Entailment) -> None:
    assert supports(SAVES, [whole(collection, "QLoRA")])
    assert not supports(SAVES.replace("memory footprint", "memory footprint to 3 GB"), [whole(collection, "QLoRA")])
    assert not supports("QLoRA was trained on 4,096 GPUs.", [whole(collection, "QLoRA")])
    assert not supports(SAVES, [whole(collection, "GPipe")])


def test_only_what_is_quoted_counts(collection: Rag, supports: Entailment) -> None:
    p = paper(collection, "QLoRA")
    start = p.abstract.index(DOUBLE)
    quote = p.abstract[start : start + 110]
    exact = Citation(1, p.id, p.title, quote, start, start + 110)
    other = part(collection, "QLoRA", "QLoRA backpropagates")
    assert supports(SAVES, [exact])
    assert not supports(SAVES, [other]), "the abstract says it, and what is cited of it doesn't"
    assert supports(SAVES, [other, exact]), "both are of one paper"


def test_a_figure_elsewhere_in_the_abstract_does_not_help(collection: Rag, supports: Entailment) -> None:
    claim = "QLoRA finetunes a 65B parameter model on a single GPU of 48 GB."
    assert supports(claim, [part(collection, "QLoRA", "We present QLoRA")])
    assert not supports(claim, [part(collection, "QLoRA", "QLoRA backpropagates")])


def test_a_verbatim_sentence_is_supported(collection: Rag, supports: Entailment) -> None:
    cited = part(collection, "GPipe", "GPipe")
    assert supports(cited.quote.upper().replace(" ", "  "), [cited])


def test_what_is_no_quote_supports_nothing(collection: Rag, supports: Entailment) -> None:
    cited = part(collection, "GPipe", "GPipe")
    shifted = [replace(cited, start=cited.start + 1), replace(cited, paper_id="unknown"), replace(cited, quote=" ")]
    for wrong in (*shifted, replace(cited, start=cited.start - len(paper(collection, "GPipe").abstract))):
        assert not supports(cited.quote, [wrong])
    assert not supports(cited.quote, [])


@pytest.mark.parametrize(
    ("statement", "titles", "wanted"),
    [
        (f"{LAYERS}, while {HOLMES}.", ("GPipe", "Holmes"), True),
        (f"{LAYERS}, while {HOLMES}.", ("GPipe",), False),
        (f"{LAYERS}, while {HOLMES}.", ("GPipe", "QLoRA"), False),
        (f"{LAYERS}, while Holmes was trained on 12 potatoes in 1823.", ("GPipe", "Holmes"), False),
        (f"{LAYERS}.", ("GPipe", "Holmes"), True),
    ],
)
def test_several_papers_share_the_clauses(
    collection: Rag, supports: Entailment, statement: str, titles: Sequence[str], wanted: bool
) -> None:
    cited = [whole(collection, title, n) for n, title in enumerate(titles, 1)]
    assert supports(statement, cited) is wanted
    assert supports(statement, cited[::-1]) is wanted


def test_threads_get_the_same_verdicts(collection: Rag, supports: Entailment) -> None:
    cited = [whole(collection, "QLoRA"), whole(collection, "GPipe", 2)]
    asked = [(text, [c]) for text in (SAVES, f"{LAYERS}.", f"{HOLMES}.") for c in cited] * 4
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda a: Entailment.__call__(supports, *a), asked))
    assert together == [Entailment(collection.papers())(*a) for a in asked[:6]] * 4


@pytest.mark.parametrize(
    ("statement", "quote", "wanted"),
    [
        ("it is very fast", "We show that it is very fast.", True),
        ("It is *very* “fast”.", "We show that it  is very 'fast', and small.", True),
        ("it is 5", "it is 50", False),
        ("it is 5", "it is 5.5 times faster", False),
        ("it is fast", "that bit is fast", False),
        ("is fast", "it is fast", False),
        ("it is not fast", "it is fast", False),
    ],
)
def test_verbatim(statement: str, quote: str, wanted: bool) -> None:
    assert verbatim(statement, quote) is wanted
