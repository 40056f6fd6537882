"""BM25: the words it reads, and scores that agree with the formula computed by hand."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.index.lexical import K1, STOPWORDS, B, Lexicon, stem, terms, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ZeRO-Infinity 2.5×", ["zero", "infinity", "2.5"]),
        ("Mélange, Über, naïve", ["melange", "uber", "naive"]),
        ("47.1% of 1,024 GPUs", ["47.1", "of", "1", "024", "gpus"]),
        ("MoE^2 and C4", ["moe", "2", "and", "c4"]),
        ("snake_case", ["snake", "case"]),
        ("v1.2.3 at the end.", ["v1", "2.3", "at", "the", "end"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("ﬁne-tuning", ["fine", "tuning"]),
        ("  ", []),
        ("!?—", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [("training", "trained"), ("quantization", "quantized"), ("layers", "layer"), ("parallelism", "parallel")],
)
def test_forms_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_terms_leave_out_what_says_nothing_and_keep_repetitions() -> None:
    assert terms("Which of these papers is about training and the training of trees?") == ["train", "train", "tree"]
    assert terms("What is it about?") == []
    assert all(word == word.lower() for word in STOPWORDS)


@pytest.mark.parametrize("word", ["memory", "gpu", "learning", "faster", "first", "second", "two", "epochs", "compare"])
def test_subjects_are_no_stopwords(word: str) -> None:
    assert terms(word) != []


TEXTS = [
    "Pipeline parallelism trains large models. Pipelines help.",
    "Quantized models save memory.",
    "Graphs are trained out of core; graph training is slow.",
    "A survey of trees.",
    "",
]


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon.build(TEXTS)


@pytest.mark.parametrize(
    ("query", "best"), [("pipelines", 0), ("memory of quantized models", 1), ("training graphs", 2), ("tree", 3)]
)
def test_best(lexicon: Lexicon, query: str, best: int) -> None:
    scores = lexicon.scores(terms(query))
    assert scores.shape == (len(TEXTS),)
    assert scores.argmax() == best


@pytest.mark.parametrize("query", ["", "the of which", "zebra", "zebra unicorn"])
def test_nothing_known(lexicon: Lexicon, query: str) -> None:
    assert lexicon.scores(terms(query)).tolist() == [0.0] * len(TEXTS)


def test_unknown_words_change_nothing(lexicon: Lexicon) -> None:
    assert np.array_equal(lexicon.scores(terms("memory zebra")), lexicon.scores(terms("memory")))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("quantisz", "quantiz"),
        ("paralel", "parallel"),
        ("quantiz", "quantiz"),
        ("xuantiz", "xuantiz"),
        ("unicorn", "unicorn"),
    ],
)
def test_a_slip_of_the_pen_is_read_as_what_was_meant(lexicon: Lexicon, written: str, read: str) -> None:
    assert lexicon.corrected(written) == read


def test_frequency_idf_and_membership(lexicon: Lexicon) -> None:
    assert [lexicon.frequency(stem(w)) for w in ("models", "training", "trees", "zebra")] == [2, 2, 1, 0]
    assert lexicon.idf("zebra") > lexicon.idf(stem("trees")) > lexicon.idf(stem("models")) > 0
    assert lexicon.idf(stem("trees")) == pytest.approx(math.log(1 + (5 - 1 + 0.5) / (1 + 0.5)))
    assert "tree" in lexicon
    assert "zebra" not in lexicon


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["the of"], ["?!"]])
def test_collections_without_a_word(texts: list[str], tmp_path: Path) -> None:
    lexicon = Lexicon.build(texts)
    lexicon.save(tmp_path / "bm25")
    for found in (lexicon, Lexicon.load(tmp_path / "bm25")):
        assert not found.scores(terms("anything at all")).any()
        assert len(found.scores(["x"])) == max(1, len(texts))
        assert found.frequency("anyth") == 0


def brute_force(documents: list[list[str]], query: list[str]) -> list[float]:
    """Robertson and Zaragoza 2009, with Lucene's idf and, as Lucene since version 8, without the constant k1 + 1."""
    n = len(documents)
    average = sum(map(len, documents)) / n
    found = []
    for document in documents:
        score = 0.0
        for term in query:
            df = sum(term in d for d in documents)
            tf = document.count(term)
            if tf:
                idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
                score += idf * tf / (tf + K1 * (1 - B + B * len(document) / average))
        found.append(score)
    return found


WORDS = st.sampled_from("tree graph memory train fast model bit gpu".split())
CORPORA = st.lists(st.lists(WORDS, min_size=1, max_size=15), min_size=1, max_size=12)


@given(CORPORA, st.lists(WORDS, min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_scores_agree_with_the_formula_before_and_after_saving(corpus: list[list[str]], query: list[str]) -> None:
    lexicon = Lexicon.build([" ".join(document) for document in corpus])
    documents = [terms(" ".join(document)) for document in corpus]
    asked = terms(" ".join(query))
    expected = brute_force(documents, asked)
    assert np.allclose(lexicon.scores(asked), expected, atol=1e-4)
    for term in set(asked):
        assert lexicon.frequency(term) == sum(term in d for d in documents)
    with tempfile.TemporaryDirectory() as folder:
        lexicon.save(Path(folder) / "bm25")
        loaded = Lexicon.load(Path(folder) / "bm25")
        assert np.array_equal(loaded.scores(asked), lexicon.scores(asked))
        assert [loaded.idf(t) for t in asked] == [lexicon.idf(t) for t in asked]
