"""What reference managers and databases export, each kind as it comes: to the papers that stand in it."""

# ruff: noqa: E501 (a line of an export is as long as it is)

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from rag.papers import Loaded, Paper, load

PEAT = "Peat bogs hold water all year. We drained 14 plots and left 14 wet. Wet plots stored 2.6 times as much carbon."
OWLS = "Barn owls nest in old farm buildings. Nest boxes on 31 farms raised the number of broods by 44% in four years."
TITLE, OTHER = "Carbon in drained peat: a field trial", "Nest boxes for barn owls"
AUTHORS = ("Helga Moor", "Jan Torf")
DOI = "10.5555/peat.7"

RIS = (
    f"TY  - JOUR\nAU  - Moor, Helga\nAU  - Torf, Jan\nTI  - {TITLE}\nPY  - 2016/03/01\nDO  - {DOI}\nAB  - {PEAT}\n"
    f"JO  - Bog Letters\nKW  - peat\nKW  - carbon\nER  - \n"
)
NBIB = (
    f"\nPMID- 71\nOWN - NLM\nDP  - 2016 Mar\nTI  - Carbon in drained peat:\n      a field trial.\nLID - {DOI} [doi]\n"
    f"AB  - {PEAT[:60]}\n      {PEAT[60:]}\nFAU - Moor, Helga\nAU  - Moor H\nFAU - Torf, Jan\nAU  - Torf J\n"
    "JT  - Bog Letters\nOT  - peat\nOT  - carbon\n\n"
)
WOS = (
    "\ufeffFN Clarivate Analytics Web of Science\nVR 1.0\nPT J\nAU Moor, H\n   Torf, J\nAF Moor, Helga\n   Torf, Jan\n"
    f"TI Carbon in drained peat:\n   a field trial\nSO Bog Letters\nDE peat; carbon\nAB {PEAT}\nPY 2016\nDI {DOI}\n"
    "UT WOS:71\nER\n\nEF"
)
ENW = (
    f"%0 Journal Article\n%A Moor, Helga\n%A Torf, Jan\n%T {TITLE}\n%J Bog Letters\n%D 2016\n%R {DOI}\n%K peat\ncarbon\n"
    f"%X {PEAT}\n\n"
)
REFWORKS = (
    f"RT Journal Article\nSR Electronic(1)\nID 7\nA1 Moor,Helga\nA1 Torf,Jan\nT1 {TITLE}\nJF Bog Letters\nYR 2016\n"
    f"K1 peat\nK1 carbon\nAB {PEAT}\nDO {DOI}\n\n"
)
COCHRANE = (
    f"Record #1 of 1\nID: CN-7\nAU: Moor, Helga\nAU: Torf, Jan\nTI: {TITLE}\nSO: Bog Letters\nYR: 2016\nAB: {PEAT}\n"
    f"KY: peat; carbon\nDOI: {DOI}\n"
)
BIB = (
    f"@article{{moor2016,\n title = {{{{Carbon in drained peat: a field trial}}}},\n author = {{Moor, Helga and Torf, Jan}},\n"
    f" journal = {{Bog Letters}},\n year = 2016,\n doi = {{https://doi.org/{DOI}}},\n keywords = {{peat, carbon}},\n"
    f" funding_text = {{a}},\n funding_text = {{b}},\n abstract = {{{PEAT}}}\n}}\n"
)
ENDNOTE = (
    '<?xml version="1.0" encoding="UTF-8"?><xml><records><record><contributors><authors>'
    "<author><style>Moor, Helga</style></author><author><style>Torf, Jan</style></author></authors></contributors>"
    f"<titles><title><style>Carbon in </style><style face='italic'>drained</style><style> peat: a field trial</style></title>"
    "<secondary-title><style>Bog Letters</style></secondary-title></titles><keywords><keyword>peat</keyword>"
    f"<keyword>carbon</keyword></keywords><dates><year>2016</year></dates><abstract><style>{PEAT}</style></abstract>"
    f"<electronic-resource-num>{DOI}</electronic-resource-num></record></records></xml>"
)
PUBMED = (
    '<?xml version="1.0"?>\n<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle//EN" "https://x.example/p.dtd">\n'
    "<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>71</PMID><Article><Journal><JournalIssue><PubDate>"
    "<Year>2016</Year></PubDate></JournalIssue><Title>Bog Letters</Title></Journal><ArticleTitle>Carbon in <i>drained</i> "
    f"peat: a field trial.</ArticleTitle><Abstract><AbstractText>{PEAT}</AbstractText></Abstract><AuthorList><Author>"
    "<LastName>Moor</LastName><ForeName>Helga</ForeName></Author><Author><LastName>Torf</LastName><ForeName>Jan</ForeName>"
    "</Author></AuthorList></Article><KeywordList><Keyword>peat</Keyword><Keyword>carbon</Keyword></KeywordList>"
    f"</MedlineCitation><PubmedData><ArticleIdList><ArticleId IdType='doi'>{DOI}</ArticleId></ArticleIdList><ReferenceList>"
    "<Reference><ArticleIdList><ArticleId IdType='doi'>10.5555/cited</ArticleId></ArticleIdList></Reference></ReferenceList>"
    "</PubmedData></PubmedArticle></PubmedArticleSet>"
)
PEOPLE = [{"given": "Helga", "family": "Moor"}, {"given": "Jan", "family": "Torf"}]
CROSSREF = {
    "DOI": DOI, "title": [TITLE], "author": PEOPLE, "issued": {"date-parts": [[2016, 3]]}, "container-title": ["Bog Letters"],
    "abstract": f"<jats:title>Abstract</jats:title><jats:p>{PEAT}</jats:p>", "subject": ["peat", "carbon"],
}  # fmt: skip
OPENALEX = {
    "id": "https://openalex.org/W7", "doi": f"https://doi.org/{DOI}", "title": TITLE, "publication_year": 2016,
    "authorships": [{"author": {"display_name": name}} for name in AUTHORS],
    "primary_location": {"source": {"display_name": "Bog Letters"}},
    "keywords": [{"display_name": "peat"}, {"display_name": "carbon"}],
    "abstract_inverted_index": {w: [i for i, v in enumerate(PEAT.split()) if v == w] for w in PEAT.split()},
}  # fmt: skip
SEMANTIC = {
    "paperId": "a7", "externalIds": {"DOI": DOI, "CorpusId": 7}, "title": TITLE, "abstract": PEAT, "year": 2016,
    "venue": "Bog Letters", "authors": [{"authorId": "1", "name": n} for n in AUTHORS], "keywords": ["peat", "carbon"],
}  # fmt: skip
ZOTERO = {
    "key": "Z7", "version": 3, "data": {
        "itemType": "journalArticle", "title": TITLE, "abstractNote": PEAT, "date": "March 2016", "DOI": DOI,
        "publicationTitle": "Bog Letters", "tags": [{"tag": "peat"}, {"tag": "carbon"}],
        "creators": [{"creatorType": "author", "firstName": "Helga", "lastName": "Moor"},
                     {"creatorType": "author", "firstName": "Jan", "lastName": "Torf"},
                     {"creatorType": "editor", "firstName": "No", "lastName": "Author"}],
    },
}  # fmt: skip
DOAJ = {
    "id": "d7", "bibjson": {
        "title": TITLE, "abstract": PEAT, "year": "2016", "author": [{"name": n} for n in AUTHORS],
        "identifier": [{"type": "eissn", "id": "1234-5678"}, {"type": "doi", "id": DOI}],
        "journal": {"title": "Bog Letters"}, "keywords": ["peat", "carbon"],
    },
}  # fmt: skip
OPENREVIEW = {
    "id": "r7", "pdate": 1457000000000, "content": {
        "title": {"value": TITLE}, "abstract": {"value": PEAT}, "authors": {"value": list(AUTHORS)}, "doi": {"value": DOI},
        "venue": {"value": "Bog Letters"}, "keywords": {"value": ["peat", "carbon"]},
    },
}  # fmt: skip
S2ORC = {
    "paper_id": "7", "title": TITLE, "abstract": PEAT, "year": "2016", "doi": DOI, "journal": "Bog Letters",
    "authors": [{"first": "Helga", "middle": [], "last": "Moor"}, {"first": "Jan", "middle": [], "last": "Torf"}],
    "keywords": "peat; carbon",
}  # fmt: skip
SCOPUS = "Authors,Author full names,Title,Year,Source title,DOI,Abstract,Author Keywords,Source"
DIMENSIONS = '"About the data: Exported on Mar 02, 2024."\nRank,Publication ID,DOI,Title,Abstract,Source title,PubYear,Authors,Keywords'
EMBASE = (
    '"SEARCH QUERY","peat:ti"\n------------\n\n'
    f'TITLE,{TITLE}\nAUTHOR NAMES,"Moor, Helga","Torf, Jan"\nSOURCE TITLE,Bog Letters\nDATE OF PUBLICATION,1 March 2016\n'
    f'ABSTRACT,"{PEAT}"\nAUTHOR KEYWORDS,peat,carbon\nDOI,{DOI}\n------------\n'
)


def row(header: str, *cells: str) -> str:
    return f"{header}\n" + ",".join(f'"{cell}"' for cell in cells) + "\n"


KINDS = {
    "RIS": RIS,
    "RIS of Ovid, numbered": f"1. \n{RIS}\n",
    "RIS of Cochrane": f"Record #1 of 1\nProvider: A Library\nContent: text/plain\n\n{RIS}",
    "RIS without its last ER": RIS.replace("ER  - \n", ""),
    "RIS with T1, A1, Y1 and N2": RIS.replace("TI  -", "T1  -").replace("AU  -", "A1  -").replace("PY  -", "Y1  -").replace("AB  -", "N2  -"),
    "RIS with all authors in a line": RIS.replace("AU  - Moor, Helga\nAU  - Torf, Jan", "AU  - Moor, Helga; Torf, Jan"),
    "RIS with one space": RIS.replace("  - ", " - "),
    "PubMed": NBIB,
    "Web of Science": WOS,
    "EndNote's .enw": ENW,
    "RefWorks' text": REFWORKS,
    "Cochrane's text": COCHRANE,
    "BibTeX": BIB,
    "biblatex": BIB.replace("journal =", "journaltitle =").replace("year = 2016", "date = {2016-03}").replace(
        "Torf, Jan", "family=Torf, given=Jan"
    ),
    "BibTeX with a string": '@string{bog = "Bog Letters"}\n' + BIB.replace("{Bog Letters}", "bog"),
    "EndNote's XML": ENDNOTE,
    "PubMed's XML": PUBMED,
    "Crossref, an answer": json.dumps({"status": "ok", "message": {"total-results": 1, "items": [CROSSREF]}}),
    "Crossref, one a line": json.dumps(CROSSREF),
    "CSL-JSON": json.dumps([CROSSREF | {"title": TITLE, "container-title": "Bog Letters", "abstract": PEAT}], indent=1),
    "OpenAlex": json.dumps({"meta": {"count": 1}, "results": [OPENALEX]}),
    "Semantic Scholar": json.dumps({"total": 1, "offset": 0, "data": [SEMANTIC]}),
    "S2ORC": json.dumps(S2ORC),
    "Zotero's API": json.dumps([ZOTERO, {"key": "A", "data": {"itemType": "attachment", "title": "Full Text PDF"}}]),
    "DOAJ": json.dumps({"total": 1, "results": [DOAJ]}),
    "OpenReview": json.dumps({"notes": [OPENREVIEW], "count": 1}),
    "papers by their ids": json.dumps({"7": S2ORC, "8": {"title": OTHER, "abstract": OWLS}}),
    "CSV of Scopus": row(SCOPUS, "Moor H.; Torf J.", "Moor, Helga (7); Torf, Jan (8)", TITLE, "2016", "Bog Letters", DOI, f"{PEAT} © 2016 Bog Press Ltd.", "peat; carbon", "Scopus"),
    "CSV of Dimensions": row(DIMENSIONS, "1", "pub.7", DOI, TITLE, PEAT, "Bog Letters", "2016", "Moor, Helga; Torf, Jan", "peat; carbon"),
    "CSV of Lens": row("Lens ID,Title,Publication Year,Author/s,Abstract,Source Title,Keywords,DOI", "0-7", TITLE, "2016", "Helga Moor; Jan Torf", PEAT, "Bog Letters", "peat; carbon", DOI),
    "CSV of Covidence": row("Title,Authors,Abstract,Published Year,Journal,DOI,Tags", TITLE, "Moor, Helga; Torf, Jan", PEAT, "2016", "Bog Letters", DOI, "peat; carbon"),
    "CSV of Rayyan": row("key,title,year,journal,authors,abstract,keywords,doi", "r-7", TITLE, "2016", "Bog Letters", "Moor, Helga and Torf, Jan", PEAT, "peat; carbon", DOI),
    "CSV of Zotero": row("Key,Item Type,Publication Year,Author,Title,Publication Title,DOI,Abstract Note,Manual Tags", "Z7", "journalArticle", "2016", "Moor, Helga; Torf, Jan", TITLE, "Bog Letters", DOI, PEAT, "peat; carbon"),
    "CSV of EBSCO": row("Article Title,Author,Journal Title,Publication Date,DOI,Keywords,Abstract", TITLE, "Moor, Helga; Torf, Jan", "Bog Letters", "20160301", DOI, "peat; carbon", PEAT),
    "CSV of ASReview": row("record_id,title,authors,year,abstract,keywords,doi,journal", "0", TITLE, "['Helga Moor', 'Jan Torf']", "2016", PEAT, "peat; carbon", DOI, "Bog Letters"),
    "CSV of OpenAlex": row("id,doi,title,publication_year,authorships.author.display_name,primary_location.source.display_name,keywords,abstract", "W7", DOI, TITLE, "2016", "Helga Moor|Jan Torf", "Bog Letters", "peat|carbon", PEAT),
    "CSV of CORD-19": row("cord_uid,source_x,title,doi,abstract,publish_time,authors,journal,keywords", "u7", "PMC", TITLE, DOI, PEAT, "2016-03-01", "Moor, Helga; Torf, Jan", "Bog Letters", "peat; carbon"),
    "CSV of Embase, upright": EMBASE,
    "CSV with the sign named": f"sep=;\nTitle;Abstract;Year;Authors;DOI;Journal;Keywords\n{TITLE};{PEAT};2016;Helga Moor and Jan Torf;{DOI};Bog Letters;peat, carbon\n",
    "TSV of Web of Science": f"PT\tAU\tAF\tTI\tSO\tDE\tAB\tPY\tDI\tUT\nJ\tMoor, H\tMoor, Helga; Torf, Jan\t{TITLE}\tBog Letters\tpeat; carbon\t{PEAT}\t2016\t{DOI}\tWOS:7\n",
    "TSV of RefWorks": f"Authors, Primary\tTitle Primary\tPeriodical Full\tPub Year\tAbstract\tDOI\tKeywords\nMoor, Helga;Torf, Jan\t{TITLE}\tBog Letters\t2016\t{PEAT}\t{DOI}\tpeat; carbon\n",
}  # fmt: skip


def read(folder: Path, data: str | bytes, name: str = "export") -> Loaded:
    file = folder / name
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return load([file])


def one(folder: Path, data: str | bytes, name: str = "export") -> Paper:
    found = read(folder, data, name)
    assert not found.refused
    return found.papers[0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_paper(kind: str, tmp_path: Path) -> None:
    paper = one(tmp_path, KINDS[kind])
    assert (paper.title, paper.abstract) == (TITLE, PEAT)
    assert (paper.authors, paper.year, paper.doi) == (AUTHORS, 2016, DOI)
    assert (paper.venue, paper.keywords) == ("Bog Letters", ("peat", "carbon"))
    assert paper.sources == ("export",)


ATOM = (
    '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom"><title>q</title>'
    f"<entry><id>http://arxiv.org/abs/1603.00007v2</id><published>2016-03-01T00:00:00Z</published><title>{TITLE}</title>"
    f"<summary>{PEAT}</summary><author><name>Helga Moor</name></author><author><name>Jan Torf</name></author></entry></feed>"
)
OAI = (
    "<OAI-PMH><ListRecords><record><header><identifier>oai:arXiv.org:1603.00007</identifier></header><metadata><arXiv>"
    "<id>1603.00007</id><created>2016-03-01</created><authors><author><keyname>Moor</keyname><forenames>Helga</forenames>"
    f"</author><author><keyname>Torf</keyname><forenames>Jan</forenames></author></authors><title>{TITLE}</title>"
    f"<abstract>{PEAT}</abstract></arXiv></metadata></record></ListRecords></OAI-PMH>"
)
SNAPSHOT = {
    "id": "1603.00007", "authors": "Helga Moor, Jan Torf (Bog Lab)", "title": TITLE, "abstract": f"  {PEAT}\n", "categories": "q-bio",
    "versions": [{"version": "v1", "created": "Tue, 1 Mar 2016 00:00:00 GMT"}], "update_date": "2019-01-01",
}  # fmt: skip
PWC = [{"arxiv_id": "1603.00007", "title": TITLE, "abstract": PEAT, "url_abs": "http://arxiv.org/abs/1603.00007v1", "authors": list(AUTHORS), "date": "2016-03-01"}]  # fmt: skip


@pytest.mark.parametrize(
    "data", [ATOM, OAI, json.dumps(SNAPSHOT), json.dumps(PWC)], ids=["Atom", "OAI", "snapshot", "PWC"]
)
def test_papers_of_arxiv(data: str, tmp_path: Path) -> None:
    paper = one(tmp_path, data)
    assert (paper.title, paper.abstract, paper.authors, paper.year) == (TITLE, PEAT, AUTHORS, 2016)
    assert paper.url is not None
    assert "arxiv.org/abs/1603.00007" in paper.url


def test_a_workbook_of_excel(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for cells in (["Exported"], ["Title", "Abstract", "Year"], [TITLE, PEAT, 2016], [OTHER, OWLS, 2011.0]):
        sheet.append(cells)
    book.save(tmp_path / "table.xlsx")
    found = load([tmp_path / "table.xlsx"])
    assert [(p.title, p.abstract, p.year) for p in found.papers] == [(TITLE, PEAT, 2016), (OTHER, OWLS, 2011)]


def packed(files: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_a_zip_is_read_like_a_folder(tmp_path: Path) -> None:
    data = packed(
        {"a/x.ris": RIS, "y.csv": f"title,abstract\n{OTHER},{OWLS}\n", "README.md": PEAT, "__MACOSX/._x": b"\0"}
    )
    found = read(tmp_path, data, "export.zip")
    assert [(p.title, p.sources) for p in found.papers] == [
        (TITLE, ("export.zip/a/x.ris",)),
        (OTHER, ("export.zip/y.csv",)),
    ]
    assert not found.refused


# -- encodings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings_of_unicode(encoding: str, ending: str, tmp_path: Path) -> None:
    found = read(tmp_path, RIS.replace("peat:", "Torf – größer:").replace("\n", ending).encode(encoding))
    assert [p.title for p in found.papers] == ["Carbon in drained Torf – größer: a field trial"]
    assert not found.remarks


def test_other_bytes_are_windows_1252_and_this_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, RIS.replace("peat:", "“Torf” – größer:").encode("cp1252"))
    assert found.papers[0].title == "Carbon in drained “Torf” – größer: a field trial"
    assert [(r.line, r.reason) for r in found.remarks] == [(4, "is not UTF-8: read as Windows-1252")]


# -- records that lack something --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[No abstract available]",
        "NA",
        "n/a",
        "nan",
        "None",
        "-",
        "No abstract available.",
        "Abstract not available",
    ],
)
def test_words_for_nothing_are_no_abstract(text: str, tmp_path: Path) -> None:
    found = read(tmp_path, RIS + f"\nTY  - JOUR\nTI  - {OTHER}\nAB  - {text}\nER  - \n")
    assert [(p.title, bool(p.abstract)) for p in found.papers] == [(TITLE, True), (OTHER, False)]
    assert [(r.line, r.reason, r.about) for r in found.remarks] == [(13, "has no abstract", OTHER)]
    assert found.counts == "1 paper; 1 record without abstract"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("PMID,Title,Authors,Citation,Journal/Book,DOI\n1,A title,Moor H,x,y,z\n", "PubMed's CSV has no abstracts: save"),
        ("Item Title,Publication Title,Item DOI,Authors,Publication Year\na,b,c,d,2016\n", "export it again with the abstracts"),
        ("references:\n- id: a\n  title: b\n", "is YAML, which is not read: export it as CSL-JSON"),
        ("1. Bog Lett. 2016;3:1.\n\nA title.\n\nMoor H.\n\nPMID: 71 [Indexed]\n", "in the format PubMed (.nbib)"),
        (b"%PDF-1.7", "is a PDF: papers come from an export"),
        (packed({"word/document.xml": "<a/>"}), "is a Word document: export"),
        ("<html><body><p>Papers</p></body></html>", "is a web page: save the list"),
        ("<rss><channel><item><title>News</title></item></channel></rss>", "is XML of a kind that we don't read (<rss>)"),
        (packed({"in.zip": packed({"x.ris": RIS})}), "is an archive in an archive: unpack it first"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_named_with_a_remedy(data: str | bytes, reason: str, tmp_path: Path) -> None:
    found = read(tmp_path, data)
    assert found.papers == ()
    assert reason in found.refused[0].reason


@pytest.mark.parametrize(
    "text",
    [
        f"# Notes\n\n{PEAT * 4}\n",
        f"Notes\n\n{PEAT * 4}\n",
        f"Notes\n\n{PEAT * 4}\n\n{OWLS * 4}\n\n{PEAT * 3}\n\nMore\n\n{PEAT * 4}\n\n{OWLS * 4}\n\n{PEAT * 3}\n",
        "def f():\n    return 1\n",
    ],
)
def test_unknown_text_becomes_no_papers(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text, "notes.txt").papers == ()


def test_a_folder_is_read_without_what_is_written_about_it(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"About\n\n{PEAT * 4}\n\nMore\n\n{OWLS * 4}\n")
    (tmp_path / "library.ris").write_text(RIS)
    found = load([tmp_path])
    assert [p.title for p in found.papers] == [TITLE]
    assert [Path(r.file).name for r in found.remarks] == ["README.md"]


# -- rows and entries that are broken ---------------------------------------------------------------------------------


def test_a_stray_quotation_mark_costs_no_row(tmp_path: Path) -> None:
    text = f'title,abstract,year\n"The "old" barn","{OWLS}",2011\n"{OTHER}, again","{PEAT}",2012\n'
    assert [(p.title, p.year) for p in read(tmp_path, text).papers] == [
        ('The "old" barn', 2011),
        (f"{OTHER}, again", 2012),
    ]


def test_an_open_quotation_mark_costs_its_row_alone(tmp_path: Path) -> None:
    found = read(tmp_path, f'title,abstract\nA first one,{PEAT}\nA bad one,"open\nA third one,"{OWLS}\nin two lines"\n')
    assert [p.title for p in found.papers] == ["A first one", "A third one"]
    assert [r.line for r in found.refused] == [3]


def test_a_field_with_line_ends_and_quotation_marks(tmp_path: Path) -> None:
    text = 'title,abstract\nBoxes,"Owls ""like"", we found,\nnest boxes.\n\nThey do."\nPeat,It holds water.\n'
    assert [p.abstract for p in read(tmp_path, text).papers] == [
        'Owls "like", we found, nest boxes. They do.',
        "It holds water.",
    ]


# -- merging ----------------------------------------------------------------------------------------------------------


def test_one_paper_of_four_databases_is_one_with_the_fullest_fields(tmp_path: Path) -> None:
    copies = {
        "scopus.ris": RIS.replace("Helga", "H.").replace("Jan", "J.").replace(PEAT, f"{PEAT} © 2016 Bog Press B.V. All rights reserved."),
        "wos.ris": RIS.replace("Moor, Helga", "Moor, H").replace("Torf, Jan", "Torf, J").replace("Bog Letters", "BOG LETT"),
        "ebsco.ris": RIS.replace("trial\n", "trial.\n").replace(PEAT, f"{PEAT} [ABSTRACT FROM AUTHOR] Copyright of Bog Letters is the property of Bog Press and may not be copied."),
        "lens.ris": RIS.replace("Moor, Helga", "Helga Moor").replace("Torf, Jan", "Jan Torf").replace(PEAT, f"Abstract {PEAT}"),
    }  # fmt: skip
    for name, text in copies.items():
        (tmp_path / name).write_text(text)
    found = load([tmp_path / name for name in copies])
    (paper,) = found.papers
    assert (paper.abstract, paper.authors, paper.venue) == (PEAT, AUTHORS, "Bog Letters")
    assert paper.sources == tuple(copies)
    assert [Path(m.file).name for m in found.merged] == [*copies][1:]
    assert paper.id == read(tmp_path, RIS).papers[0].id


@pytest.mark.parametrize(
    ("first", "second", "papers"),
    [
        ({}, {"abstract": PEAT + " More."}, 1),
        ({"doi": ""}, {"doi": "", "abstract": PEAT + " More."}, 1),
        ({"doi": ""}, {"doi": "", "abstract": OWLS, "year": 2017}, 2),
        ({"doi": ""}, {"doi": "", "abstract": OWLS, "authors": ["Ann Other"]}, 2),
        ({}, {"doi": "10.5555/other", "abstract": OWLS}, 2),
        ({}, {"title": OTHER, "abstract": OWLS, "authors": ["Ann Other"]}, 2),
        ({"doi": ""}, {"doi": "", "abstract": "", "authors": [], "year": None}, 1),
        ({"doi": "", "title": "Editorial", "abstract": ""}, {"doi": "", "title": "Editorial", "authors": [], "year": None}, 2),
    ],
    ids=["DOI", "title, year, author", "year", "author", "other DOI", "a DOI of a book", "title only", "short title"],
)  # fmt: skip
def test_what_is_one_paper(first: dict[str, object], second: dict[str, object], papers: int, tmp_path: Path) -> None:
    whole = {"title": TITLE, "abstract": PEAT, "authors": list(AUTHORS), "year": 2016, "doi": DOI}
    text = "".join(json.dumps(whole | changed) + "\n" for changed in (first, second))
    assert len(read(tmp_path, text).papers) == papers
