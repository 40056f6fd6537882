"""nDCG@10: the sum of 1 / log2(1 + place) over the gold papers among the first ten, over the most that it can be.

Järvelin and Kekäläinen 2002 (doi:10.1145/582415.582418) with binary relevance, through ir_measures.
"""

from __future__ import annotations

from rag.evaluation.metrics.metric import Metric
from rag.evaluation.metrics.ranking import UNDEFINED, measured

NDCG_AT_10 = Metric("ndcg@10", measured("nDCG@10"), UNDEFINED)
