"""Two runs side by side: what is compared, what is said of it, and what is not claimed."""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from rag.core.answer import Answer, Citation, Retrieved
from rag.core.errors import EvaluationError
from rag.evaluation.comparing import Comparison, compare
from rag.evaluation.items import Item
from rag.evaluation.metrics.metric import Metric, Share
from rag.evaluation.runs import Run, Scored
from rag.evaluation.side_by_side import changes, markdown, settings, table
from rag.evaluation.verdict import verdict


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


def shown(what: RenderableType, width: int = 200) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(what)
    return out.getvalue()


def some(share: float, seed: int = 0) -> Callable[[int], float]:
    """1 for about that share of questions, at random, 0 for the others."""
    return lambda n: float(random.Random(f"{seed} {n}").random() < share)


class TestWhatIsCompared:
    def test_only_questions_of_both_and_the_others_are_listed(self) -> None:
        ones = {"vital_recall": (1.0, 1.0)}
        a = run("a", [scored(item(n), ones) for n in range(10)])
        b = run("b", [scored(item(n, question="Another?") if n == 5 else item(n), ones) for n in range(3, 12)])
        found = compare(a, b, METRICS)
        assert found.n == 6
        assert found.only_a == ("q0", "q1", "q2")
        assert found.only_b == ("q10", "q11")
        assert found.altered == ("q5",)
        assert "Only the 6 questions that both were asked are compared" in verdict(found)
        assert "3 are only in a, 2 only in b, 1 have other contents" in verdict(found)
        text = markdown(found)
        assert "Only in a, and not compared (3): q0, q1, q2" in text
        assert "With other contents, and not compared (1): q5" in text

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
        found = compare(a, a, METRICS).differences
        assert [(d.name, d.better) for d in found] == [
            ("vital_recall", "higher"),
            ("words", None),
            ("new", None),
            ("faithfulness", "higher"),
        ]

    def test_the_metrics_of_the_product_by_default(self) -> None:
        a = of_values("a", **{"words": lambda n: 7.0, "recall@5": lambda n: 1.0})
        assert [d.name for d in compare(a, a).differences] == ["recall@5", "words"]

    def test_a_metric_that_one_run_lacks_is_left_out_and_said(self) -> None:
        a = of_values("a", vital_recall=some(0.5), accuracy=some(0.5))
        b = run("b", [scored(s.item, {**s.scores, "accuracy": None}) for s in a.scored])
        found = compare(a, b, METRICS)
        assert [d.name for d in found.differences] == ["vital_recall"]
        assert found.left_out == {"accuracy": "undefined in the second run: no question has a value"}
        assert "accuracy is not compared: undefined in the second run" in markdown(found)
        assert "Not compared, though a run has it: accuracy." in verdict(found)

    def test_a_metric_that_neither_has_is_no_matter(self) -> None:
        a = of_values("a", vital_recall=some(0.5))
        a = run("a", [scored(s.item, {**s.scores, "accuracy": None}) for s in a.scored])
        found = compare(a, a, METRICS)
        assert found.identical
        assert found.left_out == {"accuracy": "undefined in both runs: no question has a value"}
        assert "Not compared" not in verdict(found)

    def test_values_in_one_run_only_are_said(self) -> None:
        a = of_values("a", vital_recall=some(0.5))
        b = run("b", [scored(s.item, s.scores if n else {"vital_recall": None}) for n, s in enumerate(a.scored)])
        assert "vital_recall: 1 question with a value in one run only" in markdown(compare(a, b, METRICS))

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

        found = compare(of("a", True, True, False, False), of("b", True, False, True, False), METRICS)
        assert [c.item.id for c in found.got_better] == ["q2"]
        assert [c.item.id for c in found.got_worse] == ["q1"]
        assert found.shifted == ()
        assert found.unlike == 2
        text = markdown(found)
        assert "### Got better (1)" in text
        assert "q1 (fact): What is 1? — right → retrieved, not cited" in text
        terminal = shown(changes(found))
        assert "−  q1" in terminal
        assert "+  q2" in terminal

    def test_an_error_is_another_way_of_being_wrong(self) -> None:
        wrong = scored(item(0), {"accuracy": (0.0, 1.0)})
        failed = Scored(wrong.item, wrong.answer, "timeout", wrong.scores)
        found = compare(run("a", [wrong]), run("b", [failed]), METRICS)
        assert [(c.before, c.after) for c in found.shifted] == [("not_cited", "error")]
        assert found.failed == (0, 1)
        assert "a failed on 0 of the questions and b on 1" in verdict(found)

    def test_what_was_changed_is_listed(self) -> None:
        ones = [scored(item(0), {"accuracy": (1.0, 1.0)})]
        a = run(
            "a", ones, created="1", model="m", prompts={"answer": "11"}, top_k=[1, 2], revision={"git": "x", "dirty": 0}
        )
        b = run(
            "b", ones, created="2", model="m", prompts={"answer": "22"}, top_k=[1], revision={"git": "x", "dirty": 0}
        )
        found = compare(a, b, METRICS)
        assert [(s.name, s.a, s.b) for s in found.settings] == [("prompts.answer", "11", "22"), ("top_k", "1, 2", "1")]
        assert "| prompts.answer | 11 | 22 |" in markdown(found)
        assert "prompts.answer" in shown(settings(found))

    def test_nothing_was_changed(self) -> None:
        a = of_values("a", vital_recall=some(0.5))
        assert "Nothing that the manifests tell." in markdown(compare(a, a, METRICS))


class TestFamily:
    def test_p_is_adjusted_over_what_has_a_direction_and_enough_clusters(self) -> None:
        a = of_values("a", vital_recall=some(0.5), accuracy=some(0.5), words=lambda n: 10.0 + n % 3)
        b = of_values("b", vital_recall=some(0.8, 1), accuracy=some(0.6, 2), words=lambda n: 20.0 + n % 7)
        few = [
            scored(s.item, {**s.scores, "ndcg@10": (float(k), 1.0) if n < 5 else None})
            for k, r in enumerate((a, b))
            for n, s in enumerate(r.scored)
        ]
        found = compare(run("a", few[:40]), run("b", few[40:]), METRICS)
        left_out_or_few = {d.name for d in found.differences} - {d.name for d in found.tested}
        assert {d.name for d in found.tested} == {"vital_recall", "accuracy"}
        assert left_out_or_few == {"words", "ndcg@10"}
        least, other = sorted(found.tested, key=lambda d: d.paired.p)
        assert least.adjusted == pytest.approx(2 * least.paired.p)
        assert other.adjusted == max(least.adjusted or 0, other.paired.p)
        assert "p is adjusted by Holm's method (primary: 2 metrics)." in verdict(found)
        assert "Too few to decide: ndcg@10 (5 clusters)." in verdict(found)

    def test_the_primary_metrics_are_a_family_of_their_own(self) -> None:
        """Whatever others there are, p of the primary ones stays as it is."""
        sides = (
            ("a", {"vital_recall": LOW, "accuracy": SAME}),
            ("b", {"vital_recall": HIGH, "accuracy": some(0.55, 3)}),
        )
        others = ("recall@5", "recall@10", "mrr", "ndcg@10", "span_recall", "nugget_recall")
        alone, among = (
            compare(*(of_values(n, **of, **dict.fromkeys(more, of["vital_recall"])) for n, of in sides))
            for more in ((), others)
        )
        assert [d.adjusted for d in among.primary] == [d.adjusted for d in alone.primary]
        assert {d.name for d in among.exploratory} == set(others)
        for d in among.exploratory:
            assert d.adjusted == pytest.approx(6 * d.paired.p)
        assert "(primary: 2 metrics; others, exploratory: 6)" in verdict(among)
        legend = " ".join(shown(table(among)).split())
        assert "over the 2 primary, and by itself over the 6 exploratory" in legend

    def test_what_adjustment_takes_away_is_said(self) -> None:
        """p of .03 alone is .06 of two: the interval leaves out 0, and the row says why that is no finding."""
        a = of_values("a", 40, vital_recall=lambda n: 0.0, accuracy=SAME)
        b = of_values("b", 40, vital_recall=lambda n: float(n < 6), accuracy=some(0.6, 3))
        found = compare(a, b, METRICS)
        d = next(d for d in found.differences if d.name == "vital_recall")
        assert d.paired.difference.low > 0
        assert d.paired.p == 0.03125
        assert d.adjusted == 0.0625
        assert d.finding == "unadjusted"
        assert "not after adjustment" in shown(table(found))
        assert "| not after adjustment |" in markdown(found)
        assert "but not after adjustment: vital recall (p = .031, Holm-adjusted p = .062)." in verdict(found)
        assert verdict(found).startswith("No difference was shown.\n")

    def test_where_few_differ_the_interval_alone_decides_nothing(self) -> None:
        a = of_values("a", 40, vital_recall=lambda n: 0.0)
        b = of_values("b", 40, vital_recall=lambda n: float(n < 5))
        (d,) = (found := compare(a, b, METRICS)).differences
        assert d.paired.difference.low > 0
        assert d.finding == "borderline"
        assert "borderline, may be chance" in shown(table(found))

    def test_an_interval_without_width_is_not_printed_as_if_it_were_known(self) -> None:
        a = of_values("a", 40, accuracy=lambda n: 1.0, vital_recall=lambda n: 1.0)
        b = of_values("b", 40, accuracy=lambda n: 0.0, vital_recall=lambda n: 1.0)
        found = compare(a, b, METRICS)
        for text in (markdown(found), shown(table(found))):
            assert "−1.000 to −1.000" not in text
            assert ".000 to .000" not in text
            assert "all differ alike" in text
            assert "none differ" in text
            assert "every cluster has the same difference" in " ".join(text.split())
            assert "None differ: every cluster" in " ".join(text.split())
        assert "worse than a in accuracy by 1.000 in every cluster alike (Holm-adjusted p" in verdict(found)
        assert "[" not in verdict(found)

    def test_mcnemar_is_for_yes_and_no(self) -> None:
        a = of_values("a", accuracy=lambda n: float(n < 20), vital_recall=lambda n: 0.5)
        b = of_values("b", accuracy=lambda n: float(12 <= n < 34), vital_recall=lambda n: 0.5)
        by_name = {d.name: d for d in compare(a, b, METRICS).differences}
        assert by_name["vital_recall"].mcnemar is None
        found = by_name["accuracy"].mcnemar
        assert found is not None
        assert (found.first_only, found.second_only) == (12, 14)
        text = markdown(compare(a, b, METRICS))
        assert "12:14, .845" in text
        assert "takes questions as independent" in text
        assert "†" not in text

    def test_mcnemar_is_left_out_where_answers_decide_which_questions_count(self) -> None:
        a = of_values("a", accuracy=some(0.5))
        b = run("b", [scored(s.item, s.scores if n > 3 else {"accuracy": None}) for n, s in enumerate(a.scored)])
        (found,) = compare(a, b, METRICS).differences
        assert found.mcnemar is None
        assert found.note == "4 questions with a value in one run only"

    def test_mcnemar_over_shared_papers_is_marked(self) -> None:
        a = of_values("a", clusters=10, accuracy=some(0.5))
        b = of_values("b", clusters=10, accuracy=some(0.5, 1))
        assert "†; " not in markdown(compare(a, b, METRICS))
        assert "with † some share papers" in markdown(compare(a, b, METRICS))

    def test_swapping_the_runs_swaps_what_is_found(self) -> None:
        a = of_values("a", vital_recall=some(0.4), accuracy=some(0.9), gap=some(0.9, 4))
        b = of_values("b", vital_recall=some(0.9, 1), accuracy=some(0.3, 2), gap=some(0.2, 5))
        there, back = compare(a, b, METRICS), compare(b, a, METRICS)
        assert [d.finding for d in there.differences] == ["better", "worse", "better"]
        assert [d.finding for d in back.differences] == ["worse", "better", "worse"]
        assert [d.adjusted for d in there.differences] == pytest.approx([d.adjusted for d in back.differences])
        assert there.got_better == tuple(type(c)(c.item, c.after, c.before) for c in back.got_worse)


LOW, HIGH = some(0.4), lambda n: max(some(0.4)(n), some(0.6, 1)(n))
SAME = some(0.5, 3)


class TestVerdict:
    @pytest.mark.parametrize(
        ("a", "b", "wanted"),
        [
            pytest.param(
                of_values("a", 120, 60, vital_recall=LOW, accuracy=SAME),
                of_values("b", 120, 60, vital_recall=HIGH, accuracy=SAME),
                [
                    r"^b is better in vital recall\.\n\n",
                    r"b is better than a in vital recall by \.\d{3} \[\.\d{3}, \.\d{3}\] \(Holm-adjusted p < \.001, "
                    r"120 questions in 60 clusters\); no difference in the other primary metric is distinguishable",
                    r"smaller than about ±\.\d{3} in vital recall would be missed",
                ],
                id="better",
            ),
            pytest.param(
                of_values("a", vital_recall=HIGH),
                of_values("b", vital_recall=LOW),
                [
                    r"^b is worse in vital recall\.\n\n",
                    r"Primary metrics: b is worse than a in vital recall by \.\d{3} \[\.\d{3}, \.\d{3}\] \(",
                    "One metric was tested, so p needed no adjustment",
                ],
                id="worse, by a size without a sign",
            ),
            pytest.param(
                of_values("a", gap=HIGH),
                of_values("b", gap=LOW),
                [
                    r"^No primary metric was tested; exploratory: better in gap \(lower is better\)\.\n\n",
                    r"Exploratory metrics: b is better than a in gap \(lower is better\) by \.\d{3} \[\.\d",
                ],
                id="lower is better",
            ),
            pytest.param(
                of_values("a", vital_recall=LOW, accuracy=HIGH, gap=SAME, **{"ndcg@10": SAME}),
                of_values("b", vital_recall=HIGH, accuracy=LOW, gap=SAME, **{"ndcg@10": SAME}),
                [
                    r"^Mixed: b is better in vital recall, worse in accuracy\.\n\n",
                    r"Primary metrics: b is better than a in vital recall by .*, and worse in accuracy by .*\. Which "
                    r"of these matters more no test can say\. No difference in the 2 exploratory metrics is disting",
                    r"in two families \(primary: 2 metrics; others, exploratory: 2\)",
                ],
                id="mixed",
            ),
            pytest.param(
                of_values("a", vital_recall=some(0.5), accuracy=some(0.5, 7)),
                of_values("b", vital_recall=some(0.5, 8), accuracy=some(0.5, 9)),
                [
                    r"^No difference was shown\.\n\n",
                    "No difference between a and b is distinguishable from chance on 40 questions in 40 clusters, "
                    "which is not to say that there is none",
                    r"The least likely by chance is in \w+( \w+)?: b is (better|worse) by \.",
                    r"smaller than about ±\.\d{3} in .* or ±\.\d{3} in .* would be missed more than one time in five",
                ],
                id="unclear",
            ),
            pytest.param(
                of_values("a", vital_recall=SAME, **{"ndcg@10": LOW}),
                of_values("b", vital_recall=SAME, **{"ndcg@10": HIGH}),
                [
                    r"^No difference was shown in the primary metrics; exploratory: better in ndcg@10\.\n\n",
                    "No difference in the primary metric is distinguishable from chance",
                    "Exploratory metrics: b is better than a in ndcg@10 by",
                ],
                id="not in a primary metric",
            ),
            pytest.param(
                of_values("a", vital_recall=SAME, accuracy=LOW),
                of_values("b", vital_recall=SAME, accuracy=LOW),
                [
                    r"^No difference was shown: every score is the same\.\n\n",
                    r"The scores of a and b are the same on every question \(40 questions in 40 clusters\) in all 2 "
                    "metrics compared, and so are the answers. Nothing here tells them apart; other questions might",
                ],
                id="identical",
            ),
            pytest.param(
                of_values("a", 30, 5, vital_recall=lambda n: 0.0),
                of_values("b", 30, 5, vital_recall=lambda n: 1.0),
                [r"^Too few questions to decide\.\n\nBoth were asked 30 questions in 5 clusters. At least 6 clusters"],
                id="too few clusters",
            ),
            pytest.param(
                of_values("a", words=lambda n: 1.0 + n),
                of_values("b", words=lambda n: 9.0 + n),
                [r"^Nothing was tested\.\n\nNo metric that both have has a better"],
                id="no metric with a direction",
            ),
            pytest.param(
                of_values("a", vital_recall=LOW),
                of_values("b", accuracy=LOW),
                [r"^Nothing can be said\.\n\na and b have no metric in common"],
                id="no common metric",
            ),
        ],
    )
    def test_words(self, a: Run, b: Run, wanted: Sequence[str]) -> None:
        text = said(a, b)
        for pattern in wanted:
            assert re.search(pattern, text), text

    @pytest.mark.parametrize("seed", range(8))
    def test_what_is_not_significant_is_never_called_none(self, seed: int) -> None:
        a, b = (of_values(name, vital_recall=some(0.5, seed + k)) for name, k in (("a", 100), ("b", 200)))
        found = compare(a, b, METRICS)
        text = verdict(found).lower()
        assert "no difference between a and b." not in text
        assert "equal" not in text
        assert "are the same" not in text
        if found.differences[0].finding == "unclear":
            assert "not to say that there is none" in text

    def test_differing_answers_with_the_same_scores(self) -> None:
        a = of_values("a", vital_recall=SAME)
        b = run(
            "b",
            [
                scored(s.item, s.scores, text="Otherwise [1]." if n < 3 else "It is [1].")
                for n, s in enumerate(a.scored)
            ],
        )
        assert "though 3 of the answers differ" in said(a, b)

    def test_runs_of_one_name_are_told_apart(self) -> None:
        a = of_values("old/x", vital_recall=LOW)
        b = of_values("new/x", vital_recall=HIGH)
        assert "new/x is better than old/x in vital recall" in said(a, b)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    a = of_values("a[bold]", 60, 30, vital_recall=LOW, accuracy=LOW, gap=LOW, words=lambda n: 10.0 + n)
    b = of_values("b|x", 60, 30, vital_recall=HIGH, accuracy=SAME, gap=HIGH, words=lambda n: 12.0 + n % 9)
    return compare(a, b, METRICS)


def test_a_long_verdict_tells_the_figures_of_primary_metrics() -> None:
    names = ["ndcg@10", "mrr", "recall@5", "vital_recall", "list_f1"]
    a, b = (of_values(run, **dict.fromkeys(names, value)) for run, value in (("a", LOW), ("b", HIGH)))
    text = verdict(compare(a, b))
    assert text.startswith("b is better in vital recall; exploratory: better in 4 metrics.\n")
    assert "Primary metrics: b is better than a in vital recall by ." in text
    assert "; also in list f1." in text
    assert text.count("Holm-adjusted") == 4


def test_the_same_value_of_other_questions_is_no_difference() -> None:
    a = of_values("a", vital_recall=lambda n: 1.0, accuracy=some(0.5))
    b = [scored(s.item, {**s.scores, "vital_recall": None if n < 9 else (1.0, 1.0)}) for n, s in enumerate(a.scored)]
    found = compare(a, run("b", b), METRICS)
    assert [d.finding for d in found.differences] == ["same", "same"]
    assert not found.identical


class TestShown:
    def test_table(self, comparison: Comparison) -> None:
        text = shown(table(comparison))
        for wanted in (
            "a[bold]",
            "b|x",
            "vital_recall *",
            "gap ↓",
            "B is better",
            "B is worse",
            "has no direction",
            "Holm p",
        ):
            assert wanted in text
        assert "With ↓ lower is better" in " ".join(text.split())

    def test_narrow_terminals_keep_the_names(self, comparison: Comparison) -> None:
        text = shown(table(comparison), 80)
        for d in comparison.differences:
            assert f"{d.name} " in text
            assert f"{d.paired.difference.value:+.3f}".replace("0.", ".").replace("-", "−") in text or d.name == "words"

    def test_markdown_has_a_cell_for_each_column(self, comparison: Comparison) -> None:
        lines = [line for line in markdown(comparison).splitlines() if line.startswith("|")]
        head = next(line for line in lines if "Holm" in line)
        width = len(re.findall(r"(?<!\\)\|", head))
        of_metrics = lines[lines.index(head) : lines.index(head) + 6]
        assert [len(re.findall(r"(?<!\\)\|", line)) for line in of_metrics] == [width] * 6

    def test_what_a_question_says_is_no_markup(self) -> None:
        hostile = "<script>x</script> [bold]y[/bold] | `z`\n# head"
        one = [scored(item(n, question=hostile), {"accuracy": (1.0, 1.0)}) for n in range(2)]
        other = [scored(item(n, question=hostile), {"accuracy": (0.0, 1.0)}) for n in range(2)]
        found = compare(run("a", one), run("b", other), METRICS)
        assert "<script>" not in markdown(found).replace("\\<", "")
        assert "\n# head" not in markdown(found)
        assert "[bold]y[/bold]" in shown(changes(found))
