"""`make bench-scale` tells how figures grow."""

from __future__ import annotations

import pytest

from eval.scale import StandIn, slope, table
from rag.index.embedding import BuiltinEmbedding
from rag.index.index import fingerprint_digest


@pytest.mark.parametrize(("power", "expected"), [(0, 0.0), (1, 1.0), (0.5, 0.5)])
def test_the_slope_is_the_power_by_which_a_figure_grows(power: float, expected: float) -> None:
    sizes = [82, 1_000, 10_000]
    assert slope(sizes, [3 * size**power for size in sizes]) == pytest.approx(expected, abs=1e-6)
    assert slope(sizes[:1], [1.0]) is None


def test_the_table_has_a_line_a_size_and_the_slopes_of_processor_time() -> None:
    figures = {100: {"open": 9.0, "open cpu": 0.5, "disk": 20.0}, 10_000: {"open": 1.0, "open cpu": 0.5}}
    head, _, first, second, slopes = table(figures).splitlines()
    assert "| 9 (0.5) |" in first and "| 20 |" in first
    assert "| 10,000 |" in second and "| – |" in second
    assert slopes.startswith("| slope |") and "| 0.00 |" in slopes.replace("-0.00", "0.00")
    assert len({line.count("|") for line in (head, first, second, slopes)}) == 1


def test_no_vector_of_the_stand_in_gets_into_an_index_of_the_model() -> None:
    assert fingerprint_digest(StandIn().fingerprint) != fingerprint_digest(BuiltinEmbedding().fingerprint)
