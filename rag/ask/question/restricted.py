"""A question of which only some papers of the collection may answer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from rag.ask.names import Mention, Names
from rag.ask.question.query import Query, Side


def restricted(query: Query, rows: Collection[int], names: Names) -> Query:
    """`query` without the papers that are not in `rows`; those that it asks about by name go into `outside`.

    Where all that it is about is outside, no rows are left: such a question must not be asked of all papers instead.
    """
    mentions = tuple(m for m in (_mention(m, rows) for m in query.mentions) if m.rows)
    inside = tuple(row for row in query.rows if row in rows)
    lost = [names.short(row) for row in query.rows if row not in rows]
    if query.kind == "single" and not mentions and not inside:
        # "What does A gain over B?" is answered by A, whether B is there or not.
        lost += [m.name for m in query.mentions if _is_called(m, names)]
    return replace(
        query,
        rows=inside,
        mentions=mentions,
        sides=tuple(_side(side, rows) for side in query.sides),
        outside=tuple(dict.fromkeys(lost)),
    )


def _is_called(mention: Mention, names: Names) -> bool:
    """Whether a paper goes by this name, and doesn't merely own it: Fuyou, not AMD."""
    return mention.titled or names.short(mention.rows[0]) == mention.name


def _mention(mention: Mention, rows: Collection[int]) -> Mention:
    return replace(mention, rows=tuple(row for row in mention.rows if row in rows))


def _side(side: Side, rows: Collection[int]) -> Side:
    inside = tuple(row for row in side.rows if row in rows)
    return replace(side, rows=inside, outside=bool(side.rows) and not inside)
