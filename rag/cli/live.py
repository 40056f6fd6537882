"""A question asked from the command line: its draft is shown in a terminal while it is written."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rag.cli import console
from rag.core.errors import RagError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rag.core.answer import Answer, Turn
    from rag.core.options import Options
    from rag.service import Rag

FRAMES = 12
"""Times a second that the draft is drawn: as smooth as text needs, and little work. Its beginning is drawn at once."""
BROKE_OFF = "[The answer broke off here: it is incomplete.]"
STOPPED = "[stopped: the answer above is incomplete]"


def answered(
    rag: Rag, question: str, history: Sequence[Turn] = (), *, options: Options | None = None, keep: bool = True
) -> Answer:
    """The answer to a question.

    On the way a terminal shows the draft, which goes when the answer is there: what does not hold is taken back in it.
    If `keep`, what had been written is printed and marked where the model fails for good, and in a terminal where the
    user presses Ctrl-C. Raises `RagError` and KeyboardInterrupt; the model has been told to stop by then.
    """
    from rag.core.answer import Answer, Step, Text

    stop = threading.Event()
    draft = ""
    try:
        with Screen() as screen:
            for event in rag.stream(question, history, options=options, stop=stop):
                if isinstance(event, Answer):
                    return event
                if isinstance(event, Step):
                    screen.status = console.safe(event.detail)
                elif isinstance(event, Text):
                    draft += event.text
                    screen.write(console.safe(draft))
    except RagError:
        if keep and draft.strip():
            console.show_draft(draft.strip(), BROKE_OFF)
        raise
    except KeyboardInterrupt:
        if keep and draft.strip() and sys.stdout.isatty():
            console.show_draft(draft.strip(), STOPPED)
        raise
    finally:
        stop.set()
    raise RagError("The answer broke off.")


class Screen:
    """What happens now, and the end of the draft, on standard error; nothing where that is no terminal."""

    def __init__(self) -> None:
        self.status = "Reading the question"
        self._draft = ""

    def __enter__(self) -> Screen:
        self._live = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live
            from rich.spinner import Spinner

            self._spinner = Spinner("dots")
            self._console = Console(stderr=True, highlight=False)
            self._live = Live(
                console=self._console,
                get_renderable=self._shown,
                refresh_per_second=FRAMES,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def write(self, draft: str) -> None:
        """Show this draft in the place of the one before."""
        first, self._draft = not self._draft, draft
        if first and self._live is not None:
            self._live.refresh()

    def _shown(self) -> RenderableType:
        from rich.console import Group
        from rich.segment import Segment, Segments
        from rich.text import Text

        self._spinner.update(text=Text(f"{self.status} …"))
        if not self._draft:
            return self._spinner
        # What is taller than the screen could not be wiped off again.
        lines = self._console.render_lines(console.rendered(self._draft))[-max(1, self._console.height - 3) :]
        return Group(Segments(segment for line in lines for segment in (*line, Segment.line())), self._spinner)
