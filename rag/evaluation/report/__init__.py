"""What runs say, for people: one template, which the page of a run, the tab "Evaluation" and the file show."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.core.errors import EvaluationError
from rag.evaluation import comparing
from rag.evaluation.comparing import Comparison
from rag.evaluation.outcome import OUTCOMES, WORDS, outcome
from rag.evaluation.report.cards import cards
from rag.evaluation.report.figures import sentence
from rag.evaluation.report.meanings import MEANINGS
from rag.evaluation.report.sections import compared, sections
from rag.evaluation.runs import Run
from rag.evaluation.table import labels

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["compared_markdown", "compared_parts", "markdown", "page", "parts", "save"]

FOLDER = Path(__file__).parent
SIGNS = "●■◆▲▼✚"
"""The marker of each run, in their order; its colour is that of the class s0, s1, …; further runs begin anew."""
# Inside a word an underscore is no markup, and names of metrics and ids are read more often than rendered.
_MARKUP = re.compile(r"([\\`*{}\[\]<>#|~&]|(?<!\w)_|_(?!\w))")
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


def markdown(runs: Sequence[Run]) -> str:
    """The report as Markdown, for a terminal, a pull request or a mail: what was run, how good it was, where it lost,
    and the ids of what is not right."""
    return _rendered(
        "report.md.j2", failures=[(n, _lost(r)) for n, r in zip(labels(runs), runs, strict=True)], **_figures(runs)
    )


def compared_markdown(found: Comparison) -> str:
    """How two runs differ, as Markdown."""
    told = comparing.verdict(found)
    return _rendered("compared.md.j2", a=found.a, b=found.b, verdict=told, tables=comparing.tables(found))


def plain(text: str) -> str:
    """`text` on one line, as Markdown that shows it."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


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


def _lost(run: Run) -> list[tuple[str, list[str]]]:
    """The ids of what is not right, by what became of it, the worst first."""
    found = [(outcome(s), s.item.id) for s in run.scored]
    ids = {o: [id for came, id in found if came == o] for o in reversed(OUTCOMES[1:])}
    return [(WORDS[o], of) for o, of in ids.items() if of]


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
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {"meanings": MEANINGS, "signs": SIGNS}
    found.filters["plain"] = plain
    return found
