"""What was found, in Markdown: exact sentences with markers, arranged for the kind of question. No model writes
here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.ask.citations import Citations
from rag.ask.plan import NOTHING, UNSURE
from rag.ask.quoting import SHOWN, Found, PaperQuotes
from rag.ask.sentences import Sentence
from rag.core.markdown import NOT_SAID, as_it_is
from rag.index.index import Index
from rag.index.lexical import STOPWORDS, stem, terms, words

SURE = 0.8
"""Probability from which on an answer has a headline."""
HEADLINE_WORDS = 24
STRANGE = 0.6
"""Of a question's words, from which share on that no paper has it may be in another language."""

_BREAK = re.compile(r"[,;:]\s+|\s+(?=\(\w\)\s)")
_LEAD = re.compile(r"^\s*(?:(?:and|or|but|while|which|that|whereas)\s+)?(?:\(?\w\)\s*)?(?:(?:and|or)\s+)?")
"""What a part of a sentence begins with that belongs to the whole: "and (c)"."""
_OPENING = re.compile(
    r"(?:compared|in|with|for|to|while|as|by|using|although|when|at|on|under|through|despite|unlike|since|because|if)\b",
    re.IGNORECASE,
)
"""How a part begins that says nothing without the next: "Compared to GPTQ"."""


@dataclass(slots=True)
class Writer:
    """Writes one answer; what it shows is cited in `citations`. `searched` papers were asked, of `index`."""

    found: Found
    index: Index
    citations: Citations
    searched: int
    about: Sequence[str] = ()

    def pieces(self) -> Iterator[str]:
        """The Markdown of the answer, in pieces."""
        plan = self.found.plan
        if plan.kind == "chat":
            yield self._greeting()
        elif plan.kind == "list" and plan.count and not self.found.papers and self.found.state == "answers":
            chosen = "You chose" if self.searched < len(self.index) else "The collection holds"
            yield f"{chosen} **{_papers(self.searched)}**."
        elif self.found.state == "nothing" or not self.found.papers:
            yield self._titles_only() if self.found.bare else self._nothing()
        else:
            if self.found.state == "nearest":
                yield f"{UNSURE}; the nearest are:\n\n"
            elif self.found.missing:
                yield f"{self._absent()}\n\n"
            kinds = {"comparison": self._comparison, "list": self._list, "overview": self._overview}
            yield from kinds.get(plan.kind, self._single)()
            if self.found.bare:
                yield f"\n\n{self._titles_only()}"

    def _titles_only(self) -> str:
        """What is known of papers that have no abstract to quote."""
        lines = []
        for row in self.found.bare:
            paper = self.index.papers[row]
            authors = ", ".join(paper.authors[:3]) + (" et al." if len(paper.authors) > 3 else "")
            known = "; ".join(as_it_is(part) for part in (authors, str(paper.year or "")) if part)
            lines.append(f"- **{self._title(row)}**{f' ({known})' if known else ''}")
        return "Here with a title only, without an abstract to quote:\n\n" + "\n".join(lines)

    def _single(self) -> Iterator[str]:
        for n, paper in enumerate(self.found.papers):
            yield ("\n\n" if n else "") + f"**{self._title(paper.row)}**\n"
            for sentence in paper.sentences:
                yield f"\n> {self._quoted(sentence)}\n>"

    def _comparison(self) -> Iterator[str]:
        yield "| Paper | What its abstract says |\n|---|---|\n"
        for paper in self.found.papers:
            quotes = "<br>".join(self._quoted(s) for s in paper.sentences) or NOT_SAID
            yield f"| **{self._title(paper.row)}** | {quotes} |\n"

    def _list(self) -> Iterator[str]:
        if self.found.state != "nearest":
            yield self._counted() + "\n"
        yield from self._numbered(self.found.papers[:SHOWN])
        if more := len(self.found.papers) - SHOWN:
            yield f"\n\n… and {more} more." if more > 0 else ""

    def _counted(self) -> str:
        n, written = len(self.found.papers), self.found.written
        text = f"**{n} of {_papers(self.searched)}** {'fits' if n == 1 else 'fit'} this; all were considered."
        if 0 < written < n:
            others = n - written
            topic = as_it_is(self.found.plan.topic)
            if len([w for w in words(topic) if w not in STOPWORDS]) > 1:
                text += f" {written} {'has' if written == 1 else 'have'} all words of “{topic}”, "
                text += f"{others} {'is' if others == 1 else 'are'} near it without them."
            else:
                text += f" {written} {'writes' if written == 1 else 'write'} “{topic}”, "
                text += f"{others} {'says' if others == 1 else 'say'} it in other words."
        if last := self.found.doubtful:
            # By their numbers: a reader may sort them otherwise.
            text += f" Number {n} may not fit." if last == 1 else f" Numbers {n - last + 1} to {n} may not fit."
        return text

    def _numbered(self, papers: Sequence[PaperQuotes]) -> Iterator[str]:
        for number, paper in enumerate(papers, 1):
            quotes = " ".join(self._quoted(s) for s in paper.sentences)
            yield f"\n{number}. **{self._title(paper.row)}**{self._year(paper.row)}: {quotes}"

    def _overview(self) -> Iterator[str]:
        if self.found.groups:
            yield f"This collection holds **{_papers(self.searched)}**{self._span()}, about:\n"
            quotes = {paper.row: paper for paper in self.found.papers}
            for group in self.found.groups:
                name = as_it_is(", ".join(group.terms)) or "Other subjects"
                yield f"\n\n### {name[:1].upper()}{name[1:]} ({_papers(len(group.rows))})\n"
                yield from (self._bullet(quotes[row]) for row in group.typical if row in quotes)
            return
        n = len(self.found.members) or len(self.found.papers)
        if self.found.state != "nearest":
            more = (
                f"; the {len(self.found.papers)} closest, closest first"
                if n > len(self.found.papers)
                else ", closest first"
            )
            topic = as_it_is(self.found.plan.topic.strip(" ?.!"))
            yield f"**{_papers(n)} here** {'is' if n == 1 else 'are'} about {topic}{more}:\n"
        yield from (self._bullet(paper) for paper in self.found.papers)

    def _bullet(self, paper: PaperQuotes) -> str:
        quotes = " ".join(self._quoted(s) for s in paper.sentences)
        return f"\n- **{self._title(paper.row)}**{self._year(paper.row)}: {quotes}"

    def _span(self) -> str:
        years = sorted(p.year for p in self.index.papers if p.year)
        return f" from {years[0]} to {years[-1]}" if years and years[0] != years[-1] else ""

    def _absent(self) -> str:
        names = " and ".join(as_it_is(name) for name in self.found.missing)
        if self.searched < len(self.index):
            return f"No paper that you chose is on {names}."
        return f"The collection has no paper on {names}."

    def _greeting(self) -> str:
        text = f"Hello! Ask me about these {_papers(self.searched)}; "
        text += "I answer with their exact sentences, and say where they are."
        if self.about:
            examples = f"“Which papers are about {self.about[0]}?” or “What is this collection about?”"
            text += f" For example: {examples}"
        return text

    def _nothing(self) -> str:
        verb = "was" if self.searched == 1 else "were"
        text = f"{NOTHING} is near this question; {_papers(self.searched)} {verb} searched."
        if self.about:
            *most, last = self.about
            text += f" They are about {', '.join(most)} and {last}." if most else f" They are about {last}."
        if self._unknown() > STRANGE:
            text += " Hardly a word of the question stands in them; they may be in another language."
        return text

    def _unknown(self) -> float:
        """The share of the question's words, four at the least, that no paper has and no English sentence."""
        asked = words(self.found.plan.question)
        strange = [w for w in asked if w not in STOPWORDS and stem(w) not in self.index.lexicon]
        return len(strange) / len(asked) if len(asked) > 3 else 0.0

    def _title(self, row: int) -> str:
        return as_it_is(self.index.papers[row].title)

    def _year(self, row: int) -> str:
        year = self.index.papers[row].year
        return f" ({year})" if year else ""

    def _quoted(self, sentence: Sentence) -> str:
        citation = self.citations.cite(sentence.row, sentence.span)
        return f"“{as_it_is(citation.quote)}” [{citation.marker}]"


def headline(found: Found, index: Index) -> str | None:
    """One line of exact words or a count, where the answer is sure; else None."""
    if found.state not in ("answers", "partly") or found.plan.kind == "chat" or not found.papers or found.doubtful:
        return None
    if found.plan.kind in ("list", "overview"):
        n = len(found.members) or len(found.papers)
        topic = " ".join(found.plan.topic.strip(" ?.!").split())
        return f"{_papers(n)} here {'is' if n == 1 else 'are'} about {topic}" if topic else None
    if found.plan.kind != "single" or (found.probability or 0.0) < SURE or len(found.papers) > 1:
        return None
    best = max(found.papers[0].sentences, key=lambda s: s.score)
    text = index.papers[best.row].abstract[best.span.start : best.span.end]
    if len(text.split()) <= HEADLINE_WORDS:
        return " ".join(text.split())
    asked = set(terms(found.plan.searches[0])) - set(terms(index.papers[best.row].title))
    return _stretch(text, {term: index.lexicon.idf(term) for term in asked})


def _stretch(text: str, asked: Mapping[str, float]) -> str | None:
    """The part of a sentence, from one comma to another, with most of the words that are asked for, each with its
    weight; None where no part has any and is short enough."""
    starts = [0, *(m.end() for m in _BREAK.finditer(text))]
    ends = [*(m.start() for m in _BREAK.finditer(text)), len(text)]
    best, value = None, 0.0
    for start in starts:
        for end in (e for e in ends if e > start):
            part = " ".join(_LEAD.sub("", text[start:end]).split())
            opens = end == min(e for e in ends if e > start) and _OPENING.match(part)
            if not opens and 4 <= len(part.split()) <= HEADLINE_WORDS:
                worth = sum(asked.get(t, 0.0) for t in set(terms(part)))
                if worth > value:
                    best, value = part, worth
    return best


def _papers(n: int) -> str:
    return f"{n:,} paper{'' if n == 1 else 's'}"
