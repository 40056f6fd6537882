"""What is wrong in real exports of reference managers and databases, and is read all the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.papers import Loaded, Paper, load

PEAT = "Peat bogs hold water all year. We drained 14 plots and left 14 wet. Wet plots stored 2.6 times as much carbon."


def read(folder: Path, text: str, name: str = "export") -> Loaded:
    file = folder / name
    file.write_text(text, encoding="utf-8", newline="")
    return load([file])


def one(folder: Path, text: str, name: str = "export") -> Paper:
    (paper,) = read(folder, text, name).papers
    return paper


# ---- BibTeX


def test_an_entry_that_begins_on_the_line_where_another_ends_is_one_of_its_own(tmp_path: Path) -> None:
    entry = (
        "@article{{{key},\n title = {{{title}}},\n abstract = {{{title} holds water.}},\n note = {{Cited by: 2}}\n}}"
    )
    texts = [entry.format(key=key, title=title) for key, title in (("a", "Peat"), ("B C2016", "Fen"), ("c", "Bog"))]
    found = read(tmp_path, "".join(texts))
    assert not found.refused
    assert [(p.key, p.title) for p in found.papers] == [("a", "Peat"), ("B C2016", "Fen"), ("c", "Bog")]


@pytest.mark.parametrize("formula", ["4-(imino)methyl}benzene", "{4-(imino)methylbenzene", r"$$\end{document\ }"])
def test_a_brace_too_many_or_too_few_costs_no_entry(tmp_path: Path, formula: str) -> None:
    found = read(
        tmp_path,
        f"@ARTICLE{{Moor, Jr2016,\nauthor={{Moor, Helga and Torf, Jan}},\ntitle={{Acids of peat}},\nyear={{2016}},\n"
        f"abstract={{We made {formula} of peat.\n It holds water.}},\ndoi={{10.5555/peat.7}},\n}}\n\n"
        f"@article{{next,\n title = {{Bog}},\n abstract = {{{PEAT}}}\n}}\n",
    )
    assert not found.refused
    acids, bog = found.papers
    assert (acids.title, acids.authors, acids.year) == ("Acids of peat", ("Helga Moor", "Jan Torf"), 2016)
    assert (acids.key, acids.doi) == ("Moor, Jr2016", "10.5555/peat.7")
    assert acids.abstract.startswith("We made ")
    assert acids.abstract.endswith("of peat. It holds water.")
    assert bog.abstract == PEAT


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\emph{{S}phagnum}: {A} moss", "Sphagnum: A moss"),
        (r"{\bibcyr Торф в болотах}", "Торф в болотах"),
        (r"The $\varGamma$ band of peat", "The Γ band of peat"),
        (r"Ireland\u2019s bogs", "Ireland’s bogs"),
        (r"Ireland\u27s bogs", r"Ireland\u27s bogs"),
    ],
)
def test_macros_of_titles_become_what_they_stand_for(tmp_path: Path, written: str, read: str) -> None:
    assert one(tmp_path, f"@article{{a,\n title = {{{written}}},\n abstract = {{{PEAT}}}\n}}").title == read


# ---- Tables


def test_a_quotation_mark_behind_a_backslash_is_part_of_its_field(tmp_path: Path) -> None:
    head = '"Title";"Abstract";"CR"\n'
    rows = f'"Peat";"{PEAT}";"TRACK: \\"BOGS, PP. 3"\n"Fen";"Fens \\"are\\" wet.";"x"\n"Bog";"Bogs hold water.";"y"\n'
    found = read(tmp_path, head + rows)
    assert not found.refused
    assert [p.title for p in found.papers] == ["Peat", "Fen", "Bog"]
    assert found.papers[1].abstract == 'Fens "are" wet.'


def test_cells_beside_the_header_of_a_workbook_are_left_out(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    assert book.active is not None
    for cells in (["Title", "Abstract", "Year"], ["Peat", PEAT, 2016, "a note", "another"]):
        book.active.append(cells)
    book.save(tmp_path / "table.xlsx")
    found = load([tmp_path / "table.xlsx"])
    assert not found.refused
    assert [(p.title, p.abstract, p.year) for p in found.papers] == [("Peat", PEAT, 2016)]


@pytest.mark.parametrize(
    "header",
    [
        "Título,Resumen,Autores,Año",
        "Título,Resumo,Autores,Ano",
        "Titre,Résumé,Auteurs,Année",
        "Titel,Zusammenfassung,Autoren,Jahr",
        "标题,摘要,作者,年份",
        "Article Title,Abstract,Author Full Names,Early Access Date",
        "Title,Abstract,Author(s) Full Name,Date of Publication",
    ],
)
def test_columns_are_known_in_other_languages_and_by_other_names(tmp_path: Path, header: str) -> None:
    paper = one(tmp_path, f'{header}\nPeat,"{PEAT}","Moor, Helga; Torf, Jan",MAR 2016\n')
    assert (paper.title, paper.abstract) == ("Peat", PEAT)
    assert (paper.authors, paper.year) == (("Helga Moor", "Jan Torf"), 2016)


# ---- Names, years and headings


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("Moor, H. M., Torf, J., et al.", ("H. M. Moor", "J. Torf")),
        ("H. Moor et al.", ("H. Moor",)),
        ("Helga Moor¹, Jan Torf²*", ("Helga Moor", "Jan Torf")),
        ("王伟；李娜", ("王伟", "李娜")),
        ("王伟、李娜、张三", ("王伟", "李娜", "张三")),
        ("山田, 太郎", ("太郎 山田",)),
    ],
)
def test_authors_in_one_text(tmp_path: Path, written: str, names: tuple[str, ...]) -> None:
    assert one(tmp_path, f'title,abstract,authors\nPeat,"{PEAT}","{written}"\n').authors == names


@pytest.mark.parametrize(("written", "names"), [("王伟；李娜", ("王伟", "李娜")), ("H. Moor et al.", ("H. Moor",))])
def test_several_authors_in_one_field_of_ris(tmp_path: Path, written: str, names: tuple[str, ...]) -> None:
    assert one(tmp_path, f"TY  - JOUR\nTI  - Peat\nAU  - {written}\nAB  - {PEAT}\nER  - \n").authors == names


def test_a_paper_of_web_of_science_that_is_not_printed_yet_has_the_year_of_its_early_access(tmp_path: Path) -> None:
    paper = one(tmp_path, f"FN Clarivate\nVR 1.0\nPT J\nAU Moor, H\nTI Peat\nAB {PEAT}\nEA JAN\nEY 2019\nER\nEF\n")
    assert paper.year == 2019


def test_headings_on_lines_of_their_own_get_a_colon(tmp_path: Path) -> None:
    abstract = "Background\\nPeat holds water.\\nMethods\\nWe drained 14 plots.\\nResults\\n14 were wet."
    paper = one(tmp_path, f'{{"title": "Peat", "abstract": "{abstract}"}}')
    assert paper.abstract == "Background: Peat holds water. Methods: We drained 14 plots. Results: 14 were wet."


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("AbstractWe drained 14 plots, and they held water.", "We drained 14 plots, and they held water."),
        ("AbstractBench is made of bogs. AbstractBench holds.", "AbstractBench is made of bogs. AbstractBench holds."),
    ],
)
def test_the_word_abstract_goes_where_it_is_glued_to_the_first(tmp_path: Path, written: str, read: str) -> None:
    assert one(tmp_path, json.dumps({"title": "Peat", "abstract": written})).abstract == read


# ---- JSON


@pytest.mark.parametrize("side", ["citingPaper", "citedPaper"])
def test_citations_of_semantic_scholar_are_papers(tmp_path: Path, side: str) -> None:
    paper = {"paperId": "a7", "title": "Peat", "abstract": PEAT, "year": 2016, "authors": [{"name": "Helga Moor"}]}
    found = one(tmp_path, json.dumps({"offset": 0, "data": [{"contexts": ["as in [7]"], "intents": [], side: paper}]}))
    assert (found.title, found.abstract, found.authors, found.year) == ("Peat", PEAT, ("Helga Moor",), 2016)


# ---- Encodings


@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("gb18030", "泥炭地的碳储存研究"),
        ("big5", "泥炭地的碳儲存研究"),
        ("shift_jis", "泥炭地の炭素貯留についての研究"),
        ("euc_kr", "이탄지의 탄소 저장에 관한 연구"),
        ("cp1251", "Накопление углерода в торфяных болотах"),
        ("cp1253", "Αποθήκευση άνθρακα σε τυρφώνες"),
    ],
)
def test_another_script_that_is_not_utf_8_is_refused_and_never_read_as_latin_letters(
    tmp_path: Path, encoding: str, title: str
) -> None:
    file = tmp_path / "export.ris"
    file.write_bytes(f"TY  - JOUR\nTI  - {title}\nAB  - {PEAT}\nER  - \n".encode(encoding))
    found = load([file])
    assert not found.papers
    assert "save it as UTF-8" in found.refused[0].reason


@pytest.mark.parametrize(
    "title", ["Séchage à l’été, où?", "Ångström åäö på öar", "Größe für Müller", "São Paulo é ótimo"]
)
def test_latin_letters_of_windows_1252_are_read(tmp_path: Path, title: str) -> None:
    file = tmp_path / "export.ris"
    file.write_bytes(f"TY  - JOUR\nTI  - {title}\nAB  - {PEAT}\nER  - \n".encode("cp1252"))
    assert [p.title for p in load([file]).papers] == [title]
