"""Risk and coverage: the curve, its area, and how well confidence tells the answerable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from evaluated import entry, item, write_run

from rag.ask.certainty import caution_of, state_of
from rag.evaluation import risk
from rag.evaluation.risk import area, auroc, chosen, curve, measured

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


# --- the threshold of a user -----------------------------------------------------------------------------------------


def test_the_lowest_threshold_that_keeps_the_risk_by_hand() -> None:
    """Of 30 answers the 25 surest hold one wrong one: (1 + 1) / (25 + 1) = .077; the next two are wrong."""
    confidence = np.linspace(0.99, 0.4, 30)
    wrong = np.isin(np.arange(30), (10, 25, 26))
    found = chosen(confidence, wrong, 0.08)
    assert (found.answered, found.wrong) == (25, 1)
    assert found.threshold is not None
    assert confidence[25] < found.threshold <= confidence[24]
    assert found.low < 1 / 25 < found.high
    assert chosen(confidence, wrong, 0.2).answered == 30


def test_answers_of_one_confidence_are_given_together() -> None:
    found = chosen(np.array([0.9] * 20 + [0.5] * 20), np.array([False] * 20 + [False] * 10 + [True] * 10), 0.1)
    assert (found.answered, found.threshold) == (20, 0.9)


def test_where_no_threshold_keeps_the_risk_none_is_told() -> None:
    assert chosen(np.linspace(0.9, 0.5, 8), np.zeros(8, bool), 0.1).threshold is None, "eight can't show one in ten"
    assert chosen(np.array([]), np.array([]), 0.1).threshold is None


def test_few_questions_are_warned_of() -> None:
    few, many = (chosen(np.linspace(0.9, 0.5, n), np.arange(n) % 25 == 7, 0.1) for n in (50, 2_000))
    assert "little more than a guess" in few.warnings[0]
    assert many.warnings == ()


def test_the_risk_of_new_answers_is_what_was_asked_for() -> None:
    """400 collections of 150 questions, wrong with the probability 1 - confidence: the mean risk of new answers."""
    random = np.random.default_rng(2026)
    risks = []
    for _ in range(400):
        confidence = random.beta(4, 1.2, 150)
        found = chosen(confidence, random.random(150) > confidence, 0.1)
        if found.threshold is not None:
            new = random.beta(4, 1.2, 4_000)
            risks.append(float(np.mean(1 - new[new >= found.threshold])))
    assert len(risks) > 350
    assert np.mean(risks) <= 0.105


def test_a_threshold_of_a_run_moves_the_states_where_it_says(tmp_path: Path) -> None:
    asked = [entry(item(f"y{n}"), ["one"], ["one"], confidence=0.6 + n / 200) for n in range(60)]
    asked += [entry(item(f"n{n}", "unanswerable", ()), ["one"], ["one"], confidence=0.3 + n / 100) for n in range(35)]
    asked += [entry(item("list", "list"), ["two"], ["two"], kind="list", confidence=0.99)]
    run = write_run(tmp_path / "a", asked)
    found = risk.threshold(run, 0.1)
    assert found.n == 95
    assert found.threshold is not None
    assert risk.at(run, found.threshold) == (found.answered, found.wrong)
    caution = caution_of(str(found.threshold))
    assert state_of(found.threshold + 1e-6, caution) == "answers"
    assert state_of(found.threshold - 1e-3, caution) != "answers"
    assert risk.threshold(run, 0.1, papers=True).n == 95
    assert caution_of("0.6") == pytest.approx(caution_of("usual"))


def test_an_answer_may_be_wrong_by_its_facts_and_right_by_its_papers(tmp_path: Path) -> None:
    asked = [
        entry(item(f"y{n}"), ["one"], ["one"], confidence=0.9, scores={"all_vital": (0.0, 1.0)}) for n in range(40)
    ]
    run = write_run(tmp_path / "a", asked)
    assert risk.threshold(run, 0.1).threshold is None
    assert risk.threshold(run, 0.1, papers=True).threshold == 0.9
    assert risk.at(run, papers=True) == (40, 0)
