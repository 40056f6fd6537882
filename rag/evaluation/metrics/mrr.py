"""Mean reciprocal rank: 1 / the place of the first gold paper among those that were looked at, 0 where none is.

Voorhees 1999 (TREC-8 QA), through ir_measures ("RR").
"""

from __future__ import annotations

from rag.evaluation.metrics.metric import Metric
from rag.evaluation.metrics.ranking import UNDEFINED, measured

MRR = Metric("mrr", measured("RR"), UNDEFINED)
