"""The start: what the collection holds, its themes as cards, and questions of each sort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.core.paper import Paper
from rag.web.bridge import button
from rag.web.markdown import counted, shown

SCANT = 5
"""With fewer papers than this, the start says how to add more."""
_ADD = (
    "Add papers under <b>Papers</b>: files from Zotero, EndNote, PubMed or Web of Science, "
    "or any BibTeX, RIS, CSV or Excel."
)


@dataclass(frozen=True, slots=True)
class Theme:
    """Papers about the same: words that they share, how many they are, and the title of a typical one."""

    words: tuple[str, ...]
    papers: int
    typical: str


def welcome(papers: Sequence[Paper], chosen: int) -> str:
    """What stands above the box of an empty chat."""
    years = sorted(p.year for p in papers if p.year)
    span = f", {years[0]}–{years[-1]}" if years and years[0] != years[-1] else ""
    what = f"{counted(len(papers), 'paper')}{span}"
    if chosen:
        what = f"{counted(chosen, 'chosen paper')} of {len(papers):,}"
    return (
        f'<div class="welcome"><h2>What would you like to know?</h2><p>{what}. '
        "Every sentence of an answer leads to its place in an abstract.</p></div>"
    )


def offers(questions: Sequence[str], themes: Sequence[Theme], papers: int) -> str:
    """What stands below the box: questions to begin with, and the themes of the collection."""
    asks = "".join(f"<li>{button('ask', q, shown(q), style='starter')}</li>" for q in questions)
    parts = [f'<h2>Try a question</h2><ul class="starters">{asks}</ul>' if asks else ""]
    cards = "".join(f"<li>{_card(theme)}</li>" for theme in themes)
    parts.append(f'<h2>What these papers are about</h2><ul class="themes">{cards}</ul>' if cards else "")
    parts.append(f'<p class="hint">{_ADD}</p>' if papers < SCANT else "")
    return f'<section class="start" aria-label="To begin with">{"".join(parts)}</section>'


def _card(theme: Theme) -> str:
    name = ", ".join(theme.words)
    count = counted(theme.papers, "paper")
    inside = f"<b>{shown(name[:1].upper() + name[1:])}</b><small>{count}, such as {shown(theme.typical)}</small>"
    # The first words of more than one word say most.
    subject = next((w for w in theme.words if " " in w or "-" in w), theme.words[0])
    return button("ask", f"Which papers are about {subject}?", inside, style="starter")
