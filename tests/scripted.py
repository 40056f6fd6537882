"""`python tests/scripted.py PORT HOME`: the chat page over a stand-in that answers as the question tells it to.

For what the real collection can't be made to do on demand: be empty, be slow, fail, hold hostile papers.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from fake_rag import OTHER, PAPER, FakeRag  # noqa: E402
from hostile import HOSTILE  # noqa: E402

from rag.core.answer import Answer, Citation, Event, Retrieved, Step, Text, Turn  # noqa: E402
from rag.core.config import Config  # noqa: E402
from rag.core.errors import RagError  # noqa: E402
from rag.core.options import Options  # noqa: E402
from rag.core.paper import Paper  # noqa: E402

BAD = tuple(
    Paper(id=f"bad-{n:08}", title=payload, abstract=f"Before. {payload} After.", raw_abstract="")
    for n, payload in enumerate(HOSTILE)
)
WORDS = 200


class Scripted(FakeRag):
    """Begins empty; after ingest it holds two harmless papers and one for each hostile payload."""

    def ingest(self, paths: Sequence[Path] = (), **options: Any) -> Any:
        done = super().ingest(paths, **options)
        self.held = (PAPER, OTHER, *BAD)
        return done

    def suggest(self, answers: Sequence[Answer], **options: Any) -> tuple[str, ...]:
        return (
            *super().suggest(answers),
            f"And how does {PAPER.title} compare with the {WORDS} others that do so, in all?",
        )

    def stream(
        self,
        question: str,
        history: Sequence[Turn] = (),
        *,
        options: Options | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Event]:
        yield Step("understand", "Reading the question")
        yield Step("retrieve", f"Searching {len(self.held)} papers")
        if "slow" in question:
            for n in range(WORDS):
                yield Text(f"word{n} ")
                time.sleep(0.1)
        if "fail" in question:
            raise RagError("The index is gone; run rag ingest.")
        *_, answer = super().stream(question, history, options=options, stop=stop)
        assert isinstance(answer, Answer)
        if "hostile" in question:
            answer = _hostile(answer)
        if "nothing" in question:
            nearest = (Retrieved(PAPER.id, PAPER.title, 0.1),)
            answer = replace(
                answer,
                kind="none",
                abstained=True,
                state="nothing",
                citations=(),
                retrieved=nearest,
                answer="Not here.",
            )
        yield Text(answer.answer)
        yield answer


def _hostile(answer: Answer) -> Answer:
    """Every payload raw in the answer, in a title, an abstract and a warning."""
    citations = tuple(Citation(n, p.id, p.title, p.abstract, 0, len(p.abstract)) for n, p in enumerate(BAD, 1))
    text = "\n\n".join(f"{p.title} [{n}]" for n, p in enumerate(BAD, 1))
    return replace(answer, answer=text, citations=citations, warnings=HOSTILE, standalone_question=HOSTILE[0])


def _tell_of_other_hosts(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook (PEP 578): a line in the log for each host beyond this machine that anything here reaches for."""
    host = {"socket.connect": lambda: args[1][0], "socket.getaddrinfo": lambda: args[0]}.get(event, lambda: None)()
    if isinstance(host, str) and host not in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "") and "/" not in host:
        print(f"REACHED FOR {host}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.addaudithook(_tell_of_other_hosts)
    from rag.web import launch

    config = Config(port=int(sys.argv[1]), home=Path(sys.argv[2]))
    rag: Any = Scripted(config, empty=True)
    launch(config, rag)
