"""The metrics that need no model: one small file for those that belong together."""

from __future__ import annotations

from rag.evaluation.items import SETS
from rag.evaluation.metrics import (
    abstention,
    alce,
    count_exact,
    missing_named,
    nugget_recall,
    number_exactness,
    paper_sets,
    quote_exactness,
    ranking,
    span_overlap,
    words,
)
from rag.evaluation.metrics.metric import Metric
from rag.evaluation.metrics.paper_sets import of_kinds

GOLD, LISTS, VITAL = (
    "no question has gold papers",
    "no question asks for a list or count",
    "no question has vital nuggets",
)
CLAIMED, CITED = "no answer claims anything", "no answer to a question with gold papers cites a paper"
QUOTED, OVERVIEWS = (
    "no answer to a question with gold spans quotes anything",
    "no question asks for an overview with key papers",
)
ANSWERABLE = "no question is answerable"

METRICS: tuple[Metric, ...] = (
    Metric("recall@5", ranking.measured("R@5"), GOLD),
    Metric("recall@10", ranking.measured("R@10"), GOLD),
    Metric("mrr", ranking.measured("RR"), GOLD),
    Metric("ndcg@10", ranking.measured("nDCG@10"), GOLD),
    Metric("gold_citation_recall", paper_sets.recall, GOLD),
    Metric("gold_citation_precision", paper_sets.precision, "no answer to a question with gold papers cites a paper"),
    Metric("span_recall", span_overlap.recall, "no question has gold spans"),
    Metric("span_precision", span_overlap.precision, "no answer to a question with gold spans quotes anything"),
    Metric("citation_recall", alce.recall, CLAIMED),
    Metric("citation_precision", alce.precision, f"{CLAIMED} with a citation"),
    Metric("quote_exactness", quote_exactness.exactness, "no answer quotes anything"),
    Metric("vital_recall", nugget_recall.vital_recall, VITAL),
    Metric("nugget_recall", nugget_recall.nugget_recall, "no question has nuggets"),
    Metric("all_vital", nugget_recall.all_vital, VITAL, yes_no=True),
    Metric("number_exactness", number_exactness.exactness, "no vital nugget has a figure"),
    Metric("list_precision", of_kinds(SETS, paper_sets.precision), "no answer to a list or count cites a paper"),
    Metric("list_recall", of_kinds(SETS, paper_sets.recall), LISTS),
    Metric("list_f1", of_kinds(SETS, paper_sets.f1), LISTS),
    Metric("count_exact", count_exact.exact, "no question asks for a count", yes_no=True),
    Metric("missing_named", missing_named.named, "no question has a side that the collection lacks"),
    Metric(
        "balance", of_kinds(("comparison",), paper_sets.balance), "no comparison has a side that the collection has"
    ),
    Metric(
        "overview_recall",
        of_kinds(("overview",), paper_sets.recall),
        "no question asks for an overview with key papers",
    ),
    Metric("accuracy", abstention.accuracy, "nothing was asked", yes_no=True),
    Metric("answer_precision", abstention.answer_precision, "nothing was answered", yes_no=True),
    Metric("coverage", abstention.coverage, ANSWERABLE, yes_no=True),
    Metric("hedged", abstention.hedged, ANSWERABLE, better="lower", yes_no=True),
    Metric("lost", abstention.lost, "no answerable question is about one paper", better="lower", yes_no=True),
    Metric("refusal_precision", abstention.refusal_precision, "nothing was refused", yes_no=True),
    Metric("refusal_recall", abstention.refusal_recall, "every question is answerable", yes_no=True),
    Metric("words", words.words, "nothing was answered", better=None, bounded=False),
)
"""In the order of tables."""
