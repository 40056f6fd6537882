"""How well the cells of a comparison table are filled, against cells that a reader filled.

    python -m eval.aspects                  # precision and recall, an aspect a line
    python -m eval.aspects --failures       # and the development cells that are wrong or missed

eval/aspects.jsonl has 17 aspects of 66 abstracts. `says` are the sentences that say the aspect, `may` those that one
may quote for it and need not. They were read by one reader, a language model; rag/ask/aspect.py was fitted on the 44
development papers.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rag import Config, Rag, build
from rag.ask.matrix import MAX_ASPECTS, MAX_PAPERS

CELLS = Path(__file__).parent / "aspects.jsonl"
SPLITS = ("dev", "test")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One cell as the reader filled it; without `says` and `may` the abstract does not say."""

    paper_id: str
    aspect: str
    says: tuple[str, ...]
    may: tuple[str, ...]
    split: str

    def right(self, quotes: Sequence[str]) -> bool:
        """Whether every quote says the aspect."""
        return set(quotes) <= {*self.says, *self.may}

    def found(self, quotes: Sequence[str]) -> bool:
        """Whether a sentence is quoted that says it."""
        return not set(quotes).isdisjoint(self.says)


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of cells: `quoted` have a quote, `right` only right ones; `says` should have one, `found` have it."""

    quoted: int
    right: int
    says: int
    found: int

    @property
    def precision(self) -> float:
        """Of the cells with a quote, the share whose quotes all say the aspect; 1 where there are none."""
        return self.right / self.quoted if self.quoted else 1.0

    @property
    def recall(self) -> float:
        """Of the cells that should have a quote, the share that has a right one; 1 where there are none."""
        return self.found / self.says if self.says else 1.0


Filled = tuple[Labelled, tuple[str, ...]]


def read_cells(split: str) -> list[Labelled]:
    """The labelled cells of one of SPLITS."""
    lines = [json.loads(line) for line in CELLS.read_text(encoding="utf-8").splitlines()]
    cells = [Labelled(d["paper_id"], d["aspect"], tuple(d["says"]), tuple(d["may"]), d["split"]) for d in lines]
    return [cell for cell in cells if cell.split == split]


def fill(rag: Rag, cells: Sequence[Labelled]) -> list[Filled]:
    """The same cells with what the service quotes in them."""
    papers = list(dict.fromkeys(cell.paper_id for cell in cells))
    aspects = list(dict.fromkeys(cell.aspect for cell in cells))
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for i in range(0, len(papers), MAX_PAPERS):
        for j in range(0, len(aspects), MAX_ASPECTS):
            table = rag.compare(papers[i : i + MAX_PAPERS], aspects[j : j + MAX_ASPECTS])
            for row in table.rows:
                for aspect, cell in zip(table.aspects, row.cells, strict=True):
                    found[row.paper_id, aspect] = tuple(quote.quote for quote in cell.quotes)
    return [(cell, found[cell.paper_id, cell.aspect]) for cell in cells]


def score(filled: Iterable[Filled]) -> Score:
    """The counts over some cells."""
    cells = list(filled)
    return Score(
        quoted=sum(bool(quotes) for _, quotes in cells),
        right=sum(bool(quotes) and cell.right(quotes) for cell, quotes in cells),
        says=sum(bool(cell.says) for cell, _ in cells),
        found=sum(cell.found(quotes) for cell, quotes in cells),
    )


def _table(split: str, filled: Sequence[Filled]) -> Table:
    table = Table("aspect", "quoted", "precision", "says", "recall", title=split)
    aspects = dict.fromkeys(cell.aspect for cell, _ in filled)
    groups = {aspect: {aspect} for aspect in aspects} | {"all": set(aspects)}
    for name, group in groups.items():
        s = score(f for f in filled if f[0].aspect in group)
        table.add_row(name, str(s.quoted), f"{s.precision:.2f}", str(s.says), f"{s.recall:.2f}")
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--failures", action="store_true")
    options = parser.parse_args(arguments)
    console = Console()
    with tempfile.TemporaryDirectory() as home, build(Config(home=Path(home))) as rag:
        for split in SPLITS:
            filled = fill(rag, read_cells(split))
            console.print(_table(split, filled))
            if options.failures and split == "dev":
                for cell, quotes in filled:
                    if not cell.right(quotes) or (cell.says and not cell.found(quotes)):
                        console.print(
                            cell.aspect, cell.paper_id, "quoted", quotes, "should be", cell.says, markup=False
                        )


if __name__ == "__main__":
    main()
