"""A model of one's own: a folder with ONNX and tokenizer does all that the built-in embedding does, or says why not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_models
import pytest
from onnx import helper
from test_index import NAMES, SUBJECTS, record, write
from typer.testing import CliRunner

from rag import Config, Rag, build
from rag.cli.app import app
from rag.core.errors import ConfigError
from rag.index.embedding import BuiltinEmbedding, unit
from rag.index.index import current
from rag.index.onnx_folder import FolderEmbedding
from rag.index.reranking import Reranker

RECORDS = [record(name) for name in NAMES]
WORDS = re.findall(r"\w+|[^\w\s]", " ".join(r["title"] + " " + r["abstract"] for r in RECORDS) + " query passage :")
QUESTION = f"What is said on {SUBJECTS['BrickNet']}?"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    onnx_models.embedding(tmp_path / "model of mine", WORDS)
    return tmp_path / "model of mine"


@pytest.fixture
def ingested(home: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rag:
    """The collection under the folder's model; the built-in one is not to be asked."""

    def asked(*_: object) -> None:
        pytest.fail("the built-in model was read")

    monkeypatch.setattr(BuiltinEmbedding, "load", asked)
    rag = build(Config(home=home, embedding=f"onnx:{folder}"))
    rag.ingest([write(tmp_path / "in.jsonl", RECORDS)])
    return rag


def test_it_takes_the_place_of_the_built_in_one_in_everything(ingested: Rag, home: Path) -> None:
    with ingested as rag:
        answer = rag.ask(QUESTION)
        assert answer.retrieved[0].title.startswith("BrickNet")
        assert answer.citations[0].title.startswith("BrickNet")
        assert rag.near(SUBJECTS["Alpaca"])[0].paper.title.startswith("Alpaca")
        assert rag.map().points
        index = rag.index()
        assert index.passage_vectors.shape[1] == index.sentence_vectors.shape[1] == 32
        query = rag.as_retriever()._ranker.encode("grazing animals")
        cover = rag.as_retriever()._ranker.tokens.cover(query, np.array([index.rows[p.id] for p in index.papers][:1]))
        assert cover[0].max() == pytest.approx(1, abs=0.1), "late interaction finds the question's own words"


def test_each_model_has_an_index_of_its_own(ingested: Rag, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ingested.close()
    monkeypatch.undo()
    before = current(home / "collections" / "papers")
    with build(Config(home=home)) as rag:
        assert rag.ask(QUESTION).citations[0].title.startswith("BrickNet")
        assert current(home / "collections" / "papers") != before
        assert rag.index().passage_vectors.shape[1] == 384


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, lambda rows: rows.mean(axis=0)),
        ({"1_Pooling/config.json": {"pooling_mode_mean_tokens": True}}, lambda rows: rows.mean(axis=0)),
        ({"1_Pooling/config.json": {"pooling_mode_cls_token": True, "pooling_mode_x": False}}, lambda rows: rows[0]),
        ({"1_Pooling/config.json": {"pooling_mode": "lasttoken"}}, lambda rows: rows[-1]),
    ],
)  # fmt: skip
def test_pooling_is_the_models_own(
    tmp_path: Path, files: dict[str, object], expected: Callable[[np.ndarray], np.ndarray]
) -> None:
    table = onnx_models.embedding(tmp_path / "m", ["alpaca", "grazing"], files=files)
    (states,) = FolderEmbedding(tmp_path / "m").encode(["alpaca grazing"])
    assert np.allclose(states.pooled(), unit(expected(table[[2, 4, 5, 3]])), atol=1e-6)
    assert np.allclose(states.pooled(0, 6), unit(table[4]), atol=1e-6), "of a stretch: the mean of its tokens"
    assert np.linalg.norm(states.pooled()) == pytest.approx(1, abs=1e-5)


def test_prompts_are_in_the_vector_and_are_no_tokens(tmp_path: Path) -> None:
    files = {"config_sentence_transformers.json": {"prompts": {"query": "query: ", "passage": "passage: "}}}
    table = onnx_models.embedding(tmp_path / "m", ["alpaca", "query", "passage", ":"], files=files)
    model = FolderEmbedding(tmp_path / "m")
    question, (passage,) = model.encode_question("alpaca"), model.encode(["alpaca"])
    assert np.allclose(question.pooled(), unit(table[[2, 5, 7, 4, 3]].mean(axis=0)), atol=1e-6)
    assert np.allclose(passage.pooled(), unit(table[[2, 6, 7, 4, 3]].mean(axis=0)), atol=1e-6)
    for states in (question, passage):
        assert states.offsets[states.words].tolist() == [[0, 6]], "counted in the text that was given"
        assert states.pieces[states.words].tolist() == [4]


def test_the_longest_text_is_the_models_own(tmp_path: Path) -> None:
    onnx_models.embedding(tmp_path / "m", ["alpaca"], files={"sentence_bert_config.json": {"max_seq_length": 16}})
    (states,) = FolderEmbedding(tmp_path / "m").encode(["alpaca " * 50])
    assert len(states.vectors) == 16


def without(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def with_file(name: str, content: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))

    return change


def asks_for_more(folder: Path) -> None:
    node = helper.make_node("Gather", ["table", "input_ids"], ["h"])
    inputs = ("input_ids", "pixel_values")
    onnx_models.write(folder / "model.onnx", np.ones((9, 4), np.float32), [node], ("h", ["a", "b", 4]), inputs=inputs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: folder.rename(folder.with_name("elsewhere")), "no such folder"),
        (without("tokenizer.json"), r"no tokenizer\.json"),
        (without("model.onnx"), "no ONNX file"),
        (with_file("model.onnx", "no model"), r"model\.onnx can't be loaded"),
        (with_file("tokenizer.json", "{}"), r"tokenizer\.json can't be loaded"),
        (asks_for_more, "asks for pixel_values"),
        (lambda folder: onnx_models.cross_encoder(folder, WORDS, "kites"), "token states"),
        (with_file("1_Pooling/config.json", {"pooling_mode_max_tokens": True}), "max_tokens"),
        (with_file("1_Pooling/config.json", "{"), r"config\.json can't be read"),
        (with_file("modules.json", [{"type": "sentence_transformers.models.Dense"}]), "layer Dense"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_folder_is_told(
    folder: Path, home: Path, change: Callable[[Path], object], message: str
) -> None:
    change(folder)
    with (
        pytest.raises(ConfigError, match=rf"(?s)RAG_EMBEDDING is onnx:.*{message}"),
        build(Config(home=home, embedding=f"onnx:{folder}")) as rag,
    ):
        rag.ask(QUESTION)


def test_the_doctor_tells_which_model_is_used(folder: Path, home: Path, tmp_path: Path) -> None:
    onnx_models.cross_encoder(tmp_path / "crossed", WORDS, "kites")
    environment = {"RAG_EMBEDDING": f"onnx:{folder}", "RAG_RERANKER": f"onnx:{tmp_path / 'crossed'}"}
    told = CliRunner().invoke(app, ["doctor", "--home", str(home)], env=environment)
    assert "model of mine, of onnx:" in told.output
    assert "mean pooling" in told.output and "32 dimensions" in told.output
    assert re.search(r"reranker +crossed of onnx:", told.output)
    assert "nothing is called" in told.output
    (folder / "tokenizer.json").unlink()
    told = CliRunner().invoke(app, ["doctor", "--home", str(home)], env=environment)
    assert (told.exit_code, "no tokenizer.json" in told.output) == (1, True)


def test_a_cross_encoder_orders_the_best_papers(home: Path, folder: Path, tmp_path: Path) -> None:
    onnx_models.cross_encoder(tmp_path / "crossed", WORDS, "kites")
    papers = write(tmp_path / "in.jsonl", RECORDS)
    with build(Config(home=home, embedding=f"onnx:{folder}")) as rag:
        rag.ingest([papers])
        assert rag.ask(QUESTION).retrieved[0].title.startswith("BrickNet")
    with build(Config(home=home, embedding=f"onnx:{folder}", reranker=f"onnx:{tmp_path / 'crossed'}")) as rag:
        assert rag.ask(QUESTION).retrieved[0].title.startswith("KiteSail"), "the only one with the word that it likes"
    with pytest.raises(ConfigError, match=r"RAG_RERANKER is onnx:.*scores"):
        Reranker(folder).scores("a", ["b"])
