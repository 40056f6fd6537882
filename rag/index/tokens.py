"""Token vectors in a few bits: what late interaction (Khattab and Zaharia 2020, arXiv:2004.12832) needs of a paper.

A state is projected to 192 dimensions, turned by a random rotation, and rounded to 2 bits a dimension, with one scale a
token. After the rotation all dimensions have about the same spread, so that one set of levels fits them (Gao and Long
2024, arXiv:2405.12497, who prove it for one bit). The question's tokens are never rounded.

What rounding costs, nDCG@10 of the whole ranking with signed bytes, 2 bits and 1 bit: 500 titles that look for their
abstract among 2,500 of arXiv .970, .970, .966; questions about systems .937, .935, .936, medicine .968, .964, .964,
society .979, .980, .978, astronomy .941, .943, .943. One bit ranks nearly as well, but the best of many cosines is then
too high, and questions that nothing answers are refused in .78 instead of .83 (with 2 bits .83).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

DIMENSIONS = 192
"""What is kept of a token. On our development split 192 of 384 dimensions rank like all (.83 first, .91 among five,
either way); 128 lose .01 to .02."""
BITS = 2
"""Bits of each dimension."""
WIDTH = DIMENSIONS * BITS // 8
"""Bytes of a token."""
_LEVELS = np.array([-1.510, -0.4528, 0.4528, 1.510], np.float32)
"""The four levels for a normal distribution of spread 1 (Lloyd 1982; Max 1960, table I)."""
_BOUND = 0.9816
"""Between the second and the third level, and so between the first two: the middle of the levels."""
_SHIFTS = np.array([0, 2, 4, 6], np.uint8)
_LEVELS_OF_BYTE = _LEVELS[(np.arange(256, dtype=np.uint8)[:, None] >> _SHIFTS) & 3]


def unit(vectors: Floats) -> Floats:
    """`vectors` scaled to length 1 along the last axis; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Floats = (vectors / np.maximum(length, 1e-12)).astype(np.float32)
    return scaled


@dataclass(frozen=True, slots=True)
class TokenCode:
    """How the token states of one model are kept: `directions` (d, 192), rotation included, and the `mean` (192,) of
    projected tokens, which is subtracted before rounding."""

    directions: Floats
    mean: Floats

    @classmethod
    def read(cls, file: Path) -> TokenCode:
        """What `write` wrote; an OSError or ValueError where it can't be read."""
        try:
            with file.open("rb") as opened, np.load(opened) as stored:
                return cls(stored["directions"].astype(np.float32), stored["mean"].astype(np.float32))
        except (KeyError, EOFError, BadZipFile) as e:
            raise ValueError(f"{file.name} is damaged: {e}") from e

    def write(self, file: Path) -> None:
        """Write it into `file`."""
        np.savez(file, directions=self.directions.astype(np.float16), mean=self.mean)

    @classmethod
    def fitted(cls, states: Floats) -> TokenCode:
        """That of another model, from a sample of its token states (n, d): principal components and mean. The same
        states give the same."""
        sample = unit(states).astype(np.float64)
        _, components = np.linalg.eigh(sample.T @ sample)  # by rising share
        kept = components[:, ::-1][:, :DIMENSIONS]
        kept = np.pad(kept, ((0, 0), (0, DIMENSIONS - kept.shape[1])))
        rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(DIMENSIONS, DIMENSIONS)))
        code = cls((kept @ rotation).astype(np.float32), np.zeros(DIMENSIONS, np.float32))
        return cls(code.directions, code.project(states).mean(axis=0))

    def project(self, vectors: Floats) -> Floats:
        """Unit vectors of shape (n, 192) from states of shape (n, d)."""
        return unit(unit(vectors) @ self.directions)

    def pack(self, vectors: Floats) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
        """States of shape (n, d) as bytes (n, 48), four dimensions in each, and the scale of each token (n,)."""
        rest = self.project(vectors) - self.mean
        spread = np.sqrt((rest**2).mean(axis=1, keepdims=True))
        bound = _BOUND * spread
        places = (rest > -bound).astype(np.uint8) + (rest > 0) + (rest > bound)
        levels = _LEVELS[places]
        # With this scale a token has the cosine 1 with itself, and no cosine is shrunk by the rounding (Gao and Long).
        scale = (rest**2).sum(axis=1) / np.maximum((rest * levels).sum(axis=1), 1e-9)
        packed: NDArray[np.uint8] = (places.reshape(-1, DIMENSIONS // 4, 4) << _SHIFTS).sum(axis=2, dtype=np.uint8)
        return packed, scale.astype(np.float16)

    def cosines(self, packed: NDArray[np.uint8], scales: NDArray[np.float16], tokens: Floats) -> Floats:
        """The cosines of packed tokens with those of a question, which are `project`ed (t, 192): shape (n, t)."""
        levels = np.take(_LEVELS_OF_BYTE, packed, axis=0).reshape(len(packed), DIMENSIONS)
        found: Floats = (levels @ tokens.T) * scales.astype(np.float32)[:, None] + tokens @ self.mean
        return found
