"""Distractors: other papers beside those of the collection, which stay as they are."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from reference_items import PAPERS, items

from rag.core.config import Config
from rag.core.errors import EvaluationError, PaperError
from rag.evaluation import session
from rag.evaluation.distractors import Noise, mixed
from rag.evaluation.items import Flaw, Item, write
from rag.index.library import read_papers, write_papers
from rag.papers import Paper, load, source

SUBJECTS = ("otters", "granite", "violins", "monsoons", "beetles", "glaciers", "looms", "tulips", "comets", "canals")


def noise(n: int) -> list[dict[str, str]]:
    """Papers with titles that are alike to nothing of the collection."""
    return [
        {
            "title": f"On {SUBJECTS[i % 10]} and {SUBJECTS[i // 10 % 10]}, part {i}",
            "abstract": f"This is about {SUBJECTS[i % 10]}. Number {i} says so, and has reasons for what it says.",
        }
        for i in range(n)
    ]


def written(file: Path, records: list[dict[str, str]]) -> Path:
    file.write_text("".join(json.dumps(r) + "\n" for r in records))
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path / "noise.jsonl", noise(60))


@pytest.fixture
def config(home: Path) -> Config:
    return Config(home=home)


def held(config: Config) -> list[Paper]:
    return read_papers(config.home / "collections" / config.collection / "papers.jsonl")


def test_the_papers_stay_and_others_come(config: Config, file: Path) -> None:
    found, added = mixed(config, PAPERS, Noise(file, 2.5))
    assert added == 30
    assert held(found)[: len(PAPERS)] == list(PAPERS), "the same papers, under the same ids"
    assert len({p.id for p in held(found)}) == len(PAPERS) + 30
    assert replace(found, home=config.home, collection=config.collection) == config
    assert found.home != config.home, "the collection itself is left alone"
    assert not (config.home / "collections").exists()


def test_a_higher_ratio_has_those_of_a_lower_one_and_more(config: Config, file: Path) -> None:
    sets = []
    for ratio in (0, 0.5, 1, 2, 5):
        found, added = mixed(config, PAPERS, Noise(file, ratio))
        sets.append({p.id for p in held(found)})
        assert added == round(ratio * 12) == len(sets[-1]) - 12
    for fewer, more in pairwise(sets):
        assert fewer < more


def test_which_ones_has_nothing_to_do_with_the_order_of_the_file(config: Config, file: Path, tmp_path: Path) -> None:
    turned = written(tmp_path / "turned.jsonl", noise(60)[::-1])
    first, second = (mixed(config, PAPERS, Noise(f, 1))[0] for f in (file, turned))
    assert first == second
    chosen = [p.title for p in held(first)[12:]]
    assert chosen != [r["title"] for r in noise(60)[:12]]


@pytest.mark.parametrize(
    "change",
    [
        lambda p: {"title": p.title, "abstract": p.abstract},
        lambda p: {"title": p.title.upper(), "abstract": "Another abstract of the same paper, a later version."},
        lambda p: {"title": p.title + ".", "abstract": "Another abstract."},
        lambda p: {"title": p.title.replace("Lazy", "Lazzy"), "abstract": "Another abstract."},
        lambda p: {"title": "The same under a title of its own", "abstract": p.abstract},
        lambda p: {"title": "The same under a title of its own", "abstract": p.abstract.replace(". ", ".\n ").upper()},
    ],
    ids=["itself", "in capitals", "with a full stop", "with a slip", "retitled", "retitled and reset"],
)
def test_what_is_in_the_collection_is_no_distractor(
    config: Config, tmp_path: Path, change: Callable[[Paper], dict[str, str]]
) -> None:
    repeats = [change(p) for p in PAPERS[:6] if " for " in p.title]
    file = written(tmp_path / "noise.jsonl", [*repeats, *noise(12)])
    found, _ = mixed(config, PAPERS, Noise(file, 1))
    assert not {r["title"] for r in repeats} & {p.title for p in held(found)[12:]}
    with pytest.raises(EvaluationError, match="has 12 that are not in the collection"):
        mixed(config, PAPERS, Noise(file, 13 / 12))


def test_too_few_papers_are_an_error(config: Config, file: Path) -> None:
    with pytest.raises(EvaluationError, match=r"--ratio 10 asks for 120 distractors for 12 papers, and .* has 60"):
        mixed(config, PAPERS, Noise(file, 10))
    assert not config.home.exists()


def test_a_file_that_cannot_be_read_says_why(config: Config, tmp_path: Path) -> None:
    with pytest.raises(PaperError, match="there is no such file"):
        mixed(config, PAPERS, Noise(tmp_path / "none.jsonl", 1))
    (tmp_path / "broken.jsonl.gz").write_bytes(gzip.compress(b"x" * 1000)[:20])
    with pytest.raises(PaperError, match="can't be read"):
        mixed(config, PAPERS, Noise(tmp_path / "broken.jsonl.gz", 1))


def test_single_bad_records_are_passed_over(config: Config, tmp_path: Path) -> None:
    file = written(tmp_path / "noise.jsonl", [{"title": "No abstract"}, *noise(20)])
    assert mixed(config, PAPERS, Noise(file, 1))[1] == 12


def test_the_collection_is_made_once(config: Config, file: Path) -> None:
    found, _ = mixed(config, PAPERS, Noise(file, 1))
    library = found.home / "collections" / found.collection / "papers.jsonl"
    before = library.stat()
    assert mixed(config, PAPERS, Noise(file, 1))[0] == found
    assert library.stat().st_mtime_ns == before.st_mtime_ns
    other = mixed(config, PAPERS[1:], Noise(file, 1))[0]
    assert held(other)[:11] == list(PAPERS[1:])


# --- packed files ---------------------------------------------------------------------------------------------------

PACKERS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("name", ["papers.jsonl", "papers"])
def test_a_packed_file_is_read_like_the_plain_one(tmp_path: Path, file: Path, suffix: str, name: str) -> None:
    packed = tmp_path / (name + suffix)
    packed.write_bytes(PACKERS[suffix](file.read_bytes()))
    assert [p.id for p in load([packed]).papers] == [p.id for p in load([file]).papers]
    assert load([packed]).papers[0].sources == (name,)
    assert len(load([packed]).papers) == 60


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_packed_table_is_known_by_its_content_and_its_name(tmp_path: Path, suffix: str) -> None:
    rows = "title\tabstract\n" + "".join(f"{r['title']}\t{r['abstract']}\n" for r in noise(5))
    packed = tmp_path / f"papers.tsv{suffix}"
    packed.write_bytes(PACKERS[suffix](rows.encode()))
    assert [p.title for p in load([packed]).papers] == [r["title"] for r in noise(5)]


def test_files_packed_one_after_the_other_are_one(tmp_path: Path) -> None:
    """As `cat a.gz b.gz` makes them."""
    parts = [json.dumps(r).encode() + b"\n" for r in noise(3)]
    (tmp_path / "three.gz").write_bytes(b"".join(gzip.compress(p) for p in parts))
    assert len(load([tmp_path / "three.gz"]).papers) == 3


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("damage", ["cut", "changed", "only its magic"])
def test_a_damaged_packed_file_is_named(tmp_path: Path, file: Path, suffix: str, damage: str) -> None:
    data = bytearray(PACKERS[suffix](file.read_bytes()))
    if damage == "changed":
        middle = len(data) // 2
        data[middle : middle + 8] = bytes(255 - b for b in data[middle : middle + 8])
    else:
        del data[len(data) // 2 if damage == "cut" else 6 :]
    packed = tmp_path / f"papers.jsonl{suffix}"
    packed.write_bytes(bytes(data))
    with pytest.raises(PaperError, match="can't be read") as caught:
        load([packed], strict=True)
    assert str(packed) in str(caught.value)


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_bomb_is_not_unpacked(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LARGEST_FILE", 10_000)
    packed = tmp_path / f"papers.jsonl{suffix}"
    packed.write_bytes(
        PACKERS[suffix](b" " * 50_000_000)[:9_999] if suffix == ".gz" else PACKERS[suffix](b" " * 100_000)
    )
    assert packed.stat().st_size < 10_000
    with pytest.raises(PaperError, match="unpacks to more than the 10,000 bytes allowed: split it"):
        load([packed], strict=True)


def test_an_archive_in_an_archive_is_no_text(tmp_path: Path, file: Path) -> None:
    (tmp_path / "twice.gz").write_bytes(gzip.compress(gzip.compress(file.read_bytes())))
    with pytest.raises(PaperError, match="unpack it first"):
        load([tmp_path / "twice.gz"], strict=True)


def test_a_set_is_held_against_its_own_papers(config: Config, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What names a paper of the collection may say nothing among the others: that is no flaw of the set."""
    held_against: list[tuple[Paper, ...]] = []

    def checked(items: Sequence[Item], papers: Sequence[Paper]) -> list[Flaw]:
        held_against.append(tuple(papers))
        return []

    monkeypatch.setattr(session, "check", checked)
    write_papers(config.home / "collections" / config.collection / "papers.jsonl", PAPERS)
    questions = file.with_name("questions.jsonl")
    write(questions, items())
    plan = session.Plan(config=config, questions=questions, split="all", kinds=("fact",), limit=1, noise=Noise(file, 1))
    found = session.evaluate(plan)
    assert found is not None
    assert found.manifest["distractors"] == {"ratio": 1, "papers": len(PAPERS), "file": file.name}
    assert found.manifest["papers"] == 2 * len(PAPERS)
    assert held_against == [PAPERS]
