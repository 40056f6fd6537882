"""Papers as BibTeX, RIS, CSL-JSON and CSV: what other programs read in them, and that they come back."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import rispy
from bibtexparser.entrypoint import parse_string
from hostile import HOSTILE

from rag.core.errors import UsageError
from rag.core.paper import Paper, paper_id
from rag.home.citing import FORMATS, Format, doi_of, write
from rag.papers import load


def paper(title: str, abstract: str = "We counted moths.", **fields: object) -> Paper:
    return Paper(paper_id(title, abstract), title, abstract, abstract, **fields)  # type: ignore[arg-type]


MOTHS = paper(
    "Moth traps & hedges: 50% more",
    "Hedges hold many moths. Traps caught 412, and #7 none (P < 0.001).",
    authors=("Tam Odgers", "Pim van Veen", "José Núñez", "Lorn Moth Group"),
    year=2018,
    url="https://moths.example/a_b?x=1",
    key="Odgers2018",
    venue="Journal of Moths & Men",
    doi="10.5555/moth.2018_1",
    keywords=("moths", "light traps"),
)
MEETING = paper("Lamps", authors=("Ilse Quarrel",), year=2020, venue="Proceedings of the 3rd Workshop on Lamps")
BARE = paper("Nothing else")
PAPERS = (MOTHS, MEETING, BARE)


@pytest.mark.parametrize("format", FORMATS)
def test_papers_come_back(format: Format, tmp_path: Path) -> None:
    file = tmp_path / "papers"
    file.write_text(write(PAPERS, format), encoding="utf-8")
    loaded = load([file])
    assert not loaded.refused
    for read, held in zip(loaded.papers, PAPERS, strict=True):
        assert (read.title, read.abstract, read.year) == (held.title, held.abstract, held.year)
        assert (read.authors, read.venue, read.doi) == (held.authors, held.venue, held.doi)
        assert read.keywords == held.keywords
    assert loaded.papers[0].key == "Odgers2018"


def test_bibtex_for_other_programs() -> None:
    moths, meeting, bare = parse_string(write(PAPERS, "bibtex")).entries
    assert (moths.entry_type, meeting.entry_type, bare.entry_type) == ("article", "inproceedings", "misc")
    fields = {field.key: field.value for field in moths.fields}
    assert fields["doi"] == r"10.5555/moth.2018_1"
    assert fields["journal"] == r"Journal of Moths \& Men"
    assert fields["keywords"] == "moths, light traps"
    assert fields["url"] == "https://moths.example/a_b?x=1"
    assert {field.key for field in meeting.fields} >= {"booktitle"}


def test_ris_for_other_programs() -> None:
    text = write(PAPERS, "ris")
    moths, meeting, bare = rispy.loads(text)
    assert (moths["type_of_reference"], meeting["type_of_reference"], bare["type_of_reference"]) == (
        "JOUR",
        "CPAPER",
        "GEN",
    )
    assert moths["authors"] == ["Odgers, Tam", "van Veen, Pim", "Núñez, José", "Lorn Moth Group"]
    assert (moths["doi"], moths["year"], moths["id"]) == ("10.5555/moth.2018_1", "2018", "Odgers2018")
    assert moths["keywords"] == ["moths", "light traps"]
    assert moths["secondary_title"] == "Journal of Moths & Men"
    assert moths["abstract"] == MOTHS.abstract


def test_csl_json() -> None:
    moths, meeting, bare = json.loads(write(PAPERS, "csl"))
    assert moths == {
        "id": "Odgers2018",
        "type": "article-journal",
        "title": MOTHS.title,
        "author": [
            {"family": "Odgers", "given": "Tam"},
            {"family": "van Veen", "given": "Pim"},
            {"family": "Núñez", "given": "José"},
            {"literal": "Lorn Moth Group"},
        ],
        "issued": {"date-parts": [[2018]]},
        "container-title": "Journal of Moths & Men",
        "DOI": "10.5555/moth.2018_1",
        "URL": "https://moths.example/a_b?x=1",
        "keyword": "moths, light traps",
        "abstract": MOTHS.abstract,
    }
    assert meeting["type"] == "paper-conference"
    assert bare == {"id": BARE.id, "type": "article", "title": "Nothing else", "abstract": BARE.abstract}


def test_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(write(PAPERS, "csv").removeprefix("\ufeff"))))
    assert [row["id"] for row in rows] == ["Odgers2018", "quarrel2020lamps", BARE.id]
    assert rows[0]["authors"] == "Tam Odgers; Pim van Veen; José Núñez; Lorn Moth Group"
    assert (rows[0]["doi"], rows[0]["venue"]) == (MOTHS.doi, MOTHS.venue)


def test_a_spreadsheet_runs_nothing() -> None:
    rows = list(csv.reader(io.StringIO(write([replace(BARE, title='=HYPERLINK("https://evil.example")')], "csv"))))
    assert rows[1][1].startswith("'=")


@pytest.mark.parametrize(
    ("doi", "url", "found"),
    [
        ("10.5555/a.1", None, "10.5555/a.1"),
        (None, "https://doi.org/10.5555/a.1", "10.5555/a.1"),
        (None, "http://dx.doi.org/10.5555/a.1", "10.5555/a.1"),
        ("10.5555/a.1", "https://elsewhere.example", "10.5555/a.1"),
        ("javascript:alert(1)", None, ""),
        (None, "https://elsewhere.example/10.5555/a.1", ""),
        (None, None, ""),
    ],
)
def test_the_doi_of_a_paper(doi: str | None, url: str | None, found: str) -> None:
    assert doi_of(replace(BARE, doi=doi, url=url)) == found


@pytest.mark.parametrize("format", FORMATS)
def test_each_paper_is_written_once_and_has_the_same_key_in_every_format(format: Format) -> None:
    text = write([MOTHS, MOTHS, MEETING], format)
    assert text.count("Odgers2018") == 1
    assert "quarrel2020lamps" in text
    assert write([], format).strip("\ufeff \r\n") in ("", "[]", "id,title,authors,year,venue,doi,url,keywords,abstract")


@pytest.mark.parametrize("text", [*HOSTILE, "A\nER  - \nTY  - EVIL", "\u2028x", "}{"])
def test_hostile_papers_stay_one_record_each(text: str) -> None:
    held = replace(MOTHS, title=f"T {text}", abstract=f"A {text}", authors=(text, "B"), venue=text, keywords=(text,))
    both = [held, BARE]
    assert len(rispy.loads(write(both, "ris"))) == 2
    assert len(json.loads(write(both, "csl"))) == 2
    assert len(list(csv.reader(io.StringIO(write(both, "csv"))))) == 3
    assert len(parse_string(write(both, "bibtex")).entries) == 2


def test_a_format_that_is_none() -> None:
    with pytest.raises(UsageError, match="give bibtex, ris, csl or csv"):
        write(PAPERS, "docx")  # type: ignore[arg-type]


@pytest.mark.parametrize("format", ["bibtex", "ris", "csl"])
def test_a_family_name_of_several_words_stays_whole(format: Format, tmp_path: Path) -> None:
    """So that a bibliography is not damaged by going through us."""
    given = tmp_path / "given.ris"
    given.write_text(
        "TY  - JOUR\nTI  - Falls\nAU  - García López, María\nAU  - Müller, Anna\nAB  - Many fell.\nER  - \n"
    )
    (falls,) = load([given]).papers
    assert falls.authors == ("María García López", "Anna Müller")
    written = write([falls], format)
    assert "García López, María" in written or '"family": "García López"' in written
    again = tmp_path / f"again.{format}"
    again.write_text(written, encoding="utf-8")
    (read,) = load([again]).papers
    assert (read.authors, read.families) == (falls.authors, ("García López",))
