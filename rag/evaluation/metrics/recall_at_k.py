"""Recall at k: the share of the gold papers that are among the first k that were looked at.

R@k = |gold ∩ first k| / |gold|, through ir_measures (MacAvaney, Macdonald and Ounis 2022, arXiv:2111.13466). Of a list
with more than k gold papers it can't reach 1.
"""

from __future__ import annotations

from rag.evaluation.metrics.metric import Metric
from rag.evaluation.metrics.ranking import UNDEFINED, measured

RECALL_AT_5 = Metric("recall@5", measured("R@5"), UNDEFINED)
RECALL_AT_10 = Metric("recall@10", measured("R@10"), UNDEFINED)
