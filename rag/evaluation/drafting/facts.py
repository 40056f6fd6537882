"""Questions about what a paper proposes, what it is held against, what it is tried on, and where its code is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.ask.details import GENERIC
from rag.evaluation.drafting.asking import Asked, vital
from rag.evaluation.drafting.source import Sentence, Source, listed
from rag.index.lexical import STOPWORDS, words

_WHAT = (
    r"(?P<article>an?|the)\s+(?P<what>[A-Za-z][^,.;:()“”\"–—]{7,90}?)"
    r"(?=\s+(?:that|which|who|for|to|with|by|using|in|on|where|when|capable|based|designed|called|named|from|as|via|and"
    r"|aimed|at|aiming|through|toward|towards|around|across|over|within|given|optimi[sz]ing|utilizing|employing|leveraging|enabling|allowing|consisting|combining|supporting)\b"
    r"|\s*[,.;:)–—]|\s*$)"
)
_PROPOSE = r"(?:introduc|present|propos|develop|describ|design|releas|build|offer)(?:es?|ed|ing|s)?\b"
_THINGS = r"(?:(?:a|an|the|our|novel|new|system|framework|method|approach|model|tool|called|named)\s+)*"
_AUTHORS = rf"(?:\bwe|\bpaper|\bwork|\barticle|\bauthors)\s+(?:\w+ly\s+)?(?P<verb>{_PROPOSE})\s+"
_NOVEL = re.compile(r"^(?:novel|new|first|simple|general|single),?\s+(?:yet\s+\w+\s+)?", re.IGNORECASE)
_LOOSE = re.compile(r"\s+(?:designed|specifically|explicitly|optimi[sz]ing|aimed|built|tailored|called|named)$")
VAGUE = frozenset(
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
_TOLD = re.compile(
    r"\s+(?:that|which|for)\s(?!.{0,60}\b(?:we|our|us|its?|this|these)\b)(?:(?!\b(?:by|without|while|and|or|from)\b)[^.,;:()“”\"–—]){12,80}?"
    r"(?=[.,;]|\s+(?:by|without|while|from)\b)"
)
_FOUND = re.compile(
    r"(?P<subject>(?:The\s)?[A-Z]?[a-z]+(?:[ -][a-z]+){0,3}?)\s+"
    r"(?P<verb>(?:was|were|is|are|had|has|have|can|held|grew|fell|rose|took|led|leads?|depends?|explains?|needs?|causes?"
    r"|requires?|affects?|predicts?|contains?|remains?|shows?|varies|vary|differs?|suffers?|suggests?|[a-z]{2,}ed)\b)\s+"
    r"(?P<rest>[^,;:()“”\"–—]{8,90}?)(?=[,;.]?$|[,;]\s)"
)
"""A sentence that says something of the thing it begins with."""
MOST = 4
"""Names of one answer."""
FEW = 2
"""Facts of one abstract, below which sentences are asked for by what they begin with."""


SHORT = 11
"""Words that a reference answer may take from an abstract as they stand: `rag eval check` allows no more."""


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
            if match["article"].lower() == "the" or (" of " in what and head and head[-1] in VAGUE):
                continue
            own, least = {*told} - VAGUE, 2 if source.name else 3
            if len(own) < least and (more := _TOLD.match(sentence.text, match.end("what"))):
                # "A tracking method" alone tells nothing; what it does may.
                what += more.group()
                own |= {*words(more.group())} - STOPWORDS - VAGUE
            if len(own) >= least and len(what.split()) <= 11:
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
    if len(found) < FEW:
        found += [a for sentence in source.sentences for a in _told(source, sentence)][: FEW - len(found) + 1]
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


def _told(source: Source, sentence: Sentence) -> Iterator[Asked]:
    """ "Clay soils needed a calibration of their own.": "What does X report about clay soils?"."""
    match = _FOUND.match(sentence.text)
    if match is None or len(match.group().split()) > SHORT:
        return
    subject, rest = match["subject"], match["rest"]
    own = [w for w in words(subject) if w not in STOPWORDS and w not in VAGUE and w != "code"]
    first = words(subject)[0]
    if (
        not own
        or (first in STOPWORDS and first != "the")
        or {*words(subject)[1:]} & STOPWORDS
        or re.search(r"\b(?:a|an|the|of|by|with|to|and|or|in|on|for|than)$", rest)
    ):
        return
    if re.search(r"\b(?:we|our|it|its|this|these|they|their|here)\b(?! own\b)", rest) or own[-1].endswith(
        ("ly", "ing")
    ):
        return
    if source.name and source.name.casefold() in subject.casefold():
        return
    asked = subject[0].lower() + subject[1:]
    reference = f"It says that {asked} {match['verb']} {rest}."
    yield Asked(
        "fact", "fact/told", "What does ", f" report about {asked}?", "paper", reference, sentence, (vital(rest),)
    )


def _proper(text: str, source: Source) -> list[str]:
    """The names in `text`, none that the paper owns or that stands for a kind of thing."""
    found = [m.group() for m in _PROPER.finditer(_URL.sub(" ", text))]
    names = [n for n in dict.fromkeys(found) if len(n) > 2 and n.rstrip("s") not in GENERIC and n != "The"]
    own = source.name.casefold()
    if len(names) > MOST or (own and any(own in n.casefold() for n in names)):
        return []
    return [n for n in names if not any(n != other and n in other for other in names)]


def _article(what: str) -> str:
    return "an" if re.match(r"[aei]|o(?!ne)|u(?!n[iy]|s[ae]|bi)|[AEFHILMNORSX][A-Z]", what) else "a"
