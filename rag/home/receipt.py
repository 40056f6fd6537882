"""What an answer was made with, in words: the small print that the front ends put under it."""

from __future__ import annotations

from rag.core.answer import Answer


def receipt(answer: Answer) -> str:
    """How the answer was made, by which model, from how many papers, with how many tokens, in what time."""
    cited = len({c.paper_id for c in answer.citations})
    tokens = answer.prompt_tokens + answer.completion_tokens
    seconds = answer.timings_ms.get("total", 0.0) / 1000
    parts = (
        _made(answer),
        f"{answer.searched:,} paper{'' if answer.searched == 1 else 's'} searched",
        f"{cited} cited" if cited else "",
        f"{tokens:,} tokens" if tokens else "",
        f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s",
    )
    return " · ".join(part for part in parts if part)


def _made(answer: Answer) -> str:
    if answer.model is None:
        return "Exact quotes, no model"
    if not answer.prompts:
        return f"Exact quotes, {answer.model} was not asked"
    if answer.mode == "generating" and answer.kind == "list":
        return f"Exact quotes, chosen with {answer.model}"
    if answer.mode == "generating":
        return f"Written by {answer.model}, checked"
    return f"Exact quotes, {answer.model} was asked"
