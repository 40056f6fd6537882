"""The names and acronyms of a claim, and whether a text has them.

A name is told by how it is written, in any field: by capitals inside ("QLoRA", "vLLM"), by letters with digits
("A100", "GPT-3"), by capitals alone ("BERT"), or by a capital in the middle of a sentence ("Holmes").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rag.index.lexical import STOPWORDS, stem

_TOKEN = re.compile(r"[^\W_](?:[\w+^]|[-.·/](?=[^\W_]))*")
_STRONG = re.compile(r"[a-z]\w{0,40}[A-Z]|[A-Z]{2}|[A-Za-z]\d|\d[A-Z]|[A-Z][a-z]*-[A-Z]{1,}[^a-z]")
_PROPER = re.compile(r"[A-Z][a-z]{2,}")
_STARTS = re.compile(r"(?:^|[.:!?;—–(|]|\*\*|[\"“‘'])\s*$")
_GRAMS = 4
"""Parts of a name that may be written apart: "Llama 2 70B" for "Llama-2-70B"."""
_EMPHASIS = frozenset("NOT AND OR BUT ALL NO ONLY VS OF IN ON THE FOR".split())
_ORDINARY = frozenset(
    """english chinese french german japanese european american western internet web monday tuesday wednesday thursday
    friday saturday sunday january february march april june july august september october november december table
    figure section appendix source sources answer note yes none""".split()
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it is written. `strong`: its letters tell that it is one, wherever it stands."""

    text: str
    start: int
    strong: bool


def names(text: str) -> list[Name]:
    """The names in a text without Markdown, in their order."""
    found = []
    for match in _TOKEN.finditer(text):
        token, start = match.group(), match.start()
        if token.upper() in _EMPHASIS or (token[0].isdigit() and not re.match(r"\d+[A-Z]", token)):
            continue
        if re.fullmatch(r"\d+[A-Z][a-z]*|\d+[KMGTB]", token):  # a figure with its unit
            continue
        if _STRONG.search(token) and not _title_case(token):
            found.append(Name(token, start, True))
        elif _PROPER.match(token) and not _STARTS.search(text[:start]) and token.lower() not in _ORDINARY | STOPWORDS:
            found.append(Name(token, start, False))
    return found


def _title_case(token: str) -> bool:
    """ "Low-Rank", "State-of-the-Art": words that are only capitalised."""
    return all(re.fullmatch(r"[A-Z]?[a-z]+", part) for part in re.split(r"[-/]", token))


class NameSet:
    """The names and words that some texts have."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._grams: set[str] = set()
        self._stems: set[str] = set()
        self._initials = ""
        self._pairs: set[str] = set()
        for text in texts:
            words = [w.lower() for w in re.findall(r"\d+(?:\.\d+)+|[^\W_\d]+|\d+", text)]
            for n in range(1, _GRAMS + 1):
                self._grams.update("".join(words[i : i + n]) for i in range(len(words) - n + 1))
            self._stems.update(stem(w) for w in words)
            # Two letters are too few to look for in a row of initials: "VO" has to be a "Virtual Observatory".
            self._pairs.update((a + b).lower() for a, b in re.findall(r"\b([A-Z])[a-z]+[\s-]([A-Z])[a-z]", text))
            self._initials += (
                "".join(w[0] for w in words) + " " + "".join(w[0] for w in words if w not in STOPWORDS) + " "
            )

    def has(self, name: Name | str) -> bool:
        """Whether the texts write a name, in any spelling, or what it abbreviates."""
        text = name if isinstance(name, str) else name.text
        letters = "".join(re.findall(r"\d+(?:\.\d+)+|[^\W_]", text)).lower()
        if self._held(letters) or (letters.endswith("s") and self._held(letters[:-1])):
            return True
        if not letters or not isinstance(name, Name):
            return False
        if not name.strong:
            return all(stem(part.lower()) in self._stems or part.lower() in STOPWORDS for part in _parts(text))
        if re.fullmatch(r"[A-Z]{2,6}s?", text):
            initials = text.rstrip("s").lower()
            return initials in (self._initials if len(initials) > 2 else self._pairs)
        # "Transformer-based", "GPU-hours", "LLaMA/Alpaca": each part on its own.
        parts = _parts(text)
        if len(parts) > 1:
            return all(self.has(Name(p, 0, True)) or stem(p.lower()) in self._stems or p.islower() for p in parts)
        return False

    def _held(self, letters: str) -> bool:
        if letters in self._grams or letters + "s" in self._grams:
            return True
        # "Megatron" for "MegatronLM": not where a digit makes it another.
        return len(letters) >= 5 and any(
            (g.startswith(letters) and not g[len(letters)].isdigit() and len(g) <= len(letters) + 4)
            for g in self._grams
            if len(g) > len(letters)
        )


def _parts(text: str) -> list[str]:
    return [p for p in re.split(r"[-/·]", text) if p]
