"""New reference questions, to be reviewed: drafted from a collection, by templates or a model, or from feedback."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rag.evaluation.drafting.feedback import from_feedback
from rag.evaluation.drafting.splits import SplitRule, as_in, by_hash
from rag.evaluation.drafting.templates import MIX, from_templates
from rag.evaluation.drafting.writing import KINDS, Supported, Writer
from rag.evaluation.items import Item
from rag.llm.client import Client
from rag.papers import Paper

__all__ = ["Drafts", "SplitRule", "Supported", "as_in", "by_hash", "draft", "from_feedback"]


SMALL = 30
"""Papers, up to which it is told why no questions about several of them are there."""


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
        share = round(n * sum(kind in KINDS for kind in MIX) / len(MIX))
        for item in writer.drafts(share, seed, stop):
            written.append(item)
            if progress:
                progress(len(written), n)
    templates = from_templates(papers, n, seed, split)
    if writer is not None and not writer.failure:
        # Where the model writes well, templates do what it was not asked for, and fill up last.
        templates.sort(key=lambda item: item.kind in KINDS)
    asked = {(item.question, item.history) for item in written}
    items = [*written, *(t for t in templates if (t.question, t.history) not in asked)][:n]
    if progress:
        progress(len(items), n)
    return Drafts(
        tuple(items), dict(writer.dropped) if writer else {}, tuple(_warnings(writer, items, n, papers, split))
    )


def _warnings(
    writer: Writer | None, items: Sequence[Item], n: int, papers: Sequence[Paper], split: SplitRule
) -> list[str]:
    warnings = []
    if writer is not None and writer.failure:
        warnings.append(f"The model failed, and templates wrote the rest: {writer.failure}")
    if writer is not None and (dropped := sum(writer.dropped.values())):
        did = "draft did not hold and was" if dropped == 1 else "drafts did not hold and were"
        warnings.append(f"{dropped} of the model's {did} dropped.")
    if len(items) < n:
        gave = f"{len(items)} draft{'' if len(items) == 1 else 's'} of the {n} that were wanted."
        warnings.append(f"The papers gave {gave}{_scarce(items, papers, split)}")
    return warnings


def _scarce(items: Sequence[Item], papers: Sequence[Paper], split: SplitRule) -> str:
    """Why a small collection gives no lists and comparisons."""
    if not papers or len(papers) > SMALL or any(item.kind in ("list", "count", "comparison") for item in items):
        return ""
    of = Counter(split(paper.id) for paper in papers)
    return (
        " Lists, counts and comparisons need papers of one split that share a rare term; of "
        f"{len(papers)} paper{'' if len(papers) == 1 else 's'}, {of['dev']} are dev and {of['test']} are test."
    )
