"""Names of authors, as catalogues and people write them: "Pim van Ferrow", "Ferrow, P.", "Ferrow PJ"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.core.paper import fold

PARTICLES = frozenset(
    "van von vom der den de la le las los del della di da dal das do dos du ter ten te zu zur el al bin ibn ben "
    "abu af av san st".split()
)
"""Words before a family name, by which nobody is told from anybody."""
_SUFFIXES = frozenset("jr sr ii iii iv phd md".split())
_BODIES = frozenset(
    "collaboration consortium group team organization organisation committee network society association institute "
    "university agency initiative investigators council ministry department centre center foundation".split()
)
_INITIALS = re.compile(r"[^\W\d_](?:[.-]{0,2}[^\W\d_]){0,2}\.?")


@dataclass(frozen=True, slots=True)
class Name:
    """A name in folded words. Of an initial only the letter is there; an organisation is all `family`."""

    given: tuple[str, ...]
    family: tuple[str, ...]

    def fits(self, other: Name) -> bool:
        """Whether both may be the same person: one family name, and no given name against another.

        A name without given names fits all of its family; "T" fits "Tam"; "Tam" doesn't fit "Tamara". "García López"
        fits "María García López": where the family name begins, a name alone does not tell.
        """
        if self.family == other.family and all(
            _same_given(a, b) for a, b in zip(self.given, other.given, strict=False)
        ):
            return True
        if len(self._words) > 1 and other._words[-len(self._words) :] == self._words:
            return True
        # Which part is the family name differs from country to country, and from one database to the next.
        return len(self.family) == len(other.family) == 1 and set(self._words) == set(other._words)

    def with_longer_family(self) -> Name | None:
        """The name with a family name of two words, "García López" of "María García López"; None where the word before
        the last is an initial or the only given name."""
        if len(self.given) < 2 or len(self.family) != 1 or len(self.given[-1]) < 3:
            return None
        return Name(self.given[:-1], (self.given[-1], *self.family))

    @property
    def _words(self) -> tuple[str, ...]:
        return self.given + self.family


def folded(text: str) -> tuple[str, ...]:
    """The words of a name, without case and accents; "O'Brien" is one."""
    return tuple(fold(re.sub(r"(?<=\w)['’ʼ](?=\w)", "", text)).split())


@lru_cache(maxsize=200_000)
def read_name(text: str) -> Name:
    """The given and the family name in `text`; both are empty where it has no word."""
    parts = [part.strip() for part in text.split(",")]
    parts = [part for part in parts if part and fold(part) not in _SUFFIXES]
    if len(parts) > 1:
        return Name(_given(" ".join(parts[1:])), _family(folded(parts[0])))
    tokens = [t for t in (parts[0] if parts else "").split() if fold(t) not in _SUFFIXES or t.islower()]
    if not tokens or any(fold(t) in _BODIES for t in tokens):
        return Name((), folded(text))
    if len(tokens) > 1 and _are_initials(tokens[-1]) and not _are_initials(tokens[0]):
        return Name(_given(tokens[-1]), _family(folded(" ".join(tokens[:-1]))))
    return Name(_given(" ".join(tokens[:-1])), _family(folded(tokens[-1])))


def _are_initials(token: str) -> bool:
    return token.isupper() and bool(_INITIALS.fullmatch(token))


def _given(text: str) -> tuple[str, ...]:
    words: list[str] = []
    for token in re.split(r"[\s-]+", text):
        if fold(token) in PARTICLES and not token.isupper():
            continue
        letters = re.sub(r"[^\w]", "", token)
        # "TJ" and "T.J." are two initials.
        words += [*fold(letters)] if _are_initials(token) else folded(token)
    return tuple(words)


def _family(words: tuple[str, ...]) -> tuple[str, ...]:
    bare = tuple(words)
    while len(bare) > 1 and bare[0] in PARTICLES:
        bare = bare[1:]
    return bare


def _same_given(one: str, other: str) -> bool:
    return one == other or (min(len(one), len(other)) == 1 and one[0] == other[0])


def split_name(text: str, families: Sequence[str] = ()) -> tuple[str, str]:
    """The given names and the family name, with its particles, as they are written; no given names of an organisation.
    `families` are known family names of several words.

    "Pim van Veen" and "van Veen, Pim" are ("Pim", "van Veen").
    """
    if known := next((f for f in families if text.endswith(f" {f}")), None):
        return text.removesuffix(known).strip(), known
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) > 1 and fold(parts[1]) not in _SUFFIXES:
        return " ".join(parts[1:]), parts[0]
    tokens = text.split()
    if not read_name(text).given:
        return "", " ".join(tokens)
    if _are_initials(tokens[-1]) and not _are_initials(tokens[0]):
        return tokens[-1], " ".join(tokens[:-1])
    end = 2 if fold(tokens[-1]) in _SUFFIXES and len(tokens) > 2 else 1
    first = len(tokens) - end
    while first > 1 and tokens[first - 1].islower() and fold(tokens[first - 1]) in PARTICLES:
        first -= 1
    return " ".join(tokens[:first]), " ".join(tokens[first:])
