"""No regular expression is slow on any text: each is fed repetitions as long as the longest text that it may get."""

from __future__ import annotations

import importlib
import math
import pkgutil
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import rag
from rag.ask import cues
from rag.ask.reading import brackets, stream
from rag.core.config import MAX_QUESTION

pytestmark = pytest.mark.hostile

SECONDS = 0.2
LENGTHS = {
    "rag.ask.cues": cues.HEAD,
    "rag.ask.plan": MAX_QUESTION,
    "rag.index.metadata": MAX_QUESTION,
    "rag.evaluation": 2_000,  # answers that an operator has measured: no reader waits for them
    "rag.ask.reading.brackets": brackets.LONGEST,
    "rag.ask.reading.stream._TAIL": stream.STEP,
}
"""Characters that the patterns of a module get at most, where these are no abstracts and no replies of models."""
ONE_SPACE = ("rag.ask.", "rag.index.", "rag.papers.passages", "rag.papers.names")
"""What gets questions and abstracts: there no space follows a space. What models write (`reading`) is as it comes."""
LONGEST = 20_000
REPEATED = (
    *("a", "A", "1", " ", "\t", "\n", ".", "-", "(", "[", "{", "<", "\\", "$", "&", "'", '"', "*", "`", "|", "#", "é"),
    *("中", "a ", "a b ", "A. ", "a, ", "a-", "- ", "1.", "1, ", "[1]", "</", "\\a{", "$a", "&a;", "a=", "://"),
    *("a@", "a\n", " \n"),
    *("and ", "what about ", "the other ", "Smith, J. and ", "in 2020 ", "which papers ", "et al. "),
    *("10.1/", "no ", "(a) "),
)  # fmt: skip
ENDS = ("", "\x01")
"""A pattern that wants more than the repetition fails at its end, and tries again."""


def patterns() -> dict[str, re.Pattern[str]]:
    found: dict[str, re.Pattern[str]] = {}

    def walk(value: object, name: str) -> Iterator[tuple[str, re.Pattern[str]]]:
        if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
            yield name, value
        elif isinstance(value, dict):
            yield from walk((*value, *value.values()), name)
        elif isinstance(value, tuple | list | set | frozenset):
            for part in value:
                yield from walk(part, name)

    for module in pkgutil.walk_packages(rag.__path__, "rag."):
        try:
            members = {} if module.name.endswith("__main__") else vars(importlib.import_module(module.name))
        except ModuleNotFoundError as error:  # of a library that is no part of the plain install
            assert not str(error.name).startswith("rag")
            continue
        for name, value in members.items():
            for place, pattern in walk(value, f"{module.name}.{name}"):
                if pattern not in found.values():
                    found[place if place not in found else f"{place} {len(found)}"] = pattern
    return found


PATTERNS = patterns()


def anchored(name: str) -> bool:
    """Whether a pattern is only asked whether it fits where it is put, and looked for nowhere."""
    variable = name.split()[0].rpartition(".")[2]
    source = Path(str(importlib.import_module(name.split()[0].rpartition(".")[0]).__file__)).read_text(encoding="utf-8")
    uses = re.findall(rf"\b{variable}\.(\w+)\(", source)
    return bool(uses) and set(uses) <= {"match", "fullmatch"}


def seconds(pattern: re.Pattern[str], text: str, *, anchored: bool) -> float:
    """What reading all of the text takes of the processor; it is broken off where that is far too long."""

    def break_off(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, break_off)
    start = time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, 2 * SECONDS)
    try:
        for _ in () if anchored else pattern.finditer(text):
            pass
        pattern.match(text)
        pattern.fullmatch(text)
    except TimeoutError:
        return math.inf
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return time.process_time() - start


@pytest.mark.parametrize("name", PATTERNS)
def test_no_repetition_makes_a_pattern_slow(name: str) -> None:
    length = next((most for module, most in LENGTHS.items() if name.startswith(module)), LONGEST)
    fixed = anchored(name)
    for piece in REPEATED:
        for end in ENDS:
            text = piece * (length // len(piece)) + end
            if name.startswith(ONE_SPACE) and "reading" not in name:
                text = " ".join(text.split())
            if seconds(PATTERNS[name], text[: len(text) // 8] + end, anchored=fixed) < SECONDS / 8**3:
                continue  # Even if it were cubic, it would be fast enough.
            spent = seconds(PATTERNS[name], text, anchored=fixed)
            if spent > SECONDS:  # once more: other programs share the processor's caches
                spent = seconds(PATTERNS[name], text, anchored=fixed)
            assert spent <= SECONDS, f"{spent:.1f} s for {piece!r} and {end!r}"
