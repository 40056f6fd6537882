"""The answer that a language model writes from the evidence: asked, checked claim by claim, and completed by quotes."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from rag.ask.answering import Findings, PaperEvidence, as_it_is, quote, quoted
from rag.ask.citations import Citations
from rag.ask.evidence import Evidence, asks_figure
from rag.ask.names import Names
from rag.ask.support import SupportChecker
from rag.ask.writing.checking import Checking
from rag.ask.writing.draft import Draft
from rag.ask.writing.judging import judge
from rag.ask.writing.sources import Sources, gather, tokens
from rag.core.answer import Claim, Step
from rag.core.errors import ModelError, ModelStopped
from rag.index.index import Index
from rag.llm.client import Client, Reply, Usage
from rag.llm.prompts import Message, Prompt, data, prompt
from rag.papers.passages import Span

PROMPT_TOKENS = 2_400
"""Tokens of sources at most, however much the model reads: four whole abstracts. More costs a local model minutes."""
REPLY_TOKENS = {"single": 400, "comparison": 600}
"""Tokens of a reply at most; answers that were asked for in two to four sentences have 40 to 200."""
THIN = 1.0
"""Log-odds of being answerable (rag.ask.confidence) below which the model is told that the sources may not answer."""
LIKELY = 0.5
"""Log-odds from which on a refusal of the model's is shown with the sentences that come nearest, for the reader to
judge: the 1.5B model refused 4 of 17 answerable questions with lower odds than THIN, and none of 28 others."""
INVENTED = 1.5
"""Log-odds below which a figure is taken not to be there, where nothing that the model wrote in answer is borne out."""
CAUTION = "The sources may answer this only in part: say what they say, and say what they do not say.\n"
LONGEST = 8_000
"""Characters that are read of one answer, whatever limit of tokens the endpoint keeps: 600 tokens have some 2,500."""
MAX_REPEATS = 1
"""Sentences said twice before the model is taken to run in circles."""

NEAREST = (
    "The model found no answer in the abstract of **{title}**, the nearest of {searched} searched. What comes nearest "
    "in it, for you to judge:\n"
)
NOT_THERE = (
    "What the model wrote in answer stands in no abstract. The nearest of {searched} searched is **{title}**, and what "
    "comes nearest in it:\n"
)
BROKEN = "\n\n*The reply broke off here. What follows is quoted.*\n\n"
NOTHING_HELD = "Nothing that the model wrote is borne out by the abstracts; they are quoted instead."
NO_ANSWER = "The model found no answer in the abstracts; what comes nearest in them is quoted."
CUT = "The model ran into its limit of tokens; its last sentence may be cut."


_FILE = re.compile(r"[/\\~.]|[A-Za-z]:")


@dataclass(slots=True)
class Written:
    """What comes of writing: the text that holds, its claims and citations, and the receipt.

    `quoting` says that the text is made of quotes after all, `abstains` that the model found no answer and is believed,
    `replayed` that a reply came from the cache.
    """

    citations: Citations
    text: str = ""
    claims: tuple[Claim, ...] = ()
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    first_token: float | None = None
    warnings: list[str] = field(default_factory=list)
    prompts: dict[str, str] = field(default_factory=dict)
    quoting: bool = False
    abstains: bool = False
    replayed: bool = False

    def count(self, reply: Reply, used: Prompt) -> None:
        """Add the tokens of a reply, and note its prompt."""
        self.usage += reply.usage
        self.replayed |= reply.cached
        # Some servers name the model by the file it is in, which is nobody's business.
        self.model = reply.model if reply.model and not _FILE.match(reply.model) else self.model
        self.prompts[used.name] = used.version


class Author:
    """Writes answers over one index with one model. `context` is what the model reads, in tokens."""

    def __init__(
        self,
        index: Index,
        names: Names,
        checker: SupportChecker,
        client: Client,
        *,
        context: int,
        strict: bool = False,
        judging: bool = False,
        fallback: bool = True,
    ) -> None:
        self._index, self._names, self._checker, self._client = index, names, checker, client
        self._context, self._strict, self._judging, self._fallback = context, strict, judging, fallback

    def write(self, findings: Findings, written: Written, stop: threading.Event | None) -> Iterator[str | Step]:
        """The pieces of an answer about one paper or several, or of a comparison, as they come, and a step in between.

        They are provisional: `written` is filled on the way, and its text is what holds. Raises `ModelError` where the
        model fails and there is no falling back, and `ModelStopped`.
        """
        # Of the sides of a comparison only what was selected: shown whole abstracts, small models retell them.
        sides = [replace(s.paper, rest=()) for s in findings.sides if s.paper is not None]
        papers = sides or list(findings.papers)
        sources, messages, used = self._prompt(findings, papers)
        if len(sources.rows) < len(papers):
            written.warnings.append(
                f"The model's context holds {len(sources.rows)} of {len(papers)} papers; see RAG_CONTEXT."
            )
        absent = [s.text for s in findings.sides if s.paper is None]
        checking, draft = self._begun(sources, absent, written)
        reply = self._client.stream(messages, stop=stop, max_tokens=self._room(findings.query.kind))
        failure: ModelError | None = None
        try:
            yield from _drafted(reply, draft, checking)
        except ModelError as e:
            if isinstance(e, ModelStopped) or not self._fallback:
                raise
            failure = e
            written.warnings.append(str(e))
            checking.broken = True
            yield draft.finish()
        if reply.text and draft.heard != reply.text[: len(draft.heard)]:
            # Thinking that was recognised only at its end: what holds is what came after it.
            checking, draft = self._again(reply.text, sources, absent, written)
        written.count(reply, used)
        written.first_token = reply.first_token
        if reply.finish == "length":
            written.warnings.append(CUT)
        if (n := len(checking.claims)) and failure is None:
            yield Step("answer", f"Checking {n} claim{'' if n == 1 else 's'}")
        if self._judging and failure is None:
            self._judge(checking, draft, sources, written, stop)
        written.text, written.claims = draft.text.strip(), tuple(checking.claims)
        yield from self._completed(findings, checking, written, failure)

    def _judge(
        self, checking: Checking, draft: Draft, sources: Sources, written: Written, stop: threading.Event | None
    ) -> None:
        """Ask for a second opinion; where none is to be had, the answer stands without."""
        try:
            judge(checking, draft, sources, self._client, written, stop)
        except ModelError as e:
            if isinstance(e, ModelStopped) or not self._fallback:
                raise
            written.warnings.append(str(e))

    def _begun(self, sources: Sources, absent: Sequence[str], written: Written) -> tuple[Checking, Draft]:
        checking = Checking(
            self._checker, written.citations, self._names, sources.rows, absent=absent, strict=self._strict
        )
        return checking, Draft(checking.settle, sources.numbers, sources.text, strict=self._strict)

    def _again(self, text: str, sources: Sources, absent: Sequence[str], written: Written) -> tuple[Checking, Draft]:
        """The same from the beginning, with the text that holds."""
        written.citations = Citations(self._index)
        checking, draft = self._begun(sources, absent, written)
        draft.feed(text[:LONGEST])
        draft.finish()
        return checking, draft

    def _prompt(self, findings: Findings, papers: Sequence[PaperEvidence]) -> tuple[Sources, list[Message], Prompt]:
        query = findings.query
        compared = query.kind == "comparison" and len(papers) > 1
        used = prompt("compare" if compared else "answer")
        question = query.standalone
        if query.kind == "comparison" and not compared:
            side = next(s.text for s in findings.sides if s.paper is not None)
            question = f"{side}: {query.topic or 'what does it do?'}"
        values = {"question": data(question)}
        if not compared:
            values["caution"] = CAUTION if query.kind == "single" and odds(findings) < THIN else ""
        fixed = sum(tokens(str(m.content)) for m in used.fill(sources="", **values)) + self._room(query.kind)
        sources = gather(papers, self._index, max(1, min(PROMPT_TOKENS, self._context - fixed)))
        return sources, used.fill(sources=sources.text, **values), used

    def _room(self, kind: str) -> int:
        """Tokens left for the reply: a quarter of a small context, so that the other three hold prompt and sources."""
        return min(REPLY_TOKENS[kind], self._context // 4)

    def _completed(
        self, findings: Findings, checking: Checking, written: Written, failure: ModelError | None
    ) -> Iterator[str]:
        """What follows the model's text, or takes its place."""
        if failure is not None and written.text:
            yield from self._appended(BROKEN, findings, written)
        elif failure is not None:
            yield from self._quoted_instead(findings, written)
        elif all(c.verdict == "unsupported" for c in written.claims):
            refused = not written.claims and (checking.absences > 0 or not written.text)
            if findings.query.kind == "single" and (refused or _invented(findings)):
                yield from self._refused(findings, written, NEAREST if refused else NOT_THERE)
            else:
                written.warnings.append(NO_ANSWER if refused else NOTHING_HELD)
                yield from self._quoted_instead(findings, written)
        elif findings.query.kind == "comparison":
            yield from self._appended("\n\n", findings, written)
        else:
            written.abstains = checking.absences > 0 and _unanswered(findings, checking, written)
            if not written.abstains or odds(findings) >= LIKELY:
                added = self._left_out(findings, checking, written.citations)
                written.text += added
                yield added

    def _refused(self, findings: Findings, written: Written, note: str) -> Iterator[str]:
        """There is no answer: this is said as in quoting mode, with what comes nearest where that is near."""
        written.abstains = True
        lead = findings.papers[0]
        named = {row for m in findings.query.mentions for row in m.rows} | set(findings.query.rows)
        if odds(findings) < LIKELY:
            unsaid = lead.row if lead.row in named else None
            yield from self._quoted_instead(replace(findings, abstain=True, unsaid=unsaid), written)
            return
        if written.text:
            yield "\n\n"
        written.claims, written.citations = (), Citations(self._index)
        best = sorted(lead.sentences, key=lambda e: -e.score)[:2]
        quotes = (f"\n> {quoted(e, written.citations)}\n>" for e in sorted(best, key=_start))
        title = as_it_is(self._index.papers[lead.row].title)
        written.text = note.format(title=title, searched=findings.searched) + "".join(quotes)
        yield written.text

    def _appended(self, before: str, findings: Findings, written: Written) -> Iterator[str]:
        written.text += before
        yield before
        for piece in quote(findings, self._index, self._names, written.citations):
            written.text += piece
            yield piece

    def _quoted_instead(self, findings: Findings, written: Written) -> Iterator[str]:
        """Quotes alone: nothing of the model's text is kept, and none of its markers."""
        if written.text:
            yield "\n\n"
        written.text, written.claims, written.quoting = "", (), not written.abstains
        written.citations = Citations(self._index)
        for piece in quote(findings, self._index, self._names, written.citations):
            written.text += piece
            yield piece

    def _left_out(self, findings: Findings, checking: Checking, citations: Citations) -> str:
        """The evidence that the model made nothing of: the best sentences of the paper that answers, and of each other
        paper that fits about as well one."""
        added = []
        for place, paper in enumerate(findings.papers):
            # What the model says is not there is quoted even where it drew on it: the reader sees who is right.
            used = [] if checking.absences else checking.used.get(paper.row, [])
            if place and checking.used.get(paper.row):
                continue
            best = sorted(paper.sentences, key=lambda e: -e.score)[: 1 if place else MISSED]
            unused = [e for e in best if not _among(e.span, used) and e.score >= SECOND * best[0].score]
            said = " ".join(quoted(e, citations) for e in sorted(unused, key=_start))
            if said:
                title = as_it_is(self._index.papers[paper.row].title)
                added.append(f"\n\nIts abstract: {said}" if used else f"\n\n**{title}**: {said}")
        return "".join(added)


_BUT = re.compile(r"\b(?:however|but|nevertheless|nonetheless|although|though|still|yet)\b", re.IGNORECASE)
MISSED, SECOND = 3, 0.5
"""How many of the best sentences of the paper that answers are looked at for what the model passed over, and the share
of the best one's score that makes a sentence missed."""


def _unanswered(findings: Findings, checking: Checking, written: Written) -> bool:
    """Whether an answer that says of something that it is not said leaves the question open: where a figure is asked
    for, if it has none that is borne out; else if it begins so, "The abstract does not say which. It only …"."""
    if asks_figure(findings.query.standalone):
        return not any(c.verdict == "supported" and any(map(str.isdigit, c.text)) for c in written.claims)
    return checking.kept[0] is None and not _BUT.search(written.text)


def _invented(findings: Findings) -> bool:
    """Whether a figure is asked for that is most likely not there, given that what the model wrote has no support: a
    model that sees the figure copies it."""
    return asks_figure(findings.query.standalone) and odds(findings) < INVENTED


def odds(findings: Findings) -> float:
    """The log-odds that the question is answered, as far as retrieval can tell."""
    p = min(max(findings.confidence, 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))


def _drafted(reply: Reply, draft: Draft, checking: Checking) -> Iterator[str]:
    # Closed, for an answer that is left before its end is to end the request too.
    with closing(iter(reply)) as pieces:
        for piece in pieces:
            if shown := draft.feed(piece[: LONGEST - len(draft.heard)]):
                yield shown
            if checking.repeats > MAX_REPEATS or len(draft.heard) >= LONGEST:
                yield draft.cut_off()
                return
    yield draft.finish()


def _among(span: Span, used: Sequence[Span]) -> bool:
    return any(u.start < span.end and span.start < u.end for u in used)


def _start(evidence: Evidence) -> int:
    return evidence.span.start
