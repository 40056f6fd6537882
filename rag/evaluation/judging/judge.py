"""The judge: a model that is asked for grades, pinned, with every reply kept."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Tally:
    """What became of the questions to the judge: `given` grades, replies that were no grade, and failures.

    `cached` counts replies that were on disk, `errors` has the first message of each kind of failure.
    """

    given: int = 0
    broken: int = 0
    failed: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    models: set[str] = field(default_factory=set)
    errors: dict[str, str] = field(default_factory=dict)
    row: int = 0


class Judge:
    """Grades answers with the model of `client`, whose cache sees to it that nothing is asked twice.

    Pinned: temperature 0, a seed, and prompts by their version. May be used by several threads.
    """

    def __init__(self, client: Client) -> None:
        self._client, self._lock, self._tally = client, threading.Lock(), Tally()
        self._prompts: dict[Name, Prompt] = {name: prompt(f"grade-{name}") for name in NAMES}

    def about(self) -> dict[str, Any]:
        """For the manifest: the model as the endpoint names it (as configured before the first reply), what it is
        pinned to, and what became of the questions so far."""
        told = self._tally
        return {
            "model": ", ".join(sorted(told.models)) or _name(self._client.model),
            "host": self._client.host,
            "temperature": TEMPERATURE,
            "seed": SEED,
            "prompts": {used.name: used.version for used in self._prompts.values()},
            "graded": told.given,
            "broken": told.broken,
            "failed": told.failed,
            "errors": list(told.errors.values()),
            "cached": told.cached,
            "prompt_tokens": told.prompt_tokens,
            "completion_tokens": told.completion_tokens,
        }

    def grade(self, case: Case) -> dict[str, Share | None]:
        """The shares of one case by metric; None where it is undefined, or the judge gave no grade.

        Raises the `ModelError`s that every other case would meet as well.
        """
        script = of_case(case)
        return {name: _share(self.grade_of(name, script)) for name in NAMES}

    def grades(
        self, cases: Sequence[Case], *, jobs: int = 1, progress: Callable[[int], None] = lambda done: None
    ) -> list[dict[str, Share | None]]:
        """`grade` of each case, in their order, `jobs` at once; `progress` is called with how many are done.

        Raises what `grade` raises; no case is begun after that.
        """
        given_up = threading.Event()

        def one(case: Case) -> dict[str, Share | None]:
            if given_up.is_set():
                return dict.fromkeys(NAMES)
            try:
                return self.grade(case)
            except BaseException:
                given_up.set()
                raise

        found: list[dict[str, Share | None]] = []
        with ThreadPoolExecutor(jobs, thread_name_prefix="judge") as pool:
            try:
                for shares in pool.map(one, cases):
                    found.append(shares)
                    progress(len(found))
            finally:
                given_up.set()
        return found

    def grade_of(self, name: Name, script: Script) -> Grade | None:
        """One grade: what is known without asking, else what the model says; None where it is undefined."""
        settled, known = script.known(name)
        return known if settled else self.ask(name, script)

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
        except FATAL:
            raise
        except ModelError as e:
            if self._fail(e) >= IN_A_ROW:
                raise
            return None
        finally:
            self._count(replies)
        with self._lock:
            self._tally.row = 0
            if found is None:
                self._tally.broken += 1
                return None
            self._tally.given += 1
        return found.grade

    def _fail(self, error: ModelError) -> int:
        with self._lock:
            self._tally.failed += 1
            self._tally.row += 1
            self._tally.errors.setdefault(type(error).__name__, str(error))
            return self._tally.row

    def _count(self, replies: Sequence[Reply]) -> None:
        with self._lock:
            for reply in replies:
                self._tally.cached += reply.cached
                self._tally.prompt_tokens += reply.usage.prompt_tokens
                self._tally.completion_tokens += reply.usage.completion_tokens
                if reply.text:
                    self._tally.models.add(_name(reply.model))


def _name(model: str) -> str:
    """A model's name; of the path of its file, as which llama.cpp's server gives it, the last part."""
    return re.split(r"[/\\]", model)[-1] if _FILE.match(model) else model


_FILE = re.compile(r"[/\\~.]|[A-Za-z]:[/\\]")


def _share(grade: Grade | None) -> Share | None:
    return None if grade is None else (WORTH[grade], 1)
