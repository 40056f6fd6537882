"""What may be concluded from a comparison of two runs, and what may not, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag.evaluation.comparing import PRIMARY, Comparison, Difference, Finding
from rag.evaluation.intervals import DECISIVE
from rag.evaluation.report.table import figure


def verdict(c: Comparison) -> str:
    """The short finding on a line of its own, and a paragraph that claims no more than the tests do.

    A difference that is not significant is never called none; what could have been missed is said beside it.
    """
    return f"{headline(c)}\n\n{details(c)}"


def headline(c: Comparison) -> str:
    """What the primary metrics say, in one short sentence; without them, what the exploratory ones do."""
    if not c.differences:
        return "Nothing can be said."
    if c.identical:
        return "No difference was shown: every score is the same."
    if not any(d.better for d in c.differences):
        return "Nothing was tested."
    if not c.tested:
        return "Too few questions to decide."
    gains, losses = (_names(_found(c.primary, f)) for f in ("better", "worse"))
    others = _others(c)
    if gains and losses:
        return f"Mixed: {c.b} is better in {gains}, worse in {losses}{others}."
    if gains or losses:
        return f"{c.b} is {'better' if gains else 'worse'} in {gains or losses}{others}."
    if others and not c.primary:
        return f"No primary metric was tested{others}."
    return f"No difference was shown{' in the primary metrics' if others else ''}{others}."


def _others(c: Comparison) -> str:
    """What is to be added of the exploratory metrics: few by name, many by their number."""
    told = []
    for finding in ("better", "worse"):
        found = _found(c.exploratory, finding)
        if found:
            told.append(f"{finding} in {_names(found) if len(found) < 3 else f'{len(found)} metrics'}")
    return f"; exploratory: {', '.join(told)}" if told else ""


def details(c: Comparison) -> str:
    """The finding with its figures, as a paragraph."""
    return " ".join(_sentences(c))


def _sentences(c: Comparison) -> Iterator[str]:
    yield from _scope(c)
    if not c.differences:
        yield f"{c.a} and {c.b} have no metric in common."
    elif c.identical:
        yield from _identical(c)
    elif not any(d.better for d in c.differences):
        yield "No metric that both have has a better and a worse."
    elif not c.tested:
        few = "" if c.clusters < DECISIVE else ", and each metric has values in too few of these"
        yield (
            f"Both were asked {_asked(c.n, c.clusters)}{few}. At least {DECISIVE} clusters of questions about the same "
            "papers are needed before a difference could be more than chance."
        )
    else:
        yield from _tested(c)
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


def _tested(c: Comparison) -> Iterator[str]:
    if any(_found(c.tested, f) for f in ("better", "worse")):
        yield from _claims(c, c.primary, "primary metric")
        yield from _claims(c, c.exploratory, "exploratory metric")
    else:
        yield from _nothing(c)
    if alone := _found(c.tested, "unadjusted"):
        told = [f"{_name(d)} (p {_p(d.paired.p)}, {_adjusted(d)})" for d in alone]
        yield f"Distinguishable if tested alone, but not after adjustment: {_and(told)}."
    yield _families(c)
    yield from _few(c)
    yield from _missed(c)


def _claims(c: Comparison, family: Sequence[Difference], what: str) -> Iterator[str]:
    """What is found in one family of metrics."""
    gains, losses = (_found(family, f) for f in ("better", "worse"))
    if gains and losses:
        rest = _rest(len(family) - len(gains) - len(losses), what)
        yield (
            f"{what.capitalize()}s: {c.b} is better than {c.a} in {_list(gains)}, and worse in {_list(losses)}{rest}. "
            "Which of these matters more no test can say."
        )
    elif gains or losses:
        rest = _rest(len(family) - len(gains or losses), what)
        side = "better" if gains else "worse"
        yield f"{what.capitalize()}s: {c.b} is {side} than {c.a} in {_list(gains or losses)}{rest}."
    elif family:
        yield f"No difference in {_these(len(family), what)} is distinguishable from chance."


def _rest(others: int, what: str) -> str:
    return f"; no difference in {_these(others, f'other {what}')} is distinguishable from chance" if others else ""


def _these(n: int, what: str) -> str:
    return f"the {what}" if n == 1 else f"the {n} {what}s"


def _nothing(c: Comparison) -> Iterator[str]:
    yield (
        f"No difference between {c.a} and {c.b} is distinguishable from chance on {_asked(c.n, c.clusters)}, which is "
        "not to say that there is none."
    )
    least = min(c.primary or c.tested, key=lambda d: d.paired.p)
    if least.gain:
        side = "better" if least.gain > 0 else "worse"
        yield f"The least likely by chance is in {_name(least)}: {c.b} is {side} by {_evidence(least)}."


def _families(c: Comparison) -> str:
    if len(c.tested) == 1:
        return "One metric was tested, so p needed no adjustment."
    sizes = [_count(len(c.primary), "metric"), str(len(c.exploratory))]
    if not (c.primary and c.exploratory):
        told = f"{'primary' if c.primary else 'exploratory'}: {_count(len(c.tested), 'metric')}"
        return f"p is adjusted by Holm's method ({told})."
    return f"p is adjusted by Holm's method in two families (primary: {sizes[0]}; others, exploratory: {sizes[1]})."


def _few(c: Comparison) -> Iterator[str]:
    few = [d for d in c.differences if d.better and d.adjusted is None]
    if few:
        named = [f"{_name(d)} ({_count(d.paired.fewest, 'cluster')})" for d in few]
        yield f"Too few to decide: {_and(named)}."


def _missed(c: Comparison) -> Iterator[str]:
    """What difference the questions are too few for."""
    seen = [d for d in c.tested if d.paired.error > 0]
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
    if e.unanimous:
        alike = f"{figure(abs(e.value))} in every cluster alike"
        return f"{alike} ({_adjusted(d)}, {_asked(e.n, e.clusters)})"
    low, high = (e.low, e.high) if e.value >= 0 else (-e.high, -e.low)
    size = f"{figure(abs(e.value))} [{figure(low)}, {figure(high)}]"
    return f"{size} ({_adjusted(d)}, {_asked(e.n, e.clusters)})"


def _adjusted(d: Difference) -> str:
    return f"Holm-adjusted p {_p(d.adjusted or 0.0)}"


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"= {figure(value)}"


def _asked(n: int, clusters: int) -> str:
    return f"{_count(n, 'question')} in {_count(clusters, 'cluster')}"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _found(family: Sequence[Difference], finding: Finding) -> list[Difference]:
    """Those of which this was found: primary metrics in their order, then the others by how sure they are."""
    order = {name: rank for rank, name in enumerate(PRIMARY)}
    found = [d for d in family if d.finding == finding]
    return sorted(found, key=lambda d: (order.get(d.name, len(order)), 0.0 if d.primary else d.paired.p))


def _name(d: Difference) -> str:
    return d.name.replace("_", " ") + (" (lower is better)" if d.better == "lower" else "")


def _names(found: Sequence[Difference]) -> str:
    names = [_name(d) for d in found]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{'; '.join(parts[:-1])}; and {parts[-1]}"
