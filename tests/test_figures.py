"""Figures are the same however they are spelled, and only then."""

from __future__ import annotations

import pytest

from rag.ask.figures import figures, same


def one(text: str) -> tuple[float, str]:
    """Value and unit of the only figure in `text`."""
    (figure,) = figures(text)
    return round(figure.value, 6), figure.unit


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("2.5× faster", 2.5, "x"),
        ("2.5x faster", 2.5, "x"),
        ("2.5 times faster", 2.5, "x"),
        ("2.5-fold", 2.5, "x"),
        ("two and a half times", 2.5, "x"),
        ("threefold", 3, "x"),
        ("two orders of magnitude", 100, "x"),
        ("47.1%", 47.1, "%"),
        ("47.1 percent", 47.1, "%"),
        ("47.1 percentage points", 47.1, "%"),
        ("forty-five percent", 45, "%"),
        ("10+%", 10, "%"),
        ("half of the data", 50, "%"),
        ("two-thirds of the cost", 66.666667, "%"),
        ("175 billion", 175e9, ""),
        ("175B", 175e9, ""),
        ("1,000 papers", 1000, ""),
        ("1 000 papers", 1000, ""),
        ("half a million runs", 500_000, ""),
        ("Three hundred eighty-one surgeons", 381, ""),
        ("One thousand one hundred and two patients", 1_102, ""),
        ("two hundred and fifty thousand rows", 250_000, ""),
        ("three hundred days", 25_920_000, "s"),
        ("a 96K batch", 96_000, ""),
        ("10^4 devices", 10_000, ""),
        ("0.37 bits", 0.37, "bit"),
        ("a 3-bit weight", 3, "bit"),
        ("80 GB", 80e9, "byte"),
        ("3.5 hours", 12_600, "s"),
        ("210 minutes", 12_600, "s"),
        ("one day", 86_400, "s"),
        ("four GPU hours", 14_400, "s"),
        ("502 petaFLOP/s", 5.02e17, "flops"),
        ("0.502 exaFLOP/s", 5.02e17, "flops"),
        ("23 FPS", 23, "fps"),
    ],
)
def test_spelling_and_units_are_made_alike(text: str, value: float, unit: str) -> None:
    assert one(text) == (value, unit)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("1.5–2.1×", [(1.5, "x"), (2.1, "x")]),
        ("12.4% to 17.5%", [(12.4, "%"), (17.5, "%")]),
        ("65-92% faster", [(65.0, "%"), (92.0, "%")]),
        ("2 to 10 times", [(2.0, "x"), (10.0, "x")]),
    ],
)
def test_a_range_has_two_ends_of_one_unit(text: str, ends: list[tuple[float, str]]) -> None:
    assert [(f.value, f.unit) for f in figures(text)] == ends


@pytest.mark.parametrize("text", ["GPT-3", "the A100", "top-1", "RTX 4090", "Llama 2", "3D", "CIFAR-10", "16x16"])
def test_digits_of_a_name_are_marked(text: str) -> None:
    found = figures(f"We use {text} here")
    assert found
    assert all(f.named for f in found)


def test_a_size_in_a_name_is_a_figure() -> None:
    found = [(f.value, f.named) for f in figures("OPT-2.7B and LLaMA-65B")]
    assert found == [(2.7e9, False), (65e9, False)]


@pytest.mark.parametrize("text", ["(1) the first and (2) the rest", "see https://example.org/2024/17", "one of them"])
def test_labels_and_addresses_are_no_figures(text: str) -> None:
    assert figures(text) == []


@pytest.mark.parametrize(
    ("claimed", "given", "agree"),
    [
        ("2.50×", "2.5 times", True),
        ("2.5×", "150% faster", False),
        ("2.5×", "2.6×", False),
        ("30%", "30×", False),
        ("20 minutes", "20 hours", False),
        ("240 minutes", "4 hours", True),
        ("about 47%", "47.1%", True),
        ("47%", "47.1%", False),
        ("more than 40%", "42.9%", True),
        ("more than 50%", "42.9%", False),
        ("94 percent", "0.94", True),
        ("80 GB", "80 MB", False),
    ],
)
def test_what_bears_out_a_figure(claimed: str, given: str, agree: bool) -> None:
    (mine,), (theirs,) = figures(claimed), figures(given)
    assert same(mine, theirs) is agree


@pytest.mark.parametrize(
    ("text", "bound"),
    [("up to 2.5×", "up to"), ("on average 2.5×", "average"), ("over 40%", "over"), ("about 3 hours", "about")],
)
def test_the_words_before_a_figure_bound_it(text: str, bound: str) -> None:
    assert figures(text)[0].bound == bound


@pytest.mark.parametrize(
    ("word", "figure"),
    [("twice the speed", "2x"), ("a triple gain", "3x"), ("thrice as many", "3x"), ("doubled it", "2x")],
)
def test_a_word_for_a_factor_is_that_factor(word: str, figure: str) -> None:
    (said,), (meant,) = figures(word), figures(figure)
    assert same(said, meant)
