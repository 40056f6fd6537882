"""Questions about what a paper proposes, what it is held against, what it is tried on, and where its code is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.details import GENERIC
from rag.evaluation.drafting.asking import Asked, vital
from rag.evaluation.drafting.source import Sentence, Source, drafted, listed
from rag.evaluation.items import Item
from rag.lexical import STOPWORDS, words

_WHAT = (
    r"(?P<article>an?|the)\s+(?P<what>[A-Za-z][^,.;:()“”\"–—]{7,90}?)"
    r"(?=\s+(?:that|which|who|for|to|with|by|using|in|on|where|when|capable|based|designed|called|named|from|as|via|and"
    r"|aimed|at|aiming|utilizing|employing|leveraging|enabling|allowing|consisting|combining|supporting)\b"
    r"|\s*[,.;:)–—]|\s*$)"
)
_PROPOSE = r"(?:introduc|present|propos|develop|describ|design|releas|build|offer)(?:es?|ed|ing|s)?\b"
_THINGS = r"(?:(?:a|an|the|our|novel|new|system|framework|method|approach|model|tool|called|named)\s+)*"
_AUTHORS = rf"(?:\bwe|\bpaper|\bwork|\barticle|\bauthors)\s+(?:\w+ly\s+)?(?P<verb>{_PROPOSE})\s+"
_NOVEL = re.compile(r"^(?:novel|new|first|simple|general|single),?\s+(?:yet\s+\w+\s+)?", re.IGNORECASE)
_LOOSE = re.compile(r"\s+(?:designed|specifically|explicitly|optimi[sz]ing|aimed|built|tailored|called|named)$")
_VAGUE = frozenset(
    "approach method framework system model algorithm technique solution tool study paper analysis set number variety"
    " series range way new novel overview first case problem results result concept use methodology architecture task"
    " process type kind view application direction review survey work idea version comparison evaluation comprehensive"
    " theoretical automatic automated mobile incremental efficient effective computational unsupervised practical"
    " conceptual lightweight fully elaborated scalable flexible serious investigation research".split()
)
_TRIED = re.compile(r"\b(?:evaluat|experiment|test|validat|benchmark)\w*\b[^.;:]{0,80}?\bon\b(?P<rest>[^;:]*)")
_DATA = re.compile(r"\b(?:data\s?sets?|benchmarks?|corpus|corpora|collections?|test sets?)\b", re.IGNORECASE)
_BEATS = re.compile(
    r"\b(?:outperform|surpass)\w*\s+(?P<rest>[^.;:]*?)(?=\s+(?:by|on|in|with|while|across|under|for)\b|[.;:]|$)"
)
_PROPER = re.compile(r"\b[A-Z][\w+]*(?:[-/.][A-Za-z0-9]\w*)*(?:\s(?:[A-Z][\w+]*(?:[-/.][A-Za-z0-9]\w*)*|\d+))*")
_URL = re.compile(r"(?:https?://|\bwww\.)[^\s)\]}>,;“”\"]*[\w/]")
_CODE = re.compile(r"\b(?:code|implementation|software|source)\b", re.IGNORECASE)
MOST = 4
"""Names of one answer."""


@dataclass(frozen=True, slots=True)
class Gist:
    """What a paper's system is, or what its authors `verb`: "`article` `what`", as in "a parallelism library"."""

    article: str
    what: str
    sentence: Sentence
    verb: str


def gist(source: Source) -> Gist | None:
    """What the abstract says that the paper's system is, or that its authors propose; None where it says it not so."""
    for sentence in source.sentences:
        for pattern in _patterns(source.name):
            match = re.search(pattern, sentence.text)
            if match is None:
                continue
            what = _LOOSE.sub("", _NOVEL.sub("", _NOVEL.sub("", match["what"].strip())))
            if re.search(r"\b(?:to|that|which|we|our)\b|--", what):
                continue
            told = [w for w in words(what) if w not in STOPWORDS]
            head = words(what.partition(" of ")[0])
            if match["article"].lower() == "the" or (" of " in what and head and head[-1] in _VAGUE):
                continue
            if len(told) >= 2 and not set(told) <= _VAGUE:
                proposes = not source.name and match["verb"].lower().startswith("propos")
                return Gist(_article(what), what, sentence, "propose" if proposes else "present")
    return None


def _patterns(name: str) -> tuple[str, ...]:
    if not name:
        return (rf"(?i:{_AUTHORS})(?:(?i:novel|new)\s+)?{_WHAT}",)
    own = rf"{re.escape(name)}(?![\w-])(?:\s*\([^)]{{1,60}}\))?"
    return (
        rf"(?i:{_PROPOSE})\s+{_THINGS}{own}\s*[,–—:-]+\s*{_WHAT}",
        rf"(?i:{_PROPOSE})\s+{_WHAT}\s*,?\s+(?:called|named|dubbed|termed|namely)\s+{own}",
        rf"(?:^|[,.;]\s+){own}\s+is\s+{_WHAT}",
    )


def fact_questions(source: Source) -> list[Asked]:
    """All that can be asked of one abstract."""
    found: list[Asked] = [*_gist_question(source)]
    for sentence in source.sentences:
        if len(sentence.text) <= 600:
            found += [*_tried(source, sentence), *_beaten(source, sentence), *_code(sentence)]
    once = {a.question(source): a for a in reversed(found)}
    return [a for a in found if once[a.question(source)] is a]


def _gist_question(source: Source) -> Iterator[Asked]:
    if found := gist(source):
        head, tail, verb = "What is ", "?", "is"
        if not source.name:
            head, tail, verb = "What does ", f" {found.verb}?", f"{found.verb}s"
        reference = f"It {verb} {found.article} {found.what}."
        nuggets = (vital(found.what),)
        yield Asked("fact", "fact/proposed", head, tail, "writer", reference, found.sentence, nuggets)


def _tried(source: Source, sentence: Sentence) -> Iterator[Asked]:
    match = _TRIED.search(sentence.text)
    if match and _DATA.search(match.group()) and (names := _proper(match["rest"], source)):
        nuggets = tuple(vital(n) for n in names)
        yield Asked(
            "fact", "fact/tried", "What is ", " evaluated on?", "doer", f"On {listed(names)}.", sentence, nuggets
        )


def _beaten(source: Source, sentence: Sentence) -> Iterator[Asked]:
    if (match := _BEATS.search(sentence.text)) and (names := _proper(match["rest"], source)):
        nuggets = tuple(vital(n) for n in names)
        head, tail = "Which other work does ", " claim to outperform?"
        yield Asked("fact", "fact/beaten", head, tail, "writer", f"{listed(names)}.", sentence, nuggets)


def _code(sentence: Sentence) -> Iterator[Asked]:
    if _CODE.search(sentence.text) and (match := _URL.search(sentence.text)):
        head, tail, url = "Where can the code of ", " be found?", match.group()
        yield Asked("fact", "fact/code", head, tail, "writer", f"At {url}", sentence, (vital(url),))


def _proper(text: str, source: Source) -> list[str]:
    """The names in `text`, none that the paper owns or that stands for a kind of thing."""
    found = [m.group() for m in _PROPER.finditer(_URL.sub(" ", text))]
    names = [n for n in dict.fromkeys(found) if len(n) > 2 and n.rstrip("s") not in GENERIC and n != "The"]
    own = source.name.casefold()
    if len(names) > MOST or (own and any(own in n.casefold() for n in names)):
        return []
    return [n for n in names if not any(n != other and n in other for other in names)]


def idea(source: Source) -> Item | None:
    """The system asked for by what it does; None where the abstract does not say it in one clause."""
    if not source.name:
        return None
    own = rf"{re.escape(source.name)}(?![\w-])(?:\s*\([^)]{{1,60}}\))?"
    clause = r"(?P<article>an?)\s+(?P<whole>[^.;:()“”\"–—]{25,230})(?=[.;:]|$)"
    for sentence in source.sentences:
        match = re.search(rf"(?i:{_PROPOSE})\s+{_THINGS}{own}\s*[,–—]+\s*{clause}", sentence.text) or re.search(
            rf"(?:^|[,.;]\s+){own}\s+is\s+{clause}", sentence.text
        )
        if match is None:
            continue
        whole = re.split(r",\s+(?:by|where|while|with|which|achiev|result|thus|thereby|in)\b", match["whole"])[0]
        whole = _NOVEL.sub("", _NOVEL.sub("", whole.strip())).rstrip(" ,")
        if (
            len(whole) < 40
            or re.search(r"\b(?:we|our|us)\b", whole)
            or not re.search(r"\b(?:that|which|for|to)\b", whole)
        ):
            continue
        return drafted(
            "idea",
            "idea/clause (its words are those of the abstract: say it in others)",
            f"Is there {_article(whole)} {whole}?",
            f"Yes, {source.name}, from the paper {source.title}.",
            source.split,
            gold=(source,),
            spans=(source.span(sentence),),
            nuggets=(vital(source.name),),
        )
    return None


def _article(what: str) -> str:
    return "an" if re.match(r"[aei]|o(?!ne)|u(?!n[iy]|s[ae]|bi)|[AEFHILMNORSX][A-Z]", what) else "a"
