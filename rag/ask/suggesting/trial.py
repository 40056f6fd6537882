"""Whether a question may be offered: it is asked as it would be, and its answer looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass

from rag.ask.finding import Finder
from rag.ask.question import understand
from rag.ask.suggesting.candidates import CHARACTERS, FEWEST, MOST, Candidate
from rag.ask.suggesting.subject import Sentence
from rag.core.answer import Answer, Turn
from rag.index.lexical import stem, words

Ask = Callable[[str, Sequence[Turn]], Answer]
"""Answers a question with quotes, after these turns."""
Quotes = Set[tuple[str, int, int]]
"""Quotes: the paper's id, and where the quote begins and ends in its abstract."""
SHARE = 0.7
"""Of the papers of a list, those that write its term: with fewer the list is of something else."""


def quotes_of(answers: Sequence[Answer]) -> Quotes:
    """The quotes that these answers cite."""
    return frozenset((c.paper_id, c.start, c.end) for a in answers for c in a.citations)


@dataclass(slots=True)
class Trial:
    """Tries questions in one conversation. `left` is how many may still be asked."""

    finder: Finder
    ask: Ask
    turns: Sequence[Turn]
    shown: Quotes
    left: int

    def holds(self, candidate: Candidate) -> bool:
        """Whether the answer says something new, of what the question was made from and of nothing else."""
        if len(candidate.text) > CHARACTERS or self._known(candidate):
            return False
        answer = self.answer(candidate.text)
        if answer is None or answer.kind != candidate.kind or answer.missing:
            return False
        papers = [self.finder.index.papers[row].id for row in candidate.papers]
        cited = {c.paper_id for c in answer.citations}
        if candidate.kind == "list":
            having = sum(self._has(paper, candidate.term) for paper in cited)
            return {*papers} <= cited and FEWEST <= len(cited) <= MOST and having >= SHARE * len(cited)
        quotes = quotes_of([answer])
        telling = quotes - self.shown if candidate.kind == "single" else quotes
        return cited == {*papers} and all(
            any(_among(paper, s, telling) for s in some) for paper, some in zip(papers, candidate.quotes, strict=False)
        )

    def answer(self, text: str) -> Answer | None:
        """The answer with something new in it; None where there is none, or it would be another without the turns."""
        if self.left <= 0 or not self._alone(text):
            return None
        self.left -= 1
        answer = self.ask(text, self.turns)
        return answer if quotes_of([answer]) - self.shown and not answer.abstained else None

    def _alone(self, text: str) -> bool:
        """Whether the conversation changes nothing in how the question is read."""
        names, search = self.finder.names, self.finder.best_row
        return not self.turns or understand(text, self.turns, names, search) == understand(text, (), names, search)

    def _known(self, candidate: Candidate) -> bool:
        """Whether all that the candidate would show was shown."""
        return bool(candidate.quotes) and all(
            _among(self.finder.index.papers[row].id, s, self.shown)
            for row, some in zip(candidate.papers, candidate.quotes, strict=True)
            for s in some
        )

    def _has(self, paper_id: str, term: str) -> bool:
        row = self.finder.index.rows.get(paper_id)
        if row is None:
            return False
        paper = self.finder.index.papers[row]
        return {stem(w) for w in words(term)} <= {stem(w) for w in words(f"{paper.title} {paper.abstract}")}


def _among(paper_id: str, sentence: Sentence, quotes: Quotes) -> bool:
    """Whether some quote holds the sentence."""
    return any(i == paper_id and start <= sentence.start and sentence.end <= end for i, start, end in quotes)
