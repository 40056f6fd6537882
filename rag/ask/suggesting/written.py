"""Next questions that a language model words; what does not hold, or does not come in time, is left out."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from rag.ask.finding import Finder
from rag.ask.suggesting.candidates import CHARACTERS
from rag.ask.suggesting.trial import Trial
from rag.core.errors import ModelError
from rag.llm.client import Client, Deadlines
from rag.llm.prompts import data, prompt, source
from rag.llm.structured import ask_json

DEADLINES = Deadlines(first=4.0, between=2.0, total=5.0)
"""Of the model: the reader has the answer by now, and reads it."""
ASKED = 4
"""Questions of the conversation that the model is told."""
_MARKS = frozenset("<>{}|\\`*[]\n")


class Questions(BaseModel):
    """The reply to the prompt `suggest`."""

    questions: list[str] = Field(max_length=5)


def written(
    rows: Sequence[int], asked: Sequence[str], finder: Finder, trial: Trial, client: Client, count: int
) -> list[str]:
    """At most `count` questions about the papers in `rows`, each of which holds; none where the model gives none."""
    papers = [finder.index.papers[row] for row in rows]
    messages = prompt("suggest").fill(
        sources="\n".join(source(n, p.title, p.abstract) for n, p in enumerate(papers, 1)),
        asked="\n".join(f"- {data(' '.join(q.split()))[:CHARACTERS]}" for q in asked[-ASKED:]),
    )
    hurried = Client(client.source, deadlines=DEADLINES, retries=0, cache=client.cache)
    try:
        said = ask_json(hurried, messages, Questions, stop=None, count=lambda _: None)
    except ModelError:
        return []
    known = {q.casefold() for q in asked}
    found: list[str] = []
    for text in said.questions if said else ():
        question = " ".join(text.split())
        if question.casefold() not in known and len(found) < count and _holds(question, rows, finder, trial):
            known.add(question.casefold())
            found.append(question)
    return found


def _holds(question: str, rows: Sequence[int], finder: Finder, trial: Trial) -> bool:
    """Whether it names papers on the table, and its answer cites what it names and nothing else."""
    if not question.endswith("?") or not 10 <= len(question) <= CHARACTERS or _MARKS & {*question}:
        return False
    named = {row for mention in finder.names.mentions(question) for row in mention.rows[:1]}
    if not named or not named <= {*rows}:
        return False
    answer = trial.answer(question)
    return (
        answer is not None
        and not answer.missing
        and {c.paper_id for c in answer.citations} == {finder.index.papers[row].id for row in named}
    )
