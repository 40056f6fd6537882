"""The start: what the collection holds, its themes as cards, and questions of each sort."""

from __future__ import annotations

from dataclasses import dataclass

from rag.web.drawing import macro

SCANT = 5
"""With fewer papers than this, the start says how to add more."""

welcome, offers = macro("chat", "welcome"), macro("chat", "offers")


@dataclass(frozen=True, slots=True)
class Theme:
    """Papers about the same: words that they share, how many they are, and the title of a typical one."""

    words: tuple[str, ...]
    papers: int
    typical: str

    @property
    def name(self) -> str:
        """Its words, with a capital."""
        name = ", ".join(self.words)
        return name[:1].upper() + name[1:]

    @property
    def subject(self) -> str:
        """What to ask for: the first words of more than one word say most."""
        return next((w for w in self.words if " " in w or "-" in w), self.words[0])
