"""Questions whose answer is a figure of a sentence, asked by what the sentence says around it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rag.ask.figures import figures
from rag.ask.suggesting.places import Place, places
from rag.ask.suggesting.subject import Role, Sentence, Subject
from rag.index.lexical import STOPWORDS, words

_BOUND = (
    r"(?:(?P<bound>up to|about|around|roughly|approximately|over|more than|at least|nearly|almost|less than|only|just"
    r"|as much as|an average of|a factor of)\s+)?(?:an?\s+)?"
)
_VERBS = dict(
    pair.split("/")
    for pair in """reduc/reduce improv/improve increas/increase decreas/decrease accelerat/accelerate enhanc/enhance
    outperform/outperform surpass/surpass exceed/exceed lower/lower boost/boost shorten/shorten rais/raise
    cut/cut""".split()
)
"""What a figure says how much of, by what its forms begin with."""
_BY = re.compile(
    rf"\b(?P<verb>{'|'.join(_VERBS)})(?:e|es|ed|s|ing|ting)?\s+(?P<object>[^,;:()“”\"]{{4,70}}?)\s+by\s+{_BOUND}$",
    re.IGNORECASE,
)
_MORE = re.compile(
    r"\s*(?P<more>higher|faster|lower|more|better|less|greater|smaller|larger|longer|shorter)"
    r"(?P<noun>(?:\s+(?!than\b|and\b|or\b|but\b|while\b|when\b|in\b|on\b|for\b|with\b|compared\b|over\b|to\b|at\b|without\b|by\b)[a-z][\w-]*){0,4})"
    r"(?=\s*[,.;)]|\s+(?:than|and|while|when|in|on|for|with|compared|over|to|at|without|by)\b|$)"
)
_CHANGE = (
    r"(?:speed-?up|acceleration|improvement|reduction|gain|savings?|increase|decrease|compression(?: ratio| rate)?)"
)
_METRIC = (
    rf"(?:{_CHANGE}|accuracy|error(?: rate)?|F1(?:[- ]score)?|precision|recall|success rate|throughput|utilization"
    r"|perplexity|efficiency|acceptance rate|AUC|correlation|agreement|sparsity|latency|score|coverage"
    r"|response rate|overhead|bandwidth|sensitivity|specificity|kappa|NDCG|MRR|BLEU|PSNR)"
)
_FORWARD = re.compile(rf"\s*(?P<noun>(?:[A-Za-z][\w-]*\s+){{0,3}}?{_METRIC})(?![\w-]|\s+{_METRIC})")
_BACK = re.compile(rf"(?P<noun>(?:[A-Za-z][\w-]*\s+){{0,2}}{_METRIC})\s+(?:of|by|is|was|reaches|reached)\s+{_BOUND}$")
_PEOPLE = "participants|users|students|people|respondents|developers|subjects|patients|children|volunteers|workers"
_THINGS = (
    "papers|articles|documents|queries|languages|datasets|tasks|images|videos|GPUs|nodes|edges|parameters|tokens"
    "|models|projects|repositories|commits|bugs|interviews|countries|journals|authors|questions|samples|sentences"
    "|experts|categories|classes|benchmarks|studies|systems|layers|scenes|domains|topics|tweets|posts|records|sessions"
    "|publications|citations|programs|applications|websites|teachers|researchers|institutions|processors|chips|cards"
)
_COUNTED = re.compile(rf"\s*\+?\s*(?P<noun>(?:[A-Za-z][\w-]*\s+){{0,2}}?(?:{_PEOPLE}|{_THINGS}))\b")
_PLURAL = re.compile(
    r"\s+(?P<noun>(?:[a-z][a-z-]+\s+){0,2}?[a-z][a-z-]{2,}(?<![sui])s)(?=\s*[,.;)]|\s+(?:in|on|at|of|from|with|for|over|across|within"
    r"|and|or|by|that|which|who|during|between|were|was|are|to|under|near|after|before)\b|$)"
)
"""Any noun that is counted; it is known by its plural."""
_MEASURES = frozenset(
    """times folds points percents orders bits levels others years months weeks days hours minutes seconds metres meters
    kilometres kilometers miles grams litres liters tons tonnes degrees euros dollars pounds cents thirds quarters
    types kinds ways aspects halves tenths fifths figures decimals basis steps""".split()
)
"""Plurals that count nothing by themselves."""
_DID = dict(
    pair.split("/")
    for pair in """declined/decline increased/increase decreased/decrease grew/grow fell/fall rose/rise dropped/drop
    shrank/shrink improved/improve""".split()
)
_CHANGE_OF = re.compile(
    rf"(?:^|[,;]\s+(?:(?:and|while|but)\s+)?)(?P<subject>[A-Za-z][a-z-]+(?:\s+[a-z][a-z-]+){{0,4}})\s+(?P<verb>{'|'.join(_DID)})"
    rf"\s+by\s+{_BOUND}$"
)
_VERBAL = re.compile(r"achiev\w*|attain\w*|reach\w*|yield\w*|obtain\w*|report\w*|show\w*|demonstrat\w*|deliver\w*")
_CHANGED = re.compile(
    r"\b(?:reduc|improv|increas|decreas|lower|cut|boost|rais|sav|outperform|surpass)\w*\b[^.;]{0,40}$|\bby\W*(?:\w+\W+){0,3}$",
    re.IGNORECASE,
)
_CONTEXT = re.compile(
    r"\s+(?P<context>(?:on|over|than|compared (?:to|with)|relative to|in|for|during|against)\s+[^,.;:()“”\"]{3,60}?)"
    r"(?=\s*[,.;:)]|\s+(?:and|while|with|when|which|without|at|by|but|using|respectively)\b|$)"
)
_EMPTY = re.compile(r"\b(?:it|this|that|these|those|them|which|respectively|its own|ours)\b", re.IGNORECASE)
_OUR = re.compile(r"\bour\b")


@dataclass(frozen=True, slots=True)
class Figured:
    """`head` and `tail` stand around the paper's name and ask for the figure that `sentence` has as `written`.

    `patterns` are regular expressions that find it, or both ends of a range, in other words.
    """

    template: str
    head: str
    tail: str
    role: Role
    answer: str
    sentence: Sentence
    written: str
    patterns: tuple[str, ...]

    def question(self, subject: Subject) -> str:
        """The question, with the paper by name."""
        return f"{self.head}{subject.called(self.role)}{self.tail}"


def figured(subject: Subject) -> list[Figured]:
    """Questions after figures of the abstract, of which each fits one figure only."""
    found = [f for s in subject.sentences for f in _of_sentence(subject, s)]
    asked = Counter(f.question(subject) for f in found)
    return [f for f in found if asked[f.question(subject)] == 1]


def _of_sentence(subject: Subject, sentence: Sentence) -> Iterator[Figured]:
    if len(sentence.text) > 600 or re.search(r"\brespectively\b|\bnot\b|\bcannot\b", sentence.text):
        return
    for place in places(sentence.text):
        wording = next((found for asks in _WAYS if (found := asks(place))), None)
        if wording is None:
            continue
        template, head, tail, role, answer = wording
        if (subject.name and subject.name in tail) or _has_figure(head + tail):
            continue
        yield Figured(template, head, f"{tail}?", role, answer, sentence, place.written, place.patterns)


_Wording = tuple[str, str, str, Role, str]


def _asked_by(place: Place) -> _Wording | None:
    """ "reduces transfer time by 47%": "By how much does X reduce transfer time?"."""
    match = _BY.search(place.before)
    if match is None or place.figure.unit not in ("x", "%", ""):
        return None
    thing = _thing(match["object"])
    if not thing:
        return None
    context = _context(place.after)
    verb = _VERBS[match["verb"].lower()]
    return (
        "number/by",
        "By how much does ",
        f" {verb} {thing}{context}",
        "doer",
        f"By {_bound(match['bound'])}{place.written}.",
    )


def _asked_more(place: Place) -> _Wording | None:
    """ "2x higher throughput": "How much higher throughput does X achieve?"."""
    match = _MORE.match(place.after)
    if match is None or place.figure.unit not in ("x", "%"):
        return None
    context, noun = _context(place.after[match.end() :]), match["noun"]
    answer = f"{_bound(_bound_before(place.before))}{place.written}."
    if noun.strip():
        return "number/more", f"How much {match['more']}{noun} does ", f" achieve{context}", "doer", _sentence(answer)
    if match["more"] in ("faster", "smaller"):
        return "number/more", f"How much {match['more']} is ", context, "doer", _sentence(answer)
    return None


def _asked_metric(place: Place) -> _Wording | None:
    """ "an accuracy of 84%" and "84% accuracy": "What accuracy does X report?"."""
    if place.figure.word or (place.figure.unit == "" and not place.figure.decimals):
        return None
    if match := _FORWARD.match(place.after):
        noun, context = match["noun"], _context(place.after[match.end() :])
        if _CHANGED.search(place.before) and not re.search(_CHANGE, noun):
            return None  # "reduces 37% latency" gives no latency.
    elif match := _BACK.search(place.before):
        before, context = match["noun"].split(), _context(place.after)
        last = max((n for n, w in enumerate(before) if w.lower() in STOPWORDS or _VERBAL.fullmatch(w)), default=-1)
        noun = " ".join(before[last + 1 :])
    else:
        return None
    told = noun.lower().split()
    if not told or any(w in STOPWORDS or _VERBAL.fullmatch(w) or _MORE.match(w) for w in told):
        return None
    if place.figure.unit == "%" and re.search(r"throughput|latency|bandwidth", noun):
        return None
    if (place.figure.unit == "x" and not re.search(_CHANGE, noun)) or context.startswith(" than"):
        return None
    answer = _sentence(f"{_bound(_bound_before(place.before))}{place.written}.")
    return "number/metric", f"What {noun} does ", f" report{context}", "writer", answer


def _asked_count(place: Place) -> _Wording | None:
    """ "with 24 participants": "How many participants took part in the study of X?"."""
    figure, match = place.figure, _COUNTED.match(place.after)
    if match is None or figure.unit or figure.decimals or (figure.word and figure.value < 4):
        return None
    if 1900 <= figure.value <= 2100 or figure.value < 2 or not match["noun"].split()[0].islower():
        return None
    noun, answer = match["noun"], _sentence(f"{_bound(_bound_before(place.before))}{place.written}.")
    if any(w in STOPWORDS or w in _NO_KIND for w in words(noun)):
        return None
    if figure.value <= _CROWD and re.search(rf"\b(?:{_PEOPLE})$", noun):
        return "number/people", f"How many {noun} took part in ", "", "study", answer
    return "number/count", f"How many {noun} does ", " mention", "paper", answer


def _asked_any_count(place: Place) -> _Wording | None:
    """ "212 species in 37 counties": "How many counties does the paper X mention?"."""
    figure, match = place.figure, _PLURAL.match(place.after)
    if match is None or figure.unit or figure.decimals or (figure.word and figure.value < 4) or figure.value < 2:
        return None
    if not figure.word and not re.fullmatch(r"[\d,]+", figure.text):
        return None  # "7B architectures" are of that size.
    if 1900 <= figure.value <= 2100 or re.search(r"\b(?:top|first|last|every|per|of)\s+$", place.before):
        return None
    noun = match["noun"]
    told = words(noun)
    if any(w in STOPWORDS or w in _NO_KIND for w in told) or told[-1] in _MEASURES:
        return None
    answer = _sentence(f"{_bound(_bound_before(place.before))}{place.written}.")
    return "number/count", f"How many {noun} does ", " mention", "paper", answer


def _asked_change(place: Place) -> _Wording | None:
    """ "Farmland birds declined by 41%": "By how much did farmland birds decline, according to the paper X?"."""
    match = _CHANGE_OF.search(place.before)
    if match is None or place.figure.unit not in ("x", "%"):
        return None
    subject = match["subject"]
    told = words(subject)
    if (told[0] in STOPWORDS and told[0] != "the") or {*told[1:]} & STOPWORDS or _EMPTY.search(subject):
        return None
    lower = subject if subject[:2].isupper() else subject[0].lower() + subject[1:]
    answer = f"By {_bound(match['bound'])}{place.written}."
    return "number/change", f"By how much did {lower} {_DID[match['verb']]}, according to ", "", "paper", answer


_WAYS = (_asked_by, _asked_more, _asked_metric, _asked_count, _asked_change, _asked_any_count)

_CROWD = 20_000
"""People: more take part in no study, they are counted in some statistics."""
_NO_KIND = frozenset(
    """parameter million millions billion thousand different various distinct such several popular representative real
    main new existing diverse""".split()
)


def _context(after: str) -> str:
    match = _CONTEXT.match(after)
    if match is None:
        return ""
    context = match["context"]
    empty = _EMPTY.search(context) or context.lower() in ("on average", "in average", "in total")
    return "" if empty or _has_figure(context) else " " + _OUR.sub("its", context)


def _thing(text: str) -> str:
    """What is reduced, as a question may say it; empty where it says nothing by itself."""
    told = {w for w in words(text) if w not in STOPWORDS}
    if not told or len(text.split()) > 9 or _EMPTY.search(text) or _has_figure(text):
        return ""
    if re.search(r"\b(?:and|or)$|^(?:to|and|or|by|with|of|in|on)\b", text):
        return ""
    return _OUR.sub("its", text)


def _has_figure(text: str) -> bool:
    return any(not f.named for f in figures(text))


def _bound_before(before: str) -> str:
    match = re.search(rf"{_BOUND}$", before)
    return match["bound"] or "" if match else ""


def _bound(bound: str | None) -> str:
    return f"{bound} " if bound else ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
