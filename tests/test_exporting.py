"""What a reader takes away: a document whose numbers lead to exact quotes, the answers as data, and BibTeX."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from fake_rag import ABSTRACT, PAPER, QUOTE, FakeRag
from hostile import HOSTILE
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from serving import ROOT

from rag import Rag
from rag.core.answer import Answer, Citation
from rag.core.config import Config
from rag.core.paper import Paper, paper_id
from rag.home.citing import write
from rag.home.conversation import Conversation
from rag.home.exporting import cited, to_json, to_markdown
from rag.papers import load

WHEN = "2026-11-23T10:59:22.450+00:00"
PAPERS = {PAPER.id: replace(PAPER, url="https://arxiv.org/abs/2305.14314v1")}
SCHEMA = json.loads((ROOT / "tests" / "answer.schema.json").read_text())
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def talk(*answers: Answer, title: str = "A title") -> Conversation:
    return Conversation("x" * 22, "papers", WHEN, WHEN, title, answers, (WHEN,) * len(answers))


def asked(question: str) -> Answer:
    return FakeRag(Config()).ask(question)


def citing(marker: int, quote: str) -> Citation:
    start = ABSTRACT.index(quote)
    return Citation(marker, PAPER.id, PAPER.title, quote, start, start + len(quote))


def references(text: str) -> dict[int, str]:
    """The quote of each number in the list of references."""
    body = text.partition("## References")[2]
    return {int(n): quote for n, quote in re.findall(r"^\\\[(\d+)\\\] .*\n\n> “(.*)”$", body, re.MULTILINE)}


def foreign(text: str) -> set[str]:
    """What the document has that isn't text in it: links other than those shown as they are, images, HTML."""
    tokens = MARKDOWN.parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    found = {t.type for t in [*tokens, *inline]} & {"image", "html_block", "fence"}
    found |= {str(t.attrs["href"]) for t in inline if t.type == "link_open"}
    return found | {t.content for t in inline if t.type == "html_inline" and t.content != "<br>"}


def test_a_number_stands_for_one_quote_in_all_of_the_document() -> None:
    first = replace(asked("One?"), answer="A [1]. B [2].", citations=(citing(1, QUOTE), citing(2, "QLoRA is frugal.")))
    second = replace(
        asked("Two?"), answer="C [1][2].", citations=(citing(1, "Nothing else is said."), citing(2, QUOTE))
    )
    text = to_markdown(talk(first, second), PAPERS)
    assert "A [1]. B [2]." in text
    assert "C [3][1]." in text
    assert references(text) == {1: QUOTE, 2: "QLoRA is frugal.", 3: "Nothing else is said."}
    assert "**QLoRA: Efficient Finetuning**. Tim Dettmers. 2023. <https://arxiv.org/abs/2305.14314v1>." in text


def test_verdicts_warnings_and_receipts_stay() -> None:
    answer = replace(asked("a written one"), warnings=("The model's context holds 1 of 2 papers.",))
    text = to_markdown(talk(asked("One?"), answer), PAPERS)
    assert "[2] [partly supported]" in text
    assert '- ◐ partly supported: QLoRA is always frugal. [2] (no sentence says "always")' in text
    assert "- ✕ unsupported: Double quantization saves 3 bits per parameter. (the abstract gives 0.37, not 3)" in text
    assert "- Warning: The model's context holds 1 of 2 papers." in text
    assert (
        "*Written by fake-1, checked · 2 papers searched · 1 cited · 1,234 tokens · 1.50 s · 2026-11-23 10:59 UTC*"
        in text
    )


def test_a_follow_up_says_how_it_was_understood_and_a_long_question_is_whole() -> None:
    long = "Why " + "really " * 40 + "is\n# it frugal?"
    text = to_markdown(talk(replace(asked("And it?"), standalone_question="And QLoRA?"), asked(long)), PAPERS)
    assert "*Understood as: And QLoRA?*" in text
    assert text.count("Understood as") == 1
    assert re.search(r"^## 2\. Why really .*…$", text, re.MULTILINE)
    assert "really is \\# it frugal?”" in text


def test_a_paper_that_is_gone_is_named_and_quoted() -> None:
    text = to_markdown(talk(asked("One?")), {})
    assert references(text) == {1: QUOTE}
    assert "**QLoRA: Efficient Finetuning**." in text
    assert cited(talk(asked("One?")), {}) == ()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Escaped \\[1\\] and \\\\[1]", "Escaped \\[1\\] and \\\\[2]"),
        ("In code `x[1]` and ``y`[1]`` and [1]", "In code `x[1]` and \\`\\`y\\`[2]\\`\\` and [2]"),
        ("Unknown [7], known [1]", "Unknown [7], known [2]"),
        ("[1]: https://evil.example", "[2]\\: https://evil.example"),
        ("[1](https://evil.example)", "[2]\\(https://evil.example)"),
        ("[a]: x and [b](y) and ![c](z)", "[a]\\: x and [b]\\(y) and ![c]\\(z)"),
        ("a<br>b <br/> <b>", "a<br>b \\<br/> \\<b>"),
        ("```\ncode", "\\`\\`\\`\ncode"),
        ("~~~\ncode", "\\~\\~\\~\ncode"),
        ("`a\n- <img> `", "\\`a\n- \\<img> \\`"),
        ("> said [1]\n>", "> said [2]"),
    ],
)
def test_markers_are_told_from_what_looks_like_them(written: str, shown: str) -> None:
    other = replace(asked("One?"), citations=(citing(1, "QLoRA is frugal."),))
    text = to_markdown(talk(other, replace(asked("Two?"), answer=written)), PAPERS)
    assert f"\n\n{shown}\n\n" in text


@pytest.mark.parametrize(
    "text", [*HOSTILE, "[1]: https://evil.example", "```\n<script>", "` | <img src=x> ` |", "<!-- "]
)
def test_hostile_text_is_text(text: str) -> None:
    """As a question, a title, an author, a quote, a warning, and as what a model wrote."""
    answer = replace(
        asked(text),
        answer=f"{text} [1]\n\n{text}",
        standalone_question=text + " more",
        citations=(Citation(1, "p", text, text, 0, 1),),
        warnings=(text,),
    )
    paper = Paper("p", text, text, text, (text,), url="javascript:alert(1)")
    exported = to_markdown(talk(answer, title=text), {"p": paper})
    assert not foreign(exported)
    tokens = MARKDOWN.parse(exported)
    assert "References" in [t.content for t in tokens if t.type == "inline"], "nothing swallows what follows"


def test_only_an_address_becomes_a_link() -> None:
    text = to_markdown(talk(asked("One?")), {PAPER.id: replace(PAPER, url="https://a.example/x_y?z=1&w=*2*")})
    assert foreign(text) == {"https://a.example/x_y?z=1&w=*2*"}


def test_the_json_has_the_answers_of_the_contract() -> None:
    answers = (asked("One?"), asked("a written one"))
    found = json.loads(to_json(talk(*answers)))
    assert {name: found[name] for name in ("title", "collection", "created", "updated")} == {
        "title": "A title",
        "collection": "papers",
        "created": WHEN,
        "updated": WHEN,
    }
    assert [turn["time"] for turn in found["turns"]] == [WHEN, WHEN]
    for turn, answer in zip(found["turns"], answers, strict=True):
        jsonschema.Draft202012Validator(SCHEMA).validate(turn["answer"])
        assert Answer.from_json(turn["answer"]) == answer
    assert "x" * 22 not in to_json(talk(*answers)), "whoever gets it can't ask for the conversation"


def test_a_conversation_over_the_collection(collection: Rag) -> None:
    papers = {p.id: p for p in collection.papers()}
    questions = ("How do GPipe and Holmes differ?", "Which papers use quantization?", "What is the capital of France?")
    found = talk(*(collection.ask(q) for q in questions))
    text = to_markdown(found, papers)
    quotes = references(text)
    body = text.partition("## References")[0]
    assert sorted(quotes) == list(range(1, len(quotes) + 1))
    assert set(map(int, re.findall(r"(?<!\\)\[(\d+)\]", body))) == set(quotes)
    plain = [re.sub(r"\\(.)", r"\1", quote) for quote in quotes.values()]
    assert plain == [c.quote for a in found.answers for c in a.citations], "to the letter, in order"
    assert not foreign(text)
    assert [p.id for p in cited(found, papers)] == list(
        dict.fromkeys(c.paper_id for a in found.answers for c in a.citations)
    )


def same(tmp_path: Path, *papers: Paper) -> list[Paper]:
    """The papers that our reader finds in the BibTeX of these, without what a file alone knows."""
    file = tmp_path / "papers.bib"
    file.write_text(write(papers, "bibtex"), encoding="utf-8")
    loaded = load([file])
    assert not loaded.refused
    return [replace(p, raw_abstract="", key=None, sources=()) for p in loaded.papers]


def paper(title: str, abstract: str = "It is frugal.", **fields: object) -> Paper:
    return Paper(paper_id(title, abstract), title, abstract, "", **fields)  # type: ignore[arg-type]


def test_the_collection_comes_back_from_bibtex(collection: Rag, tmp_path: Path) -> None:
    papers = collection.papers()
    assert same(tmp_path, *papers) == [replace(p, raw_abstract="", key=None, sources=()) for p in papers]


@pytest.mark.parametrize(
    "held",
    [
        paper("50% of R&D costs $5 in #1, x_1 ~ y^2", "50% of R&D, $5 in #1, x_1 ~3x y^2 {a} and } or {."),
        paper("Ümläute, 中文 and α ≤ β", authors=("José Ñúñez", "Marie Skłodowska Curie"), year=1903),
        paper("One name", authors=("Barnes and Noble", "Google, Inc.", "Andrea Orlandi", "Sandy Anderson")),
        paper("GPipe: iPhones, BERT-like LLMs and McX's"),
        paper("Arxiv", url="https://arxiv.org/abs/1811.06965v5"),
        paper("Old arxiv", url="http://arxiv.org/pdf/cs/0112017"),
        paper("Doi", url="https://doi.org/10.1145/3_2.1(a)", doi="10.1145/3_2.1(a)"),
        paper("Link", url="https://a.example/x_y?z=%20&w=~1#a"),
    ],
)
def test_a_paper_comes_back_from_bibtex(tmp_path: Path, held: Paper) -> None:
    assert same(tmp_path, held) == [held]


@given(st.lists(st.text(st.sampled_from('aB 1%&#_$^~,.@"=()中é:-')), min_size=1, max_size=3))
def test_no_text_breaks_the_file(titles: list[str]) -> None:
    held = [paper(f"T{n} {title}", f"A{n} {title}") for n, title in enumerate(titles)]
    from rag.papers import bibtex
    from rag.papers.record import Record
    from rag.papers.source import Source

    text = write(held, "bibtex").encode()
    records = list(bibtex.read(Source(io.BytesIO(text), len(text))))
    assert all(isinstance(record, Record) for record in records)
    assert len(records) == len(held)


@pytest.mark.parametrize("text", [*HOSTILE, "}\n@article{evil, title={x}}", "\\input{/etc/passwd}", "{{{", "}}}"])
def test_hostile_papers_stay_one_entry_each(tmp_path: Path, text: str) -> None:
    held = replace(
        PAPER, id="p", title=f"T {text}", abstract=f"A {text}", authors=(text, "B"), url=f"https://a.b/{text}", key=text
    )
    written = write([held, replace(PAPER, id="other")], "bibtex")
    assert len(same(tmp_path, held, replace(PAPER, id="other"))) == 2
    assert len(re.findall(r"^@", written, re.MULTILINE)) == 2
    values = re.sub(r"\\(?:[A-Za-z]+\{\}|.)", "", written)
    assert values.count("{") == values.count("}")
    assert not re.search(r"(?<!\\)\\input", written)


def test_what_bibtex_says_of_a_paper() -> None:
    held = paper(
        "GPipe: Giant networks", authors=("Yanping Huang",), year=2019, url="https://arxiv.org/abs/1811.06965v5"
    )
    (entry,) = write([held, held], "bibtex").strip().split("\n\n\n")
    assert entry.startswith(
        "@misc{huang2019gpipe,\n\ttitle = {{GPipe}: Giant networks},\n\tauthor = {Yanping Huang},\n"
    )
    assert (
        "\teprint = {1811.06965},\n\tarchiveprefix = {arXiv},\n\turl = {https://arxiv.org/abs/1811.06965v5},\n" in entry
    )


def test_keys_are_the_papers_own_or_made_and_never_the_same() -> None:
    papers = [
        paper("Own", key="own:Key-1"),
        paper("Same in capitals", key="OWN:key-1"),
        paper("Bad key", key="no key, {this}"),
        paper("Made here", authors=("Ada Ünal",), year=2020),
        paper("Made again", "Other.", authors=("Bob Ünal",), year=2020),
    ]
    keys = re.findall(r"^@misc\{(.*),$", write(papers, "bibtex"), re.MULTILINE)
    assert keys == ["own:Key-1", papers[1].id, papers[2].id, "unal2020made", papers[4].id]
    assert write([], "bibtex") == ""
