"""A text taken apart for comparison: its content words and figures, the clause each is in, and what negates it."""

# ruff: noqa: E501  word lists read worse when broken
from __future__ import annotations

import re
from dataclasses import dataclass

from rag.ask.figures import Figure, figures
from rag.index.lexical import STOPWORDS, stem, words

GENERIC = frozenset(
    """approach approaches method methods technique techniques system systems framework frameworks called named new
    novel propose proposed proposes present presents presented introduce introduces introduced describe describes
    authors author paper abstract report reports reported show shows shown demonstrate demonstrates demonstrated
    achieve achieves achieved provide provides provided able make makes made making take takes need needs needed help
    helps according respectively compared additionally furthermore moreover thereby thus therefore result results one
    allow allows enable enables enabling offer offers work several various many different e.g i.e et al took taken
    namely specifically notably overall upon whose among toward towards still even far per well lets letting let
    become becomes became leave leaves left lead leads led bring brings brought come comes came turn turns goes going
    address addresses solution solutions aim aims aimed design designed designs develop developed develops build built
    ways kind kinds thing things part parts addition main key important effective effectively efficient efficiently
    significant significantly substantial substantially good better best strong high large using rely relies
    based involve involves include includes including contain contains whether hence tested found find finds keep keeps kept
    side role rest amount number set sets given certain particular general quite rather very really almost nearly
    roughly about around approximately clearly simply considerably appear appears seem seems may might could can often
    usually typically sometimes usual typical today current currently existing evaluated evaluation experiments
    experimental empirically measured study studied studies suggests suggest point points say says said tells told
    reach reaches reached perform performs performed performing performance focus focuses focused admit admits claim
    claims claimed hand source sources approach innovation innovations contribution contributions""".split()
)
"""Words that any summary of any paper may use without saying much."""
_LIGHT = """least whereas since against moreover once case cases ones whole run ran runs running tried try tries deal
    deals handle handles handled cover serve serves like believe argue argues argued conclude concludes concluded hold
    holds held work works worked operate happen happens occur occurs relate concern concerns mean means meant start
    starts begin begins end ends act acts idea ideas goal goals aspect aspects feature fact extent degree manner basis
    order term terms form forms type types sort variety wide range broad great greater big latest recent recently
    previous previously prior former earlier latter later soon already yet instead besides together apart along onto
    throughout amid beyond consider considers considered treat treats treated attempt attempts seek seeks ensure ensures
    support supports supported apply applies applied employ employs employed adopt adopts adopted utilize utilizes
    utilized leverage leverages leveraged exploit exploits exploited improve improves improved improving improvement
    enhance enhances enhanced boost boosts boosted task tasks problem problems challenge challenges issue issues
    difficulty difficulties benefit benefits advantage advantages gain gains note notes noted observe observes observed
    explain explains explained discuss discusses discussed state states stated mention mentions mentioned larger huge
    easy easily hard difficult simple fully highly widely greatly drastically markedly notable remarkable remarkably
    considerable sharply strongly complete completely entire entirely altogether indeed actual actually real truly likely
    probably possibly partly mostly largely mainly chiefly especially particularly people researcher researchers user
    users practitioner practitioners team group add adds added adding core consist consists underlying top
    builds conduct conducted conducts conducting carry carried carries extend extended extends done doing extensive
    technique process procedure thorough thoroughly"""
LIGHT = frozenset(stem(word) for word in _LIGHT.split())
"""Stems of words that are often exchanged for others without another meaning."""
_NEGATORS = frozenset(
    """not no never none neither nor cannot without lack lacks lacking fail fails failed unable hardly barely rarely
    rather instead unlike avoid avoids avoided avoiding eliminate eliminates eliminated eliminating prevent prevents
    prevented preventing impossible infeasible remove removes removed removing free fewer seldom scarcely little obviate
    obviates nothing needless unnecessary""".split()
)
NEGATED_WORDS = 4
"""How many words after a negation it reaches at most, within its clause."""
_CLAUSE_WORDS = frozenset("while whereas but although though which who because since unless whereupon if then".split())
_ITEM = re.compile(r"[^\W\d_]+(?:['’][a-z]+)?|[^\W_]+|[,;:()—–]|\.(?=\s)")


@dataclass(frozen=True, slots=True)
class Item:
    """A content word or figure at `text[start:end]`.

    `stem` is its Snowball stem, or the figure's value and unit; `at` counts the words before it, `clause` the clauses;
    `negated` says that a negation reaches it; `generic` that it says little.
    """

    text: str
    stem: str
    start: int
    end: int
    at: int
    clause: int
    negated: bool = False
    generic: bool = False
    figure: Figure | None = None


def items(text: str, at: int = 0, clause: int = 0) -> list[Item]:
    """The content words and figures of `text`, in their order; counting goes on from `at` and `clause`."""
    inside = {i: f for f in figures(text) if not f.named for i in range(f.start, f.end)}
    found: list[Item] = []
    reach = 0
    for match in _ITEM.finditer(text):
        word, start = match.group(), match.start()
        if word in ",;:()—–.":
            clause, reach = clause + 1, 0
            continue
        at += 1
        figure = inside.get(start)
        if figure is not None:
            if not (found and found[-1].figure is figure):
                key, end = f"{figure.value:g} {figure.unit}", figure.end
                found.append(Item(figure.text.strip(), key, figure.start, end, at, clause, reach > 0, figure=figure))
            continue
        folded = "".join(words(word))
        if folded in _CLAUSE_WORDS:
            clause, reach = clause + 1, 0
        if folded in ("and", "but"):
            reach = 0
        negator = folded in _NEGATORS or word.endswith(("n't", "n’t"))
        reach = NEGATED_WORDS + 1 if negator else max(0, reach - 1)
        if len(folded) > 1 and folded not in STOPWORDS:
            generic = folded in GENERIC
            found.append(Item(word, stem(folded), start, match.end(), at, clause, reach > 0, generic))
    return found


_FRAMING = re.compile(
    r"^\W*(?:(?:according\s+to|as\s+(?:stated|noted|described|reported|mentioned)\s+in|in)\s+(?:the|this|its|their)\s+"
    r"(?:abstract|paper|authors?|study|work|article|text|source|evaluation)s?\s*,?\s*)"
    r"|^\W*(?:the|this|its|their)\s+(?:abstract|paper|authors?|study|work|article|text|researchers?|source)s?\s+"
    r"(?:also\s+|further\s+|even\s+|then\s+)?(?:(?:say|state|report|claim|note|mention|find|show|argue|explain|observe|conclude|describe|demonstrate|point\s+out|"
    r"indicate|suggest|write|introduce|present|propose)(?:s|ed|d)?|found|shown|wrote)\s*(?:that\b|,)?"
    r"|,?\s*(?:(?:the|its)\s+)?(?:authors?|abstract|paper)\s+(?:says?|reports?|states?|notes?|finds?|found|argues?|claims?)\s*(?=[.!]?\s*$)"
    r"|,?\s*according\s+to\s+(?:the|this)\s+(?:abstract|paper|authors?)(?=[.,!]?\s*$)"
    r"|^\W*(?:yes|however|in\s+summary|overall|in\s+contrast|additionally|furthermore|moreover|finally)\s*,\s*"
    r"|,?\s*\bon\s+the\s+other\s+hand\b\s*,?"
    r"|^\W*(?:they|it)\s+(?:only\s+|also\s+|do\s+|does\s+)*(?:say|state|mention|note|suggest|indicate|claim|explain)s?\s+that\b"
    r"|,?\s*\bwho\s+(?:claim|say|state|report|argue|note)s?\s+that\b",
    re.IGNORECASE,
)
_MARKDOWN = re.compile(r"\*\*|__|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)|`")


def plain(claim: str) -> str:
    """`claim` without Markdown's marks and without "According to the abstract" and the like."""
    text = " ".join(_MARKDOWN.sub("", claim).split())
    found = _FRAMING.sub(" ", text).strip(" ,")
    return found if len(found.split()) > 2 else text
