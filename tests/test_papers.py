"""Files to papers: each format gives back what was written; a fault is named by file, line and reason."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.core.errors import PaperError
from rag.papers import Paper, clean, fold, load, paper_from_json, paper_to_json

SEEDS = Path(__file__).parent.parent / "seeds"
FORMATS = ["page", "jsonl", "json", "csv", "tsv", "bib", "ris"]
ABSTRACT = "We present a system that trains large models on few devices. " * 5
TWO = [
    ("Training on Few Devices", ABSTRACT + "It is 2.5x faster."),
    ("Serving of Many Models", ABSTRACT + "It saves 40%."),
]


def write(kind: str, papers: list[tuple[str, str]]) -> str:
    """`papers` (title, abstract) as a file of that kind, each with the key k0, k1, … where the kind has keys."""
    if kind == "page":
        return "new\n\nSubscribe\n\nMar 11\n\n" + "\n\n".join(f"{title}\n\n{abstract}" for title, abstract in papers)
    rows = [{"id": f"k{n}", "title": title, "abstract": abstract} for n, (title, abstract) in enumerate(papers)]
    if kind == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if kind == "json":
        return json.dumps(rows, indent=2)
    if kind in ("csv", "tsv"):
        out = io.StringIO(newline="")
        table = csv.DictWriter(out, ["id", "title", "abstract"], delimiter="," if kind == "csv" else "\t")
        table.writeheader()
        table.writerows(rows)
        return out.getvalue()
    if kind == "bib":
        entry = "@article{{{id},\n  title = {{{title}}},\n  abstract = {{{abstract}}}\n}}\n\n"
    else:
        entry = "TY  - JOUR\nID  - {id}\nTI  - {title}\nAB  - {abstract}\nER  - \n\n"
    return "".join(entry.format(**row) for row in rows)


def file(folder: Path, text: str | bytes, name: str = "papers") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def texts(path: Path) -> list[tuple[str, str]]:
    return [(paper.title, paper.abstract) for paper in load([path]).papers]


# -- the collection ---------------------------------------------------------------------------------------------------


def test_seed_page_holds_82_papers():
    loaded = load([SEEDS])
    assert len(loaded.papers) == len({paper.id for paper in loaded.papers}) == 82
    assert loaded.papers[0].title == ("Efficient Large-Scale Language Model Training on GPU Clusters Using Megatron-LM")
    assert loaded.papers[-1].title.startswith("SE-MoE: ")
    assert (loaded.merged, loaded.refused) == ((), ())


def test_furniture_of_a_page_is_known_by_its_look():
    page = next(SEEDS.glob("*.txt")).read_text()
    body = page[page.index("Efficient Large") :]
    footer = "\n\nPrevious\n\n1\n\n2\n\nNext\n\n© 2026 A Site\n\nTerms of service, privacy and cookies"
    header = "A Site\n\nModels Datasets Spaces Posts Docs Pricing\n\nLog in to see more.\n\nDaily Papers\n\n"
    for text in (body, header + body, page + footer):
        assert len(texts_of(text)) == 82


def texts_of(text: str) -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        return texts(file(Path(folder), text))


# -- every format -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("kind", FORMATS)
def test_read_by_content_in_any_encoding(kind, encoding, ending, tmp_path):
    text = write(kind, TWO).replace("\r\n", "\n").replace("\n", ending)
    loaded = load([file(tmp_path, text.encode(encoding), "no-extension")])
    assert [(paper.title, paper.abstract) for paper in loaded.papers] == TWO
    assert [paper.key for paper in loaded.papers] == ([None, None] if kind == "page" else ["k0", "k1"])


def test_content_counts_more_than_the_name(tmp_path):
    assert texts(file(tmp_path, write("jsonl", TWO), "papers.csv")) == TWO
    assert texts(file(tmp_path, write("ris", TWO), "papers.bib")) == TWO


WORD = st.text(alphabet=st.characters(codec="utf-8", categories=["L"], max_codepoint=0x24F), min_size=1, max_size=9)
LINE = st.lists(st.one_of(WORD, st.integers(0, 9999).map(str)), min_size=1, max_size=12).map(" ".join)
TITLE = st.tuples(WORD, LINE).map(lambda parts: f"A{parts[0]} {parts[1]}").filter(lambda title: title == clean(title))
LONG = st.tuples(WORD, LINE, LINE).map(
    lambda parts: f"B{parts[0]}, 2.5% “of” {parts[1]}: " + f"{parts[2]} and " * 45 + "end."
)


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=25, deadline=None)
@given(papers=st.lists(st.tuples(TITLE, LONG), min_size=2, max_size=5, unique_by=lambda p: fold(p[0])))
def test_what_is_written_is_read(kind, papers):
    with tempfile.TemporaryDirectory() as folder:
        loaded = load([file(Path(folder), write(kind, papers))])
    assert not loaded.merged
    read = [(paper.title, paper.abstract) for paper in loaded.papers]
    assert read == [(title, clean(abstract)) for title, abstract in papers]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(), st.text()), max_size=4), st.sampled_from(["jsonl", "csv"]))
def test_any_text_is_read_or_refused(papers, kind):
    with tempfile.TemporaryDirectory() as folder:
        rows = [(title, abstract) for title, abstract in papers]
        try:
            data = write(kind, rows).encode()
        except csv.Error:
            return
        loaded = load([file(Path(folder), data, "papers." + kind)])
        for paper in loaded.papers:
            assert paper.title.strip() == paper.title != ""
            assert paper.abstract == " ".join(paper.abstract.split())


# -- fields -----------------------------------------------------------------------------------------------------------


def one(folder: Path, text: str, name: str = "papers") -> Paper:
    (paper,) = load([file(folder, text, name)]).papers
    return paper


@pytest.mark.parametrize(
    "row",
    [
        {
            "id": 7,
            "title": " A\n title ",
            "abstract": "Text.",
            "authors": ["Ann Bee", "Cy D"],
            "year": 2023,
            "url": "https://a.b",
        },
        {
            "_id": "7",
            "title": "A title",
            "text": "Text.",
            "authors": "Ann Bee; D, Cy",
            "year": "2023-05-01",
            "url": "https://a.b",
        },
        {
            "ID": "7",
            "Title": "A title",
            "summary": "Text.",
            "authors": [{"name": "Ann Bee"}, {"name": "Cy D"}],
            "date": "2023",
            "link": "https://a.b",
        },
        {
            "id": "7",
            "title": "A title",
            "abstract": "Text.",
            "authors": "Ann Bee and D, Cy",
            "year": 2023.0,
            "url": "https://a.b",
        },
    ],
)
def test_names_of_fields(row, tmp_path):
    paper = one(tmp_path, json.dumps(row))
    assert (paper.title, paper.abstract, paper.authors) == ("A title", "Text.", ("Ann Bee", "Cy D"))
    assert (paper.key, paper.year, paper.url) == ("7", 2023, "https://a.b")


def test_only_web_addresses_are_links(tmp_path):
    for url in ("javascript:alert(1)", "file:///etc/passwd", "https://a b", 5, 'https://a"onclick=b'):
        assert one(tmp_path, json.dumps({"title": "A title", "abstract": "Text.", "url": url})).url is None


def test_bibtex_title_loses_braces_and_keeps_accents(tmp_path):
    paper = one(
        tmp_path,
        "% a comment\n@string{j = {Journal}}\n@inproceedings{melange24,\n"
        "  title = {{M\\'{e}lange}: Cost {E}fficient {LLM}\n   Serving, 40\\% off},\n"
        '  author = "Gr{\\"u}n, Anna and Bob {van Dyk}", journal = j, year = 2024, doi = {10.1000/182},\n'
        "  abstract = {With {GPU} heterogeneity, M\\'elange is 2.5$\\times$ cheaper on $L_{2}$.}\n}\n",
    )
    assert paper.title == "Mélange: Cost Efficient LLM Serving, 40% off"
    assert paper.abstract == "With GPU heterogeneity, Mélange is 2.5× cheaper on L_2."
    assert paper.authors == ("Anna Grün", "Bob van Dyk")
    assert (paper.key, paper.year, paper.url) == ("melange24", 2024, "https://doi.org/10.1000/182")


@pytest.mark.parametrize(
    ("abstract", "read"),
    [
        (r"We \emph{really} train {GPU} models.", "We really train GPU models."),
        (r"\textbf{{LLM} serving} for pre{}fix and {{Double}}.", "LLM serving for prefix and Double."),
        (r"x\textasciicircum{}2, \textasciitilde{}3x, \textbraceleft{}a\textbraceright{}.", "x^2, ~3x, {a}."),
        (r"Half, \frac{1}{2}, of {\"u}ber $L_{2}$.", "Half, 1/2, of über L_2."),
    ],
)
def test_bibtex_abstract_loses_the_braces_that_keep_the_case_alone(tmp_path, abstract, read):
    assert one(tmp_path, f"@misc{{a, title = {{A title}}, abstract = {{{abstract}}}}}\n").abstract == read


def test_bibtex_name_in_braces_is_one(tmp_path):
    names = "{Barnes and Noble} and {Google, Inc.} and Curie, Marie and Bob {van Dyk}"
    paper = one(tmp_path, f"@misc{{a, author = {{{names}}}, title = {{A title}}, abstract = {{Text.}}}}\n")
    assert paper.authors == ("Barnes and Noble", "Google, Inc.", "Marie Curie", "Bob van Dyk")


def test_ris_fields(tmp_path):
    paper = one(
        tmp_path,
        "TY  - JOUR\nT1  - A title\n  over lines\nAU  - Curie, Marie\nAU  - Bohr, Niels\nN2  - One line.\nOther line.\n"
        "PY  - 2020///\nUR  - https://a.b/c\nDO  - 10.1000/1\nID  - 33\nER  -\n",
    )
    assert (paper.title, paper.abstract) == ("A title over lines", "One line. Other line.")
    assert (paper.authors, paper.year) == (("Marie Curie", "Niels Bohr"), 2020)
    assert (paper.url, paper.key) == ("https://a.b/c", "33")


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_delimiter_is_found(delimiter, tmp_path):
    text = (
        delimiter.join(["Year", "Title", "Abstract"])
        + f'\n2020{delimiter}A title{delimiter}"Text, ""so"";\n\tmore|."\n'
    )
    assert texts(file(tmp_path, text)) == [("A title", 'Text, "so"; more|.')]


def test_paper_comes_back_from_json(tmp_path):
    text = '{"id": "7", "title": "A title", "abstract": "5\\\\% é", "authors": ["A B"], "year": 2020}'
    paper = one(tmp_path, text)
    assert paper_from_json(json.loads(json.dumps(paper_to_json(paper)))) == paper
    assert paper_from_json({**paper_to_json(paper), "a later field": 1}) == paper
    with pytest.raises(KeyError):
        paper_from_json({"id": "a"})


# -- folders and duplicates -------------------------------------------------------------------------------------------


def test_folder_is_read_in_order_without_hidden_files(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    file(tmp_path, write("jsonl", TWO[1:]), "b.jsonl")
    file(tmp_path, write("bib", TWO[:1]), "a.bib")
    file(tmp_path, write("ris", [("A Third", "Its text.")]), "sub/c.ris")
    file(tmp_path, b"\0", ".DS_Store")
    file(tmp_path, b"\0", ".git/x")
    assert texts(tmp_path) == [*TWO, ("A Third", "Its text.")]


def test_duplicates_are_merged_and_reported(tmp_path):
    first = file(tmp_path, write("jsonl", TWO), "a.jsonl")
    again = [(TWO[1][0].upper() + "!", TWO[1][1].replace("40%", "40\\%")), (TWO[0][0], "Another text.")]
    second = file(tmp_path, "\n" + write("jsonl", again), "b.jsonl")
    loaded = load([first, second])
    assert [(paper.title, paper.abstract) for paper in loaded.papers] == [*TWO, (TWO[0][0], "Another text.")]
    assert len({paper.id for paper in loaded.papers}) == 3
    assert [(m.kept, m.file, m.line) for m in loaded.merged] == [(loaded.papers[1], str(second), 2)]


def test_id_is_the_same_however_the_paper_came(tmp_path):
    ids = {load([file(tmp_path, write(kind, TWO))]).papers[0].id for kind in FORMATS}
    assert len(ids) == 1


# -- what can't be read -----------------------------------------------------------------------------------------------

GOOD = json.dumps({"title": "Good", "abstract": "Text."})
BIB = "@article{{{},\n title={{{}}},\n abstract={{{}}}\n}}\n"
RIS = "TY  - JOUR\nTI  - {}\nAB  - {}\nER  - \n"
LONG_ABSTRACT = "word " * 4001

# kind of fault: (file, line where the bad record begins, words of the reason, titles that are still read)
FAULTS = {
    "JSONL, broken line": (
        f'{GOOD}\n{{"title": "x",\n{GOOD.replace("Good", "After")}',
        2,
        "not JSON",
        ["Good", "After"],
    ),
    "JSONL, open text": (f'{GOOD}\n{{"title": "x\n{GOOD.replace("Good", "After")}', 2, "not JSON", ["Good", "After"]),
    "JSONL, stray text": (f"{GOOD}\n\nstray\n{GOOD.replace('Good', 'After')}", 3, "not JSON", ["Good", "After"]),
    "JSONL, no object": (f"{GOOD}\n[1, 2]\n", 2, "no JSON object", ["Good"]),
    "JSONL, no title": (f'{GOOD}\n{{"abstract": "y"}}\n', 2, "no title", ["Good"]),
    "JSONL, title is a number": (f'{GOOD}\n{{"title": 5, "abstract": "y"}}\n', 2, "a number, not text", ["Good"]),
    "JSONL, other fields": (f'{GOOD}\n{{"name": "y", "body": "z"}}\n', 2, "its fields are body, name", ["Good"]),
    "JSONL, too long": (
        GOOD + "\n" + json.dumps({"title": "y", "abstract": LONG_ABSTRACT}),
        2,
        "20,004 characters",
        ["Good"],
    ),
    "JSONL, half a character": (GOOD + '\n{"title": "y", "abstract": "a \\ud83d b"}', 2, "surrogate", ["Good"]),
    "JSON array, broken": (
        f'[\n{GOOD},\n{{"title" "x"}},\n{GOOD.replace("Good", "After")}\n]',
        3,
        "not JSON",
        ["Good", "After"],
    ),
    "JSON array, open": (f"[\n{GOOD},\n{GOOD}", 3, "not closed", ["Good"]),
    "JSON, deep": (GOOD + "\n" + '{"title":' + "[" * 100_000, 2, "not JSON", ["Good"]),
    "CSV, too few fields": (
        "title,abstract\nGood,Text.\nx\nAfter,Text.",
        3,
        "1 fields where the header has 2",
        ["Good", "After"],
    ),
    "CSV, too many fields": ('title,abstract\n"Good","Te\nxt."\na,b,c\n', 4, "3 fields", ["Good"]),
    "CSV, open quotation": ('title,abstract\nGood,Text.\nx,"open\nAfter,Text.\n', 3, "not closed", ["Good", "After"]),
    "CSV, broken quotation": (
        'title,abstract\nGood,Text.\nx,"a"b\nAfter,Text.\n',
        3,
        "no row of CSV",
        ["Good", "After"],
    ),
    "CSV, big field": ("title,abstract\nGood,Text.\nx," + "word " * 60_000, 3, "characters, more than", ["Good"]),
    "BibTeX, open brace": (
        BIB.format("a", "Good", "Text.") + "@article{b, title={x,\n" + BIB.format("c", "After", "Text."),
        5,
        "not BibTeX",
        ["Good", "After"],
    ),
    "BibTeX, no title": (BIB.format("a", "Good", "Text.") + "\n@book{b, abstract={x}}\n", 6, "no title", ["Good"]),
    "RIS, no title": (RIS.format("Good", "Text.") + "TY  - JOUR\nAB  - x\nER  - \n", 5, "no title", ["Good"]),
    "page, no title": (
        f"Good\n\n{ABSTRACT}\n\n{ABSTRACT}\n\nAfter\n\n{ABSTRACT}1",
        5,
        "without a title",
        ["Good", "After"],
    ),
    "page, no abstract": (
        f"Good\n\n{ABSTRACT}\n\nA Title of a Paper\n\nAfter\n\n{ABSTRACT}1",
        5,
        "without an abstract",
        ["Good", "After"],
    ),
    "page, no abstract at the end": (
        f"Good\n\n{ABSTRACT}\n\nAfter\n\n{ABSTRACT}1\n\nA Title of a Paper",
        9,
        "without an abstract",
        ["Good", "After"],
    ),
    "empty": ("", None, "is empty", []),
    "blank": (b"\xef\xbb\xbf \n\r\n", None, "is empty", []),
    "binary": (b"title,abstract\nGood,\0\1\2", None, "NUL byte in line 2", []),
    "PDF": (b"%PDF-1.7 ...", None, "is a PDF", []),
    "zip": (b"PK\x03\x04...", None, "is a zip", []),
    "UTF-16, cut": (b"\xff\xfet\0i", None, "UTF-16 but is not", []),
    "other text": ("def f():\n    return 1\n", None, "no papers found", []),
    "empty array": ("[]", None, "holds no papers", []),
    "header only": ("title,abstract\n", None, "holds no papers", []),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_names_file_line_and_reason(name, tmp_path):
    text, line, reason, rest = FAULTS[name]
    path = file(tmp_path, text)
    with pytest.raises(PaperError) as caught:
        load([path], strict=True)
    assert (caught.value.file, caught.value.line) == (str(path), line)
    assert reason in caught.value.reason
    assert str(path) in str(caught.value)
    loaded = load([path])
    assert loaded.refused[0].line == line
    assert [paper.title for paper in loaded.papers if paper.abstract] == rest


def test_other_files_are_read_beside_a_bad_one(tmp_path):
    file(tmp_path, b"\0\0", "a.jsonl")
    file(tmp_path, write("csv", TWO), "b.csv")
    loaded = load([tmp_path, tmp_path / "absent.bib"])
    assert [paper.title for paper in loaded.papers] == [title for title, _ in TWO]
    assert [error.reason for error in loaded.refused][1] == "there is no such file"
    assert len(loaded.refused) == 2


def test_name_tells_the_format_where_content_does_not(tmp_path):
    for name, text, reason in [
        ("a.csv", "name,body\nx,y\n", "its header has no title and abstract"),
        ("a.jsonl", 'title: "x"\n', "is not JSON"),
        ("a.bib", "title = {x}\n", "holds no BibTeX entry"),
        ("a.ris", "title = {x}\n", "holds no record of RIS"),
    ]:
        with pytest.raises(PaperError, match=reason):
            load([file(tmp_path, text, name)], strict=True)


def test_missing_file_empty_folder_and_huge_file(tmp_path):
    (tmp_path / "folder").mkdir()
    with (tmp_path / "huge.jsonl").open("wb") as huge:
        huge.truncate((1 << 30) + 1)  # sparse: takes no room
    for name, reason in [
        ("absent", "no such file"),
        ("folder", "holds no files"),
        ("huge.jsonl", "1,073,741,825 bytes"),
    ]:
        with pytest.raises(PaperError, match=reason) as caught:
            load([tmp_path / name], strict=True)
        assert caught.value.file == str(tmp_path / name)
