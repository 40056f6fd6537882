"""The map of a collection: every paper has its place, neighbours are alike, groups have names."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hostile import HOSTILE

from rag.core.paper import Paper
from rag.index import layout, mapping
from rag.index.embedding import Floats
from rag.index.index import Index, current
from rag.index.mapping import PaperMap, draw, paper_map
from rag.index.scores import means
from rag.index.topics import names
from rag.service import Rag

ROOT = Path(__file__).parent.parent
TOPICS = {
    "glaciers": "Ice cores from the glacier date the melt of alpine ice.",
    "orchids": "Orchid pollen travels with bees; wild orchids in meadows bloom late.",
    "bridges": "The suspension bridge sways; steel cables carry the load of a bridge.",
    "violins": "Violin varnish changes the sound; luthiers test violin wood.",
}


def _papers(count: int, topics: int = 4) -> list[Paper]:
    names_of = list(TOPICS)[:topics]
    return [
        Paper(f"{names_of[i % topics]}-{i:08d}", f"On {names_of[i % topics]} {i}", TOPICS[names_of[i % topics]], "")
        for i in range(count)
    ]


def _vectors(count: int, topics: int = 4, noise: float = 0.05) -> Floats:
    """Embeddings in which the papers of `_papers` lie by their topics."""
    random = np.random.default_rng(1)
    found = np.eye(64, dtype=np.float32)[np.arange(count) % topics] + noise * random.standard_normal(
        (count, 64), dtype=np.float32
    )
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def _complete(found: PaperMap, papers: list[Paper]) -> None:
    """Every paper is one point inside the picture and a member of the group that it names."""
    assert [p.paper_id for p in found.points] == [p.id for p in papers]
    assert all(0 <= p.x <= 1 and 0 <= p.y <= 1 for p in found.points)
    assert sorted(id for g in found.groups for id in g.members) == sorted(p.id for p in papers)
    assert all(p.paper_id in found.groups[p.group].members for p in found.points)
    assert all(0 <= g.x <= 1 and 0 <= g.y <= 1 for g in found.groups)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8, 9, 10, 11, 30])
def test_a_collection_of_any_size_has_a_map(count: int) -> None:
    papers = _papers(count)
    _complete(draw(papers, _vectors(count)), papers)


@pytest.mark.parametrize("count", [1, 2, 7, 12, 40])
def test_papers_that_are_all_alike_still_stand_apart(count: int) -> None:
    papers = _papers(count, topics=1)
    found = draw(papers, _vectors(count, topics=1, noise=0))
    _complete(found, papers)
    assert len({(p.x, p.y) for p in found.points}) == count


def test_papers_of_a_topic_are_one_group_that_is_named_by_it() -> None:
    found = draw(_papers(60), _vectors(60))
    for topic in TOPICS:
        groups = [g for g in found.groups if any(id.startswith(topic) for id in g.members)]
        assert all(id.startswith(topic) for g in groups for id in g.members)
        assert any(topic.rstrip("s") in term for g in groups for term in g.terms), [g.terms for g in groups]


def test_the_largest_group_comes_first(collection: Rag) -> None:
    sizes = [len(g.members) for g in collection.map().groups]
    assert sizes == sorted(sizes, reverse=True)


def test_the_map_of_the_seeds(collection: Rag) -> None:
    found = collection.map()
    _complete(found, list(collection.papers()))
    assert 4 <= len(found.groups) <= 12
    terms = [term for g in found.groups for term in g.terms]
    assert all(2 <= len(g.terms) <= 3 for g in found.groups)
    assert len(set(terms)) == len(terms)
    assert {"quantization", "LLM inference", "distributed training", "architecture search"} <= set(terms)


def test_neighbours_in_the_picture_are_neighbours_in_the_embedding(collection: Rag) -> None:
    from sklearn.decomposition import PCA
    from sklearn.manifold import trustworthiness

    with_index = _index(collection)
    rows = np.arange(len(with_index))
    vectors = means(with_index.passage_vectors, with_index.passage_starts, rows)
    with_index.close()
    places = np.array([(p.x, p.y) for p in collection.map().points])
    trust = trustworthiness(vectors, places, n_neighbors=5)
    assert trust > 0.85
    assert trust > trustworthiness(vectors, PCA(2, random_state=0).fit_transform(vectors), n_neighbors=5) + 0.05


def _index(rag: Rag) -> Index:
    folder = current(rag.config.home / "collections" / rag.config.collection)
    assert folder is not None
    return Index(folder)


def test_it_is_the_same_in_another_process(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, 'tests');"
        "import json, dataclasses; from test_mapping import _papers, _vectors, draw;"
        "print(json.dumps(dataclasses.asdict(draw(_papers(60), _vectors(60, noise=0.4)))))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], cwd=Path(__file__).parent.parent, capture_output=True, text=True
        )
        for _ in range(2)
    ]
    assert all(run.returncode == 0 for run in runs), runs[0].stderr
    assert runs[0].stdout == runs[1].stdout
    assert len(json.loads(runs[0].stdout)["points"]) == 60


def test_of_a_large_collection_all_papers_have_places_near_their_like(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "SAMPLE", 60)
    papers = _papers(500)
    found = draw(papers, _vectors(500))
    _complete(found, papers)
    for group in found.groups:
        assert len({id.split("-")[0] for id in group.members}) == 1


@pytest.fixture
def index(collection: Rag) -> Index:
    found = _index(collection)
    (found.folder / mapping.FILE).unlink(missing_ok=True)
    return found


def test_a_map_is_made_once_and_then_read(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    first = paper_map(index)
    monkeypatch.setattr(mapping, "lay_out", lambda vectors: pytest.fail("it was made again"))
    assert paper_map(index) == first
    index.close()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"places": [[0, 0]], "groups": [0], "terms": [["a"]]}', '{"places": 1}']
)
def test_a_damaged_file_is_made_again(index: Index, content: str) -> None:
    first = paper_map(index)
    (index.folder / mapping.FILE).write_text(content)
    assert paper_map(index) == first
    assert (index.folder / mapping.FILE).read_text() != content
    index.close()


def test_a_folder_that_cannot_be_written_costs_only_time(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(mapping.FileLock, "acquire", refuse)
    monkeypatch.setattr(Path, "write_text", refuse)
    assert len(paper_map(index).points) == len(index)
    assert not (index.folder / mapping.FILE).exists()
    index.close()


@pytest.mark.parametrize(
    ("abstracts", "expected"),
    [
        (["We finetune LLMs. LLMs are large.", "An LLM is tuned; LLMs write."], "LLMs"),
        (["Collaborative filtering of songs.", "We revisit collaborative filtering."], "collaborative filtering"),
        (["Mixture-of-experts (MoE) routing.", "Routing in mixture-of-experts: MoE."], "mixture-of-experts"),
        (["Quantization. Quantization works.", "Of quantization."], "quantization"),
    ],
)
def test_terms_are_shown_as_abstracts_write_them(abstracts: list[str], expected: str) -> None:
    papers = [Paper(f"a{i}", "Untitled", text, "") for i, text in enumerate(abstracts)]
    others = [Paper(f"b{i}", "Untitled", "Glacier ice melts.", "") for i in range(2)]
    first, _ = names([*papers, *others], [[0, 1], [2, 3]])
    assert expected in first
    assert not {"MoE", "mixture-of-experts"} <= set(first), "one of them says it"


def test_no_term_is_in_two_names_and_none_is_a_word_of_any_abstract() -> None:
    texts = ["We propose a novel method for glaciers and results show glaciers melt.", "Our approach to glaciers."]
    papers = [Paper(f"p{i}", "A study", text, "") for i, text in enumerate(texts * 2)]
    found = names(papers, [[0, 1], [2, 3]])
    terms = [term for name in found for term in name]
    assert len(terms) == len(set(terms))
    assert not {"propose", "method", "results", "approach", "novel", "the", "our"} & set(terms)


def test_papers_without_words_have_a_group_without_a_name() -> None:
    assert names([Paper("a", "?", "12 % … 3", "")], [[0]]) == [()]


def test_any_text_has_a_map() -> None:
    papers = [Paper(f"p{i}", text, f"{text} is what this abstract says.", "") for i, text in enumerate(HOSTILE)]
    _complete(draw(papers, _vectors(len(papers))), papers)
