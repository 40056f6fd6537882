"""Questions whose answer is a figure of a sentence, as reference questions."""

from __future__ import annotations

from rag.ask.suggesting.figured import figured
from rag.evaluation.drafting.asking import Asked, vital
from rag.evaluation.drafting.source import Source


def number_questions(source: Source) -> list[Asked]:
    """Those whose wording fits one figure of the abstract only."""
    return [
        Asked(
            "number",
            f.template,
            f.head,
            f.tail,
            f.role,
            f.answer,
            f.sentence,
            tuple(vital(f.written, pattern=p) for p in f.patterns),
        )
        for f in figured(source)
    ]
