"""Lists that a model helps to decide: it judges the uncertain candidates in batches, with two known cases in each.

What retrieval is sure of stays in, what is far off stays out. Between them the word of the model moves a paper's odds,
unless it fails on the known cases: then what it says of that batch counts for nothing. So a weak model does no harm.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import BaseModel, Field

from rag.ask.answering import Findings
from rag.ask.finding import Finder, Found
from rag.ask.membership import Candidates
from rag.llm.client import Client, Reply
from rag.llm.prompts import data, prompt, source
from rag.llm.structured import ask_json

BATCH, KNOWN = 8, 2
"""Candidates of one call, and the known cases beside them."""
CANDIDATE_TOKENS, FRAME_TOKENS = 150, 500
"""What one candidate takes of the context, and what the rest of prompt and reply do."""
MAX_CALLS = 3
"""Calls for one list, each repeated at most once for bad JSON."""
LOW, HIGH = 0.08, 0.9
"""Probabilities of belonging between which the model is asked."""
WORTH = 1.5
"""Log-odds that a yes adds and a no takes. Set by judgement, not fitted: a model that is right four times in five."""
WORDS = 60
"""Words of evidence for a candidate."""
UNFIT_FOR_LISTS = "The model failed on known cases of the list, or wrote no JSON; the list is decided without it."


class Fit(BaseModel):
    """The reply to the prompt `list`."""

    fit: list[int] = Field(max_length=BATCH + KNOWN)
    unfit: list[int] = Field(max_length=BATCH + KNOWN)


@dataclass(frozen=True, slots=True)
class Judged:
    """A list as the model left it; `ignored` says that some of what it said counted for nothing."""

    findings: Findings
    ignored: bool


class ListJudge:
    """Asks a model, which reads `context` tokens, about the candidates of lists. `count` is called with each reply."""

    def __init__(
        self,
        finder: Finder,
        client: Client,
        count: Callable[[Reply], None],
        stop: threading.Event | None,
        context: int,
    ) -> None:
        self._finder, self._client, self._count, self._stop = finder, client, count, stop
        self._batch = min(BATCH, (context - FRAME_TOKENS) // CANDIDATE_TOKENS - KNOWN)

    def judged(self, found: Found) -> Judged:
        """The list with the model's word on its uncertain candidates, or as it was where there are none."""
        candidates, findings = found.candidates, found.findings
        if candidates is None or len(candidates.rows) < 3 or self._batch < 1:
            return Judged(findings, False)
        p = np.clip(candidates.probabilities, 1e-6, 1 - 1e-6)
        logits = np.log(p / (1 - p))
        order = np.argsort(-p, kind="stable")
        uncertain = [int(i) for i in order if LOW <= p[i] < HIGH][: self._batch * MAX_CALLS]
        ignored = False
        for first in range(0, len(uncertain), self._batch):
            said = self._ask(candidates, uncertain[first : first + self._batch], findings.query.topic)
            ignored |= said is None
            for i, fits in (said or {}).items():
                logits[i] += WORTH if fits else -WORTH
        decided = replace(candidates, probabilities=(1 / (1 + np.exp(-logits))).astype(np.float32))
        known = {paper.row: paper for paper in findings.papers}
        papers = tuple(known.get(row) or self._finder.listed(candidates.topic, row) for row in decided.members())
        return Judged(replace(findings, papers=papers), ignored)

    def _ask(self, candidates: Candidates, batch: Sequence[int], topic: str) -> dict[int, bool] | None:
        """Whether each candidate of a batch fits; None where the model is wrong on the known cases, or says nothing."""
        p = candidates.probabilities
        sure, far = int(np.argmax(p)), int(np.argmin(p))
        shown = [*batch[: len(batch) // 2], far, *batch[len(batch) // 2 :]]
        if sure not in shown:
            shown.append(sure)
        used = prompt("list")
        sources = "\n".join(self._source(n, candidates, i) for n, i in enumerate(shown, 1))
        found = ask_json(
            self._client, used.fill(sources=sources, topic=data(topic)), Fit, stop=self._stop, count=self._count
        )
        if found is None:
            return None
        fit, unfit = ({shown[n - 1] for n in some if 1 <= n <= len(shown)} for some in (found.fit, found.unfit))
        if far in fit - unfit or sure not in fit - unfit:
            return None
        # What stands in neither or in both lists was not judged.
        return {i: i in fit for i in batch if (i in fit) != (i in unfit)}

    def _source(self, number: int, candidates: Candidates, i: int) -> str:
        paper = self._finder.listed(candidates.topic, int(candidates.rows[i]), WORDS)
        held = self._finder.index.papers[paper.row]
        return source(number, held.title, " ".join(held.abstract[e.span.start : e.span.end] for e in paper.sentences))
