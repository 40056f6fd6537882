"""XML of PubMed, EndNote, arXiv (Atom and OAI), Dublin Core, MODS and JATS, element by element, by defusedxml."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import TreeBuilder

from .elements import PAPERS, local
from .record import Fault, Record, Unreadable
from .source import Source

_MOST_DEPTH = 200


def fits(text: str) -> bool:
    """Whether the text is XML or HTML."""
    return bool(re.match(r"\s*<(?:\?xml|!DOCTYPE|!--|[A-Za-z][\w:.-]*[\s>/])", text[:2000]))


def read(source: Source) -> Iterator[Record | Fault]:
    """A record for each element that is a paper's."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError

    if re.search(r"<!DOCTYPE html|<html[\s>]", source.head[:5000], re.IGNORECASE):
        yield Fault(None, "is a web page: save the list in a format of reference managers, as RIS or BibTeX")
        return
    found = False
    try:
        for item in _records(source):
            found = True
            yield item
    except DefusedXmlException:
        yield Fault(None, "declares entities of its own, which can blow up a file: it is not read")
        return
    except ParseError as error:
        yield Fault(error.position[0], f"is not XML: {error}")
        return
    if not found:
        root = re.search(r"<([A-Za-z][\w:.-]*)", source.head)
        yield Fault(
            None, f"is XML of a kind that we don't read (<{root[1] if root else '?'}>): export it as RIS or BibTeX"
        )


def _records(source: Source) -> Iterator[Record]:
    from defusedxml.ElementTree import DefusedXMLParser

    target = _Target()
    parser = DefusedXMLParser(target=target, forbid_dtd=False)
    target.line = lambda: parser.parser.CurrentLineNumber
    for chunk in source.chunks():
        parser.feed(chunk)
        yield from target.taken()
    parser.close()
    yield from target.taken()


class _Target:
    """Builds the elements of papers one by one, and forgets what is around them."""

    def __init__(self) -> None:
        self._builder: TreeBuilder | None = None
        self._depth = 0
        self._inside = self._begun = 0  # the depth at which the paper began, and its line
        self._records: list[Record] = []
        self.line: Callable[[], int] = lambda: 1

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise Unreadable(f"has more than {_MOST_DEPTH} elements in each other: it is no XML of papers")
        if self._builder is None and local(tag) in PAPERS:
            self._builder, self._inside, self._begun = TreeBuilder(), self._depth, self.line()
        if self._builder is not None:
            self._builder.start(tag, attributes)

    def data(self, text: str) -> None:
        if self._builder is not None:
            self._builder.data(text)

    def end(self, tag: str) -> None:
        if self._builder is not None:
            self._builder.end(tag)
            if self._depth == self._inside:
                element = self._builder.close()
                self._builder = None
                fields = PAPERS[local(tag)](element)
                if fields:
                    self._records.append(Record(self._begun, {n: v for n, v in fields.items() if v}))
        self._depth -= 1

    def close(self) -> None:
        """What a parser asks for at the end."""

    def taken(self) -> list[Record]:
        """The records that are complete; they are given once."""
        found, self._records = self._records, []
        return found
