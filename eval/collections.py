"""Four reference sets far from the seeds, over abstracts that are not ours to give.

`eval/medicine.jsonl` asks about 260 abstracts of PubMedQA (Jin et al. 2019, MIT licence): get `ori_pqal.json` from the
data folder of the repository pubmedqa/pubmedqa on GitHub. `eval/society.jsonl` asks about 260 abstracts of arXiv, of
the categories cs.CY and cs.DL: get their metadata from arXiv, as a TSV or JSONL file whose records have an id
("arxiv_id" or "id"), a title and an abstract. `eval/astronomy.jsonl` asks about 170 abstracts of arXiv that are in a
category of computer science and are about astronomy or physics, `eval/law.jsonl` about 180 on law, courts and
regulation. The papers are named by PMID and arXiv id in the questions and, all of them, in files such as
`eval/medicine.txt`.

    python -m eval.collections medicine --data ori_pqal.json --output medicine/
    rag ingest medicine/papers.jsonl -c medicine
    rag eval run -c medicine --questions medicine/questions.jsonl
"""

from __future__ import annotations

import argparse
import csv
import json
import lzma
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.evaluation.items import Item, read, write
from rag.papers import Paper, load

HERE = Path(__file__).parent
COLLECTIONS = ("medicine", "society", "astronomy", "law")
NEEDED = {
    "medicine": "ori_pqal.json of PubMedQA, from the data folder of pubmedqa/pubmedqa on GitHub",
    "society": "the metadata of arXiv's categories cs.CY and cs.DL, as TSV or JSONL with id, title and abstract",
    "astronomy": "the metadata of arXiv's category cs, as TSV or JSONL with id, title and abstract",
    "law": "the metadata of arXiv's category cs, as TSV or JSONL with id, title and abstract",
}


class Incomplete(Exception):
    """The file lacks papers that the questions are about."""


def records(name: str, data: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """The papers of a collection, by public id, as records that `rag ingest` takes, in the order of its list of ids.

    Raises `Incomplete` where the files lack some.
    """
    parse = _pubmedqa if name == "medicine" else _arxiv
    found = {id: r for file in data for id, r in parse(file)}
    wanted = (HERE / f"{name}.txt").read_text().split()
    if missing := [id for id in wanted if id not in found]:
        raise Incomplete(
            f"{', '.join(map(str, data))} lack {len(missing)} of {len(wanted)} papers, {', '.join(missing[:3])} among "
            f"them. What is needed is {NEEDED[name]}."
        )
    return {id: found[id] for id in wanted}


def items(name: str, papers: Sequence[Paper]) -> list[Item]:
    """The questions of a collection, with the ids that its papers have here instead of the public ones."""
    known = {p.key: p for p in papers if p.key}
    return [_renamed(item, known) for item in read(HERE / f"{name}.jsonl")]


def prepare(name: str, data: Sequence[Path], output: Path) -> list[Item]:
    """Write papers.jsonl and questions.jsonl of a collection into a folder; returns the questions."""
    output.mkdir(parents=True, exist_ok=True)
    file = output / "papers.jsonl"
    file.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records(name, data).values()))
    found = items(name, load([file]).papers)
    write(output / "questions.jsonl", found)
    return found


def _renamed(item: Item, known: Mapping[str, Paper]) -> Item:
    def ids(given: Sequence[str]) -> tuple[str, ...]:
        return tuple(known[id].id for id in given)

    nuggets = tuple(n.model_copy(update={"paper_id": known[n.paper_id].id if n.paper_id else ""}) for n in item.nuggets)
    return item.model_copy(
        update={
            "nuggets": nuggets,
            "gold_papers": ids(item.gold_papers),
            "gold_titles": tuple(known[id].title for id in item.gold_papers),
            "borderline_papers": ids(item.borderline_papers),
            "about_papers": ids(item.about_papers),
        }
    )


def _pubmedqa(data: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for pmid, r in json.loads(data.read_text(encoding="utf-8")).items():
        parts = [f"{label.upper()}: {text}" for label, text in zip(r["LABELS"], r["CONTEXTS"], strict=True)]
        parts += [f"CONCLUSION: {r['LONG_ANSWER']}"] if r.get("LONG_ANSWER") else []
        year = int(r["YEAR"]) if r.get("YEAR") else None
        yield pmid, {"id": pmid, "title": r["QUESTION"], "abstract": " ".join(parts), "year": year}


def _arxiv(data: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for r in _rows(data):
        id = arxiv_id(str(r.get("arxiv_id") or r.get("id") or ""))
        if id and r.get("title") and r.get("abstract"):
            title, abstract = (" ".join(str(r[name]).split()) for name in ("title", "abstract"))
            year = re.match(r"\d{4}", str(r.get("year") or r.get("created") or ""))
            yield id, {"id": id, "title": title, "abstract": abstract, "year": int(year.group()) if year else None}


def _rows(data: Path) -> Iterator[Mapping[str, Any]]:
    with lzma.open(data, "rt", encoding="utf-8") if data.suffix == ".xz" else data.open(encoding="utf-8") as lines:
        if ".jsonl" in data.name or ".json" in data.suffixes:
            yield from (json.loads(line) for line in lines if line.strip())
        else:
            csv.field_size_limit(10**7)
            yield from csv.DictReader((line.replace("\0", "") for line in lines), delimiter="\t")


def arxiv_id(text: str) -> str:
    """An arXiv identifier as arXiv writes it, also where a spreadsheet took it for a number: "0704.1158" for 704.1158,
    "1304.5110" for 1304.511, "1910.12937" for 1910.1293699999999; "" for what is none.

    Since January 2015 the number has five digits, before it four (arXiv, "Understanding the arXiv identifier").
    """
    text = re.sub(r"^arxiv[:-]|v\d+$", "", text.strip(), flags=re.IGNORECASE)
    if old := re.fullmatch(r"([a-z-]+)(?:\.[A-Z]{2})?[/-](\d{7})", text):
        return f"{old[1]}/{old[2]}"
    if not re.fullmatch(r"\d{3,4}\.\d+", text):
        return ""
    month = text.partition(".")[0].zfill(4)
    digits = 5 if month >= "1501" else 4
    return f"{float(text):.{digits}f}".zfill(5 + digits)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m eval.collections", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("name", choices=COLLECTIONS)
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="FILE", help="; ".join(dict.fromkeys(NEEDED.values()))
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="gets papers.jsonl and questions.jsonl"
    )
    given = parser.parse_args()
    try:
        found = prepare(given.name, given.data, given.output)
    except (OSError, ValueError, KeyError, Incomplete) as e:
        print(e, file=sys.stderr)
        return 1
    print(f"{len(found)} questions and their papers are in {given.output}. Next:")
    print(f"  rag ingest {given.output / 'papers.jsonl'} -c {given.name}")
    print(f"  rag eval run -c {given.name} --questions {given.output / 'questions.jsonl'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
