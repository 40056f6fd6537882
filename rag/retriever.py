"""The ranking of papers for LlamaIndex programs."""

from __future__ import annotations

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from rag.core.threads import one_thread
from rag.index.retrieval import PaperRanker


class PaperRetriever(BaseRetriever):
    """The ranking as a LlamaIndex retriever: one node a paper, its text the abstract, its score the fused one."""

    def __init__(self, ranker: PaperRanker, top_k: int = 10) -> None:
        super().__init__()
        self._ranker = ranker
        self._top_k = top_k

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        with one_thread():
            ranking = self._ranker.rank(self._ranker.encode(query_bundle.query_str))
        papers = self._ranker.index.papers
        return [
            NodeWithScore(
                node=TextNode(
                    id_=papers[row].id,
                    text=papers[row].abstract,
                    metadata={"paper_id": papers[row].id, "title": papers[row].title},
                ),
                score=float(score),
            )
            for row, score in zip(ranking.rows[: self._top_k], ranking.score[: self._top_k], strict=True)
        ]
