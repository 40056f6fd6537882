"""What runs say, for people: one template, which the page of a run, the tab "Evaluation" and the file show."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.core.errors import EvaluationError
from rag.evaluation.outcome import OUTCOMES, WORDS
from rag.evaluation.report.cards import cards
from rag.evaluation.report.drawing import SIGNS
from rag.evaluation.report.figures import sentence
from rag.evaluation.report.markdown import markdown
from rag.evaluation.report.meanings import MEANINGS
from rag.evaluation.report.sections import compared, sections
from rag.evaluation.report.table import labels
from rag.evaluation.runs import Run

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["compared_parts", "markdown", "page", "parts", "save"]

FOLDER = Path(__file__).parent
WORST = 30
"""Items that are shown beside the figures; the page has all of them."""


def page(runs: Sequence[Run]) -> str:
    """One HTML page that holds all it needs, and may load and send nothing: the figures, and every item to read."""
    style = "".join((FOLDER / name).read_text(encoding="utf-8") for name in ("report.css", "page.css"))
    script = (FOLDER / "report.js").read_text(encoding="utf-8")
    shown, names = cards(runs), labels(runs)
    found = Counter(c.outcome for c in shown)
    return _rendered(
        "page.html.j2",
        policy=f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        title=f"Evaluation: {', '.join(names)}",
        cards=shown,
        kinds=Counter(c.item.kind for c in shown),
        outcomes=[(o, WORDS[o], found[o]) for o in reversed(OUTCOMES) if found[o]],
        **_figures(runs),
    )


def parts(run: Run) -> str:
    """What the page says of a run, as HTML that has the classes of `report.css`, and the worst of its items."""
    worst = [c for c in cards([run]) if c.outcome != "right"]
    return _rendered("parts.html.j2", cards=worst[:WORST], more=max(0, len(worst) - WORST), **_figures([run]))


def compared_parts(a: Run, b: Run) -> str:
    """How `b` differs from `a`, as HTML, and the first questions of which something else became, with both answers."""
    before, after = ({c.item.id: c for c in cards([run])} for run in (a, b))
    changed = [(before[id], after[id]) for id in before if id in after and before[id].outcome != after[id].outcome]
    ordered = sorted(changed, key=lambda pair: (pair[1].outcome != "right", pair[0].outcome != "right"))
    return _rendered(
        "parts.html.j2",
        **{**_figures([a, b]), "sections": tuple(compared(a, b)), "sentences": []},
        pairs=ordered[:WORST],
        more=max(0, len(ordered) - WORST),
    )


def save(runs: Sequence[Run], folder: Path) -> tuple[Path, Path]:
    """Write report.md and report.html into a folder, which is made where it is missing; returns their paths.

    Raises `EvaluationError` where they can't be written.
    """
    texts = {folder / "report.md": markdown(runs), folder / "report.html": page(runs)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            # What a model wrote may hold half a character, which no file can.
            path.write_bytes(text.encode("utf-8", "replace"))
    except OSError as e:
        raise EvaluationError(f"The report can't be written to {folder}: {e.strerror}. --output names a folder.") from e
    written, shown = texts
    return written, shown


def _figures(runs: Sequence[Run]) -> dict[str, Any]:
    names = labels(runs)
    return {
        "legend": [(n % len(SIGNS), SIGNS[n % len(SIGNS)], name) for n, name in enumerate(names)],
        "sentences": [(name, sentence(run)) for name, run in zip(names, runs, strict=True)],
        "sections": tuple(sections(runs)),
    }


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _rendered(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """Where the templates are; what is put into them is escaped, and what they lack raises."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["meanings"] = MEANINGS
    return found
