"""Two runs side by side: what is compared, what is said of it, and what is not claimed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.core.answer import Answer, Citation, Retrieved
from rag.core.errors import EvaluationError
from rag.evaluation.comparing import FINDINGS, compare, tables, verdict
from rag.evaluation.items import Item
from rag.evaluation.metrics.metric import Metric, Share
from rag.evaluation.runs import Run, Scored


def never(case: object) -> None:
    raise AssertionError("a comparison reads scores, and scores nothing")


METRICS = (
    Metric("vital_recall", never, "no nugget"),
    Metric("accuracy", never, "never", yes_no=True),
    Metric("gap", never, "never", better="lower"),
    Metric("ndcg@10", never, "no gold paper"),
    Metric("words", never, "never", better=None),
)


def item(n: int, **other: Any) -> Item:
    paper = other.pop("paper", f"p{n}")
    return Item(
        **{
            "id": f"q{n}",
            "kind": "fact",
            "question": f"What is {n}?",
            "reference_answer": "It is.",
            "gold_papers": (paper,),
            "gold_titles": ("T",),
            "answerable": True,
            "split": "dev",
            **other,
        }
    )


def scored(one: Item, scores: Mapping[str, Share | None], *, error: str = "", text: str = "It is [1].") -> Scored:
    paper = one.gold_papers[0]
    right = scores.get("accuracy", (1.0, 1.0)) != (0.0, 1.0)
    answer = Answer(
        question=one.question,
        standalone_question=one.question,
        kind="single",
        answer=text,
        citations=(Citation(1, paper, "T", "It is.", 0, 6),) if right else (),
        retrieved=(Retrieved(paper, "T", 1.0),),
        id=one.id,
    )
    return Scored(one, answer, error, scores)


def run(name: str, items: Sequence[Scored], **manifest: Any) -> Run:
    return Run(Path(name), manifest, tuple(items), {}, {})


def of_values(name: str, n: int = 40, clusters: int = 0, **values: Callable[[int], float]) -> Run:
    """A run of `n` questions; each metric's value is a function of the question's number."""
    items = [item(i, paper=f"p{i % clusters}" if clusters else f"p{i}") for i in range(n)]
    return run(name, [scored(i, {m: (f(k), 1.0) for m, f in values.items()}) for k, i in enumerate(items)])


def said(a: Run, b: Run) -> str:
    return verdict(compare(a, b, METRICS))


def told(a: Run, b: Run) -> str:
    """Every table of a comparison as text, a row a line."""
    found = tables(compare(a, b, METRICS))
    rows = (" | ".join([row.name, *(c.text for c in row.cells)]) for t in found.values() for row in t.rows)
    return "\n".join([*rows, *(t.remark for t in found.values())])


def some(share: float, seed: int = 0) -> Callable[[int], float]:
    """1 for about that share of questions, at random, 0 for the others."""
    return lambda n: float(random.Random(f"{seed} {n}").random() < share)


LOW, HIGH = some(0.4), lambda n: max(some(0.4)(n), some(0.6, 1)(n))
SAME = some(0.5, 3)


class TestWhatIsCompared:
    def test_only_questions_of_both_and_the_others_are_listed(self) -> None:
        ones = {"vital_recall": (1.0, 1.0)}
        a = run("a", [scored(item(n), ones) for n in range(10)])
        b = run("b", [scored(item(n, question="Another?") if n == 5 else item(n), ones) for n in range(3, 12)])
        found = compare(a, b, METRICS)
        assert found.n == 6
        assert found.apart == {
            "only in a": ("q0", "q1", "q2"),
            "only in b": ("q10", "q11"),
            "with other contents": ("q5",),
        }
        assert "Not compared, only in a (3): q0, q1, q2." in told(a, b)

    def test_no_common_question_is_refused_with_the_count(self) -> None:
        a = run("one", [scored(item(n), {}) for n in range(4)])
        b = run("two", [scored(item(n, reference_answer="Other.") if n < 2 else item(n + 9), {}) for n in range(3)])
        with pytest.raises(EvaluationError, match=r"one and two have 0 questions in common \(of 4 and 3; 2 have"):
            compare(a, b, METRICS)

    def test_the_order_of_the_questions_is_all_one(self) -> None:
        a = of_values("a", vital_recall=some(0.5))
        b = of_values("b", vital_recall=some(0.7, 1))
        turned = Run(b.folder, b.manifest, b.scored[::-1], {}, {})
        assert compare(a, turned, METRICS).differences == compare(a, b, METRICS).differences

    def test_values_are_those_of_the_common_questions(self) -> None:
        a = of_values("a", 12, vital_recall=lambda n: 1.0)
        b = of_values("b", 10, vital_recall=lambda n: float(n < 4))
        (only,) = compare(a, b, METRICS).differences
        assert (only.paired.first, only.paired.second, only.paired.difference.value) == (1.0, 0.4, -0.6)

    def test_metrics_come_in_their_order_and_unknown_ones_have_no_direction(self) -> None:
        def f(n: int) -> float:
            return float(n % 2)

        a = of_values("a", new=f, words=f, faithfulness=f, vital_recall=f)
        assert [(d.name, d.better) for d in compare(a, a, METRICS).differences] == [
            ("vital_recall", "higher"),
            ("words", None),
            ("new", None),
            ("faithfulness", "higher"),
        ]

    def test_a_metric_that_one_run_lacks_is_left_out_and_said(self) -> None:
        a = of_values("a", vital_recall=some(0.5), accuracy=some(0.5))
        b = run("b", [scored(s.item, {**s.scores, "accuracy": None}) for s in a.scored])
        assert [d.name for d in compare(a, b, METRICS).differences] == ["vital_recall"]
        assert "accuracy is not compared: undefined in the second run: no question has a value." in told(a, b)

    def test_values_in_one_run_only_are_said_and_not_put_to_mcnemar(self) -> None:
        a = of_values("a", accuracy=some(0.5))
        b = run("b", [scored(s.item, s.scores if n > 3 else {"accuracy": None}) for n, s in enumerate(a.scored)])
        (found,) = compare(a, b, METRICS).differences
        assert found.mcnemar is None
        assert "accuracy: 4 questions with a value in one run only." in told(a, b)

    @pytest.mark.parametrize(
        ("judge", "compared"),
        [
            ({"model": "j", "prompts": {"faithfulness": "12ab"}, "agreement": {"faithfulness": {"kappa": 0.2}}}, True),
            ({"model": "k", "prompts": {"faithfulness": "12ab"}}, False),
            ({"model": "j", "prompts": {"faithfulness": "34cd"}}, False),
            (None, False),
        ],
    )
    def test_grades_of_two_judges_are_not_compared(self, judge: object, compared: bool) -> None:
        graded = of_values("a", faithfulness=some(0.5), vital_recall=some(0.5)).scored
        a = run("a", graded, judge={"model": "j", "prompts": {"faithfulness": "12ab"}})
        found = compare(a, run("b", graded, judge=judge), METRICS)
        assert ("faithfulness" in {d.name for d in found.differences}) is compared
        assert ("graded by another judge" in found.left_out.get("faithfulness", "")) is not compared


class TestChanges:
    def test_questions_that_got_better_and_worse(self) -> None:
        def of(name: str, *right: bool) -> Run:
            return run(name, [scored(item(n), {"accuracy": (float(r), 1.0)}) for n, r in enumerate(right)])

        text = told(of("a", True, True, False, False), of("b", True, False, True, False))
        assert "Won (1)\nq2 | What is 2? | retrieved, not cited | right" in text
        assert "Lost (1)\nq1 | What is 1? | right | retrieved, not cited" in text
        assert "2 of 4 answers differ" in text

    def test_an_error_is_another_way_of_being_wrong(self) -> None:
        wrong = scored(item(0), {"accuracy": (0.0, 1.0)})
        failed = Scored(wrong.item, wrong.answer, "timeout", wrong.scores)
        text = told(run("a", [wrong]), run("b", [failed]))
        assert "Wrong in another way (1)\nq0 | What is 0? | retrieved, not cited | error" in text
        assert "A failed on 0 of the questions and B on 1" in text

    def test_what_was_changed_is_listed(self) -> None:
        ones = [scored(item(0), {"accuracy": (1.0, 1.0)})]
        same = {"revision": {"git": "x", "dirty": 0}}
        a = run("a", ones, created="1", model="m", prompts={"answer": "11"}, top_k=[1, 2], **same)
        b = run("b", ones, created="2", model="m", prompts={"answer": "22"}, top_k=[1], **same)
        assert compare(a, b, METRICS).settings == {"prompts.answer": ("11", "22"), "top_k": ("1, 2", "1")}
        assert "prompts.answer | 11 | 22" in told(a, b)


class TestFamily:
    def test_the_primary_metrics_are_a_family_of_their_own(self) -> None:
        """Whatever others there are, p of the primary ones stays as it is; the others are adjusted by themselves."""
        sides = (
            ("a", {"vital_recall": LOW, "accuracy": SAME}),
            ("b", {"vital_recall": HIGH, "accuracy": some(0.55, 3)}),
        )
        others = ("recall@5", "recall@10", "mrr", "ndcg@10", "span_recall", "nugget_recall")
        alone, among = (
            compare(*(of_values(n, **of, **dict.fromkeys(more, of["vital_recall"])) for n, of in sides))
            for more in ((), others)
        )
        assert [d.adjusted for d in among.tested if d.primary] == [d.adjusted for d in alone.tested if d.primary]
        exploratory = [d for d in among.tested if not d.primary]
        assert {d.name for d in exploratory} == set(others)
        for d in exploratory:
            assert d.adjusted == pytest.approx(6 * d.paired.p)
        assert "over the 2 primary, and by itself over the 6 exploratory" in tables(among)["Differences"].remark

    def test_what_has_no_direction_or_few_clusters_is_not_tested(self) -> None:
        a = of_values("a", vital_recall=some(0.5), words=lambda n: 10.0 + n % 3)
        b = of_values("b", vital_recall=some(0.8, 1), words=lambda n: 20.0 + n % 7)
        few = [
            [
                scored(s.item, {**s.scores, "ndcg@10": (float(k), 1.0) if n < 5 else None})
                for n, s in enumerate(side.scored)
            ]
            for k, side in enumerate((a, b))
        ]
        found = compare(run("a", few[0]), run("b", few[1]), METRICS)
        assert {d.name: d.finding for d in found.differences if d.adjusted is None} == {
            "words": "neutral",
            "ndcg@10": "too few",
        }

    def test_what_adjustment_takes_away_is_said(self) -> None:
        """p of .03 alone is .06 of two: the interval leaves out 0, and the row says why that is no finding."""
        a = of_values("a", 40, vital_recall=lambda n: 0.0, accuracy=SAME)
        b = of_values("b", 40, vital_recall=lambda n: float(n < 6), accuracy=some(0.6, 3))
        d = next(d for d in compare(a, b, METRICS).differences if d.name == "vital_recall")
        assert d.paired.difference.low > 0
        assert (d.paired.p, d.adjusted, d.finding) == (0.03125, 0.0625, "unadjusted")
        assert "| .062 |  | not after adjustment" in told(a, b)
        assert said(a, b).startswith("No difference was shown in the primary metrics")

    def test_an_interval_without_width_is_not_printed_as_if_it_were_known(self) -> None:
        a = of_values("a", 40, accuracy=lambda n: 1.0, vital_recall=lambda n: 1.0)
        b = of_values("b", 40, accuracy=lambda n: 0.0, vital_recall=lambda n: 1.0)
        assert "accuracy * | 40 | 1.000 | .000 | −1.000 | all alike" in told(a, b)
        assert "b is worse than a in accuracy by 1.000 in every cluster alike (Holm p" in said(a, b)

    def test_mcnemar_is_for_yes_and_no(self) -> None:
        a = of_values("a", accuracy=lambda n: float(n < 20), vital_recall=lambda n: 0.5)
        b = of_values("b", accuracy=lambda n: float(12 <= n < 34), vital_recall=lambda n: 0.5)
        by_name = {d.name: d for d in compare(a, b, METRICS).differences}
        assert by_name["vital_recall"].mcnemar is None
        assert "12:14, .845" in told(a, b)

    def test_swapping_the_runs_swaps_what_is_found(self) -> None:
        a = of_values("a", vital_recall=some(0.4), accuracy=some(0.9), gap=some(0.9, 4))
        b = of_values("b", vital_recall=some(0.9, 1), accuracy=some(0.3, 2), gap=some(0.2, 5))
        there, back = compare(a, b, METRICS), compare(b, a, METRICS)
        assert [d.finding for d in there.differences] == ["better", "worse", "better"]
        assert [d.finding for d in back.differences] == ["worse", "better", "worse"]
        assert [d.adjusted for d in there.differences] == pytest.approx([d.adjusted for d in back.differences])

    def test_every_finding_is_told_in_words(self) -> None:
        a = of_values("a", 60, 30, vital_recall=LOW, accuracy=LOW, gap=LOW, words=lambda n: 10.0 + n)
        b = of_values("b", 60, 30, vital_recall=HIGH, accuracy=SAME, gap=HIGH, words=lambda n: 12.0 + n % 9)
        for d in compare(a, b, METRICS).differences:
            assert FINDINGS[d.finding] in told(a, b)
        assert "gap ↓" in told(a, b)


class TestVerdict:
    @pytest.mark.parametrize(
        ("a", "b", "wanted"),
        [
            pytest.param(
                of_values("a", 120, 60, vital_recall=LOW, accuracy=SAME),
                of_values("b", 120, 60, vital_recall=HIGH, accuracy=SAME),
                r"^b is better than a in vital recall by \.\d{3} \[\.\d{3}, \.\d{3}\] \(Holm p < \.001\), on 120 "
                r"questions in 60 clusters\.$",
                id="better",
            ),
            pytest.param(
                of_values("a", vital_recall=HIGH),
                of_values("b", vital_recall=LOW),
                r"^b is worse than a in vital recall by \.\d{3} \[\.\d{3}, \.\d{3}\] \(",
                id="worse, by a size without a sign",
            ),
            pytest.param(
                of_values("a", vital_recall=SAME, gap=HIGH),
                of_values("b", vital_recall=some(0.5, 8), gap=LOW),
                r"^No difference was shown in the primary metrics; exploratory: better in gap \(lower is better\), on",
                id="lower is better, and not in a primary metric",
            ),
            pytest.param(
                of_values("a", vital_recall=LOW, accuracy=HIGH, gap=SAME),
                of_values("b", vital_recall=HIGH, accuracy=LOW, gap=SAME),
                r"^Mixed: b is better than a in vital recall by .*, and worse in accuracy by ",
                id="mixed",
            ),
            pytest.param(
                of_values("a", vital_recall=some(0.5), accuracy=some(0.5, 7)),
                of_values("b", vital_recall=some(0.5, 8), accuracy=some(0.5, 9)),
                r"^No difference .*on 40 questions in 40 clusters, which is not to say that there is none; one below "
                r"about ±\.\d{3} in \w+( \w+)? would be missed\.$",
                id="unclear",
            ),
            pytest.param(
                of_values("a", vital_recall=SAME, accuracy=LOW),
                of_values("b", vital_recall=SAME, accuracy=LOW),
                r"^No difference was shown: every score is the same on 40 questions in 40 clusters, and 0 answers dif",
                id="identical",
            ),
            pytest.param(
                of_values("a", 30, 5, vital_recall=lambda n: 0.0),
                of_values("b", 30, 5, vital_recall=lambda n: 1.0),
                r"^Too few questions to decide: at least 6 clusters are needed on 30 questions in 5 clusters\.$",
                id="too few clusters",
            ),
            pytest.param(
                of_values("a", words=lambda n: 1.0 + n),
                of_values("b", words=lambda n: 9.0 + n),
                r"^Nothing was tested: no metric that both have has a better and a worse\.$",
                id="no metric with a direction",
            ),
            pytest.param(
                of_values("a", vital_recall=LOW),
                of_values("b", accuracy=LOW),
                r"^Nothing can be said: a and b have no metric in common\.$",
                id="no common metric",
            ),
        ],
    )
    def test_one_sentence(self, a: Run, b: Run, wanted: str) -> None:
        assert re.search(wanted, said(a, b)), said(a, b)

    @pytest.mark.parametrize("seed", range(8))
    def test_what_is_not_significant_is_never_called_none(self, seed: int) -> None:
        a, b = (of_values(name, vital_recall=some(0.5, seed + k)) for name, k in (("a", 100), ("b", 200)))
        text = said(a, b).lower()
        assert "equal" not in text
        assert "the same" not in text
        if compare(a, b, METRICS).differences[0].finding == "unclear":
            assert "not to say that there is none" in text

    def test_runs_of_one_name_are_told_apart(self) -> None:
        a = of_values("old/x", vital_recall=LOW)
        b = of_values("new/x", vital_recall=HIGH)
        assert "new/x is better than old/x in vital recall" in said(a, b)


def test_the_same_value_of_other_questions_is_no_difference() -> None:
    a = of_values("a", vital_recall=lambda n: 1.0, accuracy=some(0.5))
    b = [scored(s.item, {**s.scores, "vital_recall": None if n < 9 else (1.0, 1.0)}) for n, s in enumerate(a.scored)]
    found = compare(a, run("b", b), METRICS)
    assert [d.finding for d in found.differences] == ["same", "same"]
    assert not found.identical
