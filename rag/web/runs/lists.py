"""HTML fragments of the list of runs, and of the one that is running. Every function escapes what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import TYPE_CHECKING
from urllib.parse import quote as in_address

from rag.web import fragments
from rag.web.bridge import button
from rag.web.markdown import counted, shown
from rag.web.markup import SITE
from rag.web.runs.listed import Heading
from rag.web.runs.running import State

if TYPE_CHECKING:
    from rag.evaluation.items import Item

_MOST = 200
"""Runs that the list shows."""
TWO = "Choose the two runs to compare; there have to be two that are finished."
ABOUT = (
    '<div class="about"><h2>Evaluation</h2><p>See how good the answers are: questions whose right answers are known '
    "are asked, and you see how many come out right, how sure that is, and where the others were lost. This page asks "
    "the practice questions (dev). The others (test) are kept for a last, honest measurement, which only the command "
    "line makes: rag eval run --split test. Results are kept on the server, for everybody who uses it.</p></div>"
)


def elsewhere(collection: str) -> str:
    """Why nothing can be started for a collection, and what to do."""
    return fragments.note(
        f"The reference questions are about the sample papers, and the collection {collection} does not have these. "
        "Choose the sample papers under Papers; or draft questions about this collection with rag eval new -c "
        f"{quote(collection)}, review them, and ask them with rag eval run -c {quote(collection)} --questions FILE."
    )


def cost(items: Sequence[Item], whole: int, model: str | None, calls: int) -> str:
    """What the start button would do: how many questions, and who is asked how often."""
    asks = f"{len(items):,} of the {whole:,} practice questions"
    answers = "Answers are quoted: no model is asked."
    if model:
        times = f"about {counted(calls, 'call')}"
        answers = f"<b>{shown(model)}</b> writes the answers: {times}, for which its provider may charge."
    return f'<p class="cost" role="status"><b>{asks}</b> will be asked. {answers}</p>'


def progress(state: State) -> str:
    """How far the last evaluation of this server is, and what can be done with it."""
    if state.stage == "none":
        return ""
    name = f"<b>{shown(state.name)}</b>"
    if state.stage == "running":
        return f'<section class="evaluating" aria-label="The evaluation that is running">{_bar(state, name)}</section>'
    go_on = button("evaluation-go-on", state.name, "Go on", label=f"Go on with {state.name}")
    if state.stage == "stopped":
        text = f"{name} was stopped after {_of(state)}. What was answered is kept."
        return f'<div class="evaluating" role="status"><p>{text}</p>{go_on}</div>'
    if state.stage == "failed":
        return f'{fragments.problem(f"{state.name}: {state.trouble}")}<div class="evaluating">{go_on}</div>'
    opened = button("run", state.name, "Open its result", label=f"Open the result of {state.name}")
    lost = f" {state.failed:,} failed with an error." if state.failed else ""
    return f'<div class="evaluating" role="status"><p>{name} is finished.{lost}</p>{opened}</div>'


def _bar(state: State, name: str) -> str:
    doing = shown(state.doing)
    if not state.total:
        return f'<p>{name} {doing} …</p><progress aria-label="{doing}"></progress>'
    failed = f", {state.failed:,} failed" if state.failed else ""
    said = f"{doing} {state.done:,} of {state.total:,}{failed}"
    bar = f'<progress value="{state.done}" max="{state.total}" aria-label="{said}"></progress>'
    stopping = "<p>Stopping after the question that is being asked …</p>" if state.stopping else ""
    return f"<p>{name} {said}</p>{bar}{stopping}"


def _of(state: State) -> str:
    return f"{state.done:,} of {state.total:,} questions" if state.total else "no question"


def heading(name: str, visit: str) -> str:
    """The heading over a run, to which the focus goes where `visit` is not what it was; see `scripts/focus.js`."""
    return f'<div class="evaluation"><h2 tabindex="-1" data-focus="run {visit}">{shown(name)}</h2></div>'


def links(name: str, other: str = "") -> str:
    """Where the whole report is: every item, with a search, on a page of its own."""
    query = f"?with={in_address(other, safe='')}" if other else ""
    address = f"{SITE}runs/{in_address(name, safe='')}.html{query}"
    return (
        f'<p class="links"><a href="{address}" target="_blank">Open the whole report</a> '
        f'<a href="{address}" download>Download it</a> <span class="aside">every item, with a search, in one HTML file'
        "</span></p>"
    )


def compared(html: str, a: str, b: str) -> str:
    """A comparison below its heading."""
    title = f'<div class="evaluation"><h2 tabindex="-1">{shown(b)} against {shown(a)}</h2></div>'
    return title + links(a, b) + html


def listing(runs: Sequence[Heading], *, running: str, opened: str) -> str:
    """The runs as a table; `running` is the name of one that is being carried out, `opened` of the one that is read."""
    if not runs:
        return '<section class="evaluated runs"><h2>Runs</h2><p class="aside">There is none yet.</p></section>'
    heads = "".join(f'<th scope="col">{h}</th>' for h in ("Run", "Began (UTC)", "Asked", "Questions", "Accuracy"))
    rows = "".join(_row(run, running, opened) for run in runs[:_MOST])
    more = len(runs) - _MOST
    rest = f'<p class="aside">The {more:,} oldest are not shown: rag eval runs lists them.</p>' if more > 0 else ""
    return (
        '<section class="evaluated runs"><h2>Runs</h2><div class="scroll" role="region" tabindex="0" aria-label="Runs">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>{rest}</section>"
    )


def _row(run: Heading, running: str, opened: str) -> str:
    name = button("run", run.name, shown(run.name)) if run.finished else shown(run.name)
    who = f"{shown(run.system)}{f' <small>{shown(run.model)}</small>' if run.model else ''}"
    failed = f" <small>{run.failed:,} failed</small>" if run.failed else ""
    mark = ' aria-current="true"' if run.name == opened else ""
    return (
        f'<tr{mark}><th scope="row">{name}</th><td>{_began(run.created)}</td><td>{who}</td>'
        f"<td>{_asked(run)}{failed}</td><td>{_accuracy(run, running)}</td></tr>"
    )


def _began(created: str) -> str:
    return f'<time datetime="{shown(created)}">{shown(created[:16].replace("T", " "))}</time>'


def _asked(run: Heading) -> str:
    count = f"{run.questions:,}" if run.finished else f"{run.answered:,} of {run.questions:,}"
    return f"{count} <small>{shown(run.split)}</small>"


def _accuracy(run: Heading, running: str) -> str:
    """How many came out right, with its interval; of a run that is not finished, what can be done."""
    if run.name == running:
        return "running"
    if not run.finished:
        return button("evaluation-go-on", run.name, "Go on", label=f"Go on with {run.name}")
    if run.accuracy is None:
        return "–"
    from rag.evaluation.table import estimate

    cell = estimate(run.accuracy, "")
    return f"{shown(cell.text)} <small>{shown(cell.detail)}</small>"
