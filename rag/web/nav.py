"""HTML fragments around the chat: conversations, the papers that are chosen, what could be asked next."""

from __future__ import annotations

from collections.abc import Sequence

from rag.home.conversation import Summary
from rag.web.bridge import button
from rag.web.markdown import counted, shown
from rag.web.markup import SITE

_SHOWN = 3  # chosen papers by title; of more, how many


MANY = 6
"""Conversations from which on there is a field to search them."""


def conversations(found: Sequence[Summary], open: str, *, query: str = "", back: Sequence[tuple[str, str]] = ()) -> str:
    """The conversations of a reader, newest first, or those that the search `query` found; `open` is the id of the one
    that is shown ("" before its first question), `back` what can be brought back, as `deleted` takes it."""
    searched = bool(query.strip())
    items = "".join(_conversation(c, c.id == open) for c in found)
    none = "No conversation has these words." if searched else "None yet. They are kept on this server."
    listed = f'<ul id="past">{items}</ul>' if found else f'<p class="hint">{none}</p>'
    if len(found) > 1 and not searched:
        sure = button("forget-all", "", f"Delete all {len(found)}", style="danger")
        listed += f'<details class="menu all"><summary>Delete all …</summary>{sure}</details>'
    many = " data-many" if searched or len(found) >= MANY else ""
    toggle = f'class="toggle" data-toggle aria-expanded="{str(searched).lower()}"'
    return (
        f'<nav class="conversations" aria-label="Conversations" data-conversation="{shown(open)}"{many}>'
        f'<div class="heading"><button type="button" {toggle}>Conversations</button>'
        f"<h2>Conversations</h2>{button('new', '', 'New', label='New conversation', style='new')}</div>"
        f'<div class="past">{listed}{deleted(back, "bring-back")}</div></nav>'
    )


def _conversation(one: Summary, current: bool) -> str:
    mark = ' aria-current="true"' if current else ""
    name = shown(one.title or "Untitled")
    place = f"{SITE}conversations/{one.id}"
    menu = (
        f'<button type="button" data-rename="{one.id}">Rename</button>'
        f'<a href="{place}.md" download>Markdown</a><a href="{place}.json" download>JSON</a>'
        f'<a href="{place}.bib" download>BibTeX of the cited papers</a>'
        f"{button('forget', one.id, 'Delete', style='danger')}"
    )
    return (
        f"<li{mark}>{button('open', one.id, name, style='past')}"
        f'<details class="menu" name="conversation"><summary aria-label="Rename, export or delete: {name}">⋯</summary>'
        f"<div>{menu}</div></details></li>"
    )


def deleted(found: Sequence[tuple[str, str]], act: str) -> str:
    """What was deleted of late, newest first, as words and what a button of `act` sends to bring it back."""
    undo = (button(act, sent, "Undo", label=f"Undo: delete {words}", style="link") for sent, words in found)
    lines = [
        f'<p class="deleted">Deleted: {shown(words)} {html}</p>' for (_, words), html in zip(found, undo, strict=True)
    ]
    earlier = f"<details><summary>Deleted before that: {len(lines) - 1}</summary>{''.join(lines[1:])}</details>"
    return f'<div role="status">{"".join(lines[:1])}</div>{earlier if lines[1:] else ""}'


def scope(chosen: Sequence[tuple[str, str]], *, editing: bool) -> str:
    """What the next question will be: one about chosen papers (ids and titles), one in the place of the last."""
    lines = []
    if editing:
        lines.append(f'<p class="editing">Asking replaces your last question. {button("keep", "", "Keep it")}</p>')
    if chosen:
        tags = "".join(
            f'<span class="tag"><span>{shown(title)}</span>{button("drop", id, "✕", label=f"Leave out {title}")}</span>'
            for id, title in chosen[:_SHOWN]
        )
        more = f" and {len(chosen) - _SHOWN} more" if len(chosen) > _SHOWN else ""
        only = f"Asking only {counted(len(chosen), 'chosen paper')}"
        lines.append(f'<p class="chosen"><b>{only}:</b> {tags}{more} {button("drop", "", "Ask all papers")}</p>')
    return "".join(lines)


def suggestions(questions: Sequence[str], *, instead: bool) -> str:
    """Questions to go on with; `instead` after one that the collection does not answer."""
    if not questions:
        return ""
    name = "The collection answers these" if instead else "Ask next"
    items = "".join(f"<li>{button('ask', q, shown(q), style='suggestion')}</li>" for q in questions)
    return f'<section class="suggestions" aria-label="{name}"><h2>{name}</h2><ul>{items}</ul></section>'
