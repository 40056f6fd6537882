"""The metrics: one small file for those that belong together."""

from __future__ import annotations

from rag.evaluation.metrics.abstention import ACCURACY, ANSWER_PRECISION, COVERAGE, REFUSAL_PRECISION, REFUSAL_RECALL
from rag.evaluation.metrics.alce import CITATION_PRECISION, CITATION_RECALL
from rag.evaluation.metrics.count_exact import COUNT_EXACT
from rag.evaluation.metrics.lost import HEDGED, LOST
from rag.evaluation.metrics.metric import Metric
from rag.evaluation.metrics.missing_named import MISSING_NAMED
from rag.evaluation.metrics.nugget_recall import ALL_VITAL, NUGGET_RECALL, VITAL_RECALL
from rag.evaluation.metrics.number_exactness import NUMBER_EXACTNESS
from rag.evaluation.metrics.paper_sets import (
    BALANCE,
    GOLD_CITATION_PRECISION,
    GOLD_CITATION_RECALL,
    LIST_F1,
    LIST_PRECISION,
    LIST_RECALL,
    OVERVIEW_RECALL,
)
from rag.evaluation.metrics.quote_exactness import QUOTE_EXACTNESS
from rag.evaluation.metrics.ranking import MRR, NDCG_AT_10, RECALL_AT_5, RECALL_AT_10
from rag.evaluation.metrics.span_overlap import SPAN_PRECISION, SPAN_RECALL
from rag.evaluation.metrics.words import WORDS

METRICS: tuple[Metric, ...] = (
    RECALL_AT_5,
    RECALL_AT_10,
    MRR,
    NDCG_AT_10,
    GOLD_CITATION_RECALL,
    GOLD_CITATION_PRECISION,
    SPAN_RECALL,
    SPAN_PRECISION,
    CITATION_RECALL,
    CITATION_PRECISION,
    QUOTE_EXACTNESS,
    VITAL_RECALL,
    NUGGET_RECALL,
    ALL_VITAL,
    NUMBER_EXACTNESS,
    LIST_PRECISION,
    LIST_RECALL,
    LIST_F1,
    COUNT_EXACT,
    MISSING_NAMED,
    BALANCE,
    OVERVIEW_RECALL,
    ACCURACY,
    ANSWER_PRECISION,
    COVERAGE,
    HEDGED,
    LOST,
    REFUSAL_PRECISION,
    REFUSAL_RECALL,
    WORDS,
)
"""Those that need no model, in the order of tables."""
