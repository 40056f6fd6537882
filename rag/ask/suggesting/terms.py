"""Terms that abstracts write: names, and phrases of two words that stand between small words."""

# ruff: noqa: E501  word lists read worse when broken
from __future__ import annotations

import re
from collections.abc import Iterable

from rag.ask.details import GENERIC
from rag.index.lexical import STOPWORDS, words

_AROUND = "a|an|the|of|for|in|with|on|via|using|by|as|and|or"
_PHRASE = re.compile(
    rf"\b(?:{_AROUND})\s+(?P<term>(?:[a-z][a-z]{{2,}}(?:-[a-z]{{2,}})?|[A-Z]{{2,6}})[ -][a-z]{{4,}})"
    rf"(?=\s*[.,;:)]|\s+(?:{_AROUND}|is|are|was|were|to|that|which|from|has|have|can)\b)"
)
_NAME = re.compile(r"\b[A-Z][a-z]*[A-Z][A-Za-z]{2,}\b")
_DULL = frozenset(
    """result results experiment experiments method methods approach approaches proposed existing paper propose based
    large small high low new novel different various several many number first second last state recent previous
    significant effective efficient important general specific extensive experimental performance order time way terms
    same other real world case cases problem problems set range variety use used using example examples main better
    challenging challenge challenges future given best good higher lower current common single multiple whole detailed
    extensive analysis""".split()
)
_UNLIKE_NOUNS = re.compile(r"(?:ly|ed|ive|ous|able|ible|ful|al|ic|er than|less|ent|ant|ate|ize)$")


def terms_of(abstract: str) -> set[str]:
    """The terms of one abstract."""
    found = {m.group() for m in _NAME.finditer(abstract) if m.group().rstrip("s") not in GENERIC}
    for match in _PHRASE.finditer(abstract):
        term = match["term"]
        parts = words(term)
        if any(p in STOPWORDS or p in _DULL for p in parts) or _UNLIKE_NOUNS.search(term) or parts[0].endswith("ly"):
            continue
        found.add(term)
    return found


def written(term: str) -> re.Pattern[str]:
    """Finds a term, whatever the case, hyphens and the plural."""
    parts = [re.escape(p) for p in re.split(r"[ -]", term)]
    return re.compile(rf"(?<![\w-]){'[ -]'.join(parts)}s?(?!\w)", re.IGNORECASE)


_TOPIC = re.compile(
    r"\b(?:of|for|in|with|on|via|using|about|into|towards?)\s+"
    r"(?P<term>(?:[a-z][a-z]{2,}(?:-[a-z]{2,})?|[A-Z]{2,6})[ -][a-z]{4,})"
    r"(?=\s*[.,;:)]|\s+(?:in|on|for|with|by|and|or|is|are|was|were|to|that|which|from|has|have|can|using|via|as|at)\b)"
)
_EMPTY = frozenset(
    """amount amounts number numbers issue issues role roles importance volume volumes increase increases area areas
    community communities format formats answer answers ones part parts effect effects level levels step steps type types
    kind kinds aspect aspects factor factors process processes context contexts scenario scenarios setting settings purpose
    purposes group groups activity activities manner basis term terms work works goal goals cost costs quality scale scales
    size sizes sample samples value values item items user users one two three four five six seven eight nine ten years
    months weeks days hours both all more less most least any each addition contrast comparison turn fact practice
    respect regard regards detail details depth particular essence conclusion accordance response light favour favor terms
    theoretical practical total overall average maximum minimum public
    faster slower higher lower better online offline state-of-the-art thousands hundreds millions billions""".split()
)
"""What no question is about by itself, and what phrases begin with that only join."""


def topics_of(text: str) -> list[str]:
    """The things that `text` speaks of in general, without an article: "of query expansion", "in social media"."""
    found = []
    for match in _TOPIC.finditer(text):
        parts = words(match["term"])
        dull = any(p in STOPWORDS or p in _DULL or p in _EMPTY for p in parts) or _UNLIKE_NOUNS.search(match["term"])
        if not dull and not parts[0].endswith(("ly", "ing", "ed")):
            found.append(match["term"])
    return list(dict.fromkeys(found))


_ADJECTIVE = re.compile(r"(?:al|ive|ous|ic|ent|ant|able|ible|ful|ary|ory|less|ern|est|ate)$")


def of_nouns(term: str) -> bool:
    """Whether both words of a term look like nouns: "query expansion", not "substantial improvement"."""
    return not _ADJECTIVE.search(re.split(r"[ -]", term)[0])


def in_general(term: str, texts: Iterable[str]) -> str:
    """The term as one speaks of the thing in general: in the plural, where `texts` count it ("a data set")."""
    if term.endswith("s"):
        return term
    one, many = re.escape(term), re.escape(plural := _plural(term))
    whole = " ".join(texts)
    ends = r"(?=\s*[,.;)]|\s+(?:that|which|for|to|of|in|on|with|is|and|or|by|from|can)\b)"
    if re.search(rf"\b(?:an?|each|every|another)\s+{one}{ends}", whole, re.IGNORECASE):
        return plural
    plurals = len(re.findall(rf"\b{many}\b", whole, re.IGNORECASE))
    # Of "weak supervision" a stray plural proves nothing.
    least = len(re.findall(rf"\b{one}\b", whole, re.IGNORECASE)) if _UNCOUNTED.search(term) else 0
    return plural if plurals > least else term


_UNCOUNTED = re.compile(r"(?:ion|ment|ing|ity|ness|ance|ence|ism|ware|ship|data|memory)$")


def _plural(noun: str) -> str:
    if re.search(r"(?:s|x|z|ch|sh)$", noun):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if re.search(r"[^aeiou]y$", noun) else f"{noun}s"
