"""A question about one paper, with a gap where its name stands, and what answers it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rag.evaluation.drafting.source import Role, Sentence, Source, drafted
from rag.evaluation.items import Item, Kind, Message, Nugget


@dataclass(frozen=True, slots=True)
class Asked:
    """`head` and `tail` stand around the paper's name; `reference` answers, and `sentence` bears it out."""

    kind: Kind
    template: str
    head: str
    tail: str
    role: Role
    reference: str
    sentence: Sentence
    nuggets: tuple[Nugget, ...]

    def question(self, source: Source) -> str:
        """The question, with the paper by name."""
        return f"{self.head}{source.called(self.role)}{self.tail}"

    def item(self, source: Source) -> Item:
        """The question as an item."""
        return drafted(
            self.kind,
            self.template,
            self.question(source),
            self.reference,
            source.split,
            gold=(source,),
            spans=(source.span(self.sentence),),
            nuggets=self.nuggets,
        )

    def followup(self, source: Source, opening: Asked) -> Item:
        """The same asked of "it", after `opening` was asked and answered."""
        history = (
            Message(role="user", content=opening.question(source)),
            Message(role="assistant", content=opening.reference),
        )
        return drafted(
            "followup",
            f"followup/{self.template}",
            f"And {self.head[0].lower()}{self.head[1:]}it{self.tail}",
            self.reference,
            source.split,
            gold=(source,),
            spans=(source.span(self.sentence),),
            nuggets=self.nuggets,
            history=history,
        )

    def of(self, kind: Kind) -> Asked:
        """The same as another kind of item."""
        return replace(self, kind=kind)


def vital(text: str, *, pattern: str = "", paper_id: str = "") -> Nugget:
    """A nugget that has to be there, as it is written or as `pattern` says."""
    return Nugget(
        text=text,
        importance="vital",
        aliases=() if pattern else (text,),
        patterns=(pattern,) if pattern else (),
        paper_id=paper_id,
    )
