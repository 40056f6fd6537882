"""What happens on the evaluation tab: what each handler returns are values for its parts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

import gradio as gr

from rag.api.collections import title
from rag.core.config import Config
from rag.core.errors import RagError
from rag.web import bridge, fragments
from rag.web.markup import clean
from rag.web.runs import lists, planning
from rag.web.runs.archive import Archive
from rag.web.runs.listed import Heading, headings
from rag.web.runs.running import Running
from rag.web.shared import Shared
from rag.web.state import Settings

FAULT = "The server met an error of its own; its log on the terminal has the details."

_log = logging.getLogger(__name__)


class EvaluationActions:
    """The evaluations of a server; runs belong to it, and whoever is let in sees them and may start one."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._running = Running()
        self._archive = Archive(shared.config)

    def arrive(self, opened: str, a: str | None, b: str | None, collection: str) -> list[Any]:
        """The tab is opened: the runs, the one that is running, and whether the collection has questions."""
        message = self._shown(lambda: self._unfit(collection))
        return [
            *self._watched(opened, a, b),
            gr.Column(visible=not message),
            gr.Markdown(message, visible=bool(message)),
        ]

    def cost(self, kinds: list[str], limit: int, collection: str, stored: Any) -> str:
        """What would be asked, and how often a model."""
        return self._shown(lambda: self._cost(kinds, limit, collection, stored))

    def start(
        self, kinds: list[str], limit: int, name: str, opened: str, a: str | None, b: str | None, at: str, stored: Any
    ) -> list[Any]:
        """Begin a run on the collection `at`: what is said of it, the emptied field of its name, what is watched."""

        def begin() -> str:
            if message := self._unfit(at):
                return message
            config = planning.configured(self._shared.config, at, Settings.of(stored), self._models(at))
            self._running.start(planning.planned(config, kinds, limit, name, self._archive.names()))
            return ""

        message = self._shown(begin)
        return [message, gr.skip() if message else "", *self._watched(opened, a, b)]

    def go_on(self, name: str, opened: str, a: str | None, b: str | None, at: str) -> list[Any]:
        """Go on with a run that was stopped or broke off."""

        def begin() -> str:
            if name not in self._archive.names():
                return fragments.problem(f"There is no run {name!r} on this server any more.")
            self._running.start(planning.resumed(self._shared.config, name, self._models(at)))
            return ""

        return [self._shown(begin), *self._watched(opened, a, b)]

    def stop(self) -> list[Any]:
        """End the run after the question that is being asked: its progress, and the button."""
        self._running.stop()
        return self._progress()

    def watch(self, opened: str, a: str | None, b: str | None) -> list[Any]:
        """How far the evaluation is; when it has ended, the name of its result where nothing is being read."""
        state = self._running.state
        if state.stage == "running":
            return [gr.skip(), *self._progress(), *([gr.skip()] * 4)]
        result = state.name if state.stage == "finished" and not opened else gr.skip()
        return [result, *self._watched(opened, a, b)]

    def open(self, sent: str) -> Iterator[list[Any]]:
        """The name of a run, its heading, what it came to, and the list with it marked."""
        name = bridge.value(sent)
        if not name:
            return
        # The heading stays where it is while the rest is drawn: it has the focus, which goes to one that is new.
        yield [name, clean(lists.heading(name, uuid4().hex)), clean(fragments.status("Opening the run")), gr.skip()]
        figures = self._shown(lambda: self._archive.figures(name) + lists.links(name))
        yield [name, gr.skip(), figures, self._shown(lambda: self._listing(headings(self._config), name))]

    def compare(self, a: str | None, b: str | None) -> Iterator[str]:
        """Two runs held against each other: the verdict, the figures, and the questions that changed."""
        if not a or not b:
            yield clean(fragments.note(lists.TWO))
            return
        yield clean(fragments.status(f"Comparing {a} with {b}"))
        yield self._shown(lambda: lists.compared(self._archive.comparison(a, b), a, b))

    @property
    def _config(self) -> Config:
        return self._shared.config

    def _watched(self, opened: str, a: str | None, b: str | None) -> list[Any]:
        """The progress, the button that stops, the list, the timer, and the two choices of runs to compare."""
        try:
            runs = headings(self._config)
            listed = self._listing(runs, opened)
        except Exception as error:  # the list is no reason why the rest should not be shown
            runs, listed = [], self._problem(error)
        finished = [run.name for run in runs if run.finished]
        usual = finished[:2][::-1] if len(finished) > 1 else [None, None]
        one, other = (now if now in finished else new for now, new in zip((a, b), usual, strict=True))
        return [
            *self._progress(),
            clean(listed),
            gr.Timer(active=self._running.busy),
            gr.Dropdown(choices=finished, value=one),
            gr.Dropdown(choices=finished, value=other),
        ]

    def _progress(self) -> list[Any]:
        """Drawn anew each second; the button is one of Gradio's, which keeps the focus meanwhile."""
        running = self._running
        button = gr.Button(visible=running.busy, interactive=running.stoppable)
        return [clean(lists.progress(running.state)), button]

    def _listing(self, runs: Sequence[Heading], opened: str) -> str:
        return lists.listing(runs, running=self._running.state.name if self._running.busy else "", opened=opened)

    def _models(self, collection: str) -> tuple[str, ...]:
        return self._shared.collections.rag(collection).models

    def _unfit(self, collection: str) -> str:
        """Why a collection can't be evaluated; "" where it can."""
        papers = {paper.id for paper in self._shared.collections.rag(collection).papers()}
        return "" if planning.fits(papers) else lists.elsewhere(title(collection))

    def _cost(self, kinds: list[str], limit: int, collection: str, stored: Any) -> str:
        items = planning.chosen(kinds, limit) if kinds else []
        config = planning.configured(self._config, collection, Settings.of(stored), self._models(collection))
        model = config.model if config.generating else None
        return lists.cost(items, len(planning.chosen((), 0)), model, planning.calls(items, config))

    def _shown(self, make: Callable[[], str]) -> str:
        """What `make` gives, or its error as a sentence."""
        try:
            return clean(make())
        except Exception as error:
            return clean(self._problem(error))

    def _problem(self, error: Exception) -> str:
        if isinstance(error, RagError):
            return fragments.problem(str(error))
        _log.error("The evaluation tab failed", exc_info=error)
        return fragments.problem(FAULT)
