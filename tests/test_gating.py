"""Thresholds: what a file may hold, and what a run has to reach."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rag.core.answer import failed
from rag.core.errors import EvaluationError
from rag.evaluation.gating import Check, gate, read_thresholds, table
from rag.evaluation.intervals import Estimate
from rag.evaluation.items import Item
from rag.evaluation.runs import Run, Scored

ROOT = Path(__file__).parent.parent
METRICS = ("recall@5", "accuracy", "words", "refusal_recall", "faithfulness")


def thresholds(folder: Path, text: str) -> Path:
    file = folder / "thresholds.toml"
    file.write_text(text, encoding="utf-8")
    return file


def run(
    *,
    n: int = 3,
    errors: int = 0,
    summary: Mapping[str, Mapping[str, Estimate | None]] | None = None,
    undefined: Mapping[str, Mapping[str, str]] | None = None,
    speed: Mapping[str, Any] | None = None,
    judge: Any = None,
) -> Run:
    items = [
        Item(id=f"q{i}", kind="fact", question="What?", reference_answer="It.", answerable=True, split="dev")
        for i in range(n)
    ]
    asked = tuple(Scored(i, failed("What?", "no"), "no" if k < errors else "", {}) for k, i in enumerate(items))
    manifest = {} if judge is None else {"judge": judge}
    return Run(Path("mine"), manifest, asked, summary or {}, speed or {}, undefined or {})


def checks(folder: Path, text: str, one: Run) -> list[Check]:
    return gate(one, read_thresholds(thresholds(folder, text), METRICS))


class TestReading:
    def test_in_the_order_of_the_file(self, tmp_path: Path) -> None:
        text = """
            [all]
            "recall@5" = { min = 0.95 }
            words = { min = 1, max = 80.5 }
            [fact]
            accuracy = { min_low = 0.5, max_high = 1 }
            [speed]
            p95_ms = { max = 500 }
            [run]
            failed = { max = 0 }
        """
        found = read_thresholds(thresholds(tmp_path, text), METRICS)
        assert [(t.group, t.metric, t.bound, t.limit) for t in found] == [
            ("all", "recall@5", "min", 0.95),
            ("all", "words", "min", 1),
            ("all", "words", "max", 80.5),
            ("fact", "accuracy", "min_low", 0.5),
            ("fact", "accuracy", "max_high", 1),
            ("speed", "p95_ms", "max", 500),
            ("run", "failed", "max", 0),
        ]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[every]\naccuracy = {min = 1}", "every: there is no group 'every'; there are all, fact, number"),
            ("[all]\nacuracy = {min = 1}", "[all] acuracy: there is no metric 'acuracy'; there are recall@5, accuracy"),
            ("[all]\nrecall@5 = {min = 1}", "is not TOML"),
            (
                "[all]\naccuracy = {least = 1}",
                "[all] accuracy.least: there is no bound 'least'; there are min, max, min_",
            ),
            ("[speed]\np99 = {max = 1}", "[speed] p99: there is no metric 'p99'; there are p50_ms, p95_ms"),
            (
                "[speed]\np95_ms = {max_high = 1}",
                "[speed] p95_ms.max_high: there is no bound 'max_high'; there are min,",
            ),
            (
                "[run]\naccuracy = {min = 1}",
                "[run] accuracy: there is no metric 'accuracy'; there are failed, questions",
            ),
            ("[all]\naccuracy = 0.9", "[all] accuracy is 0.9; it holds bounds such as { min = 0.9 }"),
            ("[all]\naccuracy = {}", "[all] accuracy is empty; it holds bounds"),
            ("all = 3", "[all] is 3; it holds metrics"),
            ("[all]", "[all] is empty; it holds metrics"),
            ("[all]\naccuracy = {min = '1'}", "[all] accuracy.min is '1'; it is a finite number"),
            ("[all]\naccuracy = {min = true}", "[all] accuracy.min is True; it is a finite number"),
            ("[all]\naccuracy = {min = nan}", "[all] accuracy.min is nan; it is a finite number"),
            ("[all]\naccuracy = {max = -inf}", "[all] accuracy.max is -inf; it is a finite number"),
            ("[all]\naccuracy = {min = [1]}", "[all] accuracy.min is [1]; it is a finite number"),
            ("", "holds no threshold"),
            ("# only words", "holds no threshold"),
        ],
    )
    def test_what_can_not_be_used_is_named(self, tmp_path: Path, text: str, message: str) -> None:
        file = thresholds(tmp_path, text)
        with pytest.raises(EvaluationError) as caught:
            read_thresholds(file, METRICS)
        assert str(file) in str(caught.value)
        assert message in str(caught.value)

    def test_files_that_can_not_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(EvaluationError, match=r"nowhere\.toml: No such file .* --thresholds names a TOML file"):
            read_thresholds(tmp_path / "nowhere.toml")
        with pytest.raises(EvaluationError, match="Is a directory"):
            read_thresholds(tmp_path)
        file = tmp_path / "bytes.toml"
        file.write_bytes(b"[all]\n\xff")
        with pytest.raises(EvaluationError, match=r"is not UTF-8 \(byte 7\)"):
            read_thresholds(file)

    def test_the_file_of_the_project_fits_the_metrics_of_the_product(self) -> None:
        assert len(read_thresholds(ROOT / "eval" / "thresholds.toml")) >= 5


def estimate(value: float, low: float, high: float, clusters: int = 30) -> dict[str, dict[str, Estimate | None]]:
    return {"all": {"accuracy": Estimate(value, low, high, 40, clusters)}}


class TestGate:
    @pytest.mark.parametrize(
        ("bound", "met"),
        [
            ("min = 0.8", True),
            ("min = 0.79", True),
            ("min = 0.8001", False),
            ("max = 0.8", True),
            ("max = 0.79", False),
            ("min_low = 0.7", True),
            ("min_low = 0.71", False),
            ("max_high = 0.9", True),
            ("max_high = 0.89", False),
        ],
    )
    def test_bounds_are_inclusive(self, tmp_path: Path, bound: str, met: bool) -> None:
        (found,) = checks(tmp_path, f"[all]\naccuracy = {{ {bound} }}", run(summary=estimate(0.8, 0.7, 0.9)))
        assert found.met is met
        assert bool(found.why) is not met

    def test_why_says_both_figures(self, tmp_path: Path) -> None:
        (found,) = checks(tmp_path, "[all]\naccuracy = {min = 0.9}", run(summary=estimate(0.8999, 0.7, 0.9)))
        assert str(found) == "all accuracy: it is 0.8999, and ≥ 0.9 is wanted"
        (found,) = checks(tmp_path, "[all]\naccuracy = {min_low = 0.9}", run(summary=estimate(0.95, 0.7, 1)))
        assert str(found) == "all accuracy: it is 0.7, and the interval's low end ≥ 0.9 is wanted"

    def test_sums_of_floating_point_numbers_reach_one(self, tmp_path: Path) -> None:
        almost = sum([0.1] * 10)
        assert almost < 1
        (found,) = checks(tmp_path, "[all]\naccuracy = {min = 1.0}", run(summary=estimate(almost, 1, 1)))
        assert found.met

    def test_undefined_meets_nothing(self, tmp_path: Path) -> None:
        one = run(summary={"all": {"accuracy": None}}, undefined={"all": {"accuracy": "no question"}})
        found = checks(tmp_path, '[all]\naccuracy = {min = 0, max = 1}\n"recall@5" = {min = 0}', one)
        assert [(c.value, c.met, c.why) for c in found] == [
            (None, False, "no question"),
            (None, False, "no question"),
            (None, False, "no question has a value"),
        ]

    def test_nan_meets_nothing(self, tmp_path: Path) -> None:
        (found,) = checks(tmp_path, "[all]\naccuracy = {max = 1}", run(summary=estimate(math.nan, 0, 1)))
        assert not found.met

    def test_a_kind_that_was_not_asked(self, tmp_path: Path) -> None:
        (found,) = checks(tmp_path, "[unanswerable]\nrefusal_recall = {min = 0}", run())
        assert not found.met
        assert found.why == "no question of the kind unanswerable was asked"

    def test_an_interval_of_few_clusters_decides_nothing(self, tmp_path: Path) -> None:
        text = "[all]\naccuracy = {min = 0.9, min_low = 0.9}"
        by_value, by_interval = checks(tmp_path, text, run(summary=estimate(1, 1, 1, clusters=5)))
        assert by_value.met
        assert not by_interval.met
        assert "too few clusters" in by_interval.why

    @pytest.mark.parametrize(("errors", "met"), [(0, True), (1, False)])
    def test_failures(self, tmp_path: Path, errors: int, met: bool) -> None:
        found = checks(tmp_path, "[run]\nfailed = {max = 0}\nquestions = {min = 4}", run(errors=errors))
        assert [(c.value, c.met) for c in found] == [(errors, met), (3, False)]

    @pytest.mark.parametrize(
        ("speed", "value", "met"),
        [
            ({"p95_ms": 499.5}, 499.5, True),
            ({"p95_ms": 501}, 501, False),
            ({"p95_ms": None}, None, False),
            ({}, None, False),
        ],
    )
    def test_speed(self, tmp_path: Path, speed: Mapping[str, Any], value: float | None, met: bool) -> None:
        (found,) = checks(tmp_path, "[speed]\np95_ms = {max = 500}", run(speed=speed))
        assert (found.value, found.met) == (value, met)


class TestJudge:
    SUMMARY: Mapping[str, Mapping[str, Estimate | None]] = {"all": {"faithfulness": Estimate(0.9, 0.8, 1, 40, 30)}}

    def test_with_known_agreement(self, tmp_path: Path) -> None:
        judge = {"model": "m", "prompts": {}, "agreement": {"faithfulness": {"kappa": 0.71, "n": 60}}}
        (found,) = checks(tmp_path, "[all]\nfaithfulness = {min = 0.9}", run(summary=self.SUMMARY, judge=judge))
        assert found.met

    @pytest.mark.parametrize(
        ("judge", "message"),
        [
            (None, "has no known agreement with labels"),
            ({"model": "m"}, "has no known agreement with labels"),
            ({"agreement": None}, "has no known agreement with labels"),
            ({"agreement": {"correctness": {"kappa": 0.9}}}, "has no known agreement with labels"),
            ({"agreement": {"faithfulness": {"n": 3}}}, "has no known agreement with labels"),
            ({"agreement": {"faithfulness": {"kappa": None}}}, "has no known agreement with labels"),
            ({"agreement": {"faithfulness": {"kappa": math.nan}}}, "has no known agreement with labels"),
            ({"agreement": {"faithfulness": {"kappa": 0}}}, r"no better than chance \(kappa 0\.00\)"),
            ({"agreement": {"faithfulness": {"kappa": -0.2}}}, r"no better than chance \(kappa -0\.20\)"),
        ],
    )
    def test_never_a_gate_without_it(self, tmp_path: Path, judge: Any, message: str) -> None:
        with pytest.raises(EvaluationError, match=f"mine can't be gated on faithfulness.*{message}"):
            checks(tmp_path, "[all]\nfaithfulness = {min = 0.1}", run(summary=self.SUMMARY, judge=judge))


def test_table(tmp_path: Path) -> None:
    text = "[all]\naccuracy = {min = 0.9}\nwords = {max = 9}\n[run]\nfailed = {max = 0}"
    found = checks(tmp_path, text, run(summary=estimate(0.89, 0, 1), undefined={"all": {"words": "no [answer]"}}))
    rows = [" ".join([row.name, *(f"{c.text} {c.detail}".strip() for c in row.cells)]) for row in table(found).rows]
    assert rows == [
        "all accuracy 0.89 ≥ 0.9 not met it is 0.89, and ≥ 0.9 is wanted",
        "all words undefined ≤ 9 not met no [answer]",
        "run failed 0 ≤ 0 met",
    ]
