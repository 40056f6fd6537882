"""New reference questions, to be reviewed: drafted from a collection, by templates or a model, or from feedback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rag.evaluation.checking import check
from rag.evaluation.drafting.feedback import from_feedback
from rag.evaluation.drafting.item import SplitRule, as_in, by_hash
from rag.evaluation.drafting.templates import from_templates
from rag.evaluation.drafting.writing import Supported, Writer
from rag.evaluation.items import Item
from rag.llm.client import Client
from rag.papers import Paper

__all__ = ["Drafts", "SplitRule", "Supported", "as_in", "by_hash", "draft", "from_feedback"]


SHARE = 0.6
"""Of the drafts that a model writes, where there is one; templates write what has no answer, too."""


@dataclass(frozen=True, slots=True)
class Drafts:
    """The drafts; how many of a model's were dropped, by the reason; and sentences for the client."""

    items: tuple[Item, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def draft(
    papers: Sequence[Paper],
    n: int,
    *,
    seed: int = 0,
    split: SplitRule = by_hash,
    client: Client | None = None,
    supported: Supported | None = None,
    stop: threading.Event | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Drafts:
    """At most `n` drafts from a collection, each of which `rag eval check` passes; fewer where it gives no more.

    Without `client` the same arguments give the same drafts. With one, the model writes those that one abstract is
    enough for (facts, numbers, ideas), of which `supported` may refuse answers; templates write the others, and all
    that are left where the model fails, which is a warning. `progress` is called with how many are there, and `n`.
    """
    written: list[Item] = []
    writer: Writer | None = None
    if client is not None and papers:
        writer = Writer(papers, split, client, supported)
        for item in writer.drafts(round(SHARE * n), seed, stop):
            written.append(item)
            if progress:
                progress(len(written), n)
    asked = {(item.question, item.history) for item in written}
    items = [*written, *(t for t in _sound(papers, seed, split) if (t.question, t.history) not in asked)][:n]
    if progress:
        progress(len(items), n)
    return Drafts(tuple(items), dict(writer.dropped) if writer else {}, tuple(_warnings(writer, items, n)))


def _sound(papers: Sequence[Paper], seed: int, split: SplitRule) -> list[Item]:
    """The templates' drafts that the check of a reference set passes."""
    items = from_templates(papers, seed, split)
    flawed = {flaw.id for flaw in check(items, papers)}
    return [item for item in items if item.id not in flawed]


def _warnings(writer: Writer | None, items: Sequence[Item], n: int) -> list[str]:
    warnings = []
    if writer is not None and writer.failure:
        warnings.append(f"The model failed, and templates wrote the rest: {writer.failure}")
    if writer is not None and (dropped := sum(writer.dropped.values())):
        did = "draft did not hold and was" if dropped == 1 else "drafts did not hold and were"
        warnings.append(f"{dropped} of the model's {did} dropped.")
    if len(items) < n:
        gave = f"{len(items)} draft{'' if len(items) == 1 else 's'} of the {n} that were wanted"
        warnings.append(f"The papers gave {gave}.")
    return warnings
