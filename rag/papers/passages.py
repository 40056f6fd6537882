"""Papers to sentences and passages, as spans of the abstract and as LlamaIndex nodes.

Offsets count characters of the cleaned abstract; `abstract[start:end]` is the sentence, without the space around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llama_index.core.bridge.pydantic import Field
from llama_index.core.node_parser import NodeParser
from llama_index.core.schema import BaseNode, Document, MetadataMode, NodeRelationship, TextNode

from rag.core.paper import Paper

CHUNKING = "sentences-2/passages-250"
"""Version of the rules below; part of the index fingerprint, so change it with them."""

# A full stop after one of these ends no sentence, whatever follows.
_NEVER_END = frozenset(
    """e.g i.e cf vs viz al fig figs eq eqs sec secs ref refs tab nos vol pp ch approx resp incl excl dr mr mrs ms
    prof st inc ltd corp jr sr dept univ est max avg wrt w.r.t a.k.a aka""".split()
)
# After these it does when a capital follows: "and so on, etc. We show", "by Smith et al. We show", "in 5 min. We show".
_MAY_END = frozenset({"al", "etc", "inc", "u.s", "u.k", "ltd", "corp", "min", "no"})

_STOP = re.compile(r"""(?<![.!?])[.!?]++["'”’)\]]*(?=\s)|[。！？]+["'”’」』）)\]]*|\n\s*\n""")
_BEFORE_WORD = re.compile(r"[\s(\[\"'“]")
_LONGEST_WORD = 40  # characters before a stop that are looked at: the longest abbreviation has six
_FOLLOWING = re.compile(r"\s*([A-Z][\w'-]*)")
_OPENS = re.compile(r"""\s*["'“‘(\[<]*(?P<first>[^\W_]|[∼~<$\\+-])""")
_OPENS_WITH_CAPITAL = re.compile(r"""\s*["'“‘(\[]*(?P<first>[^\W\d_])""")
# A label of an enumeration that stands alone, "1." or "(2)": it belongs to what follows.
_LABEL = re.compile(r"""^[(\[]?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)\]]*$""", re.IGNORECASE)
# A sentence may start in lower case only when it starts with a name written so ("vLLM serves …", "xFormers …").
_NAME = re.compile(r"\s*[a-z]+[A-Z0-9][\w-]*")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of an abstract: `abstract[start:end]`."""

    start: int
    end: int


def split_sentences(text: str) -> list[Span]:
    """The sentences of `text`, in order, without overlap; together they hold every character that is not space."""
    spans: list[Span] = []
    start = 0
    for stop in _STOP.finditer(text):
        if _ends_sentence(text, start, stop):
            _append(spans, text, start, stop.end())
            start = stop.end()
    _append(spans, text, start, len(text))
    return spans


def _ends_sentence(text: str, start: int, stop: re.Match[str]) -> bool:
    mark = stop.group()
    if not mark.strip() or mark[0] in "。！？":
        return True
    rest = stop.end()
    word = _BEFORE_WORD.split(text[max(start, stop.start() - _LONGEST_WORD) : stop.start()])[-1]
    if _LABEL.match(word) and text[start : stop.start()].strip(" ([") == word.strip("(["):
        return False
    if mark.startswith(".") and len(mark.rstrip("\"'”’)]")) == 1:
        known = word.lower().strip("([\"'“")
        if known in _MAY_END:
            return _opens(_OPENS_WITH_CAPITAL.match(text, rest))
        if known in _NEVER_END:
            return False
        if re.fullmatch(r"(?:[A-Z]\.)*[A-Z]", word) and len(word) != 3 and _looks_like_initial(text, start, stop, rest):
            return False
    return _opens(_OPENS.match(text, rest)) or bool(_NAME.match(text, rest))


def _opens(match: re.Match[str] | None) -> bool:
    """Whether what stands there begins a sentence: in any script, and in lower case only where it is Greek."""
    return match is not None and (not match["first"].islower() or "α" <= match["first"] <= "ω")


def _looks_like_initial(text: str, start: int, stop: re.Match[str], rest: int) -> bool:
    """Whether "J." before a capital is part of a name ("J. Smith") and not the end ("see Appendix A. We …")."""
    before = text[max(start, stop.start() - _LONGEST_WORD) : stop.start() - 1].split()
    if before and before[-1].lower() in {"appendix", "section", "table", "figure", "type", "class", "vitamin", "plan"}:
        return False
    following = _FOLLOWING.match(text, rest)
    return bool(following) and following.group(1).lower() not in _STARTERS  # type: ignore[union-attr]


_STARTERS = frozenset(
    """the this that these those we our in on at for to from with by it its they their a an as when while however
    moreover furthermore additionally finally results experiments extensive compared if since although given
    using""".split()
)


def _append(spans: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if not stripped:
        return
    begin = start + len(piece) - len(piece.lstrip())
    spans.append(Span(begin, begin + len(stripped)))


def passage_ranges(lengths: Sequence[int], budget: int) -> list[tuple[int, int]]:
    """Half-open ranges of sentence numbers: the fewest runs of sentences of about `budget` word pieces, evenly filled.

    `lengths` holds the word pieces of each sentence. A sentence that is longer than the budget stays in one piece;
    the embedding cuts it.
    """
    if not lengths:
        return []
    total = sum(lengths)
    count = max(1, -(-total // budget))
    ranges: list[tuple[int, int]] = []
    start = filled = 0
    for number, length in enumerate(lengths):
        filled += length
        if filled * count >= total * (len(ranges) + 1) or number == len(lengths) - 1:
            ranges.append((start, number + 1))
            start = number + 1
    return ranges


class PassageParser(NodeParser):
    """Splits documents that hold abstracts into passages; drops into any LlamaIndex `IngestionPipeline`.

    A document's text is the abstract; its metadata gives `title`. Each node's text is a run of whole sentences, with
    `start_char_idx` and `end_char_idx` in the abstract; ids are `<document id>#<number>`, the same in every run.
    `count` says how many word pieces a text has; a passage with its title stays within `window` of them.
    """

    window: int = 250
    count: Callable[[str], int] = Field(exclude=True)

    def _parse_nodes(self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any) -> list[BaseNode]:
        return [passage for node in nodes for passage in self._passages(node)]

    def _passages(self, document: BaseNode) -> list[TextNode]:
        text = document.get_content(metadata_mode=MetadataMode.NONE)
        sentences = split_sentences(text)
        budget = max(60, self.window - self.count(str(document.metadata.get("title", ""))))
        if not sentences:  # a paper without an abstract is found by its title, which stands before every passage
            sentences, ranges = [Span(0, 0)], [(0, 0)]
        else:
            ranges = passage_ranges([self.count(text[s.start : s.end]) for s in sentences], budget)
        return [
            TextNode(
                id_=f"{document.node_id}#{number}",
                text=text[sentences[first].start : sentences[last - 1].end],
                start_char_idx=sentences[first].start,
                end_char_idx=sentences[last - 1].end,
                metadata={**document.metadata, "paper_id": document.node_id, "sentences": [first, last]},
                excluded_embed_metadata_keys=["paper_id", "sentences"],
                excluded_llm_metadata_keys=["paper_id", "sentences"],
                # What LlamaIndex finds and deletes the nodes of a document by.
                relationships={NodeRelationship.SOURCE: document.as_related_node_info()},
            )
            for number, (first, last) in enumerate(ranges)
        ]


def passages(papers: Sequence[Paper], parser: PassageParser) -> list[TextNode]:
    """The passages of all papers, paper by paper, in order."""
    documents = [Document(id_=p.id, text=p.abstract, metadata={"title": p.title}) for p in papers]
    nodes = parser.get_nodes_from_documents(documents)
    return [node for node in nodes if isinstance(node, TextNode)]
