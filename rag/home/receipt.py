"""How far an answer answers, and what it was made with, in the words that the front ends put over and under it."""

from __future__ import annotations

from rag.core.answer import Answer


def standing(answer: Answer) -> str:
    """What the reader should know of an answer that does not wholly answer; "" of one that does.

    Also "" where nothing is near: such an answer says so itself, and a greeting is one, too.
    """
    if answer.state == "partly":
        missing = "; ".join(" ".join(text.split()) for text in answer.missing)
        return f"Answered in part. Not found here: {missing}." if missing else "Answered in part."
    return "Nearest sentences" if answer.state == "nearest" else ""


def receipt(answer: Answer) -> str:
    """How the answer was made, by which model, from how many papers, with how many tokens, in what time."""
    cited = len({c.paper_id for c in answer.citations})
    tokens = answer.prompt_tokens + answer.completion_tokens
    seconds = answer.timings_ms.get("total", 0.0) / 1000
    parts = (
        _made(answer),
        f"{answer.searched:,} paper{'' if answer.searched == 1 else 's'} searched",
        f"{cited} {'shown' if answer.state == 'nearest' else 'cited'}" if cited else "",
        f"{answer.calls} calls" if answer.calls > 1 else "",
        f"{tokens:,} tokens" if tokens else "",
        f"cost {answer.cost:.2g}" if answer.cost else "",
        f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s",
    )
    return " · ".join(part for part in parts if part)


def _made(answer: Answer) -> str:
    if answer.model is None:
        return "Exact quotes, no model"
    if not answer.prompts:
        return f"Exact quotes, {answer.model} was not asked"
    if answer.mode == "generating" and answer.kind == "list":
        return f"Listed by {answer.model}, checked"
    if answer.mode == "generating":
        return f"Written by {answer.model}, checked"
    return f"Exact quotes, {answer.model} was asked"
