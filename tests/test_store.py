"""Chroma behind its module: vectors in, nearest out, on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.core.errors import StoreError
from rag.index.embedding import DIMENSIONS, unit
from rag.index.store import PassageStore, opened


def vectors(n: int, seed: int = 0, width: int = DIMENSIONS) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32))


def ids(n: int) -> list[str]:
    return [f"p{i}#0" for i in range(n)]


def test_empty(tmp_path: Path) -> None:
    with opened(tmp_path / "not" / "yet") as store:
        assert len(store) == 0
        found, scores = store.nearest(vectors(1)[0], 5)
        assert (found, len(scores)) == ([], 0)


def test_nearest_gives_cosines_best_first(tmp_path: Path) -> None:
    rows = vectors(60)
    asked = unit(rows[7] + 0.5 * rows[21])
    with opened(tmp_path) as store:
        store.upsert(ids(60), rows)
        found, scores = store.nearest(asked, 12)
    exact = rows @ asked
    assert found == [f"p{i}#0" for i in np.argsort(-exact)[:12]]
    assert np.allclose(scores, np.sort(exact)[::-1][:12], atol=1e-4)
    assert found[:2] == ["p7#0", "p21#0"]


def test_opposite_vectors_have_cosine_minus_one(tmp_path: Path) -> None:
    row = vectors(1)
    with opened(tmp_path) as store:
        store.upsert(["a"], row)
        assert store.nearest(-row[0], 1)[1][0] == pytest.approx(-1, abs=1e-4)
        assert store.nearest(3 * row[0], 1)[1][0] == pytest.approx(1, abs=1e-4), "length does not matter"


def test_more_than_there_are(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.upsert(ids(3), vectors(3))
        assert len(store.nearest(vectors(1)[0], 100)[0]) == 3
        assert store.nearest(vectors(1)[0], 0)[0] == []


def test_upsert_replaces(tmp_path: Path) -> None:
    old, new = vectors(2), vectors(2, seed=1)
    with opened(tmp_path) as store:
        store.upsert(ids(2), old)
        store.upsert(ids(2), new)
        assert len(store) == 2
        found, scores = store.nearest(new[1], 1)
        assert found == ["p1#0"]
        assert scores[0] == pytest.approx(1, abs=1e-4), "add() would have kept the old vector"


def test_delete(tmp_path: Path) -> None:
    rows = vectors(5)
    with opened(tmp_path) as store:
        store.upsert(ids(5), rows)
        store.delete(["p2#0", "nobody#9"])
        store.delete([])
        assert len(store) == 4
        assert "p2#0" not in store.nearest(rows[2], 5)[0]


def test_another_client_sees_what_was_written(tmp_path: Path) -> None:
    rows = vectors(4)
    with opened(tmp_path) as store:
        store.upsert(ids(4), rows)
    with opened(tmp_path) as store:
        assert len(store) == 4
        assert store.nearest(rows[3], 1)[0] == ["p3#0"]


def test_more_rows_than_chroma_takes_at_once(tmp_path: Path) -> None:
    rows = vectors(5600, width=16)
    with opened(tmp_path) as store:
        store.upsert(ids(5600), rows)
        assert len(store) == 5600
        assert store.nearest(rows[5599], 1)[0] == ["p5599#0"]
        store.delete(ids(5550))
        assert len(store) == 50


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(tmp_path: Path, bad: float) -> None:
    rows = vectors(3)
    rows[1, 5] = bad
    with opened(tmp_path) as store:
        with pytest.raises(StoreError, match="not a number"):
            store.upsert(ids(3), rows)
        assert len(store) == 0, "all or nothing"


@pytest.mark.parametrize("size", [0, 100, 5000], ids="rest of {}".format)
def test_a_damaged_folder_says_what_to_do(tmp_path: Path, size: int) -> None:
    with opened(tmp_path) as store:
        store.upsert(ids(3), vectors(3))
    database = tmp_path / "chroma.sqlite3"
    database.write_bytes(database.read_bytes()[:size].replace(b"SQLite", b"garble") or b"garbled" * 100)
    with pytest.raises(StoreError, match="rag ingest"):
        PassageStore(tmp_path)


STEPS = st.lists(st.tuples(st.booleans(), st.sets(st.integers(0, 7), max_size=5), st.integers(0, 99)), max_size=6)


@given(STEPS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_writing_ends_with_what_a_dict_would_hold(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[bool, set[int], int]]
) -> None:
    expected: dict[str, np.ndarray] = {}
    with opened(tmp_path_factory.mktemp("store")) as store:
        for put, which, seed in steps:
            names = [f"p{i}" for i in sorted(which)]
            if put:
                rows = vectors(len(names), seed)
                store.upsert(names, rows)
                expected.update(zip(names, rows, strict=True))
            else:
                store.delete(names)
                expected = {name: row for name, row in expected.items() if name not in names}
        assert len(store) == len(expected)
        for name, row in expected.items():
            found, scores = store.nearest(row, len(expected))
            assert sorted(found) == sorted(expected)
            assert scores[found.index(name)] == pytest.approx(1, abs=1e-4)
