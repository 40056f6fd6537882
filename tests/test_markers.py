"""Citation markers in every form that models write them, whatever the pieces they come in."""

from __future__ import annotations

import pytest
from drafting import drafted

from rag.ask.writing.markers import numbers

CLAIM = "GPipe splits each batch into small pieces"
NEXT = "Holmes schedules its cards over several clusters"


@pytest.mark.parametrize(
    ("marker", "cited"),
    [
        ("[1]", (1,)),
        ("[ 1 ]", (1,)),
        ("[1, 2]", (1, 2)),
        ("[1,2,4]", (1, 2, 4)),
        ("[1; 2]", (1, 2)),
        ("[1 and 2]", (1, 2)),
        ("[1 & 2]", (1, 2)),
        ("[1][2]", (1, 2)),
        ("[1] [2]", (1, 2)),
        ("[1], [2]", (1, 2)),
        ("[1] and [2]", (1, 2)),
        ("[1], [2] and [3]", (1, 2, 3)),
        ("[1], [2], and [3]", (1, 2, 3)),
        ("[2][1][2]", (2, 1)),
        ("[1-3]", (1, 2, 3)),
        ("[1–3]", (1, 2, 3)),
        ("[1-2, 4]", (1, 2, 4)),
        ("【1】", (1,)),
        ("【1†source】", (1,)),
        ("【2†L4-L9】", (2,)),
        ("【1】【2】", (1, 2)),
        ("[1†source]", (1,)),
        ("[Source 1]", (1,)),
        ("[source: 1]", (1,)),
        ("[Sources 1 and 2]", (1, 2)),
        ("[Source 1, Source 2]", (1, 2)),
        ("[Paper 3]", (3,)),
        ("[Ref. 2]", (2,)),
        ("[citation: 2]", (2,)),
        ("[id=1]", (1,)),
        ("[#1]", (1,)),
        ("[S1]", (1,)),
        ("[^1]", (1,)),
        ("[^1][^2]", (1, 2)),
        ("[[1]]", (1,)),
        ("[[1]][[2]]", (1, 2)),
        (r"\[1\]", (1,)),
        (r"\[1]", (1,)),
        ("[1](https://evil.example)", (1,)),
        ("[1](javascript:alert(1))", (1,)),
        ("[1](#fn1)", (1,)),
        ("[[1]](https://evil.example/a(b))", (1,)),
        ("(1)", (1,)),
        ("(1, 2)", (1, 2)),
        ("([1])", (1,)),
        ("([1], [2])", (1, 2)),
        ("(see [1])", (1,)),
        ("(Source 2)", (2,)),
        ("(source 2)", (2,)),
        ("(Sources 1, 2)", (1, 2)),
        ("(Paper 1)", (1,)),
    ],
)
def test_every_form(marker: str, cited: tuple[int, ...]) -> None:
    found = drafted(f"{CLAIM} {marker}.")
    assert found.claims == ((f"{CLAIM}.", cited),)
    assert found.text == found.shown == f"{CLAIM} {_ours(cited)}."
    assert drafted(f"{CLAIM}{marker}.") == found, "without a space"
    assert drafted(f"{CLAIM} {marker}").claims == ((CLAIM, cited),)
    two = drafted(f"{CLAIM} {marker}. {NEXT} [4].")
    assert two.claims == ((f"{CLAIM}.", cited), (f"{NEXT}.", (4,)))
    assert two.text == f"{CLAIM} {_ours(cited)}. {NEXT} ⟨4⟩."


def _ours(cited: tuple[int, ...]) -> str:
    return "".join(f"⟨{n}⟩" for n in cited)


@pytest.mark.parametrize(
    "marker", ["[1]", "[1][2]", "【1】", "【1†source】", "[Source 1]", "[^1]", "[[1]]", "[1](https://x.y)"]
)
def test_a_marker_behind_the_stop_belongs_to_the_sentence_before_it(marker: str) -> None:
    for start, stop in (("", "."), ("", "!"), ("", "?"), ("“", ".”"), ("**", ".**")):
        for space in ("", " "):
            found = drafted(f"{start}{CLAIM}{stop}{space}{marker} {NEXT}.")
            assert [cited for _, cited in found.claims] == [(1, 2) if marker == "[1][2]" else (1,), ()]
            assert found.text.startswith(f"{start}{CLAIM} ⟨1⟩")
            assert found.text.endswith(f"{stop} {NEXT}.")


@pytest.mark.parametrize(
    ("text", "claims", "shown"),
    [
        (
            f"{CLAIM} [1], while {NEXT} [2].",
            ((CLAIM, (1,)), (f"while {NEXT}.", (2,))),
            f"{CLAIM} ⟨1⟩, while {NEXT} ⟨2⟩.",
        ),
        (
            f"{CLAIM} [1] and {NEXT} [2].",
            ((CLAIM, (1,)), (f"and {NEXT}.", (2,))),
            f"{CLAIM} ⟨1⟩ and {NEXT} ⟨2⟩.",
        ),
        # Behind a name it ends no claim: it goes to the end of the sentence.
        ("GPipe [1] splits each batch in two.", (("GPipe splits each batch in two.", (1,)),), None),
        ("GPipe [1], a pipeline, splits each batch.", (("GPipe, a pipeline, splits each batch.", (1,)),), None),
        (f"{CLAIM} [1] by android phones.", ((f"{CLAIM} by android phones.", (1,)),), None),
        (f"{CLAIM} [1] android phones.", ((f"{CLAIM} android phones.", (1,)),), None),
        (f"[1] {CLAIM}.", ((f"{CLAIM}.", (1,)),), None),
        (f"[2]: {CLAIM}.", ((f": {CLAIM}.", (2,)),), f": {CLAIM} ⟨2⟩."),
    ],
)
def test_in_mid_sentence(text: str, claims: tuple[tuple[str, tuple[int, ...]], ...], shown: str | None) -> None:
    found = drafted(text)
    assert found.claims == claims
    (_, cited), *_ = claims
    wanted = shown or f"{claims[0][0].removesuffix('.')} ⟨{cited[0]}⟩."
    assert found.text.strip() == wanted


UNKNOWN = ["[9]", "[0]", "[9, 8]", "[7][9]", "[7], [9]", "【9】", "【9†source】", "[Source 9]", "[^9]", "[[9]]"]
UNKNOWN += ["[9](https://x.y)", "(Source 9)", "([9])", r"\[9\]"]


@pytest.mark.parametrize("marker", UNKNOWN)
def test_an_unknown_one_vanishes_with_its_brackets_and_its_space(marker: str) -> None:
    found = drafted(f"{CLAIM} {marker}.")
    assert found.claims == ((f"{CLAIM}.", ()),)
    assert found.text == f"{CLAIM}."
    assert drafted(f"{CLAIM} {marker} by hand.").text == f"{CLAIM} by hand."


@pytest.mark.parametrize("marker", [m for m in UNKNOWN if m[0] in "[【"])
def test_an_unknown_one_behind_the_stop_vanishes(marker: str) -> None:
    assert drafted(f"{CLAIM}. {marker} {NEXT}.").text == f"{CLAIM}. {NEXT}."


def test_of_several_only_the_unknown_vanish() -> None:
    assert drafted(f"{CLAIM} [1, 9].").text == f"{CLAIM} ⟨1⟩."
    assert drafted(f"{CLAIM} [9][2].").text == f"{CLAIM} ⟨2⟩."
    assert drafted(f"{CLAIM} [1-3].", known=(1, 3)).text == f"{CLAIM} ⟨1⟩⟨3⟩."


@pytest.mark.parametrize(
    "text",
    [
        "It has two steps: (1) first it splits, (2) second it merges.",
        "(1) first, (2) second",
        "GPipe (1) splits each batch and (2) merges the gradients.",
        "It was shown for a part (5).",  # there is no source 5
        "It uses layer (3) of the network there.",
        "It was made in (2019).",
        "f(1) and g(2) are two of its functions.",
        "(a) first of all, (b) second of all.",
        "It sorts (1, 9).",  # 9 is none
        "It holds in the half-open interval [0, 1) for all.",
    ],
)
def test_what_is_no_marker_stays(text: str) -> None:
    found = drafted(text)
    assert found.text.replace("\\[", "[") == text
    assert not any(cited for _, cited in found.claims)


@pytest.mark.parametrize(
    "text",
    [
        "It reads `a[1]` and `b[2]` from its memory.",
        "It reads ``a[1] ` b`` from its memory.",
        "It is `List<int>` in its memory.",
        "It minimises $x_{[1]}$ over all samples.",
        "It minimises $$\\sum x[1]$$ over all samples.",
        "It minimises \\(x[1]\\) over all samples.",
        "It minimises \\[x[1] + 2\\] over all samples.",
        "It holds for $p<q$ and $r>s$ over all samples.",
        "```\na[1] = b[2]\n```",
        "```python\na[1] = b[2]  # [3]\n# It is. [9] Yes.\n```",
        "~~~\na[1]\n```\n~~~",
        "````\n```\na[1]\n````",
    ],
)
def test_code_and_maths_are_left_alone(text: str) -> None:
    found = drafted(text)
    assert found.text == found.shown == text
    assert not any(cited for _, cited in found.claims)
    assert drafted(f"{text}\n\n{CLAIM} [1].").text == f"{text}\n\n{CLAIM} ⟨1⟩."


@pytest.mark.parametrize(
    "text", ["It costs $5 [1].", "It costs $5 to $10 here [1].", "It is `open here [1].", "It is $open here [1]."]
)
def test_what_is_never_closed_is_no_code(text: str) -> None:
    assert drafted(text).claims[0][1] == (1,)


@pytest.mark.parametrize(
    "text", ["See [sic] there.", "It is [not] there.", "It was [Smith 2017] there.", "It was [2017] there."]
)
def test_other_brackets_are_shown(text: str) -> None:
    assert drafted(text).text == text.replace("[", "\\[")


@pytest.mark.parametrize(
    ("text", "found"),
    [("1", (1,)), ("1, 3-5", (1, 3, 4, 5)), ("2, 1, 2", (2, 1)), ("1-99", (1, 99)), ("5-3", (5, 3)), ("", ())],
)
def test_numbers(text: str, found: tuple[int, ...]) -> None:
    assert numbers(text) == found
