"""Authors, years, venues, keys and DOIs: looking papers up by them, and questions that ask for them."""

from __future__ import annotations

import time

import pytest
from hostile import HOSTILE

from rag.core.errors import UsageError
from rag.core.options import Options
from rag.core.paper import Paper
from rag.index.metadata import Catalogue, Filters, read_filters, read_name


def paper(
    id: str,
    title: str,
    abstract: str,
    authors: tuple[str, ...] = (),
    year: int | None = None,
    venue: str | None = None,
    key: str | None = None,
    doi: str | None = None,
) -> Paper:
    return Paper(id, title, abstract, abstract, authors, year, None, key, venue, doi)


CENSUS = paper(
    "census",
    "Tidal pools of the Lorn coast: a census",
    "Pools hold rice grass and crabs. Data from 2011 were used.",
    ("Berit Haldane", "Oryza Rice"),
    2018,
    "Journal of Coastal Ecology",
    "Haldane2018",
    "10.5555/lorn.1",
)
SHELLS = paper(
    "shells",
    "Crab shells and acid",
    "Frost killed crabs. We counted 40 crabs.",
    ("Tomasz Frost", "Berit Haldane"),
    2020,
    "Nature",
    "Frost2020",
)
KELP = paper(
    "kelp",
    "Kelp farms in winter",
    "Kelp grew 3 cm a week, as Parkinson found.",
    ("Oryza Rice",),
    2021,
    "Proceedings of the 12th Conference on Kelp (KELPCON)",
    "kelpfarms",
)
EELGRASS = paper(
    "eelgrass",
    "Eelgrass under lamps",
    "Lamps doubled growth.",
    ("van der Zwaluw, P.", "García-Monte, Inés"),
    2022,
    "Water",
    "zw22",
)
STORMS = paper("storms", "Storm counts", "Storms rose since 2011.", ("Inés O'Keary", "Ida Parkinson"), 2023)
PAPERS = (CENSUS, SHELLS, KELP, EELGRASS, STORMS)
CATALOGUE = Catalogue(PAPERS)


def ids(rows: tuple[int, ...] | set[int]) -> str:
    return " ".join(PAPERS[row].id for row in sorted(rows))


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "given", "family"),
    [
        ("Tam Odgers", ("tam",), ("odgers",)),
        ("Odgers, Tam", ("tam",), ("odgers",)),
        ("Odgers TJ", ("t", "j"), ("odgers",)),
        ("T.J. Odgers", ("t", "j"), ("odgers",)),
        ("Pim van Veen", ("pim",), ("veen",)),
        ("van Veen, Pim", ("pim",), ("veen",)),
        ("van Veen P", ("p",), ("veen",)),
        ("García-Monte, Inés", ("ines",), ("garcia", "monte")),
        ("Sammy Marrow, Jr.", ("sammy",), ("marrow",)),
        ("Inés O'Keary", ("ines",), ("okeary",)),
        ("Lorn Coast Consortium", (), ("lorn", "coast", "consortium")),
        ("Odgers", (), ("odgers",)),
        ("…", (), ()),
    ],
)
def test_a_name_is_read_however_it_is_written(written: str, given: tuple[str, ...], family: tuple[str, ...]) -> None:
    name = read_name(written)
    assert (name.given, name.family) == (given, family)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Odgers", "Tam Odgers", True),
        ("T. Odgers", "Tam Odgers", True),
        ("Odgers T", "Tam J. Odgers", True),
        ("Tam Odgers", "Tamara Odgers", False),
        ("Benno Odgers", "Tam Odgers", False),
        ("van Veen", "Pim van Veen", True),
        ("Li Wei", "Wei Li", True),
        ("Odgers", "Tam Marrow", False),
    ],
)
def test_names_that_may_be_one_person(one: str, other: str, same: bool) -> None:
    assert read_name(one).fits(read_name(other)) is same


# --- the catalogue --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Haldane", "census shells"),
        ("haldane", "census shells"),
        ("B. Haldane", "census shells"),
        ("Haldane, Berit", "census shells"),
        ("John Haldane", ""),
        ("van der Zwaluw", "eelgrass"),
        ("Zwaluw", "eelgrass"),
        ("Garcia-Monte", "eelgrass"),
        ("O'Keary", "storms"),
        ("Smith", ""),
        ("", ""),
    ],
)
def test_papers_of_an_author(name: str, found: str) -> None:
    assert ids(CATALOGUE.by_author(name)) == found


def test_papers_by_key_doi_and_venue() -> None:
    assert ids(CATALOGUE.by_key("haldane2018")) == ids(CATALOGUE.by_key("census")) == "census"
    for doi in ("10.5555/lorn.1", "https://doi.org/10.5555/LORN.1", "doi:10.5555/lorn.1."):
        assert ids(CATALOGUE.by_doi(doi)) == "census"
    assert ids(CATALOGUE.by_venue("kelpcon")) == ids(CATALOGUE.by_venue("Conference on Kelp")) == "kelp"


def test_a_collection_says_what_it_has() -> None:
    bare = Catalogue([paper("a", "A title here", "A text.")])
    assert not (bare.has_authors or bare.has_years or bare.has_venues)
    assert CATALOGUE.has_authors and CATALOGUE.has_years and CATALOGUE.has_venues


# --- filters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), "census shells kelp eelgrass storms"),
        (Filters(years=(2020, 2021)), "shells kelp"),
        (Filters(years=(None, 2018)), "census"),
        (Filters(years=(2023, None)), "storms"),
        (Filters(authors=("Haldane",)), "census shells"),
        (Filters(authors=("Haldane", "O. Rice")), "census shells kelp"),
        (Filters(authors=("Haldane", "Rice"), together=True), "census"),
        (Filters(authors=("Haldane",), years=(2020, None)), "shells"),
        (Filters(venues=("ecology",)), "census"),
        (Filters(venues=("Ecolog",)), ""),
        (Filters(papers=frozenset({"kelp", "gone"})), "kelp"),
    ],
)
def test_filters_choose_papers(filters: Filters, found: str) -> None:
    assert ids(filters.rows(PAPERS)) == found


def test_a_paper_without_a_year_is_in_no_range() -> None:
    assert Filters(years=(None, 2024)).rows([paper("a", "T", "t")]) == set()


def test_filters_are_true_where_they_restrict() -> None:
    assert not Filters()
    assert Filters(years=(2020, None)) and Filters(papers=frozenset())


def test_the_filters_of_options() -> None:
    options = Options(years=(2020, None), authors=("Rice",), venues=("KELPCON",), papers=frozenset({"kelp"}))
    assert Filters.of(options) == Filters((2020, None), ("Rice",), ("KELPCON",), frozenset({"kelp"}))
    assert not Filters.of(Options())


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"years": (2020, 2018)}, "2020 to 2018"),
        ({"years": 2020}, "the first and the last"),
        ({"years": ("2020", None)}, "the first and the last"),
        ({"years": (True, None)}, "the first and the last"),
        ({"authors": "Rice"}, "tuple of names"),
        ({"authors": ("",)}, "empty"),
        ({"venues": (3,)}, "no text"),
    ],
)
def test_options_that_are_none(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Options(**wrong)  # type: ignore[arg-type]


def test_options_that_leave_both_ends_open_give_no_years() -> None:
    assert Options(years=(None, None)).years is None
    assert Options(authors=[" Oryza  Rice "]).authors == ("Oryza Rice",)  # type: ignore[arg-type]


# --- questions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "kind", "found", "text"),
    [
        ("Who wrote Kelp farms in winter?", "who", "kelp", ""),
        ("who wrote kelp farms in winter", "who", "kelp", ""),
        ("Who are the authors of Frost2020?", "who", "shells", ""),
        ("Who wrote the paper on eelgrass and light?", "who", "", "eelgrass and light"),
        ("Who is the first author of the kelp paper?", "who", "", "kelp"),
        ("Give me the authors of the eelgrass paper", "who", "", "eelgrass"),
        ("Which authors wrote about kelp?", "who", "", "kelp"),
        ("Who found that lamps double growth?", "who", "", "lamps double growth"),
        ("Who wrote it?", "who", "", ""),
        ("When was Crab shells and acid published?", "when", "shells", ""),
        ("In which year was the kelp paper published?", "when", "", "kelp"),
        ("When was it published?", "when", "", ""),
        ("What is the publication year of Storm counts?", "when", "storms", ""),
        ("When did Haldane publish on crabs?", "when", "census shells", "crabs"),
        ("Where was Crab shells and acid published?", "where", "shells", ""),
        ("In which journal did the paper on storms appear?", "where", "", "storms"),
        ("What journal was Crab shells and acid in?", "where", "shells", ""),
        ("Which papers did Haldane write?", "which", "census shells", ""),
        ("Which papers did haldane write?", "which", "census shells", ""),
        ("Which papers did Haldane write about crabs?", "which", "census shells", "Which papers are about crabs?"),
        ("What has Haldane published since 2020?", "which", "shells", ""),
        ("How many papers did Rice publish before 2021?", "which", "census", ""),
        ("papers by Haldane and Frost", "which", "shells", ""),
        ("Which papers did Frost and Haldane write together?", "which", "shells", ""),
        ("papers by John Haldane", "which", "", ""),
        ("Do you have anything by Haldane?", "which", "census shells", ""),
        ("Which of Haldane's papers is about acid?", "which", "census shells", "Which of the papers is about acid?"),
        ("papers since 2021 on kelp", "which", "kelp eelgrass storms", "Which papers are about kelp?"),
        ("Which papers were published between 2018 and 2020?", "which", "census shells", ""),
        ("How many papers are from the last 3 years?", "which", "kelp eelgrass storms", ""),
        ("Which papers did Rice co-author?", "which", "census kelp", ""),
        ("What has Berit Haldane worked on?", "which", "census shells", ""),
        ("who is berit haldane", "which", "census shells", ""),
        ("Who are Haldane's co-authors?", "who", "census shells", ""),
        ("What was published before 2019?", "which", "census", ""),
        ("Anything from 2022 on lamps?", "which", "eelgrass", "Which papers are about lamps?"),
        ("What papers do you have from Rice?", "which", "census kelp", ""),
        ("List Nature papers", "which", "shells", ""),
        ("papers from KELPCON", "which", "kelp", ""),
    ],
)
def test_questions_for_metadata(question: str, kind: str, found: str, text: str) -> None:
    asked = read_filters(question, CATALOGUE)
    assert (asked.kind, ids(asked.rows), asked.text) == (kind, found, text)


@pytest.mark.parametrize(
    ("question", "found", "text"),
    [
        # One paper of an author is the one that they are first author of.
        ("In Haldane's paper, how many pools were there?", "census", "How many pools were there?"),
        ("In Frost’s paper, how many crabs were counted?", "shells", "How many crabs were counted?"),
        ("What did Haldane et al. find?", "census", "What did the authors find?"),
        ("What did Haldane find about acid?", "census shells", "What did the authors find about acid?"),
        ("What does Frost say about crabs?", "shells", "What do the authors say about crabs?"),
        ("According to Rice, how fast does kelp grow?", "census kelp", "How fast does kelp grow?"),
        ("What did O. Rice report about kelp?", "census kelp", "What did the authors report about kelp?"),
        ("What did van der Zwaluw report?", "eelgrass", "What did the authors report?"),
        ("How many crabs were counted (Frost et al., 2020)?", "shells", "How many crabs were counted?"),
        ("Summarise Haldane 2018", "census", "Summarise the paper"),
        ("[Frost2020] How many crabs were counted?", "shells", "How many crabs were counted?"),
        ("What does [@Frost2020] say about crabs?", "shells", "What does the paper say about crabs?"),
        ("Frost2020: how many crabs?", "shells", "How many crabs?"),
        ("What does Rice2021 report?", "kelp", "What does the paper report?"),  # not its key, yet its author and year
        ("What does zw22 say about lamps?", "eelgrass", "What does the paper say about lamps?"),
        ("What grows there (doi:10.5555/LORN.1)?", "census", "What grows there?"),
        (
            "Compare Haldane (2018) and Frost (2020).",
            "census shells",
            "Compare “Tidal pools of the Lorn coast: a census” and “Crab shells and acid”.",
        ),
        (
            "How do Frost2020 and @kelpfarms differ?",
            "shells kelp",
            "How do “Crab shells and acid” and “Kelp farms in winter” differ?",
        ),
        ("Compare Haldane's and Rice's results.", "census shells kelp", "Compare Haldane's and Rice's results."),
        ("In Rice's paper, how fast?", "kelp", "How fast?"),
        ("In the study of Frost and Haldane, how many crabs?", "shells", "How many crabs?"),
        ("What do Frost and colleagues conclude?", "shells", "What do the authors conclude?"),
        ("Rice: how fast does kelp grow?", "census kelp", "How fast does kelp grow?"),
        ("Which papers cite Haldane?", "", "Which papers cite Haldane?"),
        ("Which papers are not by Haldane?", "", "Which papers are not by Haldane?"),
        ("What do papers since 2022 say about growth?", "eelgrass storms", "What do papers say about growth?"),
        ("What do papers published in Nature say of acid?", "shells", "What do papers say of acid?"),
        ("Summarize papers from 2020 to 2021 on lamps", "shells kelp", "Summarize papers on lamps"),
        ("What is the 2021 study about?", "kelp", "What is the study about?"),
    ],
)
def test_questions_that_metadata_restricts(question: str, found: str, text: str) -> None:
    asked = read_filters(question, CATALOGUE)
    assert (asked.kind, ids(asked.rows), asked.text) == (None, found, text)


@pytest.mark.parametrize(
    "question",
    [
        "How many crabs did frost kill?",
        "Who was killed by frost?",
        "What does rice grass need?",
        "Rice grass grows where?",
        "How do patients with Parkinson walk?",
        "How is Parkinson's disease treated?",
        "Which papers use data from 2011?",
        "Which papers on records from 2011 are there?",
        "How many storms were there since 2011?",
        "What happened to crabs in 2020?",
        "How did prices change over the last five years?",
        "How much had grown by 2018?",
        "Which GPU has 2018 cores?",
        "Is the nature of crabs known?",
        "How much water do pools hold?",
        "When did symptoms appear?",
        "Where was the study conducted?",
        "Did WHO publish guidelines?",
        "Which journals are read by nurses?",
        "What does [1] mean?",
        "Which papers are about kelp?",
        "How many papers are there?",
        "What do the authors of the census say?",
        "Was it caused by Frost-type injury?",
        "A rice paddy needs what?",
        "How do the authors rice their potatoes?",
        "Is vitamin B rice rich in iron?",
    ],
)
def test_questions_that_ask_nothing_of_the_metadata(question: str) -> None:
    asked = read_filters(question, CATALOGUE)
    assert (asked.kind, asked.filters, asked.rows, asked.unknown, asked.lacking) == (None, Filters(), (), (), None)
    assert asked.text == question


@pytest.mark.parametrize(
    ("question", "unknown"),
    [
        ("papers by Smith", ("Smith",)),
        ("Which papers did Anna Smith write?", ("Anna Smith",)),
        ("What did Smith et al. (2020) find?", ("Smith",)),
        ("What does [Smith2020] say?", ("Smith2020",)),
        ("What did Haldane et al. (1999) find?", ("Haldane 1999",)),
        ("What is in 10.9999/none?", ("10.9999/none",)),
        ("papers by hand", ()),
        ("What does the Kelp paper by Rice say?", ()),
    ],
)
def test_who_is_not_in_the_collection(question: str, unknown: tuple[str, ...]) -> None:
    assert read_filters(question, CATALOGUE).unknown == unknown


@pytest.mark.parametrize(
    ("question", "lacking"),
    [
        ("Who wrote Storm counts?", "authors"),
        ("papers by Haldane", "authors"),
        ("When was Storm counts published?", "years"),
        ("Which papers since 2020 are there?", "years"),
        ("Where was Storm counts published?", "venues"),
        ("How many storms were there?", None),
    ],
)
def test_what_a_collection_has_none_of(question: str, lacking: str | None) -> None:
    bare = Catalogue([paper("a", "Storm counts", "Storms rose."), paper("b", "Kelp farms", "Kelp grew.")])
    assert read_filters(question, bare).lacking == lacking
    assert read_filters(question, CATALOGUE).lacking is None


@pytest.mark.parametrize(
    ("question", "order", "text"),
    [
        ("What is the newest paper on kelp?", "newest", "Which papers are about kelp?"),
        ("Which is the oldest paper?", "oldest", ""),
        ("Which paper was published most recently?", "newest", ""),
        ("What's the oldest study on crabs?", "oldest", "Which papers are about crabs?"),
        ("What does the most recent study say?", "newest", "What does the study say?"),
        ("What is the latest treatment?", None, "What is the latest treatment?"),
    ],
)
def test_the_newest_and_the_oldest(question: str, order: str | None, text: str) -> None:
    asked = read_filters(question, CATALOGUE)
    assert (asked.order, asked.text) == (order, text)


@pytest.mark.parametrize("text", HOSTILE)
def test_any_question_is_read(text: str) -> None:
    for question in (text, f"papers by {text}", f"Who wrote {text}?"):
        assert read_filters(question, CATALOGUE).text is not None
    assert Catalogue([paper("a", text or "t", text, (text,), 2020, text, text, text)]).papers


@pytest.mark.parametrize(
    "piece", ["Haldane and ", "since 2020 ", "papers on ", "[a; ", "10.5555/", "did ", "O'", "A. "]
)
def test_a_long_question_is_read_in_no_time(piece: str) -> None:
    started = time.perf_counter()
    read_filters(piece * (4_000 // len(piece)), CATALOGUE)
    assert time.perf_counter() - started < 2
