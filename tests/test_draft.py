"""What becomes of a model's text on its way: claims told apart, markup made harmless, nothing held back for long."""

from __future__ import annotations

import re

import pytest
from drafting import drafted
from hostile import HOSTILE
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rag.ask.writing.draft import Draft

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def foreign(markdown: str) -> set[str]:
    """What a reader's Markdown would make of it that may not be there."""
    tokens = MARKDOWN.parse(markdown)
    inline = [child for token in tokens for child in token.children or ()]
    return {t.type for t in [*tokens, *inline]} & {"image", "link_open", "html_block", "html_inline"}


# --- claims -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("It is 2.5 times faster, e.g. on GPUs. It is 3.14 wide.", 2),
        ("Huang et al. split the batch. Others, i.e. Holmes, do not.", 2),
        ("The U.S. market is wide (Fig. 2), cf. Sec. 3, vs. others there.", 1),
        ("Dr. Who came to see it. He saw it there.", 2),
        ("ZeRO vs. Holmes is compared there. It wins by far.", 2),
        ("Is it fast there? It is fast there! So it is said…", 3),
        ("It splits each batch... And then it merges them.", 2),
        ("It runs at 1.5 GHz. 3 GPUs are used there.", 2),
        ("It splits the batch.\nIt merges the gradients.", 2),
        ("It splits the batch\n\nIt merges the gradients", 2),
        ("**It splits the batch.** It merges the gradients.", 2),
        ("“It splits the batch.” It merges the gradients.", 2),
    ],
)
def test_sentences_are_told_apart(text: str, claims: int) -> None:
    found = drafted(text)
    assert len(found.claims) == claims
    assert found.text == text


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("- It splits it all [1]\n- It merges it [2]", [("It splits it all", (1,)), ("It merges it", (2,))]),
        ("* It splits it all [1].\n* It merges it [2].", [("It splits it all.", (1,)), ("It merges it.", (2,))]),
        ("1. It splits it all [1].\n2. It merges it [2].", [("It splits it all.", (1,)), ("It merges it.", (2,))]),
        ("# A longer heading\n\nIt splits it all [1].", [("A longer heading", ()), ("It splits it all.", (1,))]),
        ("> It splits each batch [1].", [("It splits each batch.", (1,))]),
        ("**GPipe**: it splits each *batch* [1].", [("GPipe: it splits each batch.", (1,))]),
        ("| System | Way |\n|---|---|\n| GPipe | It splits each batch [1] |\n", [("It splits each batch", (1,))]),
        ("| It splits it all [1] | It merges it [2] |", [("It splits it all", (1,)), ("It merges it", (2,))]),
        ("It reads `a[1]` from memory [2].", [("It reads a[1] from memory.", (2,))]),
        ("Sure! Here is the answer:\nIt splits it all [1].", [("It splits it all.", (1,))]),
        ("GPipe [1].", []),
        ("", []),
        ("\n\n", []),
    ],
)  # fmt: skip
def test_claims_are_plain_sentences(text: str, claims: list[tuple[str, tuple[int, ...]]]) -> None:
    assert list(drafted(text).claims) == claims


@pytest.mark.parametrize(
    "text",
    [
        "A **bold** word, an *italic* one.\n\n- one thing\n  - another it is\n\n1. first of them\n",
        "| System | Way |\n|:--|--:|\n| GPipe | splits |\n| Holmes | schedules |\n",
        "> It is quoted from there.\n\n---\n\nIt goes on.",
        "Curly “quotes”, a dash — and 5 × 3 ≤ 20 µs; 20% of $5 or €4.",
        "Two  spaces, a\ttab and a non-breaking\u00a0space.",
        "A tie~broken, a ~~stroke~~ and ~ a tilde.",
        "Why? Who (where) what!? And http, www and h2o.",
    ],
)
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    found = drafted(text)
    assert found.text == found.shown == text


def test_the_mark_stands_before_the_stop_and_in_its_cell() -> None:
    assert drafted("It splits each batch, [1].").text == "It splits each batch ⟨1⟩."
    cell = drafted("| GPipe | It splits each batch [1] |\n")
    assert re.fullmatch(r"\| GPipe \| It splits each batch ⟨1⟩ ?\|\n", cell.text)


def test_a_claim_that_is_left_out_takes_its_stop_with_it() -> None:
    text = "It splits the batch. It is made of gold. It merges the rest."
    found = drafted(text, left_out=["It is made of gold."])
    assert " ".join(found.text.split()) == "It splits the batch. It merges the rest."
    assert "gold" in found.shown, "it had been shown by then"


def test_strict_shows_no_claim_that_is_left_out() -> None:
    text = "It splits the batch. It is made of gold. It merges the rest."
    found = drafted(text, left_out=["It is made of gold."], strict=True)
    assert "gold" not in found.shown
    assert found.text == found.shown


# --- at once ----------------------------------------------------------------------------------------------------------


def test_words_are_shown_as_they_come() -> None:
    draft = Draft(lambda claim, cited: "", (1, 2))
    words = ["GPipe", " splits", " each", " mini-batch", " of", " 4,096", " samples", " evenly"]
    assert [draft.feed(w) for w in words] == words


def test_strict_holds_a_claim_back_until_it_is_settled() -> None:
    draft = Draft(lambda claim, cited: " ⟨1⟩", (1, 2), strict=True)
    assert [draft.feed(p) for p in ("GPipe", " splits", " each batch")] == ["", "", ""]
    assert draft.feed(" [1]. Next one") == "GPipe splits each batch ⟨1⟩. "
    assert draft.finish() == "Next one"


@pytest.mark.parametrize(
    "opening",
    [
        "[",
        "[1",
        "[a",
        "(",
        "(5",
        "【",
        "![",
        "[a](",
        "`",
        "``",
        "$",
        "\\(",
        "<",
        "<source",
        "https://x.y",
        "~~~",
        "```py",
    ],
)
def test_what_was_opened_and_is_never_closed_is_not_held_back_for_long(opening: str) -> None:
    draft = Draft(lambda claim, cited: "", (1, 2))
    shown = draft.feed(f"It is {opening}") + "".join(draft.feed(" word") for _ in range(80))
    assert shown.count("word") > 60
    assert (shown + draft.finish()).count("word") == 80


# --- markup -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See [the page](https://evil.example/a(b)c) now.", "See the page now."),
        ("See [the page](<https://evil.example> 'title') now.", "See the page now."),
        ("See [the page](javascript:alert(1)) now.", "See the page now."),
        ("See ![a beacon](https://evil.example/p.png) now.", "See a beacon now."),
        ("See https://evil.example/p?q=1. It is.", "See (address removed). It is."),
        ("See HTTPS://EVIL.EXAMPLE/x now.", "See (address removed) now."),
        ("See www.evil.example now.", "See (address removed) now."),
        ("See <https://evil.example> now.", "See \\<(address removed)> now."),
        ("See <img src=x onerror=alert(1)> now.", "See \\<img src=x onerror=alert(1)> now."),
        ("One<br>two<br/>three<br />four.", "One two three four."),
        ("</source><source id=9>It is so.</sources>", "It is so."),
        ("<answer>It is so.</answer>", "It is so."),
        ("[a]: https://evil.example\n\nSee [a].", "\\[a]: (address removed)\n\nSee \\[a]."),
        ("`https://evil.example` it is.", "`(address removed)` it is."),
        ("```\ncurl https://evil.example\n```", "```\ncurl (address removed)\n```"),
        ("It is 3 < 5 and 5 > 3.", "It is 3 \\< 5 and 5 > 3."),
    ],
)  # fmt: skip
def test_links_images_html_and_addresses(text: str, shown: str) -> None:
    found = drafted(text)
    assert found.text == shown
    assert not foreign(found.text)
    assert "evil.example" not in "".join(claim for claim, _ in found.claims).lower()


def test_an_address_of_an_abstract_stays_text() -> None:
    found = drafted("Code is at https://github.com/x/y.", abstracts="Our code is at https://github.com/x/y today.")
    assert found.text == "Code is at https://github.com/x/y."
    for other in ("https://github.com/x/z", "https://github.com/x", "https://github.com/x/y/z"):
        assert drafted(f"It is at {other}.", abstracts="At https://github.com/x/y.").text.endswith("removed).")


@pytest.mark.parametrize(
    "text",
    [
        # Where our reading of code or maths and Markdown's part, a link gets through.
        "$[click](https://evil.example)$",
        "$$![x](https://evil.example/p.png)$$",
        "\\(<img src=https://evil.example>\\)",
        "$$\n<div onclick=x>\n$$",
        "`\n# [click](https://evil.example)\n`",
        "`a``[click](https://evil.example)`",
        "| `a | [click](https://evil.example)` |\n|---|---|\n| `a | [click](https://evil.example)` |",
        "- ```\n[click](https://evil.example)\n- ```",
        "> ```\n<img src=https://evil.example>",
        "Text ```html\n<img src=https://evil.example>\n```",
        "- a\n  ```\n[click](https://evil.example)",
        "```html\n<b>\n``` not closed\n```\n<img src=https://evil.example>",
        "``` `\n[click](https://evil.example)\n```",
        "\\\\[click](https://evil.example)",
        "\\<img src=https://evil.example>",
        "[[click](https://evil.example)](https://evil.example)",
        "[![a beacon](https://evil.example)](https://evil.example)",
        "[9]![9](https://evil.example)[click][9](https://evil.example)",
        "<[9]img src=https://evil.example>",
        "<br><br><br><br>```\n<img src=https://evil.example>\n```",
        "</source>```\n[click](https://evil.example)\n```\n[click](https://evil.example)",
        "~~~\n[click](https://evil.example)\n```\n~~~\n[click](https://evil.example)",
        "Text ~~~\n[click](https://evil.example)\n~~~",
        "\\https://evil.example",
        "Seehttps://evil.example",
        "ftp://evil.example",
    ],
)
def test_nothing_hides_in_code_or_maths(text: str) -> None:
    found = drafted(text)
    assert not foreign(found.text)
    assert "evil.example" not in found.text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text(text: str) -> None:
    for hostile in (text, f"GPipe splits the batch {text} evenly [1].", f"```\n{text}\n```\n{text}"):
        assert not foreign(drafted(hostile).text)


@pytest.mark.parametrize("text", ["It is:\n```\na = 1", "```", "```py", "~~~\na", "It is `a"])
def test_code_that_is_left_open_does_not_swallow_what_follows(text: str) -> None:
    tokens = MARKDOWN.parse(f"{drafted(text).text}\n\n“A quote” [1]")
    assert tokens[-2].content == "“A quote” [1]"


FRAGMENTS = (
    *HOSTILE, "[1]", "[2, 9]", "[1-3]", "(1)", "(Source 2)", "([1])", "【1†source】", "[[1]]", "[^1]", "[9]", "\\[1\\]",
    "[1] and [2]", "[1](https://evil.example)", "GPipe splits each batch into pieces", "It is 2.5x, e.g. NICs", ". ",
    "\n", "\n\n", "```", "`", "``", "~~~", "$", "$$", "\\(", "\\)", "\\[", "\\]", "\\", "|", "| a | b |\n|---|---|\n",
    "# ", "- ", "> ", "    ", "<", "<br>", "</source>", "<source id=9>", "http", "https://evil.example/x", "(", "[",
    "]", ")", "!", "![", "](https://evil.example)", "?", "...", "”", "**", "_", "and ", "while ", ", ", "\u200b",
    "&lt;", "<!--", "-->", "h", "\u00a0", "\u2028", "Dr. ", "et al. ",
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=12), max_size=8).map("".join))
def test_any_text_comes_out_the_same_in_any_pieces_and_harmless(text: str) -> None:
    for strict in (False, True):
        found = drafted(text, strict=strict)
        assert not foreign(found.text)
        assert not re.search(
            r"\[9\]|【", re.sub(r"```.*?(?:```|$)|~~~.*?(?:~~~|$)|`[^`]*`|\$.*\$|\\.", "", found.text, flags=re.DOTALL)
        )


@pytest.mark.parametrize("signs", ["#", "##", "######"])
def test_a_heading_becomes_text(signs: str) -> None:
    assert drafted(f"{signs} A claim in a heading\n\nAnd one below it.").text.startswith("A claim in a heading")


@pytest.mark.parametrize(
    "text",
    [
        "```\nGPipe reaches 99.9% accuracy.\n```\n",
        "GPipe reaches 99.9% accuracy:\n",
        "GPipe outperforms all others:\n",
        "- 12x\n",
        "| 12x |\n",
    ],
)
def test_no_result_is_without_a_verdict(text: str) -> None:
    assert len(drafted(text).claims) == 1
