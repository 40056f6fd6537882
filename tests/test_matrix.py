"""The table of papers by aspects: exact quotes in its cells, or that the abstract does not say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hostile import HOSTILE

from eval.aspects import fill, read_cells, score
from rag import Answer, Comparison, Config, Rag, UsageError, build
from rag.ask.answering import NOT_SAID
from rag.ask.coverage import read_aspect

ASPECTS = ("speedup", "hardware", "which datasets", "memory savings", "limitations", "which optimizer was used")


def quoted(table: Comparison, paper: int, aspect: int) -> str:
    return " ".join(c.quote for c in table.rows[paper].cells[aspect].quotes)


@pytest.fixture(scope="module")
def everything(collection: Rag) -> list[Comparison]:
    """Every paper by some aspects, twenty at a time."""
    ids = [p.id for p in collection.papers()]
    return [collection.compare(ids[i : i + 20], ASPECTS) for i in range(0, len(ids), 20)]


def test_every_quote_is_exactly_what_its_abstract_has(collection: Rag, everything: list[Comparison]) -> None:
    papers = {p.id: p for p in collection.papers()}
    cells = 0
    for table in everything:
        for row in table.rows:
            assert row.title == papers[row.paper_id].title
            for cell in row.cells:
                assert len(cell.quotes) <= 2
                for c in cell.quotes:
                    assert (c.paper_id, c.title) == (row.paper_id, row.title)
                    assert c.quote == papers[row.paper_id].abstract[c.start : c.end]
                cells += 1
    assert cells == len(papers) * len(ASPECTS)


def test_a_marker_stands_for_one_quote_in_the_whole_table(everything: list[Comparison]) -> None:
    for table in everything:
        citations = table.citations
        assert [c.marker for c in citations] == list(range(1, len(citations) + 1))
        assert len({(c.paper_id, c.start, c.end) for c in citations}) == len(citations)


def test_a_sentence_that_says_two_aspects_has_one_marker(collection: Rag) -> None:
    table = collection.compare(["Video-Infinity"], ["speedup", "hardware"])
    [speed], [hardware] = (cell.quotes for cell in table.rows[0].cells)
    assert speed == hardware and "100 times faster" in speed.quote and "6000 Ada" in speed.quote


@pytest.mark.parametrize(("split", "precision", "recall"), [("dev", 0.97, 0.93), ("test", 0.93, 0.85)])
def test_cells_agree_with_a_reader(collection: Rag, split: str, precision: float, recall: float) -> None:
    """eval/aspects.jsonl; a little below what was measured."""
    measured = score(fill(collection, read_cells(split)))
    assert measured.precision >= precision and measured.recall >= recall


@pytest.mark.parametrize(
    ("papers", "speedups", "cards"),
    [
        (("GPTQ", "COAT"), ("4.5x", "1.43x"), ("NVIDIA A100", None)),
        (("Adding NVMe SSDs", "Video-Infinity"), ("156 TFLOPS", "100 times faster"), ("RTX 4090", "Nvidia 6000 Ada")),
        (("S-LoRA", "Parallel Neural Computing"), ("up to 4 times", "2x speedup"), ("single GPU", "two NVIDIA T4")),
    ],
)  # fmt: skip
def test_do_these_two_papers_report_speedups_on_the_same_hardware(
    collection: Rag, papers: tuple[str, ...], speedups: tuple[str, ...], cards: tuple[str | None, ...]
) -> None:
    """Three pairs that were read: both figures, and where each was measured or that this is not said, and no claim."""
    table = collection.compare(papers, ["speedup", "same hardware"])
    for n, (speedup, card) in enumerate(zip(speedups, cards, strict=True)):
        assert speedup in quoted(table, n, 0)
        assert card in quoted(table, n, 1) if card else not table.rows[n].cells[1].quotes
    body = table.markdown().split("\n", 2)[2]
    ours = re.sub(r"“.*?” \[\d+\]|\*\*.*?\*\*|<br>|[|\s]", "", body)
    assert ours.replace(NOT_SAID.replace(" ", ""), "") == ""


def test_what_is_only_background_is_not_quoted(collection: Rag) -> None:
    """The 800 V100s of the abstract are what others would need; the 8 hours what an older method takes."""
    table = collection.compare(["ZeRO-Infinity", "NeuS2"], ["hardware", "training time"])
    assert "512 NVIDIA V100" in quoted(table, 0, 0) and "800 NVIDIA" not in quoted(table, 0, 0)
    assert "8 hours" not in quoted(table, 1, 1)


def test_the_problem_is_in_the_background(collection: Rag) -> None:
    text = quoted(collection.compare(["GraphVite"], ["what problem does it solve?"]), 0, 0)
    assert "remains a challenging problem" in text and "we propose" not in text


@pytest.mark.parametrize(
    ("aspect", "said"),
    [
        ("method", "novel Tune mode"),
        ("data", "5 datasets"),
        ("results", "significantly reducing GPU memory footprint"),
        ("models evaluated", None),
        ("code availability", None),
    ],
)
def test_what_researchers_ask_most(collection: Rag, aspect: str, said: str | None) -> None:
    """Of “Efficient ConvBN Blocks”, as it was read."""
    text = quoted(collection.compare(["Efficient ConvBN"], [aspect]), 0, 0)
    assert said in text if said else text == ""


@pytest.mark.parametrize("aspect", ["speedup", "Speed-up?", "performance gain", "how much faster is it?", "throughput"])
def test_an_aspect_may_be_a_word_a_phrase_or_a_question(collection: Rag, aspect: str) -> None:
    assert "1.43x" in quoted(collection.compare(["COAT"], [aspect]), 0, 0)


@pytest.mark.parametrize(
    ("paper", "aspect", "figure"),
    [
        ("Sequence Parallelism", "batch size", "13.7×"),
        ("Im2win", "ablation study", "ablation study"),
        ("CO2", "convergence proof", "mathematical proof of convergence"),
        ("Understanding GEMM", "power consumption", "power consumption by 22%"),
    ],
)
def test_an_aspect_that_no_pattern_knows(collection: Rag, paper: str, aspect: str, figure: str) -> None:
    assert not read_aspect(aspect).facets
    [cell] = collection.compare([paper], [aspect]).rows[0].cells
    assert any(figure in c.quote for c in cell.quotes)
    assert cell.confidence is not None and 0.4 <= cell.confidence <= 1


@pytest.mark.parametrize(
    "aspect", ["number of participants", "learning rate", "zebra populations", "speedup on CIFAR-10", "who funded it"]
)
def test_what_no_abstract_of_these_says(collection: Rag, aspect: str) -> None:
    table = collection.compare(["COAT", "GPTQ", "GPipe", "Holmes"], [aspect])
    assert [row.cells[0].quotes for row in table.rows] == [()] * 4
    assert table.markdown().count(NOT_SAID) == 4


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_aspects_are_shown_as_they_are(collection: Rag, text: str) -> None:
    table = collection.compare(["COAT"], [text, "speedup"])
    header, rule, row, rest = table.markdown().split("\n")
    assert not re.search(r"(?<!\\)[<>`\[\]*$~#]", header)
    assert len(re.findall(r"(?<!\\)\|", header)) == len(re.findall(r"\|", rule)) == 4
    assert "1.43x" in row and rest == ""


def test_hostile_papers_break_no_table(tmp_path: Path) -> None:
    """Nor does a "sentence" of numbers take long, on which patterns that look for figures try every one."""
    papers = [
        {"title": f"{n} {text}", "abstract": f"We propose {text} 2x faster."} for n, text in enumerate(HOSTILE[:8])
    ]
    papers.append({"title": "Numbers", "abstract": "We propose " + "1.1" * 6_000 + " faster."})
    file = tmp_path / "papers.jsonl"
    file.write_text("\n".join(json.dumps(p) for p in papers), encoding="utf-8")
    with build(Config(home=tmp_path / "home")) as rag:
        rag.ingest([file])
        table = rag.compare([p.id for p in rag.papers()], [*ASPECTS, "x" * 200])
    assert table.timings_ms["total"] < 5_000
    lines = table.markdown().splitlines()
    assert len(lines) == len(papers) + 2
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {len(ASPECTS) + 3}
    assert not any(re.search(r"(?<!\\)<(?!br>)", line) for line in lines)


def test_papers_by_id_title_and_beginning(collection: Rag) -> None:
    paper = next(p for p in collection.papers() if p.title.startswith("COAT"))
    for name in (paper.id, paper.title, "coat:", f"  {paper.title.upper()} "):
        assert [row.paper_id for row in collection.compare([name, paper.id], ["speed", "Speed "]).rows] == [paper.id]


@pytest.mark.parametrize(
    ("papers", "aspects", "message"),
    [
        (["Scaling"], ["speed"], r"papers begin with 'Scaling' \(.+\): write more of the title"),
        (["No such paper"], ["speed"], "No paper has the id 'No such paper'.*rag papers"),
        ([""], ["speed"], "No paper has the id ''"),
        ([], ["speed"], "1 to 20 papers, not 0"),
        (["COAT"] * 21, ["speed"], "1 to 20 papers, not 21"),
        (["COAT"], [], "1 to 8 aspects, not 0"),
        (["COAT"], ["speed"] * 9, "1 to 8 aspects, not 9"),
        (["COAT"], ["?!"], "has no word in it"),
        (["COAT"], ["speed " * 60], "at most 200"),
        (["COAT"], ["half \ud800"], "lone surrogate"),
        ("COAT", ["speed"], "list of texts"),
        (["COAT"], "speed", "list of texts"),
        (["COAT"], [3], "list of texts"),
    ],
)
def test_what_cannot_be_compared(collection: Rag, papers: list[str], aspects: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        collection.compare(papers, aspects)


def test_json_holds_all_of_the_table(collection: Rag) -> None:
    data = json.loads(json.dumps(collection.compare(["GPTQ", "COAT"], ["hardware"]).to_json()))
    assert data["aspects"] == ["hardware"] and data["timings_ms"]["total"] > 0
    gptq, coat = data["rows"]
    assert "NVIDIA A6000" in gptq["cells"][0]["quotes"][-1]["quote"]
    assert coat["cells"] == [{"quotes": [], "confidence": None}]


# --- in the chat ----------------------------------------------------------------------------------------------------


def columns(answer: Answer) -> tuple[list[str], list[list[str]]]:
    """The heading and the rows of the table in an answer."""
    lines = [line for line in answer.answer.split("\n") if line.startswith("|")]
    cells = [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return cells[0], cells[2:]


@pytest.mark.parametrize(
    ("question", "speedups", "cards"),
    [
        ("do GPTQ and COAT report speedups on the same hardware?", ("4.5x", "1.43x"), ("NVIDIA A100", NOT_SAID)),
        (
            "Do Fuyou and Video-Infinity report speedups on the same hardware, and where does it say so?",
            ("156 TFLOPS", "100 times faster"),
            ("RTX 4090", "Nvidia 6000 Ada"),
        ),
        (
            "S-LoRA and GPipe: do these two papers report speedups on the same hardware?",
            ("up to 4 times", "almost linear speedup"),
            ("single GPU", "multiple accelerators"),
        ),
    ],
)
def test_two_aspects_in_a_question_are_two_columns(
    collection: Rag, question: str, speedups: tuple[str, ...], cards: tuple[str, ...]
) -> None:
    answer = collection.ask(question)
    heading, rows = columns(answer)
    assert (answer.kind, heading) == ("comparison", ["Paper", "Speedup", "Hardware"])
    for row, speedup, card in zip(rows, speedups, cards, strict=True):
        assert speedup in row[1] and card in row[2]
    assert len(answer.answer.split()) < 260
    markers = {int(m) for m in re.findall(r"” \[(\d+)\]", answer.answer)}
    assert markers == {c.marker for c in answer.citations}


def test_two_papers_of_the_conversation(collection: Rag) -> None:
    history = [{"role": "user", "content": "Compare GPTQ and COAT"}, {"role": "assistant", "content": "…"}]
    answer = collection.ask("do these two papers report speedups on the same hardware?", history)
    heading, rows = columns(answer)
    assert heading == ["Paper", "Speedup", "Hardware"] and len(rows) == 2


def test_a_side_that_is_not_there_is_still_told(collection: Rag) -> None:
    answer = collection.ask("Compare the speedups and the hardware of COAT and Punica")
    heading, rows = columns(answer)
    assert heading == ["Paper", "Speedup", "Hardware"] and len(rows) == 1
    assert answer.missing == ("Punica",) and "no paper on Punica" in answer.answer


@pytest.mark.parametrize(
    "question",
    [
        "How do GPTQ and COAT differ in speed?",
        "Compare the methods and the problems of GPTQ and COAT",
        "Which GPUs, how much memory, what accuracy, which datasets do GaLore, QLoRA, GPTQ and COAT report?",
        "Do GPTQ and COAT report a speedup in their appendix on the same hardware?",
    ],
)
def test_one_column_where_one_aspect_something_else_or_too_much_is_asked(collection: Rag, question: str) -> None:
    """Of more than 260 words a table by aspects would be, and what else is asked it would leave out."""
    answer = collection.ask(question)
    heading, _ = columns(answer)
    assert heading == ["Paper", "What its abstract says"] and len(answer.answer.split()) < 260


def test_days_of_a_gpu_are_a_time_however_they_are_spelled(collection: Rag) -> None:
    """ "0.1 GPU-days" was denied beside the very sentence that says it."""
    cell = collection.compare(["PC-DARTS"], ["training time"]).rows[0].cells[0]
    assert "0.1 GPU-days" in cell.quotes[0].quote
