"""With a model: one call reads the best papers, answers with sentence numbers, and says whether they answer at all."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

from rag.ask.citations import Citations
from rag.ask.plan import Plan
from rag.ask.reading.checks import figures_of, missing_figures, missing_names
from rag.ask.reading.names import NameSet
from rag.ask.reading.prove import Proof, Prover
from rag.ask.reading.receipt import Receipt
from rag.ask.reading.render import render
from rag.ask.reading.sources import Sources, gather_sources, tokens
from rag.ask.reading.statements import Parsed, parse
from rag.ask.reading.stream import Header, ReplyParser, State
from rag.core.answer import Citation, Claim, Step, Text
from rag.core.errors import ModelError, ModelStopped
from rag.index.index import Index
from rag.llm.client import Client, Reply
from rag.llm.prompts import Message, Prompt, data, prompt

SOURCES = {"single": 12, "comparison": 12, "list": 20, "overview": 20, "chat": 12}
"""Papers that are read for a question of each kind, where the configuration says nothing. All gold papers are among the
first twelve in every kind but lists, on the seeds and on a foreign collection."""
REPLY_TOKENS = {"single": 600, "comparison": 1_000, "list": 1_600, "overview": 2_000, "chat": 400}
"""Tokens of a reply at most."""
MARGIN = 64
"""Tokens that a server's chat template may add to a prompt."""

CUT = "The model ran into its limit of tokens; its last sentence may be cut."
FILTERED = "The endpoint's content filter withheld the rest of the answer."
UNTRACED = "Nothing that {model} wrote could be traced to a sentence; only exact quotes are shown instead."
UNANSWERED = "{model} found no answer in the papers that it read; only exact quotes are shown instead."
WITHHELD = "the rest, which a content filter withheld"


@dataclass(frozen=True, slots=True)
class Settings:
    """How answers are read. `sources` papers at most (0: as the kind of question wants it, -1: all that fit); `strict`
    leaves out what is not traced; `thorough` has the model check the claims that code can't; `fallback` quotes where
    the model fails. `prices` are those of a million tokens, read and written."""

    sources: int = 0
    strict: bool = False
    thorough: bool = False
    fallback: bool = True
    prices: tuple[float, ...] = ()


USUAL = Settings()


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer that a model read from the papers, proved.

    `read` are the rows of the papers that the model got. `usable` is false where nothing of it can be shown, so that
    the caller has to quote. `followed` says that the model kept to the form that was asked for; what one that did not
    has overlooked is worth quoting beside it. `broken`: the model failed in the middle of its text. `search` is what it
    would search for to find a paper that answers, where these do not; `wants` says that the question is one for many
    papers, and then there is no text.
    """

    text: str
    state: State
    headline: str | None
    missing: tuple[str, ...]
    citations: tuple[Citation, ...]
    claims: tuple[Claim, ...]
    receipt: Receipt
    read: tuple[int, ...]
    warnings: tuple[str, ...] = ()
    usable: bool = True
    followed: bool = True
    broken: bool = False
    search: str = ""
    wants: Literal["", "list", "overview"] = ""


Event = Step | Text | Reading


Check = Callable[[list[Proof], Sources, Receipt], None]
"""Looks at the proofs of an answer before they are rendered, and may change them."""
Hold = Callable[[Header], bool]
"""Whether a text with such a header is not to be shown before its `Reading` is there."""


def read(
    plan: Plan,
    rows: Sequence[int],
    index: Index,
    client: Client,
    *,
    settings: Settings = USUAL,
    receipt: Receipt | None = None,
    stop: threading.Event | None = None,
    check: Check | None = None,
    hold: Hold | None = None,
) -> Iterator[Event]:
    """Answer a question from the papers in `rows`, best first, in one call: steps, text as it comes, `Reading` last.

    The text is provisional: what does not hold is taken back in the `Reading`. No text comes where `hold` says so.
    Raises `ModelStopped`, and `ModelError` where there is no falling back.
    """
    receipt = receipt or Receipt()
    sources, messages, used, limit = prepare(plan, rows, index, client, settings)
    warnings = [_left_out(sources)] if sources.left_out else []
    n = len(sources.papers)
    yield Step("answer", f"Reading {n} paper{'' if n == 1 else 's'}")
    yield from read_reply(
        client, messages, used, limit, sources, receipt, warnings, settings=settings, stop=stop, check=check, hold=hold
    )


def read_reply(
    client: Client,
    messages: Sequence[Message],
    used: Prompt,
    limit: int,
    sources: Sources,
    receipt: Receipt,
    warnings: list[str],
    *,
    settings: Settings,
    stop: threading.Event | None,
    check: Check | None,
    hold: Hold | None = None,
) -> Iterator[Event]:
    """One call whose reply cites `sources`: its text as it comes, and the `Reading` of it."""
    reply = client.stream(messages, stop=stop, max_tokens=limit)
    parser = ReplyParser(_marking(sources))
    broken = False
    try:
        yield from _streamed(reply, parser, hold)
    except ModelError as e:
        if isinstance(e, ModelStopped) or not settings.fallback:
            raise
        broken = True
        warnings.append(str(e))
    yield from (Text(rest) for rest in (parser.finish(),) if rest and not (hold and hold(parser.header)))
    receipt.count(reply, used)
    receipt.first_token = reply.first_token
    warnings += [w for finish, w in (("length", CUT), ("filter", FILTERED)) if reply.finish == finish]
    if parser.received != reply.text[: len(parser.received)]:
        # Thinking that was recognised only at its end: what holds is what came after it.
        parser = _parsed(reply.text, sources)
    yield proved(parser, sources, receipt, warnings, strict=settings.strict, broken=broken, check=check)


def _left_out(sources: Sources) -> str:
    n = len(sources.papers)
    return f"The model's context holds {n} of {n + sources.left_out} papers; see RAG_CONTEXT."


def _streamed(reply: Reply, parser: ReplyParser, hold: Hold | None) -> Iterator[Text]:
    with closing(reply):
        for piece in reply:
            if (shown := parser.feed(piece)) and not (hold and hold(parser.header)):
                yield Text(shown)
            if parser.full:
                return


def _parsed(text: str, sources: Sources) -> ReplyParser:
    """A parser that has read a whole reply."""
    parser = ReplyParser(_marking(sources))
    parser.feed(text)
    parser.finish()
    return parser


def _marking(sources: Sources) -> Callable[[Sequence[tuple[int, int]], str], list[int]]:
    """Gives the markers of what a bracket cites, for a text that is being shown."""
    shown = Citations(sources.index)

    def mark(pairs: Sequence[tuple[int, int]], line: str) -> list[int]:
        found = []
        for number, n in pairs:
            source = sources.get(number)
            if source is not None and n == 0:
                best = sources.best(re.split(r"(?<=[.!?])\s", line)[-1], [source])
                n = best[1] if best else 1
            if place := sources.span(number, n):
                found.append(shown.cite(*place).marker)
        return found

    return mark


def proved(
    parser: ReplyParser,
    sources: Sources,
    receipt: Receipt,
    warnings: list[str],
    *,
    strict: bool,
    broken: bool,
    check: Check | None = None,
) -> Reading:
    """The reading of a reply that a parser has read: its claims proved, its text rendered."""
    header = parser.header
    parsed = parse(parser.raw, header)
    proofs = Prover(sources).prove(parsed)
    withheld = FILTERED in warnings
    if proofs and (broken or withheld or CUT in warnings) and not proofs[-1].statement.ending:
        # Half a sentence claims nothing.
        proofs[-1].verdict = None
    if check is not None and not broken:
        check(proofs, sources, receipt)
    citations = Citations(sources.index)
    text, claims = render(parsed, proofs, citations, strict=strict)
    state = _state(header, claims, citations, parsed)
    if withheld and state == "answers":
        state, header.missing = "partly", (*header.missing, WITHHELD)
    usable = _usable(text, state, claims, citations)
    if not usable and (claims or not broken) and not (header.wants and not text):
        warnings.append((UNTRACED if claims else UNANSWERED).format(model=receipt.model or "the model"))
    return Reading(
        text=text,
        state=state,
        headline=_headline(header.headline, sources, proofs),
        missing=header.missing if state != "answers" else (),
        citations=citations.all(),
        claims=tuple(claims),
        receipt=receipt,
        read=tuple(s.row for s in sources.papers),
        warnings=tuple(warnings),
        usable=usable,
        followed=header.state is not None and not broken,
        broken=broken,
        search=header.search if state != "answers" else "",
        wants=header.wants if not text else "",
    )


def _state(header: Header, claims: Sequence[Claim], citations: Citations, parsed: Parsed) -> State:
    """The state that the model gave, or where it gave none, what its text amounts to."""
    traced = any(c.verdict == "supported" and c.markers for c in claims)
    if header.state in ("nearest", "nothing"):
        return header.state
    if not traced and not citations.all():
        return "nearest"
    if header.state is None and next((s.is_absence for s in parsed.statements), False):
        return "nearest"
    return "partly" if header.state == "partly" or (header.state == "answers" and header.missing) else "answers"


def _usable(text: str, state: State, claims: Sequence[Claim], citations: Citations) -> bool:
    """Whether an answer is worth showing: it has text, and cites something, or says that there is nothing.

    A text of which not one claim is traced is an invention.
    """
    if not text.strip():
        return False
    if state == "nothing":
        return True
    if state == "nearest" and not citations.all():
        return False
    return not claims or any(c.verdict != "unsupported" for c in claims)


def _headline(headline: str | None, sources: Sources, proofs: Sequence[Proof]) -> str | None:
    """The headline where all its figures and names stand in the papers that the answer cites."""
    if headline is None or len(headline) > 160:
        return None
    headline = " ".join(re.sub(r"\s*[\[【][^\]】]*[\]】]", "", headline).split()).strip("*_ ")
    cited = {source.number: source for p in proofs for sentences in p.cited for source, _ in sentences}.values()
    texts = [t for s in cited for t in (s.paper.title, s.paper.abstract, str(s.paper.year or ""), *s.paper.authors)]
    given = [f for t in texts for f in figures_of(t)]
    bad = missing_figures(headline, given) or missing_names(headline, NameSet(texts))
    return headline if headline and texts and not bad else None


def prepare(
    plan: Plan, rows: Sequence[int], index: Index, client: Client, settings: Settings
) -> tuple[Sources, list[Message], Prompt, int]:
    """The sources, the messages, the prompt they come from, and the limit of the reply in tokens."""
    used = prompt("read")
    values = {"question": data(plan.standalone), "hint": hint(plan)}
    limit = min(REPLY_TOKENS[plan.kind], client.context // 4)
    fixed = sum(tokens(m.content) for m in used.fill(sources="", **values)) + limit + MARGIN
    most = len(index) if settings.sources < 0 else settings.sources or SOURCES[plan.kind]
    sources = gather_sources(rows, index, plan.standalone, most=most, budget=max(64, client.context - fixed))
    return sources, used.fill(sources=sources.text, **values), used, limit


def hint(plan: Plan) -> str:
    """What the plan knows of the question, as one more line of the prompt."""
    if plan.kind == "comparison" and len(plan.sides) > 1:
        return f"It compares: {data('; '.join(plan.sides))}"
    if plan.kind == "list":
        return f"It asks {'how many and which' if plan.count else 'for all that fit'}; there are no more papers."
    return "It asks for an overview; there are no more papers." if plan.kind == "overview" else ""
