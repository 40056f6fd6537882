"""Questions that one sentence of an abstract answers, known by the words it has: fixed English, with the paper named.

A question is fixed, so it is never a broken phrase; whether the sentence is what the collection answers it with, only
asking tells (rag.ask.suggesting.trial).
"""

# ruff: noqa: E501  patterns read worse when broken
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.ask.suggesting.figured import Figured, figured
from rag.ask.suggesting.subject import Sentence, Subject


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about one paper, which each of `sentences` answers; questions of one `pattern` are alike."""

    pattern: str
    text: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class _Cue:
    """What a sentence has (and lacks) that answers `named`, asked of a system, or `titled`, asked of a paper."""

    pattern: str
    has: re.Pattern[str]
    named: str
    titled: str
    lacks: re.Pattern[str] | None = None

    def asked(self, subject: Subject) -> Asked | None:
        form = self.named if subject.name else self.titled
        if not form:
            return None
        found = [
            (sentence, match)
            for sentence in subject.sentences
            if (match := self.has.search(sentence.text)) and not (self.lacks and self.lacks.search(sentence.text))
        ]
        if not found:
            return None
        groups = {k: "".join(v.lower().split()) for k, v in found[0][1].groupdict().items()}
        text = form.format(subject.name or subject.title, **groups)
        return Asked(self.pattern, text, tuple(sentence for sentence, _ in found))


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_SHOW = r"(?:show(?:s|ed|n)?|reveal(?:s|ed)?|suggest(?:s|ed)?|indicate[sd]?|demonstrate[sd]?|confirm(?:s|ed)?)\b"
_MAKES = r"\bwe\s+(?:\w+\s+)?(?:propose|present|introduce|develop|design|describe)\b[^.;]*\b(?:method|approach|framework|model|algorithm|system|technique|architecture|pipeline|tool)\b"
_DOES = r"\b(?:by\s+\w+ing|consists?\s+of|leverag\w+|employ\w*|combin\w+|based\s+on|using|uses|key\s+(?:idea|insight)|first\b.*\bthen|decompos\w+|partition\w+|integrat\w+)\b"
_CARDS = r"(?:A100|H100|H800|V100|A800|A10|A6000|T4|P100|RTX|GTX|TPU\w*|MI250X?|Jetson|Frontier|Raspberry|GPUs)"
_OTHERS = (
    r"\b(?:existing|previous|prior|current|traditional|conventional)\s(?:[\w-]+\s){0,3}?"
    r"(?:methods|approaches|techniques|solutions|systems|work|works|studies|models|algorithms|tools|frameworks)\b"
)
CUES = (
    _Cue(
        "tested",
        _re(r"\b(?:evaluat|experiment|test|validat)\w*\b[^.;:]{0,80}?\bon\b[^;:]*\b(?P<what>data\s?set|benchmark)s\b"),
        "What {what}s is {} evaluated on?",
        "What {what}s does {} use?",
    ),
    _Cue(
        "hardware",
        re.compile(rf"\b(?:on|using|with|across)\s[^.;]*?\b{_CARDS}\b"),
        "What hardware is {} run on?",
        "",
        _re(r"\b(?:challeng\w+|however|existing|prior|most|limited|typically|often|such as)\b"),
    ),
    _Cue("beats", _re(r"\b(?:outperform|surpass)\w*\b"), "What does {} outperform?", "", _re(r"\bexisting work")),
    _Cue(
        "how",
        _re(_DOES),
        "How does {} work?",
        "",
        _re(rf"\b(?:however|experiments?|there\s+are|outperform\w*)\b|{_OTHERS}"),
    ),
    _Cue("proposal", _re(_MAKES), "", "What does {} propose?"),
    _Cue(
        "finding",
        _re(rf"\bexperiment\w*\s(?:[\w-]+\s){{0,6}}?{_SHOW}"),
        "What do the experiments with {} show?",
        "What do the experiments in {} show?",
    ),
    _Cue(
        "finding",
        _re(rf"\bresults\s(?:[\w-]+\s){{0,6}}?{_SHOW}"),
        "What results does {} report?",
        "What results does {} report?",
    ),
    _Cue(
        "finding",
        _re(
            r"\b(?:we|study|paper)\s(?:\w+\s){0,2}?(?:find|found|finds|observed?|conclude[sd]?|discover(?:ed)?)\s+that\b"
        ),
        "",
        "What does {} find?",
    ),
    _Cue(
        "challenges",
        _re(r"\bchallenges\b"),
        "What challenges does {} address?",
        "What challenges does {} describe?",
    ),
    _Cue(
        "others",
        _re(
            rf"{_OTHERS}.*\b(?:suffers?|fail\w*|limit\w+|cannot|drawbacks?|shortcomings?|lacks?|ignor\w+|overlook\w*|inefficien\w+|only|costly|expensive|struggle\w*)\b"
        ),
        "What shortcomings of existing methods does {} address?",
        "What shortcomings of existing methods does {} name?",
        _re(r"\b(?:outperform\w*|compared|than)\b"),
    ),
    _Cue(
        "limits",
        _re(
            r"\b(?:limitations?|shortcomings|drawbacks)\s+of\s+(?:our|this\s+(?:study|work|approach|method)|the\s+(?:proposed|present))"
            r"|\bour\s+\w+\s+(?:is|are)\s+limited\b|\bwe\b[^.]*\bdiscuss\b[^.]*\blimitations\b"
        ),
        "What limitations does the paper on {} name?",
        "What limitations does {} name?",
    ),
    _Cue(
        "advice",
        _re(
            r"\bwe\s+(?:\w+\s+){0,3}?(?:provide|offer|give|make|propose|derive|present|formulate|conclude\s+with)\b[^.;]{0,60}\b(?P<what>recommendations|guidelines|lessons)\b"
        ),
        "",
        "What {what} does {} give?",
    ),
    _Cue(
        "data",
        _re(
            r"\bwe\s+(?:\w+\s+){0,3}?(?:analy[sz]ed?|interview(?:ed)?|survey(?:ed)?|collect(?:ed)?|examined?|crawl(?:ed)?)\b[^.]*\b\d[\d,]*"
        ),
        "",
        "What data does {} draw on?",
    ),
    _Cue(
        "proposal",
        _re(r"\b(?:this|the|our)\s+(?:paper|article|study|work|report|thesis|chapter|survey|essay)\b|\bwe\b"),
        "",
        "What is {} about?",
    ),
    _Cue(
        "code",
        _re(r"\b(?:code|source|implementation)\b.*(?:https?://|\bwww\.)"),
        "Where can the code of {} be found?",
        "",
    ),
)
"""In the order in which they are worth asking."""


def details(subject: Subject) -> Iterator[Asked]:
    """All that can be asked of one abstract, what is most worth it first: figures, then the cues in their order."""
    for f in figured(subject):
        if _plain(f, subject):
            yield Asked("figure", f.question(subject), (f.sentence,))
    for cue in CUES:
        if (asked := cue.asked(subject)) is not None:
            yield asked


_MASS = re.compile(
    r"\b(?:throughput|accuracy|performance|efficiency|bandwidth|precision|recall|latency|memory|utilization|speed)\s+does $"
)
_BARE = re.compile(
    r"^What (?:score|increase|improvement|reduction|gain|gains|decrease|correlation|agreement|coverage|overhead|efficiency"
    r"|savings|(?:sota|state-of-the-art|new|better|best|average|overall|absolute|relative)\b.*) does $",
    re.IGNORECASE,
)


def _plain(asked: Figured, subject: Subject) -> bool:
    """Whether a researcher would ask so: not for what a paper merely mentions, nor in words that nobody would choose."""
    match asked.template:
        case "number/by":
            return bool(subject.name)
        case "number/more":
            return bool(subject.name) and (asked.head.endswith(" is ") or bool(_MASS.search(asked.head)))
        case "number/metric":
            return not _BARE.match(asked.head)
        case "number/people":
            return True
        case _:
            return False
