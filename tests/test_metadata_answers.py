"""Questions that authors, years and venues answer, or restrict, as a reader asks them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import Config, Options, Rag, UsageError, build

PAPERS = [
    {
        "id": "Marrow2021",
        "title": "Zeolite beads dry millet seed without heat",
        "abstract": "Millet seed loses vigour when it is dried in the sun. We dried seed with zeolite beads and silica "
        "gel. Beads brought moisture to 6 percent in 4 days, and 81 percent of the seed germinated.",
        "authors": ["Ottilie Marrow", "Benno Vance"],
        "year": 2021,
        "venue": "Journal of Dry Seeds",
    },
    {
        "id": "Odgers2018",
        "title": "Hedges and the moths of orchards",
        "abstract": "Hedges shelter moths. We counted moths in 30 traps along hedges for two years. Orchards with "
        "hedges held 412 moths, others 120.",
        "authors": ["Tam Odgers"],
        "year": 2018,
        "venue": "Orchard Ecology",
    },
    {
        "id": "Odgers2020",
        "title": "Amber lamps attract fewer moths",
        "abstract": "Street lamps draw moths away from flowers. We compared amber and white lamps in twelve villages. "
        "Amber lamps attracted 35 percent fewer moths than white ones.",
        "authors": ["Tam Odgers", "Ilse Quarrel"],
        "year": 2020,
        "venue": "Light and Life",
    },
]


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    home = tmp_path_factory.mktemp("home")
    file = home / "papers.jsonl"
    file.write_text("".join(json.dumps(paper) + "\n" for paper in PAPERS), encoding="utf-8")
    with build(Config(home=home, collection="moths", llm="none")) as made:
        made.ingest([file])
        yield made


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Who wrote the paper on zeolite beads?", "Ottilie Marrow, Benno Vance"),
        ("When was the paper on amber lamps published?", "2020"),
        ("Where was “Hedges and the moths of orchards” published?", "Orchard Ecology"),
        ("[Marrow2021] how many days did it take?", "in 4 days"),
        ("In Odgers' paper on hedges, how many moths were counted?", "412 moths"),
        ("What did Smith write?", "no paper by Smith"),
    ],
)
def test_metadata_answers(rag: Rag, question: str, said: str) -> None:
    assert said in rag.ask(question).answer


def test_an_author_has_a_list_of_papers(rag: Rag) -> None:
    answer = rag.ask("Which papers did Odgers write?")
    assert answer.kind == "list"
    assert [found.title for found in answer.retrieved] == [PAPERS[1]["title"], PAPERS[2]["title"]]
    assert "2 of 3 papers" in answer.answer


def test_what_the_filters_leave_is_never_hidden(rag: Rag) -> None:
    answer = rag.ask("papers since 2020 on moths")
    assert "Amber lamps attract fewer moths" in answer.answer
    assert "Hedges and the moths" not in answer.answer
    assert "you chose" not in answer.answer
    assert "does not say" not in answer.answer


def test_of_one_paper_a_sentence_is_cited(rag: Rag) -> None:
    (citation,) = rag.ask("Who wrote the paper on amber lamps?").citations
    assert citation.quote == "Street lamps draw moths away from flowers."


def test_options_restrict_by_year_author_and_venue(rag: Rag) -> None:
    question = "How many moths were there?"
    assert rag.ask(question, options=Options(years=(2019, None))).searched == 2
    assert rag.ask(question, options=Options(authors=("Odgers",))).searched == 2
    assert rag.ask(question, options=Options(authors=("Odgers",), years=(None, 2018))).searched == 1
    assert rag.ask(question, options=Options(venues=("Light and Life",))).searched == 1
    with pytest.raises(UsageError, match="years, authors and venues"):
        rag.ask(question, options=Options(years=(1900, 1901)))


def test_a_collection_without_authors_says_so(tmp_path: Path) -> None:
    file = tmp_path / "bare.jsonl"
    file.write_text(json.dumps({k: PAPERS[1][k] for k in ("title", "abstract", "year")}) + "\n", encoding="utf-8")
    with build(Config(home=tmp_path, collection="bare", llm="none")) as rag:
        rag.ingest([file])
        assert "no authors" in rag.ask("Who wrote the paper on hedges?").answer
