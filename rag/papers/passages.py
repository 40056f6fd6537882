"""Papers to passages, as LlamaIndex nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.bridge.pydantic import Field
from llama_index.core.node_parser import NodeParser
from llama_index.core.schema import BaseNode, Document, MetadataMode, NodeRelationship, TextNode

from rag.core.paper import Paper
from rag.papers.sentences import Span, passage_ranges, split_sentences


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
