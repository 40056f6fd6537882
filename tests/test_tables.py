"""Comparisons and lists as tables: each paper with its exact quotes, in files that do no harm where they are opened."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import pytest
from hostile import HOSTILE
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rag import Rag
from rag.core.answer import Answer, Aspect, Citation, Retrieved
from rag.core.paper import Paper
from rag.home.tables import QUOTES, SILENT, Row, Table, arranged, chosen, table, to_csv, to_markdown, widened

GPIPE = Paper(
    "gpipe", "GPipe: Pipelines", "It splits. It scales.", "", ("Y. Huang", "Y. Cheng"), 2019, "https://a.example/1"
)
QLORA = Paper("qlora", "QLoRA", "It is frugal.", "")
PAPERS = {p.id: p for p in (GPIPE, QLORA)}
SPLITS = Citation(3, "gpipe", GPIPE.title, "It splits.", 0, 10)
SCALES = Citation(2, "gpipe", GPIPE.title, "It scales.", 11, 21, supported=False)
FRUGAL = Citation(1, "qlora", "QLoRA", "It is frugal.", 0, 13)


def compared(**fields: object) -> Answer:
    """A comparison whose model cited the second side first."""
    answer = Answer(
        "Compare GPipe, QLoRA and Bloop",
        "Compare GPipe, QLoRA and Bloop",
        "comparison",
        "QLoRA is frugal [1]. GPipe scales and splits [2][3].",
        citations=(FRUGAL, SCALES, SPLITS),
        missing=("Bloop",),
        retrieved=(
            Retrieved("gpipe", GPIPE.title, 1.0),
            Retrieved("other", "Other", 1.0),
            Retrieved("qlora", "QLoRA", 1.0),
        ),
        searched=1_082,
    )
    return replace(answer, **fields)  # type: ignore[arg-type]


def cells(text: str) -> list[list[str]]:
    """The rows that a program reads from CSV."""
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline=""), strict=True))


def shown(markdown: str) -> list[list[str]]:
    """The rows that a reader of the Markdown sees, lines of a cell divided by \\n; nothing but text is in them."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    rows: list[list[str]] = []
    assert tokens[0].type == "table_open"
    assert tokens[-1].type == "table_close"
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            for child in token.children or ():
                assert child.type in ("text", "text_special") or child.content == "<br>", child
            rows[-1].append("".join("\n" if c.content == "<br>" else c.content for c in token.children or ()))
    return rows


def test_a_comparison_has_its_sides_in_order_with_what_is_known_of_them() -> None:
    found = table(compared(), PAPERS)
    assert found == Table(
        ("Paper", "Authors", "Year", "Link", QUOTES),
        (
            Row("gpipe", ("GPipe: Pipelines", "Y. Huang, Y. Cheng", "2019", "https://a.example/1", (SPLITS, SCALES))),
            Row("qlora", ("QLoRA", "", "", "", (FRUGAL,))),
            Row(None, ("Bloop", "", "", "", "No paper of the 1,082 searched is on this.")),
        ),
    )


def test_a_list_is_numbered_in_the_order_of_the_answer() -> None:
    found = table(compared(kind="list", missing=()), PAPERS)
    assert found is not None
    assert found.columns[:2] == ("#", "Paper")
    assert [row.cells[:2] for row in found.rows] == [("1", "QLoRA"), ("2", "GPipe: Pipelines")]


def test_an_overview_is_a_table_of_the_papers_that_it_shows() -> None:
    found = table(compared(kind="overview", missing=()), PAPERS)
    assert found is not None
    assert [row.cells[0] for row in found.rows] == ["QLoRA", "GPipe: Pipelines"]


def test_a_paper_that_is_gone_is_shown_from_its_citations() -> None:
    found = table(compared(), {})
    assert found is not None
    assert found.columns == ("Paper", QUOTES)
    assert found.rows[0] == Row("gpipe", ("GPipe: Pipelines", (SPLITS, SCALES)))


@pytest.mark.parametrize(
    "fields",
    [{"kind": "single"}, {"kind": "none"}, {"abstained": True}, {"citations": ()}, {"kind": "list", "citations": ()}],
)
def test_other_answers_are_no_tables(fields: dict[str, object]) -> None:
    assert table(compared(**fields), PAPERS) is None


def test_several_columns_of_quotes_and_an_abstract_that_says_nothing_of_one() -> None:
    quotes = {"gpipe": [(SPLITS,), ()], "qlora": [(), (FRUGAL,)]}
    found = arranged(["Memory", "Speed"], quotes, PAPERS, absent={"Bloop": "Nothing."})
    assert [row[-2:] for row in cells(to_csv(found))] == [
        ["Memory", "Speed"],
        ["“It splits.”", SILENT],
        [SILENT, "“It is frugal.”"],
        ["Nothing.", ""],
    ]


@pytest.mark.parametrize(
    "question",
    [
        "How do GPipe and Holmes differ?",
        "Compare QLoRA with GaLore and Bloop in memory use",
        "Which papers use quantization?",
    ],
)
def test_answers_over_the_collection(collection: Rag, question: str) -> None:
    answer, papers = collection.ask(question), {p.id: p for p in collection.papers()}
    found = table(answer, papers)
    assert found is not None
    assert sorted(c.marker for row in found.rows for c in row.cells[-1] if isinstance(c, Citation)) == sorted(
        c.marker for c in answer.citations
    )
    for rows in (cells(to_csv(found)), shown(to_markdown(found))):
        assert len(rows) == 1 + len({c.paper_id for c in answer.citations}) + len(answer.missing)
        for row, read in zip(found.rows, rows[1:], strict=True):
            if row.paper_id:
                assert papers[row.paper_id].title in read
                assert all(quote in papers[row.paper_id].abstract for quote in re.findall("“(.*)”", read[-1]))
                assert read[-1].count("\n") == len(row.cells[-1]) - 1
            else:
                assert read[-2] == "Bloop"


def test_a_comparison_by_aspects_has_a_column_for_each() -> None:
    """Answers that were kept by an earlier version have aspects; a quote may stand in the columns of several."""
    kept = compared(aspects=(Aspect("size", (1, 3)), Aspect("speed on GPUs", (1, 2))))
    answer = Answer.from_json(kept.to_json())
    assert answer.aspects == kept.aspects
    made = table(answer, PAPERS)
    assert made is not None
    assert made.columns[-2:] == ("Size", "Speed on gpus")
    assert [row.cells[-2:] for row in made.rows[:2]] == [((SPLITS,), (SCALES,)), ((FRUGAL,), (FRUGAL,))]


def test_what_two_papers_report_on_one_aspect_is_a_row_each(collection: Rag) -> None:
    answer = collection.ask("Do ShadowKV and Sarathi-Serve report speedups on the same hardware?")
    made = table(answer, {p.id: p for p in collection.papers()})
    assert made is not None
    assert len(made.rows) == 2
    for row, title, speedup in zip(made.rows, ("Sarathi-Serve", "ShadowKV"), ("2.6x", "3.04×"), strict=True):
        quotes = [c.quote for c in row.cells[-1] if isinstance(c, Citation)]
        assert title in row.cells[0]  # type: ignore[operator]
        assert sum(speedup in quote and "A100 GPU" in quote for quote in quotes) == 1


def test_a_list_names_its_papers_as_the_answer_does(collection: Rag) -> None:
    answer = collection.ask("Which papers use quantization?")
    found = table(answer, {})
    assert found is not None
    said = re.findall(r"^(\d+)\. \*\*(.+?)\*\*", answer.answer.replace("\\", ""), re.MULTILINE)
    assert [tuple(row.cells[:2]) for row in found.rows] == said


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r\n=1", " =1", "＝1", '=HYPERLINK("https://e.example","x")']
)
def test_no_cell_is_a_formula(text: str) -> None:
    found = cells(to_csv(Table((text,), (Row(None, (text,)),))))
    assert [row[0].lstrip()[0] for row in found] == ["'", "'"]


def test_csv_has_the_line_ends_of_the_rfc_and_quotes_what_needs_it() -> None:
    found = Table(("a", 'b "c", d'), (Row(None, ("1", (FRUGAL, FRUGAL))),))
    assert to_csv(found) == '\ufeffa,"b ""c"", d"\r\n1,"“It is frugal.”\n“It is frugal.”"\r\n'


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    quote = replace(FRUGAL, quote=text, title=text)
    found = table(compared(citations=(quote,), missing=(text,)), {"qlora": replace(QLORA, title=text, authors=(text,))})
    assert found is not None
    line = " ".join(text.split())
    for rows in (cells(to_csv(found)), shown(to_markdown(found))):
        assert [[cell.removeprefix("'") for cell in row] for row in rows] == [
            ["Paper", "Authors", QUOTES],
            [line, line, f"“{line}”"],
            [line, "", "No paper of the 1,082 searched is on this."],
        ]


@given(st.lists(st.text(), min_size=2, max_size=2), st.text(min_size=1))
def test_any_text_comes_out_of_both_files_as_it_went_in(texts: list[str], quote: str) -> None:
    found = Table(("A", "B", "C"), (Row(None, (*texts, (replace(FRUGAL, quote=quote),))),))
    lines = [
        " ".join("".join(" " if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in t).split()) for t in (*texts, quote)
    ]
    lines = [re.sub(r"\s+", " ", line) for line in lines]
    wanted = [*lines[:2], f"“{lines[2]}”"]
    guarded = ["'" + text if text[:1] and text[0] in "=+-@＝＋－＠" else text for text in wanted]
    assert cells(to_csv(found))[1] == guarded
    assert to_csv(found).encode()
    assert shown(to_markdown(found))[1] == [text.strip() for text in wanted]


def test_a_table_is_taken_of_some_rows_with_columns_more() -> None:
    found = table(compared(), PAPERS)
    assert found is not None
    few = widened(chosen(found, ["qlora", "gone"]), ["memory", "speed"], {"qlora": [(FRUGAL,), ()]})
    assert cells(to_csv(few))[0][-2:] == ["memory", "speed"]
    assert [row[-2:] for row in cells(to_csv(few))[1:]] == [["“It is frugal.”", SILENT]]
    whole = widened(found, ["memory"], {"qlora": [(FRUGAL,)]})
    assert [row[-1] for row in cells(to_csv(whole))[1:]] == ["", "“It is frugal.”", ""]
