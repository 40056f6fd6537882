"""Questions that authors, years and venues answer, or restrict, over papers that have them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from small_collections import MEDICINE, write

from rag import Answer, Config, Options, Rag, Turn, build


def keys(answer: Answer) -> set[str]:
    """Which of the invented papers are cited, by their keys."""
    by_title = {r["title"]: r["id"] for r in MEDICINE}
    return {by_title[c.title] for c in answer.citations}


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Who wrote the paper on garlic foot baths?", ["Mateo Alvarez"]),
        ("Who wrote about sleep apnoea?", ["Piotr Zielinski"]),
        ("who are the authors of the study on telephone reminders?", ["Amara Diallo", "Helena Brandt"]),
    ],
)
def test_who(medicine: Rag, question: str, names: list[str]) -> None:
    answer = medicine.ask(question)
    assert answer.state == "answers"
    assert all(name in answer.answer for name in names)
    assert len({c.paper_id for c in answer.citations}) == 1
    for c in answer.citations:
        paper = next(p for p in medicine.papers() if p.id == c.paper_id)
        assert paper.abstract[c.start : c.end] == c.quote


@pytest.mark.parametrize(
    ("question", "year"),
    [
        ("When was the study on warmed blankets published?", 2012),
        ("In which year did the paper on handwashing songs appear?", 2018),
    ],
)
def test_when(medicine: Rag, question: str, year: int) -> None:
    answer = medicine.ask(question)
    assert answer.state == "answers"
    assert re.findall(r"\b(?:19|20)\d\d\b", answer.answer) == [str(year)]


def test_where(medicine: Rag) -> None:
    answer = medicine.ask("In which journal was the study of night shifts published?")
    assert "Journal of Invented Medicine" in answer.answer
    assert keys(answer) == {"night-shifts"}


@pytest.mark.parametrize(
    ("question", "papers"),
    [
        ("Which papers are by Ruth Okonkwo?", {"tolvane-after", "warm-blankets", "reading-aloud"}),
        ("papers by Okonkwo", {"tolvane-after", "warm-blankets", "reading-aloud"}),
        ("What has Ruth Okonkwo written?", {"tolvane-after", "warm-blankets", "reading-aloud"}),
        ("Which papers are by Ingrid Solberg since 2018?", {"tolvane-after", "pharmacy-robots"}),
        ("Which papers did Ingrid Solberg publish before 2018?", {"tolvane-before"}),
        ("Which papers appeared since 2020?", {"night-shifts", "reminder-calls", "reading-aloud", "pharmacy-robots"}),
        ("papers from 2010 to 2012", {"snoring-didgeridoo", "garlic-footbath", "warm-blankets"}),
        ("Which papers were published in 2016?", {"tolvane-before"}),
        ("How many papers did Amara Diallo write?", {"night-shifts", "handwashing-songs", "reminder-calls"}),
    ],
)
def test_which(medicine: Rag, question: str, papers: set[str]) -> None:
    answer = medicine.ask(question)
    assert answer.kind == "list"
    assert answer.state == "answers"
    assert keys(answer) == papers
    n = len(papers)
    assert f"**{n} paper{'' if n == 1 else 's'}** of 12 fit" in answer.answer
    for title in (r["title"] for r in MEDICINE if r["id"] in papers):
        assert f"**{title}**" in answer.answer


@pytest.mark.parametrize(
    ("question", "papers"),
    [
        ("Which papers since 2015 are about the knee?", {"knee-pool"}),
        ("Which papers by Helena Brandt are about the knee?", {"knee-cycling", "knee-pool"}),
        ("What has Helena Brandt written on vaccinations?", {"reminder-calls"}),
    ],
)
def test_a_subject_within_what_metadata_leaves(medicine: Rag, question: str, papers: set[str]) -> None:
    answer = medicine.ask(question)
    assert answer.state == "answers"
    assert keys(answer) == papers


def test_a_question_about_what_an_author_found(medicine: Rag) -> None:
    answer = medicine.ask("What did Amara Diallo find about blood pressure after night shifts?")
    assert answer.kind == "single"
    assert answer.searched == 3
    assert keys(answer) == {"night-shifts"}
    assert "7 mmHg" in answer.answer


def test_an_author_who_wrote_nothing_here(medicine: Rag) -> None:
    answer = medicine.ask("Which papers did Hubert Nonesuch write?")
    assert answer.abstained
    assert not answer.citations
    assert "Hubert Nonesuch" in answer.answer


def test_a_year_of_which_there_is_none(medicine: Rag) -> None:
    answer = medicine.ask("Which papers were published in 1987?")
    assert answer.abstained
    assert not answer.citations


@pytest.mark.parametrize(("question", "told"), [("Who wrote it?", "Ruth Okonkwo"), ("When was it published?", "2012")])
def test_of_what_was_talked_of(medicine: Rag, question: str, told: str) -> None:
    first = "What share of mothers shivered under warmed blankets?"
    history = [Turn("user", first), Turn("assistant", medicine.ask(first).answer)]
    answer = medicine.ask(question, history)
    assert told in answer.answer
    assert keys(answer) == {"warm-blankets"}


def test_papers_without_authors_say_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("no-authors")
    bare = tuple({k: v for k, v in r.items() if k != "authors"} for r in MEDICINE[:4])
    with build(Config(home=folder / "home")) as rag:
        rag.ingest([write(folder, bare)])
        answer = rag.ask("Who wrote the paper on warmed blankets?")
    assert "have no recorded authors" in answer.answer
    assert answer.abstained


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    """Three papers: one without an abstract, two by an author whose family name has two words."""
    folder = tmp_path_factory.mktemp("ward")
    records = [
        {"title": "Statins in primary prevention", "authors": ["García López, María"], "year": 2021},
        {
            "title": "Vitamin D and falls in older adults",
            "authors": ["García López, María", "Müller, Anna"],
            "year": 2020,
            "abstract": "We gave vitamin D to 200 older adults. Falls fell by 12 percent.",
        },
        {"title": "Walking speed", "authors": ["Ken Tanaka"], "abstract": "We trained 50 people. They walked faster."},
    ]
    file = folder / "ward.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in records))
    with build(Config(home=folder / "home", collection="ward")) as service:
        service.ingest([file])
        yield service


@pytest.mark.parametrize(
    "question",
    ["What does the statin editorial say?", "Statins in Primary Prevention", "Which papers are about statins?"],
)
def test_a_paper_with_a_title_only_is_found_by_it_and_not_quoted(ward: Rag, question: str) -> None:
    answer = ward.ask(question)
    assert "**Statins in primary prevention** (María García López; 2021)" in answer.answer
    assert "title only" in answer.answer
    assert (answer.state, answer.citations) == ("nearest", ())


def test_a_side_of_a_comparison_with_a_title_only_is_told(ward: Rag) -> None:
    answer = ward.ask("Compare statins and vitamin D")
    assert "Statins in primary prevention" in answer.answer
    assert "200 older adults" in answer.answer


def test_a_paper_with_an_abstract_is_not_joined_by_unrelated_titles(ward: Rag) -> None:
    answer = ward.ask("By how much did falls fall with vitamin D?")
    assert "12 percent" in answer.answer
    assert "title only" not in answer.answer


@pytest.mark.parametrize("name", ["García López", "María García López", "Garcia Lopez", "López"])
def test_a_family_name_of_two_words_is_an_author(ward: Rag, name: str) -> None:
    answer = ward.ask(f"Which papers by {name}?")
    assert answer.state == "answers"
    assert "Statins" in answer.answer
    assert "Vitamin" in answer.answer
    assert "Walking" not in answer.answer


@pytest.mark.parametrize("name", ["García López", "García López, María", "López, M.", "María García López"])
def test_it_filters_too(ward: Rag, name: str) -> None:
    answer = ward.ask("What was given to older adults?", options=Options(authors=(name,)))
    assert answer.searched == 2
