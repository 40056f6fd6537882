"""Tiny ONNX models with tokenizers, as a user's folder has them: their vectors can be worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def tokenizer(folder: Path, words: Sequence[str]) -> dict[str, int]:
    """A tokenizer of whole words, written into the folder; its vocabulary."""
    vocabulary = {word: n for n, word in enumerate([*MARKS, *dict.fromkeys(words)])}
    made = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    marks = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", marks)
    folder.mkdir(parents=True, exist_ok=True)
    made.save(str(folder / "tokenizer.json"))
    return vocabulary


def embedding(
    folder: Path, words: Sequence[str], dimensions: int = 32, files: dict[str, Any] | None = None
) -> np.ndarray:
    """A model whose token states are the rows of a table, which is returned: (vocabulary, dimensions)."""
    vocabulary = tokenizer(folder, words)
    table = np.random.default_rng(7).normal(size=(len(vocabulary), dimensions)).astype(np.float32)
    write(folder / "model.onnx", table, [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])],
          ("last_hidden_state", ["texts", "pieces", dimensions]))  # fmt: skip
    for name, content in (files or {}).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return table


def cross_encoder(folder: Path, words: Sequence[str], liked: str) -> None:
    """A model whose score of a pair is how often it has the word `liked`."""
    vocabulary = tokenizer(folder, words)
    table = np.zeros((len(vocabulary), 1), np.float32)
    table[vocabulary[liked]] = 1
    axes = numpy_helper.from_array(np.array([1], np.int64), "axes")
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["each"]),
             helper.make_node("ReduceSum", ["each", "axes"], ["logits"], keepdims=0)]  # fmt: skip
    write(folder / "model.onnx", table, nodes, ("logits", ["texts", 1]), [axes])


def write(
    file: Path, table: np.ndarray, nodes: list[Any], output: tuple[str, list[Any]], more: Sequence[Any] = (),
    inputs: Sequence[str] = INPUTS,
) -> None:  # fmt: skip
    """A model of these nodes over a table."""
    feeds = [helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "pieces"]) for name in inputs]
    made = helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])
    graph = helper.make_graph(nodes, "tiny", feeds, [made], [numpy_helper.from_array(table, "table"), *more])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(file))
