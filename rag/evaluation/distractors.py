"""Noise: other papers mixed into a collection, to see how the answers to the same questions bear it.

Noise robustness as in RGB (Chen et al. 2024, Benchmarking Large Language Models in Retrieval-Augmented Generation).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rapidfuzz import fuzz, process

from rag.core.config import Config
from rag.core.errors import EvaluationError
from rag.core.paper import fold
from rag.index.library import read_papers, write_papers
from rag.papers import Paper, load

ALIKE = 92.0
"""Similarity of titles, of 100, from which a paper is taken for one of the collection: it would be no distractor."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Distractor papers: from which file, how many for each paper of the collection."""

    file: Path
    ratio: float


def mixed(config: Config, papers: Sequence[Paper], noise: Noise) -> tuple[Config, int]:
    """The settings for a collection that holds `papers` and distractors, and how many distractors it holds.

    Which ones is decided by a hash of their ids, so that a higher ratio has those of a lower one and more. The
    collection lies beside the runs, and is made anew only where it differs. Raises `EvaluationError` where the file
    has too few papers, and what reading it raises.
    """
    wanted = round(noise.ratio * len(papers))
    found = load([noise.file])
    if not found.papers and found.refused:
        raise found.refused[0]
    others = _others(found.papers, papers)
    if len(others) < wanted:
        raise EvaluationError(
            f"--ratio {noise.ratio:g} asks for {wanted:,} distractors for {len(papers):,} papers, and {noise.file} has "
            f"{len(others):,} that are not in the collection."
        )
    chosen = others[:wanted]
    mark = hashlib.sha256("".join(p.id for p in chosen).encode()).hexdigest()[:8]
    home = config.home / "evaluations" / "noise"
    collection = f"{config.collection[:30]}-{noise.ratio:g}-{mark}".replace("+", "")
    library = home / "collections" / collection / "papers.jsonl"
    together = [*papers, *chosen]
    if read_papers(library) != together:
        write_papers(library, together)
    return replace(config, home=home, collection=collection), len(chosen)


def _others(found: Sequence[Paper], papers: Sequence[Paper]) -> list[Paper]:
    """Those that are none of `papers`, in an order that has nothing to do with the file's."""
    ids, titles = {p.id for p in papers}, [p.title.casefold() for p in papers]
    texts = {fold(p.abstract) for p in papers}
    new = [p for p in found if p.id not in ids and fold(p.abstract) not in texts]
    alike = (process.extractOne(p.title.casefold(), titles, scorer=fuzz.ratio, score_cutoff=ALIKE) for p in new)
    kept = [p for p, same in zip(new, alike, strict=True) if same is None]
    return sorted(kept, key=lambda p: hashlib.sha256(p.id.encode()).digest())
