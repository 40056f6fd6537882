"""The evaluation that this server is carrying out: one at a time, and it goes on whoever watches."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from rag.core.errors import RagError, UsageError

if TYPE_CHECKING:
    from rag.evaluation.session import Plan

Stage = Literal["none", "running", "finished", "stopped", "failed"]
FAULT = "The server met an error of its own; its log on the terminal has the details. What was answered is kept."

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """How far the last evaluation of this server is; `stage` is "none" before the first.

    `doing` is what happens now, `done` how much of it is, out of `total` (0: not known). `failed` counts the questions
    that got an error instead of an answer. `trouble` says why it failed as a whole.
    """

    stage: Stage = "none"
    name: str = ""
    doing: str = ""
    done: int = 0
    total: int = 0
    failed: int = 0
    stopping: bool = False
    trouble: str = ""


class Running:
    """Starts an evaluation in a thread of its own, and knows how far it is."""

    def __init__(self) -> None:
        self._state = State()
        self._stop = threading.Event()
        self._guard = threading.Lock()

    @property
    def state(self) -> State:
        """How far it is now."""
        return self._state

    @property
    def stoppable(self) -> bool:
        """Whether there is something left to be stopped: what is asked is scored in any case."""
        state = self._state
        return state.stage == "running" and state.doing in ("Preparing", "Asking") and not state.stopping

    @property
    def busy(self) -> bool:
        """Whether an evaluation is running."""
        return self._state.stage == "running"

    def start(self, plan: Plan) -> None:
        """Begin, or go on with, the run that `plan` names. UsageError while another is running."""
        with self._guard:
            if self.busy:
                raise UsageError(
                    f"This server carries out one evaluation at a time, and {self._state.name} is running. Wait for "
                    "it, or stop it first."
                )
            self._stop = threading.Event()
            self._state = State("running", plan.name, "Preparing")
        # A daemon: a server that is ended does not wait for it. Every answer is kept as soon as it is there.
        threading.Thread(target=self._carry_out, args=(plan, self._stop), name="evaluation", daemon=True).start()

    def stop(self) -> None:
        """End the run after the question that is being asked; what there is is kept."""
        with self._guard:
            if self.busy:
                self._stop.set()
                self._state = replace(self._state, stopping=True)

    def _carry_out(self, plan: Plan, stop: threading.Event) -> None:
        from rag.evaluation.session import evaluate

        try:
            found = evaluate(plan, progress=self._progress, stop=stop)
            self._end("stopped" if found is None else "finished")
        except RagError as error:
            self._end("failed", str(error))
        except Exception:
            _log.exception("The evaluation %s failed", plan.name)
            self._end("failed", FAULT)

    def _progress(self, doing: str, done: int, total: int) -> None:
        """`doing` may say how many questions failed: "Asking (2 failed)"."""
        match = re.fullmatch(r"(.*?)(?: \((\d+) failed\))?", doing)
        what, failed = (match[1], match[2]) if match else (doing, None)
        with self._guard:
            before = self._state
            self._state = replace(
                before, doing=what, done=done, total=total, failed=int(failed) if failed else before.failed
            )

    def _end(self, stage: Stage, trouble: str = "") -> None:
        with self._guard:
            self._state = replace(self._state, stage=stage, stopping=False, trouble=trouble)
