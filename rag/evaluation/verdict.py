"""What may be concluded from a comparison of two runs, and what may not, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag.evaluation.comparing import PRIMARY, Comparison, Difference
from rag.evaluation.intervals import DECISIVE
from rag.evaluation.report.table import figure


def verdict(c: Comparison) -> str:
    """A paragraph that claims no more than the tests do.

    A difference that is not significant is never called none; what could have been missed is said beside it.
    """
    return " ".join(_sentences(c))


def _sentences(c: Comparison) -> Iterator[str]:
    yield from _scope(c)
    if not c.differences:
        yield "They have no metric in common, so nothing can be said."
    elif c.identical:
        yield from _identical(c)
    elif not any(d.better for d in c.differences):
        yield "Nothing was tested: no metric that both have has a better and a worse."
    elif not c.family:
        few = "" if c.clusters < DECISIVE else ", and each metric has values in too few of these"
        yield (
            f"Too few to decide: {_asked(c.n, c.clusters)}{few}. At least {DECISIVE} clusters of questions about the "
            "same papers are needed before a difference could be more than chance."
        )
    else:
        yield from _found(c)
    if c.one_sided:
        yield f"Not compared, though a run has it: {', '.join(name.replace('_', ' ') for name in c.one_sided)}."
    if any(c.failed):
        yield f"{c.a} failed on {c.failed[0]} of the questions and {c.b} on {c.failed[1]}: errors count as bad answers."


def _scope(c: Comparison) -> Iterator[str]:
    if not (c.only_a or c.only_b or c.altered):
        return
    parts = [f"{len(c.only_a)} are only in {c.a}", f"{len(c.only_b)} only in {c.b}"]
    if c.altered:
        parts.append(f"{len(c.altered)} have other contents")
    yield f"Only the {_count(c.n, 'question')} that both were asked are compared ({', '.join(parts)})."


def _identical(c: Comparison) -> Iterator[str]:
    answers = "and so are the answers" if not c.unlike else f"though {c.unlike:,} of the answers differ"
    yield (
        f"The scores of {c.a} and {c.b} are the same on every question ({_asked(c.n, c.clusters)}) in "
        f"{'the one metric' if len(c.differences) == 1 else f'all {len(c.differences)} metrics'} compared, {answers}. "
        "Nothing here tells them apart; other questions might."
    )


def _found(c: Comparison) -> Iterator[str]:
    gains, losses = (_first([d for d in c.family if d.finding == f]) for f in ("better", "worse"))
    rest = _rest(len(c.family) - len(gains) - len(losses))
    if gains and losses:
        yield (
            f"Mixed: {c.b} is better than {c.a} in {_list(gains)}, and worse in {_list(losses)}{rest}. Which of these "
            "matters more no test can say."
        )
    elif gains or losses:
        yield f"{c.b} is {'better' if gains else 'worse'} than {c.a} in {_list(gains or losses)}{rest}."
    else:
        yield from _nothing(c)
    if (gains or losses) and not any(d.primary for d in gains + losses) and any(d.primary for d in c.family):
        yield f"None of these is a primary metric ({_names(_first([d for d in c.family if d.primary]))})."
    yield _family(c)
    yield from _few(c)
    yield from _missed(c)


def _rest(others: int) -> str:
    if not others:
        return ""
    what = "the difference in the one other metric is not" if others == 1 else "no other difference is"
    return f"; {what} distinguishable from chance"


def _nothing(c: Comparison) -> Iterator[str]:
    yield (
        f"No difference between {c.a} and {c.b} is distinguishable from chance on {_asked(c.n, c.clusters)}, which is "
        "not to say that there is none."
    )
    least = min(c.family, key=lambda d: (d.paired.p, not d.primary))
    if least.gain:
        side = "better" if least.gain > 0 else "worse"
        yield f"The least likely by chance is in {_name(least)}: {c.b} is {side} by {_evidence(least)}."


def _family(c: Comparison) -> str:
    if len(c.family) == 1:
        return "One metric was tested, so p needed no adjustment."
    return (
        f"p is adjusted for {len(c.family)} metrics by Holm's method: all that have a better and a worse, and values "
        f"in {DECISIVE} clusters or more."
    )


def _few(c: Comparison) -> Iterator[str]:
    few = [d for d in c.differences if d.better and d.adjusted is None]
    if few:
        named = [f"{_name(d)} ({_count(d.paired.fewest, 'cluster')})" for d in few]
        yield f"Too few to decide: {_and(named)}."


def _missed(c: Comparison) -> Iterator[str]:
    """What difference the questions are too few for."""
    seen = [d for d in c.family if d.paired.error > 0]
    seen = sorted([d for d in seen if d.primary] or seen, key=lambda d: d.paired.visible)
    if not seen:
        return
    ends = [f"±{figure(d.paired.visible)} in {_name(d)}" for d in dict.fromkeys([seen[0], seen[-1]])]
    yield (
        f"With this many questions a difference smaller than about {' or '.join(ends)} would be missed more than one "
        "time in five, even if it were tested alone."
    )


def _list(found: Sequence[Difference]) -> str:
    """The primary metrics with their figures, or else the three that are surest; the others by name."""
    first = [d for d in found if d.primary] or found[:3]
    others = [_name(d) for d in found if d not in first]
    if len(found) <= 3:
        first, others = list(found), []
    told = _and([f"{_name(d)} by {_evidence(d)}" for d in first])
    return f"{told}; also in {', '.join(others)}" if others else told


def _evidence(d: Difference) -> str:
    """How large, between what, how likely by chance, on how much: as a size, so that worse by .06 is .06."""
    e = d.paired.difference
    low, high = (e.low, e.high) if e.value >= 0 else (-e.high, -e.low)
    size = f"{figure(abs(e.value))} [{figure(low)}, {figure(high)}]"
    return f"{size} (Holm-adjusted p {_p(d.adjusted or 0.0)}, {_asked(e.n, e.clusters)})"


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {figure(value)}"


def _asked(n: int, clusters: int) -> str:
    return f"{_count(n, 'question')} in {_count(clusters, 'cluster')}"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _first(found: Sequence[Difference]) -> list[Difference]:
    """Primary metrics first, in their order; the others by how sure they are."""
    order = {name: rank for rank, name in enumerate(PRIMARY)}
    return sorted(found, key=lambda d: (order.get(d.name, len(order)), 0.0 if d.primary else d.paired.p))


def _name(d: Difference) -> str:
    return d.name.replace("_", " ") + (" (lower is better)" if d.better == "lower" else "")


def _names(found: Sequence[Difference]) -> str:
    return ", ".join(d.name.replace("_", " ") for d in found)


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{'; '.join(parts[:-1])}; and {parts[-1]}"
