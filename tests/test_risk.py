"""Risk and coverage: the curve, its area, and how well confidence tells the answerable."""

from __future__ import annotations

import numpy as np
import pytest

from rag.evaluation.risk import area, auroc, curve, measured

CONFIDENCE = np.array([0.9, 0.7, 0.7, 0.2])
WRONG = np.array([0.0, 1.0, 0.0, 1.0])
ANSWERABLE = np.array([True, True, False, False])


def test_the_surest_come_first_and_equals_share_their_risk() -> None:
    coverage, risk = curve(CONFIDENCE, WRONG)
    assert coverage == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert risk == pytest.approx([0.0, 0.25, 1 / 3, 0.5])
    assert area(CONFIDENCE, WRONG) == pytest.approx(np.mean([0, 0.25, 1 / 3, 0.5]))


def test_the_area_of_confidence_among_the_answerable() -> None:
    assert auroc(CONFIDENCE, ANSWERABLE) == pytest.approx(0.875)
    assert auroc(CONFIDENCE, np.ones(4, bool)) is None


def test_the_interval_holds_the_value_and_the_best_order_is_no_worse() -> None:
    found = measured(np.tile(CONFIDENCE, 5), np.tile(WRONG, 5), np.tile(ANSWERABLE, 5), [str(n) for n in range(20)])
    assert found.area.low <= found.area.value <= found.area.high
    assert found.best <= found.area.value
    assert found.auroc is not None
    assert found.auroc.low <= found.auroc.value <= found.auroc.high
