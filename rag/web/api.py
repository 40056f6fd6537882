"""What programs call by Gradio's client: `gradio_client.Client(address).predict(question, api_name="/ask")`.

Gradio makes the documentation of an endpoint of the docstring of its function: what
stands before "Parameters:", one line for each parameter, and what it returns. It reads the types as well; those of what
is returned have to be there when the function is made, hence no annotations from the future.
"""

import json
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import gradio as gr
from gradio.components.api_component import Api
from gradio.context import get_blocks_context
from gradio.events import api as endpoint
from gradio.utils import get_function_description, get_function_params

from rag.api import narrowing
from rag.api.calls import Calls
from rag.api.errors import FAULT
from rag.api.papers import by_name, described
from rag.api.rest import MAX_LIMIT
from rag.core.answer import Turn
from rag.core.config import MAX_HISTORY, MAX_QUESTION, MAX_TURN
from rag.core.errors import RagError, UsageError
from rag.core.options import Options
from rag.index.searching import search
from rag.service import Rag
from rag.web.intake import GONE

_MAX_JSON = MAX_HISTORY * MAX_TURN  # characters

_log = logging.getLogger(__name__)

Json = dict[str, Any]


class Refusal(gr.Error):
    """A sentence for the caller."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, print_exception=False)


async def _answered(
    calls: Calls, request: gr.Request, work: Callable[[threading.Event], Json], *, with_model: bool = False
) -> Json:
    """What `work` returns; `Refusal` where it can't be done, whatever the cause."""

    async def gone() -> bool:
        # What is answered by another request, as Gradio's queue does, is given up with that.
        left = request.request.scope.get(GONE) if request.request else None
        return bool(left.is_set() if left else await request.is_disconnected())

    try:
        return await calls.answer(gone, work, with_model=with_model)
    except RagError as error:
        raise Refusal(str(error)) from error
    except Exception as error:
        _log.exception("A call failed")
        raise Refusal(FAULT) from error


def add_endpoints(rag: Rag) -> None:
    """Add the endpoints over `rag` to the page that is being built.

    They are outside of Gradio's queue: `Calls` says how many are answered at once.
    """
    calls = Calls()
    for function in (_ask(rag, calls), _papers(rag, calls), _compare(rag, calls)):
        _add(function)


def _add(function: Callable[..., Awaitable[Json]]) -> None:
    added = endpoint(function, queue=False)
    blocks = get_blocks_context()
    assert blocks is not None
    # For MCP, Gradio reads what the docstring says of the parameters; its documentation shows what is put here.
    described = get_function_description(function)[1]
    parameters = [name for name, *_ in get_function_params(function)]
    for component, name in zip(blocks.fns[added["id"]].inputs, parameters, strict=True):
        assert isinstance(component, Api)
        component.label = name
        component._api_info["additional_description"] = described[name]


def _ask(rag: Rag, calls: Calls) -> Callable[..., Awaitable[Json]]:
    async def ask(
        request: gr.Request,
        question: str,
        history_json: str = "[]",
        papers_json: str = "[]",
        years: str = "",
        authors_json: str = "[]",
        venues_json: str = "[]",
    ) -> Json:
        """Ask the collection of paper abstracts one question: about one paper, to compare several, or for a list.

        The answer cites exact sentences of the abstracts; where they don't say, it says so.

        Parameters:
            question: The question, in English, as one would ask a colleague.
            history_json: The conversation before it, for follow-ups: a JSON list of {"role": "user" or "assistant", "content": text}, oldest first.
            papers_json: The papers to look at: a JSON list of ids or whole titles, as `papers` gives them; [] for all.
            years: Only papers of these years: 2018-2020, 2020-, -2015 or 2021; empty for all.
            authors_json: Only papers by one of these authors: a JSON list of names; [] for all.
            venues_json: Only papers of one of these journals or conferences: a JSON list of names; [] for all.

        Returns:
            JSON: "answer" is Markdown with markers such as [1], "citations" the quote and the paper behind each marker, "state" says how far they answer ("answers", "partly", "nearest", "nothing"), "abstained" is true for the last two, "retrieved" are the nearest papers.
        """  # noqa: E501  Gradio reads one line for each.

        def work(stop: threading.Event) -> Json:
            options = _narrowed(years, authors_json, venues_json, chosen(rag, papers_json))
            return rag.ask(question, turns(history_json), options=options, stop=stop).to_json()

        return await _answered(calls, request, work, with_model=rag.model is not None)

    return ask


def _papers(rag: Rag, calls: Calls) -> Callable[..., Awaitable[Json]]:
    async def papers(
        request: gr.Request,
        query: str = "",
        limit: int = 20,
        years: str = "",
        authors_json: str = "[]",
        venues_json: str = "[]",
    ) -> Json:
        """Search the titles, authors, years and abstracts of the papers in the collection, or list them all.

        Parameters:
            query: Words that a paper has to have, all of them, or beginnings of its words; empty for all papers.
            limit: How many papers to return at most, 1 to 1000.
            years: Only papers of these years: 2018-2020, 2020-, -2015 or 2021; empty for all.
            authors_json: Only papers by one of these authors: a JSON list of names; [] for all.
            venues_json: Only papers of one of these journals or conferences: a JSON list of names; [] for all.

        Returns:
            JSON: "found" is how many papers there are, "papers" the first of them, those with the words in the title before the others: id, title, authors, year, venue, doi, url, abstract.
        """  # noqa: E501

        def work(_: threading.Event) -> Json:
            if not isinstance(query, str):
                raise UsageError(f"The query must be a text, not {type(query).__name__}.")
            if len(query) > MAX_QUESTION:
                raise UsageError(f"The query has {len(query):,} characters; shorten it to {MAX_QUESTION:,}.")
            if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
                raise UsageError(f"limit is {limit!r}; give a whole number from 1 to {MAX_LIMIT:,}.")
            found = narrowing.among(search(rag.papers(), query), _narrowed(years, authors_json, venues_json))
            return {"found": len(found), "papers": [described(paper) for paper in found[:limit]]}

        return await _answered(calls, request, work)

    return papers


def _compare(rag: Rag, calls: Calls) -> Callable[..., Awaitable[Json]]:
    async def compare(request: gr.Request, papers_json: str, aspects_json: str) -> Json:
        """Compare papers by aspects, as a table with exact quotes in its cells.

        Parameters:
            papers_json: The papers, 1 to 20: a JSON list of ids, titles, or beginnings that no other title has.
            aspects_json: What to compare them by, 1 to 8 aspects: a JSON list such as ["speedup", "which GPUs"].

        Returns:
            JSON: "aspects", and "rows" with a paper each: its "cells", in the order of the aspects, have "quotes" of its abstract, or none where it does not say.
        """  # noqa: E501

        def work(_: threading.Event) -> Json:
            papers = _texts("papers_json", papers_json, "papers")
            return rag.compare(papers, _texts("aspects_json", aspects_json, "aspects")).to_json()

        return await _answered(calls, request, work)

    return compare


def _narrowed(years: str | None, authors_json: str, venues_json: str, papers: frozenset[str] | None = None) -> Options:
    authors = _texts("authors_json", authors_json, "names")
    venues = _texts("venues_json", venues_json, "names")
    if years is not None and not isinstance(years, str):
        raise UsageError(f"years is {years!r}; give a text such as 2018-2020 or 2020-.")
    return narrowing.options(years or "", authors, venues, papers)


def chosen(rag: Rag, papers_json: str | list[Any]) -> frozenset[str] | None:
    """The ids of the papers in a JSON list of ids and titles; None for an empty list, which means all papers.

    UsageError for what is no such list, and for a paper that isn't there.
    """
    wanted = _texts("papers_json", papers_json, "ids or titles")
    return by_name(rag.papers(), wanted) if wanted else None


def turns(history_json: str | list[Any]) -> tuple[Turn, ...]:
    """The turns that a JSON list of {role, content} holds; `UsageError` for anything else."""
    return tuple(_turn(item) for item in _items("history_json", history_json, "a list of {role, content}"))


def _texts(name: str, value: str | list[Any], of: str) -> list[str]:
    items = _items(name, value, f"a list of {of}")
    if not all(isinstance(item, str) for item in items):
        raise UsageError(f"{name} is a list of other things than texts. Pass a list of {of}.")
    return items


def _items(name: str, value: str | list[Any] | None, wanted: str) -> list[Any]:
    if value is None:  # as Python programs leave out what they don't give
        return []
    if isinstance(value, list):  # as Python programs hold it
        return value
    if not isinstance(value, str):
        raise UsageError(f"{name} is not a text. Pass {wanted} as JSON.")
    if len(value) > _MAX_JSON:
        raise UsageError(f"{name} has {len(value):,} characters; shorten it to {_MAX_JSON:,}.")
    try:
        items = json.loads(value or "[]")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is not JSON: {error}. Pass {wanted}.") from error
    if not isinstance(items, list):
        raise UsageError(f"{name} is not a list. Pass {wanted}.")
    return items


def _turn(item: object) -> Turn:
    match item:
        case {"role": "user" | "assistant" as role, "content": str() as content}:
            return Turn(role, content)
    raise UsageError('Each turn of history_json needs "role" ("user" or "assistant") and "content" (text).')
