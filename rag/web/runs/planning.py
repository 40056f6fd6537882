"""What an evaluation that is started on the page asks, and what it may cost."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.core import resources
from rag.core.config import Config
from rag.core.errors import EvaluationError, UsageError
from rag.web.state import Settings

if TYPE_CHECKING:
    from rag.evaluation.items import Item
    from rag.evaluation.session import Plan

SPLIT = "dev"
"""The other one, test, is held out: figures that are looked at again and again, as here, stop being a test."""
LIMITS = (1, 2, 5, 10, 0)
"""Questions of each kind, at most; 0: all. Two of each of the ten kinds are 20."""
USUAL = 2
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,98}[A-Za-z0-9._-])?")
_FILE = "questions.jsonl"


@lru_cache(maxsize=1)
def reference() -> tuple[Item, ...]:
    """The reference questions that come with the program. EvaluationError where they can't be read."""
    from rag.evaluation.items import read

    return tuple(read(resources.evaluation() / _FILE))


def chosen(kinds: Sequence[str], limit: int) -> list[Item]:
    """The questions of some kinds (none: all), at most `limit` of each (0: all)."""
    from rag.evaluation.items import choose

    return choose(reference(), split=SPLIT, kinds=kinds, limit=limit)


def fits(papers: Collection[str]) -> bool:
    """Whether the reference questions are about the papers with these ids."""
    return {id for item in reference() for id in item.gold_papers} <= set(papers)


def calls(items: Sequence[Item], config: Config) -> int:
    """About how often these questions ask the model.

    Once for each answer. Once more for a follow-up, which the model may read before it is searched for, and for a list,
    a count or an overview, whose papers may not fit into one call; once more for each answer whose claims are looked at
    again, as `RAG_EFFORT=thorough` and `RAG_JUDGE` want, which no list is.
    """
    more = sum(item.kind in ("followup", "list", "count", "overview") for item in items)
    checked = sum(item.kind not in ("list", "count") for item in items)
    thorough = config.judge or config.effort == "thorough"
    return len(items) + more + (checked if thorough else 0)


def configured(config: Config, collection: str, settings: Settings, models: Sequence[str]) -> Config:
    """The settings of a run: as the operator configured them and the reader chose, in one of `models` or none.

    A model that fails fails the question, instead of being replaced by quotes, and what it once replied to the same
    words is not asked again: both as for `rag eval run`.
    """
    config = _measured(config, collection)
    if not (models and config.generating) or settings.mode == "quoting":
        return replace(config, llm="none")
    strict = config.strict if settings.strict is None else settings.strict
    return replace(config, model=settings.model if settings.model in models else models[0], strict=strict)


def planned(config: Config, kinds: Sequence[str], limit: int, name: str, there: Collection[str]) -> Plan:
    """The plan of a new run; `there` are the names of those that there are.

    Raises UsageError for a name that can't be one or is taken, and where nothing would be asked.
    """
    from rag.evaluation.session import Plan

    name = " ".join(name.split())
    if name and not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} can't be the name of a run: give at most 100 letters, digits, spaces, dots, dashes and "
            "underscores, the first a letter or digit, or none at all."
        )
    if name in there:
        raise UsageError(f"There is a run {name!r} already. Give another name, or open that one in the list.")
    if not kinds or limit not in LIMITS or not chosen(kinds, limit):
        raise UsageError("Nothing would be asked. Choose at least one kind of question.")
    return Plan(config=config, split=SPLIT, kinds=tuple(kinds), limit=limit, name=name or _new_name(config, there))


def resumed(config: Config, name: str, models: Sequence[str]) -> Plan:
    """The plan that goes on with the run of this name, as its manifest says.

    Raises EvaluationError where it was started at the command line with what the page does not offer, or with a model
    that this server does not offer.
    """
    from rag.evaluation.session import Plan, runs_folder

    asked = _manifest(runs_folder(config) / name / "manifest.json")
    generating = asked.get("system") == "generating"
    own = asked.get("system") in ("quoting", "generating") and asked.get("split") == SPLIT
    usual = asked.get("questions") == _FILE and not asked.get("distractors")
    if not (own and usual) or (generating and asked.get("model") not in models):
        raise EvaluationError(
            f"The run {name} asks another system, model or set of questions than this page can: the rag eval run that "
            "began it goes on with it."
        )
    config = _measured(config, str(asked.get("collection")))
    if generating:
        config = replace(config, model=str(asked["model"]), strict=bool(asked.get("strict")))
    else:
        config = replace(config, llm="none")
    kinds = tuple(str(kind) for kind in asked.get("kinds") or ())
    return Plan(config, split=SPLIT, kinds=kinds, limit=int(asked.get("limit") or 0), name=name)


def _measured(config: Config, collection: str) -> Config:
    cache = config.cache or str(config.home / "evaluations" / ".replies")
    return replace(config, collection=collection, fallback=False, cache=cache)


def _manifest(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as e:
        raise EvaluationError(f"The run {file.parent.name} can't be gone on with: {file} can't be read.") from e
    return found if isinstance(found, dict) else {}


def _new_name(config: Config, there: Collection[str]) -> str:
    """What asks, and when; a number besides where two begin in one second."""
    who = re.sub(r"[^A-Za-z0-9.]+", "-", config.model).strip("-.")[:40] if config.generating else ""
    name = f"{who or 'quoting'}-{datetime.now().strftime('%Y-%m-%d-%H%M%S')}"
    return next(n for n in (name, *(f"{name}-{k}" for k in range(2, 99))) if n not in there)
