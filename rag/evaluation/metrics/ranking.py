"""The papers that were looked at, in their order, through ir_measures (MacAvaney, Macdonald and Ounis 2022).

recall@k = |gold ∩ first k| / |gold|; of a list with more than k gold papers it can't reach 1. mrr = 1 / the place of
the first gold paper, 0 where none is (Voorhees 1999, TREC-8 QA). ndcg@10 = the sum of 1 / log2(1 + place) over the gold
papers among the first ten, over the most that it can be (Järvelin and Kekäläinen 2002, doi:10.1145/582415.582418).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from rag.evaluation.metrics.metric import Case, Share

MEASURES = ("R@5", "R@10", "RR", "nDCG@10")
"""As ir_measures calls them."""


def measured(measure: str) -> Callable[[Case], Share | None]:
    """The function of one of `MEASURES`, over the papers in the order of `answer.retrieved`, each once; relevance is
    binary, and the borderline papers of a list are taken out of the ranking first. A failure has retrieved nothing."""

    def of(case: Case) -> Share | None:
        gold, aside = frozenset(case.item.gold_papers), frozenset(case.item.borderline_papers)
        if not gold:
            return None
        retrieved = () if case.failed else case.answer.retrieved
        ranked = tuple(dict.fromkeys(r.paper_id for r in retrieved if r.paper_id not in aside))
        return _measures(ranked, gold)[measure], 1.0

    return of


@lru_cache(maxsize=4096)
def _measures(ranked: tuple[str, ...], gold: frozenset[str]) -> dict[str, float]:
    """Every measure of a ranking at once: what takes its time is the call."""
    if not ranked:
        return dict.fromkeys(MEASURES, 0.0)
    import ir_measures

    relevant = [ir_measures.Qrel("q", paper, 1) for paper in sorted(gold)]
    run = [ir_measures.ScoredDoc("q", paper, float(len(ranked) - n)) for n, paper in enumerate(ranked)]
    wanted = {name: ir_measures.parse_measure(name) for name in MEASURES}
    found = ir_measures.calc_aggregate(list(wanted.values()), relevant, run)
    return {name: float(found[measure]) for name, measure in wanted.items()}
