"""What was run: the manifest of each run side by side, whatever it holds of what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rag.evaluation.outcome import OUTCOMES, WORDS, outcome
from rag.evaluation.report.table import UNDEFINED, Cell, Row, Table
from rag.evaluation.runs import Run

FACTS: Mapping[str, tuple[str, ...]] = {
    "system": ("system",),
    "model": ("model",),
    "judge": ("judge.model", "judge"),
    "split": ("split",),
    "kinds": ("kinds",),
    "at most of a kind": ("limit",),
    "questions": ("questions",),
    "hash of the questions": ("set",),
    "collection": ("collection",),
    "papers": ("papers",),
    "index": ("index",),
    "distractors for each paper": ("distractors.ratio",),
    "code": ("code",),
    "revision": ("revision.git", "revision"),
    "uncommitted changes": ("revision.dirty", "dirty"),
    "version": ("versions.paper-rag", "version"),
    "machine": ("machine.processor", "machine"),
    "cores": ("machine.cores",),
    "operating system": ("machine.system",),
    "Python": ("machine.python", "versions.python"),
    "began": ("created",),
    "ended": ("finished",),
}
"""What readers want to know first, and the keys of a manifest under which it may stand, in the order of preference."""


def labels(runs: Sequence[Run]) -> tuple[str, ...]:
    """What each run is called: its name, with the folder above where two have the same, and else a number."""
    names = [r.name for r in runs]
    longer = [f"{r.folder.parent.name}/{r.name}" if names.count(r.name) > 1 else r.name for r in runs]
    return tuple(f"{n} ({longer[: i + 1].count(n)})" if longer.count(n) > 1 else n for i, n in enumerate(longer))


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested values under dotted names, as text; lists on one line."""
    found: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, (list, tuple)):
            found |= {f"{prefix}{key}": ", ".join(str(v) for v in value)} if value else {}
        elif value is not None and value != "":
            found[f"{prefix}{key}"] = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    return found


def manifests(runs: Sequence[Run]) -> Table:
    """What readers want to know first; facts that no run states are left out."""
    values = [flat(r.manifest) for r in runs]
    rows = []
    for fact, keys in FACTS.items():
        found = [next((v[k] for k in keys if k in v), "") for v in values]
        if any(found) and not (fact == "at most of a kind" and set(found) <= {"0", ""}):
            rows.append(Row(fact, tuple(Cell(_short(fact, f) or UNDEFINED) for f in found)))
    return Table(("", *labels(runs)), tuple(rows), words=True)


def everything(runs: Sequence[Run]) -> Table:
    """All that the manifests say, under dotted names."""
    values = [flat(r.manifest) for r in runs]
    keys = dict.fromkeys(k for v in values for k in v)
    rows = tuple(Row(key, tuple(Cell(v.get(key, UNDEFINED)) for v in values)) for key in keys)
    return Table(("", *labels(runs)), rows, words=True)


def judges(runs: Sequence[Run]) -> Table | None:
    """The judge of each run and how far it agrees with people's labels; None where no run has one.

    What a model thinks of answers is worth what this says.
    """
    values = [flat({"judge": r.manifest.get("judge") or {}}) for r in runs]
    keys = dict.fromkeys(k for v in values for k in v)
    rows = tuple(Row(k.removeprefix("judge."), tuple(Cell(v.get(k, UNDEFINED)) for v in values)) for k in keys)
    return Table(("", *labels(runs)), rows, words=True) if rows else None


def sentence(run: Run) -> str:
    """How many questions came out right, and what became of the others, most of them first."""
    found = [outcome(s) for s in run.scored]
    right = found.count("right")
    others = sorted(((found.count(o), WORDS[o]) for o in OUTCOMES[1:] if o in found), key=lambda pair: -pair[0])
    share = f" ({right / len(found):.0%})" if found else ""
    rest = f" The others: {'; '.join(f'{n:,} {words}' for n, words in others)}." if others else ""
    return f"{right:,} of {len(found):,} question{'' if len(found) == 1 else 's'} right{share}.{rest}"


def _short(fact: str, value: str) -> str:
    """Hashes by their first twelve digits, as people compare them; the whole stands in the manifest."""
    hashed = fact in ("hash of the questions", "index", "revision") and len(value) >= 32 and " " not in value
    return value[:12] if hashed else value
