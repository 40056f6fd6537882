"""Models that a user brings as a folder: an ONNX file, a tokenizer, and what sentence-transformers writes beside them.

    model.onnx, or onnx/model.onnx, or the only ONNX file there     the model; external data may lie beside it
    tokenizer.json                                                  the tokenizer (library tokenizers)
    1_Pooling/config.json                                           mean, first (CLS) or last token; without it mean
    config_sentence_transformers.json                               "prompts" for "query" and "document" or "passage"
    modules.json                                                    whether there is a layer that we don't have
    sentence_bert_config.json, tokenizer_config.json                the longest text, in word pieces

Formats: https://sbert.net/docs/sentence_transformer/usage/custom_models.html. Vectors are always scaled to length 1, as
cosines are all that is made of them. Everything wrong with a folder is a ConfigError that says what and where.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rag.core.errors import ConfigError
from rag.core.resources import seeds
from rag.index.embedding import Floats, OnnxEmbedding, Pooling, session, tokenizer
from rag.index.tokens import TokenCode
from rag.papers import load

if TYPE_CHECKING:
    from rag.core.config import Config

LONGEST = 512
"""Word pieces that are read of a text, at most: an abstract has 350 and less, and a longer window costs time."""
SAMPLE = 24
"""Abstracts of the program's own on which the code for token vectors is fitted, 8,000 word pieces."""
PREFIX = "onnx:"
_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})
_POOLING: dict[str, Pooling] = {"mean_tokens": "mean", "cls_token": "cls", "lasttoken": "last"}


def embedding(config: Config) -> FolderEmbedding | None:
    """The embedding of a folder that a configuration names; None where it names none."""
    if not config.embedding.startswith(PREFIX):
        return None
    return FolderEmbedding(Path(config.embedding.removeprefix(PREFIX)).expanduser(), config.threads)


class OnnxFolder:
    """A folder with a model and its tokenizer. `setting` is what names it, for errors."""

    def __init__(self, folder: Path, setting: str) -> None:
        self.folder, self._setting = folder, setting
        if not folder.is_dir():
            raise self.wrong("there is no such folder; give one with an ONNX model and its tokenizer.json")
        if not self.tokenizer_file.is_file():
            raise self.wrong("it has no tokenizer.json; save the model's fast tokenizer there")
        _ = self.model_file

    def wrong(self, reason: str) -> ConfigError:
        """The error of this folder."""
        return ConfigError(f"{self._setting} is {PREFIX}{self.folder}: {reason}.")

    @property
    def tokenizer_file(self) -> Path:
        """The file of the tokenizer."""
        return self.folder / "tokenizer.json"

    @cached_property
    def model_file(self) -> Path:
        """The ONNX file."""
        usual = [self.folder / "model.onnx", self.folder / "onnx" / "model.onnx"]
        found = [f for f in usual if f.is_file()][:1] or sorted(
            {*self.folder.glob("*.onnx"), *usual[1].parent.glob("*.onnx")}
        )
        if len(found) != 1:
            names = ", ".join(f.name for f in found)
            raise self.wrong(
                f"it has {names}; call the one to use model.onnx" if found else "it has no ONNX file, model.onnx"
            )
        return found[0]

    def read(self, name: str) -> Any:
        """What a JSON file says; {} where it is not there."""
        try:
            return json.loads((self.folder / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as e:
            raise self.wrong(f"{name} can't be read ({e})") from e

    @cached_property
    def window(self) -> int:
        """Word pieces that the model reads at once, its marks included."""
        said = [
            self.read("sentence_bert_config.json").get("max_seq_length"),
            self.read("tokenizer_config.json").get("model_max_length"),
            (self.read("tokenizer.json").get("truncation") or {}).get("max_length"),
        ]
        return min([int(n) for n in said if isinstance(n, int | float) and n > 0] + [LONGEST])

    @cached_property
    def sha256(self) -> str:
        """The sum of the model, the tokenizer and the files that say how they are used."""
        found = hashlib.sha256()
        names = [
            "1_Pooling/config.json",
            "config_sentence_transformers.json",
            "sentence_bert_config.json",
            "modules.json",
        ]
        for file in (self.model_file, self.tokenizer_file, *(self.folder / name for name in names)):
            if file.is_file():
                with file.open("rb") as opened:
                    found.update(hashlib.file_digest(opened, "sha256").digest())
        return found.hexdigest()

    def open(self, threads: int) -> tuple[Any, Any]:
        """The session and the tokenizer."""
        try:
            model = session(self.model_file, threads)
        except Exception as e:  # ONNX Runtime has an error of its own for each thing that can be wrong
            raise self.wrong(f"{self.model_file.name} can't be loaded ({e})") from e
        try:
            read = tokenizer(self.tokenizer_file, self.window)
        except Exception as e:  # tokenizers raises a bare Exception
            raise self.wrong(f"tokenizer.json can't be loaded ({e})") from e
        if other := {i.name for i in model.get_inputs()} - _INPUTS:
            raise self.wrong(
                f"the model asks for {', '.join(sorted(other))}; it may ask for {', '.join(sorted(_INPUTS))}"
            )
        return model, read

    def run(self, model: Any, feeds: dict[str, NDArray[np.int64]], rank: int) -> Floats:
        """The first output of this many dimensions, from as many of the feeds as the model asks for."""
        kinds = {i.name: np.int32 if "int32" in i.type else np.int64 for i in model.get_inputs()}
        names = [o.name for o in model.get_outputs()]
        try:
            found = model.run(None, {name: feeds[name].astype(kind) for name, kind in kinds.items()})
        except Exception as e:
            raise self.wrong(f"the model fails on a text ({e})") from e
        fits = next((f for f in found if f.ndim == rank), None)
        if fits is None:
            wanted = "token states (texts, word pieces, dimensions)" if rank == 3 else "scores (texts, 1)"
            raise self.wrong(f"the model gives {', '.join(names)}, and none of them are {wanted}")
        floats: Floats = np.asarray(fits, np.float32)
        return floats


class FolderEmbedding(OnnxEmbedding):
    """The embedding model of a folder, in place of the built-in one in everything. Raises ConfigError."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        super().__init__(threads)
        self._files = OnnxFolder(folder, "RAG_EMBEDDING")
        self.name, self.window = folder.resolve().name, self._files.window
        self.pooling, self.prompts = self._pooling(), self._prompts()

    def _pooling(self) -> Pooling:
        layers = [str(m.get("type", "")).rpartition(".")[2] for m in self._files.read("modules.json") or []]
        if other := [layer for layer in layers if layer not in ("Transformer", "Pooling", "Normalize")]:
            raise self._files.wrong(f"modules.json has the layer {other[0]}, which we don't have")
        said = self._files.read("1_Pooling/config.json")
        wanted = [
            name.removeprefix("pooling_mode_")
            for name, on in said.items()
            if name.startswith("pooling_mode_") and on is True
        ]
        if isinstance(said.get("pooling_mode"), str):
            wanted = [{"mean": "mean_tokens", "cls": "cls_token"}.get(said["pooling_mode"], said["pooling_mode"])]
        if any(name not in _POOLING for name in wanted) or len(wanted) > 1:
            raise self._files.wrong(
                f"1_Pooling/config.json wants {' and '.join(wanted)}; we have {', '.join(_POOLING)}"
            )
        return _POOLING[wanted[0]] if wanted else "mean"

    def _prompts(self) -> tuple[str, str]:
        said = self._files.read("config_sentence_transformers.json").get("prompts") or {}
        return str(said.get("query") or ""), str(said.get("document") or said.get("passage") or "")

    @property
    def fingerprint(self) -> dict[str, Any]:
        return {"model": self.name, "sha256": self._files.sha256, "dimensions": self.dimensions}

    @cached_property
    def dimensions(self) -> int:  # type: ignore[override]
        """Numbers of a vector: asked of the model, once."""
        return int(self._encode(["a"], "")[0].vectors.shape[1])

    @cached_property
    def vocabulary(self) -> int:  # type: ignore[override]
        """Word pieces that the tokenizer knows."""
        return int(self._read().get_vocab_size())

    @cached_property
    def token_code(self) -> TokenCode:
        papers = load([seeds()]).papers[:SAMPLE]
        states = self.encode([f"{p.title}. {p.abstract}" for p in papers])
        return TokenCode.fitted(np.concatenate([s.vectors[s.words] for s in states]))

    def load(self) -> None:
        self._session, self._tokenizer = self._files.open(self.threads)

    def _hidden(self, feeds: dict[str, NDArray[np.int64]]) -> Floats:
        return self._files.run(self._session, feeds, 3)
