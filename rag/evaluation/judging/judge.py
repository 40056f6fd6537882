"""The judge: a model that is asked for grades, pinned, with every reply kept."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from rag.core.errors import ModelAuthError, ModelError, ModelStopped, ModelUnknown, QuotaExhausted
from rag.evaluation.judging.grades import NAMES, WORTH, Grade, Name
from rag.evaluation.judging.script import Script, of_case
from rag.evaluation.metrics.metric import Case, Share
from rag.llm.client import Client, Reply
from rag.llm.prompts import Prompt, prompt
from rag.llm.structured import ask_json

SEED = 20_261_123
TEMPERATURE = 0.0
TOKENS = 800
"""Of a reply: a reason has a hundred at most, but some models think before it."""
REASON = 300
"""Characters of a reason. Small models don't find an end where none is set."""
FATAL = (ModelAuthError, ModelUnknown, ModelStopped, QuotaExhausted)
"""Errors that every other item would meet as well."""
IN_A_ROW = 10
"""Failures one after the other after which the model is taken to be gone, and the error is raised."""


def _cut(value: Any) -> Any:
    return value[:REASON] if isinstance(value, str) else value


def _whole(value: Any) -> Any:
    """A grade as models without a schema write it: "2", 2.0."""
    text = str(value).strip()
    return {"0": 0, "1": 1, "2": 2, "0.0": 0, "1.0": 1, "2.0": 2}.get(text, text)


class Verdict(BaseModel):
    """The reply to a grading prompt. The reason comes first, so that the grade can follow from it."""

    reason: Annotated[str, BeforeValidator(_cut)] = Field(max_length=REASON)
    grade: Annotated[Grade, BeforeValidator(_whole)]


class Judge:
    """Grades answers with the model of `client`, whose cache sees to it that nothing is asked twice.

    Pinned: temperature 0, a seed, and prompts by their version. May be used by several threads.
    """

    def __init__(self, client: Client) -> None:
        self._client, self._lock, self._row, self._gone = client, threading.Lock(), 0, False
        self._prompts: dict[Name, Prompt] = {name: prompt(f"grade-{name}") for name in NAMES}
        self._counts: Counter[str] = Counter(graded=0, broken=0, failed=0, cached=0)
        self._models: set[str] = set()
        self._errors: dict[str, str] = {}

    def about(self) -> dict[str, Any]:
        """For the manifest: the model as the endpoint names it (as configured before the first reply), what it is
        pinned to, and what became of the questions so far: grades, replies that were no grade, failures, tokens."""
        return {
            "model": ", ".join(sorted(self._models)) or _name(self._client.model),
            "host": self._client.host,
            "temperature": TEMPERATURE,
            "seed": SEED,
            "prompts": {used.name: used.version for used in self._prompts.values()},
            "errors": list(self._errors.values()),
            **self._counts,
        }

    def grade(self, case: Case) -> dict[str, Share | None]:
        """The shares of one case by metric; None where it is undefined, or the judge gave no grade.

        Raises the `ModelError`s that every other case would meet as well.
        """
        script = of_case(case)
        found: dict[str, Share | None] = {}
        for name in NAMES:
            settled, known = script.known(name)
            grade = known if settled else self.ask(name, script)
            found[name] = None if grade is None else (WORTH[grade], 1)
        return found

    def grades(
        self, cases: Sequence[Case], *, jobs: int = 1, progress: Callable[[int], None] = lambda done: None
    ) -> list[dict[str, Share | None]]:
        """`grade` of each case, in their order, `jobs` at once; `progress` is called with how many are done.

        Raises what `grade` raises; what was not begun by then is not asked.
        """

        def one(case: Case) -> dict[str, Share | None]:
            return dict.fromkeys(NAMES) if self._gone else self.grade(case)

        found: list[dict[str, Share | None]] = []
        with ThreadPoolExecutor(jobs, thread_name_prefix="judge") as pool:
            asked = [pool.submit(one, case) for case in cases]
            try:
                for future in asked:
                    found.append(future.result())
                    progress(len(found))
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        return found

    def ask(self, name: Name, script: Script) -> Grade | None:
        """What the model says; None where it failed, or said twice what is no grade."""
        replies: list[Reply] = []
        try:
            found = ask_json(
                self._client,
                self._prompts[name].fill(**script.values(name)),
                Verdict,
                stop=None,
                count=replies.append,
                max_tokens=TOKENS,
                temperature=TEMPERATURE,
                seed=SEED,
            )
        except ModelError as e:
            if isinstance(e, FATAL) or self._failed(e) >= IN_A_ROW:
                self._gone = True
                raise
            return None
        finally:
            self._count(replies)
        with self._lock:
            self._row = 0
            self._counts["graded" if found else "broken"] += 1
        return found.grade if found else None

    def _failed(self, error: ModelError) -> int:
        """How many have failed in a row, with this one."""
        with self._lock:
            self._counts["failed"] += 1
            self._errors.setdefault(type(error).__name__, str(error))
            self._row += 1
            return self._row

    def _count(self, replies: Sequence[Reply]) -> None:
        with self._lock:
            for reply in replies:
                self._counts["cached"] += reply.cached
                self._counts["prompt_tokens"] += reply.usage.prompt_tokens
                self._counts["completion_tokens"] += reply.usage.completion_tokens
                if reply.text:
                    self._models.add(_name(reply.model))


def _name(model: str) -> str:
    """A model's name; of the path of its file, as which llama.cpp's server gives it, the last part."""
    return re.split(r"[/\\]", model)[-1] if re.match(r"[/\\~.]|[A-Za-z]:[/\\]", model) else model
