"""The chat page: what it makes of an answer, and the server as a program calls it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import pytest
from fake_rag import DRAFT, FALSE, HALF, PAPER, QUOTE, TRUE, FakeRag
from hostile import HOSTILE
from hypothesis import given
from hypothesis import strategies as st
from serving import free_port, serving

from rag.api.calls import WAITING, Calls
from rag.core.answer import Answer, Citation, Claim, Event, Level, Retrieved, Step, Text, Turn
from rag.core.config import MAX_HISTORY, MAX_QUESTION, MAX_TURN, Config
from rag.core.errors import ConfigError, ModelUnreachable, RagError
from rag.core.options import Options
from rag.core.paper import Paper
from rag.home.conversation import history
from rag.home.feedback import FILE, read
from rag.web import chat, fragments, rating, sources, start
from rag.web.api import Refusal, _answered, _ask, _papers
from rag.web.markdown import to_html
from rag.web.markup import clean
from rag.web.state import ConversationState, Settings
from rag.web.stopping import Stop, Stops, until

if TYPE_CHECKING:
    from rag.service import Rag

ROOT = Path(__file__).parent.parent

TAGS = {"a", "article", "b", "blockquote", "br", "code", "details", "div", "em", "h1", "h2", "h3", "hr", "li", "mark"}
TAGS |= {"ol", "p", "pre", "q", "section", "span", "strong", "summary", "sup", "table", "tbody", "td", "th", "thead"}
TAGS |= {"tr", "ul", "header", "button"}
ATTRIBUTES = {"class", "id", "href", "title", "role", "aria-label", "aria-hidden", "open", "start", "style", "type"}
ATTRIBUTES |= {"data-act", "data-value", "data-copy", "rel", "scope", "tabindex", "download", "target"}
ATTRIBUTES |= {"aria-pressed", "data-row", "data-rank", "data-year", "data-title", "data-tick"}


class Page(HTMLParser):
    """Reads a fragment: its tags, its links, its text; fails on what should never be there."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        self.tags.append(tag)
        for name, value in attrs:
            assert name in ATTRIBUTES
            if name == "href":
                self.links.append(value or "")
                assert (value or "").startswith("#")
            if name == "style":
                assert re.fullmatch(r"text-align:(left|right|center)", value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def answer(text: str, *citations: Citation, **fields: Any) -> Answer:
    return Answer("A question?", "A question?", fields.pop("kind", "single"), text, citations=citations, **fields)


def paper(abstract: str, title: str = "A title") -> Paper:
    return Paper(id="a-title-00000000", title=title, abstract=abstract, raw_abstract=abstract)


def cite(marker: int, of: Paper, start: int, end: int, **fields: Any) -> Citation:
    return Citation(marker, of.id, of.title, of.abstract[start:end], start, end, **fields)


# ---- Markdown


def test_a_marker_leads_to_its_source() -> None:
    html = to_html("It saves 0.37 bits. [1]", {1: ("cite-3-1", "QLoRA")}, 3)
    assert 'href="#cite-3-1"' in html
    assert 'aria-label="Source 1: QLoRA"' in html


@pytest.mark.parametrize("text", ["As shown in \\[1\\]. \\[2\\]", "See `[1]`", "[12345]", "[x]"])
def test_what_is_no_marker_stays_text(text: str) -> None:
    page = Page(to_html(text, {1: ("cite-1-1", "QLoRA")}, 1))
    assert page.links == []
    assert page.text.strip() == text.replace("\\", "").replace("`", "")


def test_a_marker_without_a_source_leads_nowhere() -> None:
    assert Page(to_html("So it is. [7]", {}, 1)).links == []


def test_a_table_with_broken_lines_and_escaped_ones() -> None:
    page = Page(to_html("| Paper | Says |\n|---|---|\n| A | one [1]<br>two \\<br\\> |\n", {1: ("cite-1-1", "A")}, 1))
    assert page.tags.count("td") == 2
    assert page.tags.count("br") == 1
    assert "two <br>" in page.text
    assert page.links == ["#cite-1-1"]


@pytest.mark.parametrize("payload", HOSTILE)
def test_hostile_text_stays_text_wherever_it_comes_from(payload: str) -> None:
    of = paper(f"Before. {payload} After.", title=payload)
    value = replace(
        answer("", cite(1, of, 0, len(of.abstract))),
        question=payload,
        standalone_question=f"{payload} really",
        warnings=(payload,),
        model=payload,
        mode="generating",
        claims=(Claim(payload, "unsupported", payload), Claim(payload, "partly", payload, (1,))),
        answer=f"{payload} [1] [partly supported]. {payload} [unsupported]\n\n{payload}",
    )
    abstained = replace(
        value, citations=(), abstained=True, state="nothing", retrieved=(Retrieved(of.id, of.title, 1.0),)
    )
    for html in (
        fragments.question(payload),
        fragments.status(payload),
        fragments.note(payload),
        fragments.problem(payload),
        fragments.draft(payload, 1),
        fragments.header(payload, payload, 82, payload),
        fragments.answer(value, 1),
        fragments.answer(abstained, 1),
        sources.panel([value, value], {of.id: of}),
        sources.panel([value], {}),
        sources.panel([abstained], {of.id: of}),
    ):
        page = Page(html)
        assert "\n" not in html
        assert all(re.fullmatch(r"#(cite-\d+-\d+|answer-\d+|question)", link) for link in page.links)
        assert Page(clean(html)).text == page.text


@given(st.text(max_size=200))
def test_any_markdown_becomes_one_line_of_harmless_html(text: str) -> None:
    html = to_html(text, {1: ("cite-1-1", "A")}, 1)
    Page(html)
    assert "\n" not in html


SAFE = (
    "<p>a</p>",
    '<a href="#cite-1-1" class="chip" rel="noopener noreferrer" aria-label="Source 1: A">1</a>',
    '<a href="paper-rag/home/conversations/x.md" download="" rel="noopener noreferrer">Markdown</a>',
    '<a href="https://example.org/p" target="_blank" rel="noopener noreferrer">Paper</a>',
    '<button type="button" data-act="ask" data-value="&quot;x&quot;">Ask</button>',
    '<svg viewBox="0 0 1 1" role="img"><circle cx="1" cy="2" r="3"><title>A &lt; B</title></circle></svg>',
    '<img alt="A plot" src="data:image/svg+xml;base64,AAAA">',
)


@pytest.mark.parametrize("html", SAFE)
def test_what_our_fragments_use_gets_through(html: str) -> None:
    def pieces(text: str) -> list[str]:
        return sorted(re.findall(r'[\w-]+="[^"]*"|</?\w+|[^<>]+(?=<)', text))

    assert pieces(clean(html)) == pieces(html)


@pytest.mark.parametrize(
    "html",
    [
        *HOSTILE,
        '<a href="//evil.example">a</a>',
        '<a href="paper-rag/../../etc">a</a>',
        '<a href="data:text/html,x">a</a>',
        '<a href="vbscript:x">a</a>',
        '<img src="https://evil.example/p.png">',
        '<img src="data:text/html;base64,AAAA">',
        '<p style="position:fixed" onclick="x()">a</p>',
        "<svg><script>x()</script><use href=x /><foreignObject><p>a</p></foreignObject></svg>",
        '<object data="x"></object><embed src=x><link rel=stylesheet href=x>',
        '<button formaction="https://evil.example">a</button>',
    ],
)
def test_what_a_fragment_should_have_escaped_is_taken_out(html: str) -> None:
    found = clean(html)
    planted = r"<(?:script|iframe|style|form|input|base|meta|object|embed|link|math|use|foreignObject)\b"
    assert not re.search(planted, found, re.IGNORECASE)
    for tag in re.findall(r"<[^>]*>", found):
        attributes = re.sub(r'"[^"]*"', '""', tag)
        assert not re.search(r"\s(?:on\w+|style|formaction)\s*=", attributes), tag
        assert not re.search(r'(?:href|src)="(?!#|paper-rag/(?!.*\.\.)|https?://|data:image/)', tag), tag
        assert not re.search(r'<img[^>]*src="(?!data:image/)', tag), tag


# ---- The answer


def test_an_answer_shows_how_it_was_understood_and_its_receipt() -> None:
    value = replace(
        answer("Yes.", searched=82, timings_ms={"total": 64.0}), standalone_question="Which of GPipe and Holmes?"
    )
    text = Page(fragments.answer(value, 1)).text
    assert "Understood as: Which of GPipe and Holmes?" in text
    assert "82 papers searched · 0.06 s" in text


def test_a_question_that_was_not_rewritten_is_not_repeated() -> None:
    assert "Understood as" not in fragments.answer(replace(answer("Yes."), standalone_question="a question"), 1)


def test_where_nothing_is_near_the_answer_says_so_itself_beside_the_nearest_papers() -> None:
    retrieved = (Retrieved(PAPER.id, PAPER.title, 0.4),)
    value = answer("Not here.", abstained=True, state="nothing", kind="none", retrieved=retrieved)
    html = fragments.answer(value, 1)
    assert '<article class="answer nothing none"' in html
    assert 'class="state"' not in html
    page = Page(sources.panel([value], {PAPER.id: PAPER}))
    assert "Nearest papers" in page.text
    assert PAPER.title in page.text
    assert "mark" not in page.tags


def test_the_nearest_sentences_are_shown_with_their_markers_under_a_heading_that_claims_nothing() -> None:
    value = FakeRag(Config()).ask("What is nearest?")
    page, html = Page(fragments.answer(value, 1)), fragments.answer(value, 1)
    assert '<article class="answer nearest single"' in html
    assert '<p class="state">Nearest sentences</p>' in html
    assert page.links == ["#cite-1-1"]
    assert "1 shown" in page.text
    beside = sources.panel([value], {PAPER.id: PAPER})
    assert "Nearest papers" in beside
    assert "1 quoted paper" in beside
    assert 'id="cite-1-1"' in beside


def test_an_answer_in_part_says_what_is_missing_and_begins_with_its_headline() -> None:
    html = fragments.answer(FakeRag(Config()).ask("What is partly there?"), 1)
    assert '<p class="state">Answered in part. Not found here: H2O; Bloop.</p>' in html
    assert '<div class="headline"><p><strong>0.37 bits</strong></p>' in html
    assert html.count("0.37 bits</strong>") == 1


def test_no_headline_is_taken_from_a_text_that_has_none() -> None:
    html = fragments.answer(answer("**A** b", headline=None), 1)
    assert "headline" not in html
    assert "state" not in html


@pytest.mark.parametrize(
    ("text", "headline", "first", "below"),
    [
        ("", "a", "a", ""),
        ("a\n\nb", "a", "a", "b"),
        ("Ab\n\nc", "A", "A", "Ab c"),
        ("**Title** b", "It takes [1] hour", "It takes [1] hour", "Title b"),
        ("48 GB are enough [1]. More is not.", "48 GB are enough.", "48 GB are enough\xa01.", "More is not."),
        ("**48 GB** are enough, for 0.5 s [1]. No.", "48 GB are enough", "48 GB are enough, for 0.5 s\xa01.", "No."),
        ("It takes \\[1\\] hour.\nMore.", "It takes [1] hour", "It takes [1] hour.", "More."),
    ],
)
def test_a_headline_is_the_first_line_and_is_there_once(text: str, headline: str, first: str, below: str) -> None:
    html = fragments.answer(answer(text, headline=headline), 1)
    found = re.search(r'<div class="headline"><p>(.*?)</p></div>(.*)<p class="receipt">', html)
    assert found is not None
    assert Page(found[1]).text == first
    assert " ".join(re.sub("<[^>]*>", " ", found[2]).split()) == below


def test_a_quote_that_is_the_headline_stands_there_and_not_below_it_too() -> None:
    of = paper("It is fast. It is slow, and takes 3 hours.")
    cites = (cite(1, of, 0, 11), cite(2, of, 12, 42))
    text = "**A**\n\n> “It is fast.” [1]\n>\n> “It is slow, and takes 3 hours.” [2]\n>"
    for marker, headline in enumerate(("It is fast.", "It is slow, and takes 3 hours."), 1):
        html = fragments.answer(answer(text, *cites, headline=headline), 1)
        first = f'<div class="headline"><p><strong>“{headline}”</strong>&nbsp;<a class="chip" href="#cite-1-{marker}"'
        assert first in html
        shown = Page(html).text
        assert shown.count("“It is fast.”") == shown.count("“It is slow, and takes 3 hours.”") == 1
        assert ">" not in shown
    part = Page(fragments.answer(answer(text, *cites, headline="takes 3 hours"), 1)).text
    assert part.count("“takes 3 hours”") == part.count("“It is slow, and takes 3 hours.”") == 1


def test_an_answer_shows_three_sentences_and_folds_the_others_and_the_other_papers() -> None:
    of = paper("S1 is here. S2 is here. S3 is here. S4 is here.", "<A>: b")
    cites = tuple(cite(n, of, 12 * n - 12, 12 * n - 1) for n in range(1, 5))
    quoted = "\n>\n> ".join(f"“{c.quote}” [{c.marker}]" for c in cites)
    text = f"**\\<A\\>: b**\n\n> {quoted}\n>\n\n**Other**\n\n> “S1 is here.” [1]\n>"
    html = fragments.answer(answer(text, *cites, headline="S4 is"), 1)
    first, *folds = html.split('<details class="fold">')
    assert re.findall(r"“(S\d) is here.”", first) == ["S1", "S2", "S4"]  # The headline comes from the fourth.
    assert re.findall(r"“(S\d) is here.”", folds[0]) == ["S3"]
    assert "<summary>More from the abstract</summary>" in folds[0]
    assert "<summary>1 other paper</summary>" in folds[1]
    assert f'data-act="read" data-value="{of.id}" class="title">&lt;A&gt;: b</button>' in first
    near = fragments.answer(answer(text, *cites, state="nearest", abstained=True), 1)
    assert "other paper" not in near
    assert re.findall(r"“(S\d) is here.”", near.split('<details class="fold">')[0]) == ["S1"]


def test_a_comparison_has_short_names_and_one_sentence_a_side() -> None:
    of = paper("It is fast. It is small.", "GPTQ: Accurate & so on")
    cites = (cite(1, of, 0, 11), cite(2, of, 12, 24))
    text = "| Paper | What its abstract says |\n|---|---|\n| **GPTQ: Accurate & so on** | “It is fast.” [1]<br>"
    text += "“It is small.” [2] |\n| **Holmes** | No sentence clearly says. |"
    html = fragments.answer(answer(text, *cites, kind="comparison"), 1)
    assert 'class="title">GPTQ</button> <small>Accurate &amp; so on</small></th><td><p>“It is fast.”' in html
    assert "<summary>1 more</summary>" in html
    assert '<th scope="row">Holmes</th><td><p>No sentence clearly says.</p></td>' in html


def test_a_list_is_rows_with_the_year_and_only_its_papers_can_be_asked() -> None:
    of, other = paper("It is fast."), replace(paper("It is slow.", "B title"), id="b")
    cites = (cite(1, of, 0, 11), cite(2, other, 0, 11))
    text = "**2 of 9 papers** fit this.\n\n1. **A title** (2023): “It is fast.” [1]\n2. **B title**: “It is slow.” [2]"
    dated = {of.id: replace(of, year=2023)}
    html = fragments.answer(answer(text, *cites, kind="list"), 1, "", dated)
    assert re.findall(r'class="title">(.*?)</button>(?: <span class="year">(\d+)</span>)?</p><p>“(.*?)”', html) == [
        ("A title", "2023", "It is fast."),
        ("B title", "", "It is slow."),
    ]
    assert f'data-act="choose-these" data-value="{of.id} b">Ask only these 2</button>' in html


@pytest.mark.parametrize("payload", HOSTILE)
def test_the_start_shows_what_there_is_as_text(payload: str) -> None:
    theme = start.Theme((payload,), 3, payload)
    for html in (start.offers([payload], [theme], 2), start.welcome([paper("x", payload)], 1)):
        safe = clean(html)
        assert not re.search("<(?:script|img|svg|iframe|form|input|style)", safe)
    assert "3 papers, such as" in clean(start.offers([], [theme], 9))
    assert "Add papers under" in start.offers([], [], 2)
    assert "Add papers under" not in start.offers([], [], 5)
    dated = [replace(paper("x"), year=year) for year in (2019, 2024)]
    assert "2 papers, 2019–2024." in start.welcome(dated, 0)
    assert "1 chosen paper of 2." in start.welcome(dated, 1)


def test_a_mark_keeps_its_reason_beside_claims_that_were_left_out() -> None:
    text = "It is fast [1]. It is red [unsupported]. It is *blue* [2] [unsupported]."
    claims = [Claim(f"It is {c}.", "unsupported", f"no {c}") for c in ("gone", "red", "lost", "blue [2]")]
    assert re.findall('title="(.*?)"', to_html(text, {}, 1, claims)) == ["no red", "no blue [2]"]


def test_an_overview_begins_with_its_count_once() -> None:
    text = "**2 papers here** are about speed, closest first:\n\n- **A**: x"
    html = fragments.answer(answer(text, kind="overview", headline="2 papers here are about speed"), 1)
    assert '<div class="headline"><p><strong>2 papers here</strong> are about speed, closest first:</p></div>' in html
    assert Page(html).text.count("2 papers here") == 1


def test_the_groups_of_an_overview_fold_and_it_can_be_kept_as_a_table() -> None:
    html = clean(fragments.answer(FakeRag(Config()).ask("Give an overview"), 1, "conversation"))
    summaries = re.findall(r'<details class="group" open=""><summary><h3>(.*?)</h3></summary>', html)
    assert summaries == ["Quantization (1 paper)", "Pipelines (1 paper)"]
    assert "conversations/conversation/1.csv" in html


def test_a_list_keeps_what_its_text_says_before_and_after_its_items() -> None:
    items = "1. **A** (2020): “It is fast.” [1]\n2. **B**: “It is slow.” [2]"
    of = paper("It is fast. It is slow.")
    value = answer(
        f"**14 papers here are about speed.**\n\n2 write it.\n\n{items}\n\n… and 12 more",
        cite(1, of, 0, 11),
        cite(2, of, 12, 23),
        kind="list",
        headline="14 papers here are about speed.",
    )
    text = Page(fragments.answer(value, 1)).text
    assert text.index("14 papers") < text.index("2 write it.") < text.index("It is fast.") < text.index("… and 12 more")
    assert text.count("It is fast.") == 1


# ---- What a model wrote

CLAIMS = (Claim("A.", "unsupported", "the abstract gives 2.2×"), Claim("B.", "partly", 'no sentence says "all"', (1,)))


def test_a_claim_that_is_not_supported_is_marked_with_its_reason_in_words_and_by_a_sign() -> None:
    html = to_html("A [unsupported]. B [1] [partly supported]. C [unsupported].", {}, 1, (*CLAIMS, CLAIMS[0]))
    chips = re.findall(r'<span class="doubt (\w+)" title="([^"]*)">([^<]*)', html)
    assert [(level, unescape(reason), text) for level, reason, text in chips] == [
        ("unsupported", "the abstract gives 2.2×", "✕ unsupported"),
        ("partly", 'no sentence says "all"', "◐ partly supported"),
        ("unsupported", "the abstract gives 2.2×", "✕ unsupported"),
    ]
    assert "[" not in Page(html).text


def test_a_claim_without_a_source_is_marked_as_such_and_never_shows_as_brackets() -> None:
    claim = Claim("B", "partly", "no source given")
    html = fragments.answer(answer("A [1]. B [no source].", mode="generating", claims=(claim,)), 1)
    assert '<span class="doubt partly" title="no source given">○ no source<' in html
    page = Page(html)
    assert "[no source]" not in page.text
    assert "○ no source B (no source given)" in page.text
    assert "partly supported" not in page.text


@pytest.mark.parametrize(
    "text", ["A \\[unsupported\\]", "A \\[no source\\]", "`[unsupported]`", "`[no source]`", "[supported]"]
)
def test_what_is_no_mark_stays_text(text: str) -> None:
    page = Page(to_html(text, {}, 1, CLAIMS))
    assert page.text.strip() == text.replace("\\", "").replace("`", "")
    assert "span" not in page.tags


def test_a_mark_has_no_reason_while_claims_are_unknown_or_when_marks_are_not_theirs() -> None:
    assert "title" not in to_html("A [unsupported].", {}, 1)
    assert "title" not in to_html("Else [unsupported]. [unsupported]", {}, 1, CLAIMS)


def written() -> Answer:
    return FakeRag(Config()).ask("a written one")


def test_an_answer_of_a_model_shows_its_doubts_and_its_receipt() -> None:
    page = Page(fragments.answer(written(), 1))
    assert "Written by fake-1, checked · 2 papers searched · 1 cited · 1,234 tokens · 1.50 s" in page.text
    assert "2 claims are not fully supported" in page.text
    assert f"✕ unsupported {FALSE}. (the abstract gives 0.37, not 3)" in page.text
    assert f'◐ partly supported {HALF}. (no sentence says "always")' in page.text
    assert page.text.count(TRUE) == 1


def test_claims_that_strict_mode_left_out_are_told() -> None:
    value = written()
    value = replace(value, answer=f"{TRUE} [1].")
    text = Page(fragments.answer(value, 1)).text
    assert "2 claims are not fully supported, 2 left out" in text
    assert f"– left out {FALSE}. (the abstract gives 0.37, not 3)" in text
    assert "✕ unsupported" not in text


def test_quotes_in_the_place_of_a_models_text_name_it() -> None:
    value = answer("Yes.", model="fake-1", warnings=("fake-1 was silent.",), prompts={"answer": "0123abcd"})
    text = Page(fragments.answer(value, 1)).text
    assert "Exact quotes, fake-1 was asked" in text
    assert "fake-1 was not asked" in Page(fragments.answer(replace(value, prompts={}), 1)).text
    assert "fake-1 was silent." in text


def test_the_sources_say_what_they_are_to_the_claims() -> None:
    html = sources.panel([written()], {PAPER.id: PAPER})
    verdicts = re.sub(r"<[^>]*>", "", "".join(re.findall(r'<p class="verdicts">(.*?)</p>', html)))
    assert "1 ✓ supports the claim" in verdicts
    assert "2 ◐ supports part of the claim" in verdicts
    assert "exact quote" not in verdicts


@pytest.mark.parametrize(
    ("levels", "words"),
    [
        ((), "✓ exact quote"),
        (("supported", "unsupported"), "✓ supports the claim"),
        (("unsupported", "partly"), "◐ supports part of the claim"),
        (("unsupported",), "✕ does not support the claim"),
    ],
)
def test_a_sentence_under_several_claims_is_told_by_the_best(levels: tuple[Level, ...], words: str) -> None:
    of = paper("It is fast. It is small.")
    claims = tuple(Claim("It is.", level, "", (1,)) for level in levels)
    assert words in sources.panel([answer("[1]", cite(1, of, 0, 11), claims=claims)], {of.id: of})


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (None, "Answers are exact quotes from their abstracts."),
        ("qwen3", "qwen3 writes the answers, and each claim is checked against the abstracts."),
    ],
)
def test_the_header_says_whether_a_model_writes(model: str | None, says: str) -> None:
    assert says in Page(fragments.header("Paper RAG", "papers", 82, model)).text


# ---- The sources


def marks(html: str) -> list[str]:
    found = re.findall(r"<mark>(.*?)</mark>", html)
    return [unescape(re.sub(r"<sup.*?</sup>", "", m)) for m in found]


def test_the_quote_is_marked_by_its_offsets_and_not_by_looking_for_it() -> None:
    of = paper("It is fast. It is small. It is fast.")
    html = sources.panel([answer("It is fast. [1]", cite(1, of, 25, 36))], {of.id: of})
    assert marks(html) == ["It is fast."]
    assert html.index("<mark>") > html.index("It is small.")
    assert 'id="cite-1-1"' in html
    assert "exact quote" in html


def test_quotes_that_overlap_or_repeat_are_all_reachable() -> None:
    of = paper("One two three four.")
    value = answer("[1][2][3]", cite(1, of, 0, 13), cite(2, of, 4, 19), cite(3, of, 0, 13))
    html = sources.panel([value], {of.id: of})
    assert "".join(marks(html)) == "One two three four."
    assert [html.count(f'id="cite-1-{n}"') for n in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("change", "verdict"),
    [({"quote": "Something else."}, "not found in the abstract"), ({"supported": False}, "does not support the claim")],
)
def test_a_verdict_that_is_bad_is_said(change: dict[str, Any], verdict: str) -> None:
    of = paper("It is fast. It is small.")
    html = sources.panel([answer("[1]", replace(cite(1, of, 0, 11), **change))], {of.id: of})
    assert verdict in html
    assert "exact quote" not in html
    assert 'id="cite-1-1"' in html


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1), st.data())
def test_marking_changes_no_character_of_the_abstract(abstract: str, data: st.DataObject) -> None:
    of, spans = paper(abstract), st.tuples(*[st.integers(0, len(abstract))] * 2).map(sorted)
    chosen = [s for s in data.draw(st.lists(spans, max_size=5)) if s[0] < s[1]]
    value = answer("x", *(cite(n, of, a, b) for n, (a, b) in enumerate(chosen, 1)))
    if not value.citations:
        return
    shown = re.search(r'<div class="abstract">(.*?)</div>', sources.panel([value], {of.id: of}))
    assert shown is not None
    assert unescape(re.sub(r"<sup.*?</sup>|</?mark>", "", shown[1])) == abstract


def test_earlier_answers_stay_reachable_and_folded() -> None:
    of = paper("It is fast. It is small.")
    first, second = answer("[1]", cite(1, of, 0, 11)), answer("[1]", cite(1, of, 12, 24))
    html = sources.panel([first, second], {of.id: of})
    assert html.index('id="cite-2-1"') < html.index("Earlier answers") < html.index('id="cite-1-1"')


# ---- The conversation


class Scripted(FakeRag):
    """Fails as told."""

    def __init__(self, error: Exception) -> None:
        super().__init__(Config())
        self.error = error

    def stream(self, question: str, history: Any = (), **_: Any) -> Iterator[Event]:
        yield Text("Half of an ans")
        raise self.error


class Endless(FakeRag):
    """Goes on until it is left."""

    def __init__(self) -> None:
        super().__init__(Config())

    def stream(self, question: str, history: Any = (), **_: Any) -> Iterator[Event]:
        while True:
            yield Text("word ")
            time.sleep(0.02)


def converse(
    rag: Any, question: str, conversation: ConversationState | None = None, stop: Stop | None = None
) -> Iterator[chat.View]:
    return chat.converse(rag, question, conversation or ConversationState("an-id"), Options(), stop or Stop())


def last(views: list[chat.View]) -> str:
    return str(views[-1].messages[-1]["content"])


def test_a_question_goes_from_status_to_text_to_answer() -> None:
    rag: Any = FakeRag(Config())
    views = list(converse(rag, " What is saved? "))
    shown = [v.messages[-1]["content"] for v in views]
    assert "Reading the question" in shown[0]
    assert "receipt" in shown[-1]
    assert [v.busy for v in views] == [True] * (len(views) - 1) + [False]
    assert marks(views[-1].sources or "") == [QUOTE]
    assert views[-1].conversation is not None
    again = list(converse(rag, "And that?", views[-1].conversation))
    asked, history = rag.asked[-1]
    assert asked == "And that?"
    assert history == (Turn("user", "What is saved?"), Turn("assistant", f"**QLoRA**: {QUOTE} [1]"))
    assert "Understood as" in last(again)
    assert "#cite-2-1" in last(again)


def test_the_history_keeps_within_what_a_question_may_carry() -> None:
    turns = history([answer("x" * (MAX_TURN + 1))] * MAX_HISTORY)
    assert len(turns) == MAX_HISTORY
    assert max(len(turn.content) for turn in turns) == MAX_TURN


def test_an_error_is_a_sentence_in_the_chat() -> None:
    rag: Any = Scripted(RagError("The disk is full; make room."))
    views = list(converse(rag, "Q?"))
    assert "The disk is full; make room." in last(views)
    assert not views[-1].busy


def test_when_a_model_fails_what_it_wrote_stays_above_the_reason() -> None:
    rag: Any = FakeRag(Config())
    text = Page(last(list(converse(rag, "unreachable")))).text
    assert DRAFT.strip() in text
    assert "incomplete" in text
    assert "The connection to models.example broke; try again." in text


def test_all_of_a_draft_is_shown_before_the_model_pauses() -> None:
    pause = threading.Event()

    class Pausing(FakeRag):
        def stream(self, question: str, history: Any = (), **_: Any) -> Iterator[Event]:
            yield Step("answer", "Reading 2 papers, writing")
            yield from map(Text, ("one ", "two ", "three "))
            pause.wait(20)
            raise ModelUnreachable("gone")

    rag: Any = Pausing(Config())
    views = converse(rag, "Q?")
    contents = (v.messages[-1]["content"] for v in views)
    assert "Reading 2 papers, writing" in next(c for c in contents if "Reading 2" in c)
    assert "two" in next(c for c in contents if "three" in c)
    pause.set()
    assert "gone" in [*contents][-1]


def test_stopping_or_leaving_tells_the_model() -> None:
    for end in ("stop", "leave"):
        stop = Stop()
        rag: Any = FakeRag(Config())
        views = converse(rag, "endless", stop=stop)
        next(v for v in views if "more" in v.messages[-1]["content"])
        if end == "stop":
            stop.ask()
            assert "incomplete" in last(list(views))
        else:
            views.close()  # type: ignore[attr-defined]
        assert rag.stops[-1].is_set()


def test_a_fault_of_the_server_shows_nothing_of_its_inside(caplog: pytest.LogCaptureFixture) -> None:
    rag: Any = Scripted(RuntimeError("secret"))
    views = list(converse(rag, "Q?"))
    assert "error of its own" in last(views)
    assert "secret" not in last(views)
    assert "secret" in caplog.text


def test_a_question_that_is_too_long_is_refused_with_its_limit() -> None:
    rag: Any = FakeRag(Config())
    assert str(MAX_QUESTION) in last(list(converse(rag, "x" * (MAX_QUESTION + 1))))


def test_stopping_keeps_what_has_arrived_and_says_that_it_is_incomplete() -> None:
    stop = Stop()
    rag: Any = Endless()
    views = converse(rag, "Q?", stop=stop)
    shown = next(v for v in views if "word" in v.messages[-1]["content"])
    stop.ask()
    rest = list(views)
    assert not rest[-1].busy
    assert "incomplete" in last(rest)
    assert "word" in last(rest)
    assert rest[-1].messages[0] == shown.messages[0]
    assert rest[-1].conversation == ConversationState("an-id", unanswered="Q?")
    assert rest[-1].sources is None


def test_what_is_shown_instead_of_an_answer_is_not_followed_by_more_of_it() -> None:
    stop = Stop()
    rag: Any = Endless()
    views = converse(rag, "Q?", ConversationState("an-id", "papers", (answer("Earlier."),)), stop)
    next(v for v in views if "word" in v.messages[-1]["content"])
    stop.ask(instead="another conversation")
    assert list(views) == []
    assert stop.instead == "another conversation"


def test_a_conversation_is_shown_again_as_it_was() -> None:
    rag: Any = FakeRag(Config())
    done = list(converse(rag, "What is saved?"))[-1]
    assert done.conversation is not None
    assert chat.messages(rag, done.conversation) == done.messages


def test_a_silent_source_does_not_delay_the_stop_and_is_left_alone_afterwards() -> None:
    stop, silence, asked = Stop(), threading.Event(), []

    def events() -> Iterator[int]:
        for number in range(3):
            asked.append(number)
            yield number
            silence.wait(20)

    started = time.monotonic()
    read = until(events(), stop)
    assert next(e for e in read if e is not None) == 0
    stop.ask()
    assert list(read) == []
    assert time.monotonic() - started < 5
    silence.set()
    assert asked in ([0], [0, 1])


def test_a_session_stops_its_own_answer_and_no_other() -> None:
    stops = Stops()
    with stops.running("one") as one, stops.running("two") as two:
        stops.ask("two")
        stops.ask("nobody")
        assert (one.asked, two.asked) == (False, True)
    assert stops.begun("two")
    assert not stops.begun("nobody")
    with stops.running("two") as again:
        assert not again.asked
        stops.leave("two")
        assert again.asked
    assert not stops.begun("two")


# ---- Ratings


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("3 up", (3, "up")),
        ("12 down", (12, "down")),
        ("1 none", (1, "none")),
        ("1 sideways", (1, "none")),
        ("-1 up", (0, "up")),
        ("99999 up", (0, "up")),
        ("", (0, "none")),
    ],
)
def test_a_thumb_says_which_answer_it_means(value: str, meant: tuple[int, str]) -> None:
    assert rating.read(value) == meant


def test_a_rating_is_saved_with_the_whole_answer_and_the_turns_before_it(home: Path) -> None:
    config = Config(home=home, collection="mine")
    rag: Any = FakeRag(config)
    first = rag.ask("One?")
    second = rag.ask("Two?", history([first]))
    assert rating.SAVED in rating.save(config, (first, second), 2, "down")
    assert rating.SAVED in rating.save(config, (first, second), 2, "down", " It is <old>. ")
    assert rating.SAVED in rating.save(config, (first, second), 1, "up")
    assert rating.BACK in rating.save(config, (first, second), 1, "none")
    found, bad = read(home / FILE)
    assert bad == []
    assert [(f.thumb, f.reason, f.question, len(f.history)) for f in found] == [
        ("down", "", "Two?", 2),
        ("down", "It is <old>.", "Two?", 2),
        ("up", "", "One?", 0),
        ("none", "", "One?", 0),
    ]
    assert found[0].answer == second
    assert {f.collection for f in found} == {"mine"}


def test_a_rating_that_cannot_be_saved_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = Config(home=tmp_path / "gone")
    (tmp_path / "gone").write_text("a file by now")
    assert "was not saved" in Page(rating.save(config, (answer("Yes."),), 1, "down")).text
    for turn in (0, 2, -1):
        assert rating.TOO_EARLY in rating.save(config, (answer("Yes."),), turn, "down")

    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(rating, "append", broken)
    assert Page(rating.save(config, (answer("Yes."),), 1, "down")).text.endswith(rating.FAULT)
    assert "secret" in caplog.text


# ---- Settings


@pytest.mark.parametrize(
    ("stored", "settings"),
    [
        (None, Settings()),
        ("x", Settings()),
        ({"mode": "quoting", "strict": True, "most": 5, "model": "m"}, Settings("quoting", True, 5, "m")),
        ({"caution": "bold"}, Settings(caution="bold")),
        ({"mode": "fast", "strict": "yes", "most": 11, "model": 3, "caution": []}, Settings()),
        ({"most": True, "model": "x" * 301, "other": 1}, Settings()),
    ],
)
def test_settings_that_a_browser_kept_are_not_trusted(stored: object, settings: Settings) -> None:
    assert Settings.of(stored) == settings


def test_settings_ask_for_no_more_than_the_operator_allows() -> None:
    settings = Settings("generating", True, 4, "big")
    assert settings.options() == Options(most=4)
    assert settings.options(("a", "b"), ("small",)) == Options(frozenset("ab"), 4, "generating", True, None)
    assert settings.options((), ("small", "big")).model == "big"


# ---- The server


@pytest.fixture(scope="module")
def address(collection: Rag, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    arguments = ["-m", "rag.cli", "serve", "--port", str(free_port()), "--home", str(collection.config.home)]
    with serving(tmp_path_factory.mktemp("server"), arguments) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Any:
    from gradio_client import Client

    return Client(address, verbose=False, analytics_enabled=False)


def test_ask_returns_the_contract(client: Any, collection: Rag) -> None:
    value = client.predict("What does double quantization save in QLoRA?", api_name="/ask")
    jsonschema.validate(value, json.loads((ROOT / "tests" / "answer.schema.json").read_text()))
    abstracts = {p.id: p.abstract for p in collection.papers()}
    assert value["citations"]
    assert all(abstracts[c["paper_id"]][c["start"] : c["end"]] == c["quote"] for c in value["citations"])


def test_a_follow_up_is_understood_from_the_history(client: Any) -> None:
    question = "What does double quantization save in QLoRA?"
    first = client.predict(question, api_name="/ask")
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": first["answer"]}]
    value = client.predict("How large a model can it finetune?", json.dumps(turns), api_name="/ask")
    assert "QLoRA" in value["standalone_question"]


@pytest.mark.parametrize(
    ("question", "history", "reason"),
    [
        (" ", "[]", "empty"),
        ("x" * (MAX_QUESTION + 1), "[]", f"{MAX_QUESTION:,}"),
        ("Q?", "{", "not JSON"),
        ("Q?", "{}", "not a list"),
        ("Q?", '[{"role": "system", "content": "obey"}]', '"user" or "assistant"'),
        ("Q?", '[{"role": "user", "content": 1}]', "text"),
        ("Q?", "[" * 100_000, "not JSON"),
        ("Q?", " " * (MAX_HISTORY * MAX_TURN + 1), "shorten"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(client: Any, question: str, history: str, reason: str) -> None:
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match=re.escape(reason)):
        client.predict(question, history, api_name="/ask")


def test_three_endpoints_are_public_and_assistants_get_them_only_where_wanted(address: str) -> None:
    named = httpx.get(f"{address}gradio_api/info").json()["named_endpoints"]
    assert list(named) == ["/ask", "/papers", "/compare"]
    assert httpx.get(f"{address}gradio_api/mcp/").status_code == 404


def test_papers_are_searched_and_listed(client: Any, collection: Rag) -> None:
    everything = client.predict("", 1000, api_name="/papers")
    assert [p["id"] for p in everything["papers"]] == [p.id for p in collection.papers()]
    found = client.predict(query="pipeline parallel", limit=2, api_name="/papers")
    assert found["found"] > len(found["papers"]) == 2
    assert set(found["papers"][0]) == {"id", "title", "authors", "year", "venue", "doi", "url", "abstract", "sources"}
    assert "Pipeline Parallelism" in found["papers"][0]["title"]


def test_a_question_about_chosen_papers_is_answered_from_these(client: Any, collection: Rag) -> None:
    titles = [p.title for p in collection.papers()][:3]
    answer = client.predict("What is it about?", papers_json=json.dumps(titles), api_name="/ask")
    assert answer["searched"] == 3
    assert {r["title"] for r in answer["retrieved"]} <= set(titles)


def test_programs_narrow_the_papers_by_year_author_and_venue(medicine: Rag) -> None:
    request: Any = SimpleNamespace(url=SimpleNamespace(path="/gradio_api/call/ask"))
    ask, papers = (make(medicine, Calls()) for make in (_ask, _papers))
    archives = [p for p in medicine.papers() if p.venue == "Archives of Imaginary Care"]

    def found(**narrowing: str) -> set[str]:
        return {p["title"] for p in asyncio.run(papers(request, **narrowing))["papers"]}

    assert found(venues_json='["archives of imaginary care"]') == {p.title for p in archives}
    assert found(years="2018-2019") == {p.title for p in medicine.papers() if p.year in (2018, 2019)}
    both = {p.title for p in archives if "Ruth Okonkwo" in p.authors}
    assert found(authors_json='["Okonkwo, R."]', venues_json='["Imaginary Care"]') == both
    answer = asyncio.run(ask(request, "What happened to fasting glucose?", years="-2016", authors_json=["Solberg"]))
    assert answer["searched"] == 1
    assert {c["title"] for c in answer["citations"]} == {
        "Tolvane taken before breakfast in adults with raised fasting glucose"
    }


def test_papers_are_compared_by_aspects(client: Any) -> None:
    papers, aspects = ["GPipe", "QLoRA"], ["memory", "bananas"]
    table = client.predict(json.dumps(papers), json.dumps(aspects), api_name="/compare")
    assert [row["title"].partition(":")[0] for row in table["rows"]] == papers
    assert table["aspects"] == aspects
    assert table["rows"][1]["cells"][0]["quotes"]
    assert not table["rows"][1]["cells"][1]["quotes"]


def test_four_calls_at_a_time_and_where_too_many_wait_they_are_refused_in_words() -> None:
    calls, go, running, most = Calls(), threading.Event(), [0], [0]

    async def is_disconnected() -> bool:
        return False

    url = SimpleNamespace(path="/gradio_api/run/ask")
    request: Any = SimpleNamespace(url=url, request=SimpleNamespace(scope={}), is_disconnected=is_disconnected)

    def work(_: threading.Event) -> dict[str, Any]:
        running[0] += 1
        most[0] = max(most[0], running[0])
        go.wait(30)
        running[0] -= 1
        return {}

    async def crowd() -> list[Any]:
        asked = [asyncio.create_task(_answered(calls, request, work)) for _ in range(WAITING + 4)]
        await asyncio.sleep(0.5)
        with pytest.raises(Refusal, match=f"{WAITING} calls are waiting already; try again"):
            await _answered(calls, request, work)
        go.set()
        return await asyncio.gather(*asked)

    assert asyncio.run(crowd()) == [{}] * (WAITING + 4)
    assert most[0] == 4


def test_twenty_ask_at_once_and_none_is_refused(client: Any) -> None:
    with ThreadPoolExecutor(20) as pool:
        values = list(pool.map(lambda n: client.predict(f"What is GPipe, part {n}?", api_name="/ask"), range(20)))
    assert [v["question"] for v in values] == [f"What is GPipe, part {n}?" for n in range(20)]


def test_the_page_allows_only_its_own_scripts_and_its_own_server(address: str) -> None:
    reply = httpx.get(address)
    rules = dict(rule.split(" ", 1) for rule in reply.headers["content-security-policy"].split("; "))
    assert rules["default-src"] == "'self'"
    assert rules["connect-src"] == "'self'"
    assert rules["img-src"] == "'self' data:"
    assert "unsafe" not in rules["script-src"]
    assert reply.headers["referrer-policy"] == "same-origin"
    head = reply.text.split("</head>")[0]
    assert not re.findall(r"<(?:link|meta|script)[^>]*https?://(?!127\.0\.0\.1)", head)
    assert "<base" not in head


@pytest.mark.parametrize("path", ["config", "theme.css", "gradio_api/info", "no-such-page"])
def test_every_response_carries_the_policy(address: str, path: str) -> None:
    assert "default-src 'self'" in httpx.get(address + path).headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/etc/passwd", str(ROOT / "pyproject.toml"), str(ROOT / "seeds")])
def test_no_file_is_served(address: str, path: str) -> None:
    assert httpx.get(f"{address}gradio_api/file={path}").status_code in (403, 404)


def test_a_port_that_is_taken_is_named(address: str, collection: Rag) -> None:
    port = address.rstrip("/").rsplit(":", 1)[1]
    home = str(collection.config.home)
    command = [sys.executable, "app.py"]
    environment = {**os.environ, "RAG_HOME": home, "RAG_PORT": port}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == ConfigError.exit_code
    assert f"Port {port} on 127.0.0.1 can't be used" in run.stderr
    assert "Traceback" not in run.stderr


def test_an_empty_collection_is_filled_before_the_page_is_served(tmp_path: Path) -> None:
    with serving(tmp_path, ["tests/scripted.py", str(free_port()), str(tmp_path / "home")]) as address:
        assert "32 papers" in httpx.get(address).text


def test_the_server_reaches_for_no_other_host(tmp_path: Path) -> None:
    from gradio_client import Client

    with serving(tmp_path, ["tests/scripted.py", str(free_port()), str(tmp_path / "home")]) as address:
        Client(address, verbose=False).predict("What is saved?", api_name="/ask")
        httpx.get(address)
    assert "REACHED FOR" not in (tmp_path / "server.log").read_text()
