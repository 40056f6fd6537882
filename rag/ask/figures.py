"""The figures of a text, with spelling and units made alike.

"2.5×", "2.5x", "2.5 times" and "2.5-fold" are the same figure; so are "47.1%" and "47.1 percent", "175 billion" and
"175B", "1,000" and "1000", "3 hours" and "180 minutes". Nothing is calculated: "2.5×" isn't "150% faster". The two ends
of a range ("1.5–2.1×") are two figures. Digits that belong to a name ("GPT-3", "A100", "top-1", "3D") are marked so;
a size in a name ("LLaMA-65B") is a figure, 65 billion. Labels of an enumeration ("(1)") and addresses have none.
"""

# ruff: noqa: E501  patterns and word lists read worse when broken
from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Bound = Literal["", "about", "over", "under", "up to", "average"]


@dataclass(frozen=True, slots=True)
class Figure:
    """`text[start:end]` says `value` of `unit`: "x" for a factor, "%", "s", "byte", "bit", "flops", … or "" for a count.

    `named`: the digits belong to a name. `word`: it is written in words, where a small count may be the writer's own
    ("its two parts"). `bound` is what the words before it make of it. `digits` is how many decimals it was given with.
    """

    text: str
    start: int
    end: int
    value: float
    unit: str = ""
    named: bool = False
    word: bool = False
    bound: Bound = ""
    decimals: int = 0


_SCALES = {
    "hundred": 1e2,
    "thousand": 1e3,
    "hundreds": 1e2,
    "k": 1e3,
    "million": 1e6,
    "m": 1e6,
    "billion": 1e9,
    "b": 1e9,
}
_SCALES |= {"bn": 1e9, "trillion": 1e12, "t": 1e12}
_PREFIX = {"k": 1e3, "kilo": 1e3, "m": 1e6, "mega": 1e6, "g": 1e9, "giga": 1e9, "t": 1e12, "tera": 1e12}
_PREFIX |= {"p": 1e15, "peta": 1e15, "e": 1e18, "exa": 1e18, "": 1.0}
_TIMES = {"ns": 1e-9, "nanosecond": 1e-9, "µs": 1e-6, "μs": 1e-6, "us": 1e-6, "microsecond": 1e-6}
_TIMES |= {"ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0}
_TIMES |= {"minute": 60.0, "h": 3600.0, "hr": 3600.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0}
_TIMES |= {"month": 2629800.0, "year": 31557600.0}

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:[ \u2009\u202f]\d{3})+(?![\d.])|\d+(?:\.\d+)?|(?<!\d)\.\d+"
_SCALE = r"[\s-]*(?:hundred|thousand|million|billion|trillion|bn)\b|[KkMBbT](?![A-Za-z0-9])|(?<=\d)[ -]?[KMBT](?![A-Za-z0-9])"
_UNIT = re.compile(
    r"\s?(?P<percent>\\?%|per\s?cent\b|percentage\s+points?\b|pct\b|pp\b)"
    r"|(?P<factor>\s?×(?!\s?\d+(?![\d.]*\s?[×x%]))|\s?[xX](?![A-Za-z0-9]|\s\d)|\s(?:times|fold)\b|-?times\b|-?folds?\b)"
    r"|[\s-]?(?P<flops>(?:[KMGTPE]|kilo|mega|giga|tera|peta|exa)?-?FLOPS?)(?:\s?/\s?s\b|ps\b)?(?![A-Za-z])"
    r"|[\s-]?(?P<bytes>(?:[KMGTP]i?B|(?:kilo|mega|giga|tera|peta)?bytes?))\b"
    r"|[\s-]?(?P<bps>[KMGT]b(?:ps|it/s))\b"
    r"|[\s-]?(?P<bits>bits?)\b"
    r"|[\s-]?(?:[GCT]PU[\s-])?(?P<time>ns|nanoseconds?|[µμ]s|microseconds?|ms|msec|milliseconds?|s|secs?|seconds?|mins?"
    r"|minutes?|hrs?|h|hours?|days?|weeks?|months?|years?)(?![A-Za-z0-9])"
    r"|[\s-]?(?P<fps>FPS|frames\s+(?:per|/|a)\s+second)\b",
    re.IGNORECASE,
)
_MEASURE = re.compile(
    r"\s?(?P<unit>[munkµμ]?[mgLVWAJN]|k?Hz|[MG]Hz|°\s?[CF]|[munk]mol|dB|[kMG]?eV|mAh|k?Wh)(?![A-Za-z0-9/])"
)
_DIGITS = re.compile(
    rf"(?P<number>{_NUMBER})(?P<power>\^\{{?\d+\}}?)?(?P<plus>\+(?=%))?(?P<scale>{_SCALE})?(?P<more>\+)?"
)
_RANGE = re.compile(r"\s?(?:-|–|—|−|~|to|and|through)\s?")
_URL = re.compile(r"(?:https?://|www\.)\S+|(?<![\w-])[\w-]+\.(?:com|org|io|net|edu)/\S*")
_LABEL = re.compile(r"(?:^|[\s(])\(?$")
_NAME_BEFORE = re.compile(r"(?:^|[\s(\"“'])([A-Z][A-Za-z]*[A-Za-z+])\s$")
_OPENERS = frozenset(
    "a about across all an and approximately around as at between both by each every for from in it just of on only or"
    " over some the their these this those to under up using we when where while with within".split()
)

_ONES = "two three four five six seven eight nine ten eleven twelve".split()
_WORDS = {word: float(n) for n, word in enumerate(_ONES, 2)} | {"dozen": 12.0}
_TENS = {w: 10.0 * n for n, w in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
_TEENS = "thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_WORDS |= {word: float(n) for n, word in enumerate(_TEENS, 13)}
_WORDS |= _TENS | {f"{ten}-{one}": _TENS[ten] + _WORDS[one] for ten in _TENS for one in _ONES[:8]}
_WORDS |= {f"{ten}-one": _TENS[ten] + 1 for ten in _TENS}
_FACTORS = {"twice": 2.0, "thrice": 3.0, "double": 2.0, "doubled": 2.0, "doubles": 2.0, "doubling": 2.0, "triple": 3.0}
_FACTORS |= {"tripled": 3.0, "triples": 3.0, "tripling": 3.0, "quadruple": 4.0, "quadrupled": 4.0, "quadruples": 4.0}
_PARTS = {
    "half": 50.0,
    "halve": 50.0,
    "halved": 50.0,
    "halves": 50.0,
    "halving": 50.0,
    "quarter": 25.0,
    "third": 100 / 3,
}
_PARTS |= {
    "thirds": 100 / 3,
    "quarters": 25.0,
    "fourths": 25.0,
    "fifth": 20.0,
    "fifths": 20.0,
    "tenth": 10.0,
    "tenths": 10.0,
}
_NUMERALS = {"one": 1.0, "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9} | {
    w: v for w, v in _WORDS.items() if "-" not in w and w != "dozen"
}
_BELOW_20 = "|".join(sorted(["one", *_ONES, *_TEENS], key=len, reverse=True))
_BELOW_100 = rf"(?:(?:{'|'.join(_TENS)})(?:[\s-](?:one|{'|'.join(_ONES[:8])})\b)?|{_BELOW_20})"
_HUNDREDS = rf"(?:{_BELOW_100}|an?)[\s-]hundred(?:[\s-](?:and\s)?{_BELOW_100}\b)?"
_THOUSANDS = rf"(?:{_HUNDREDS}|{_BELOW_100}|an?)[\s-](?:thousand|million|billion)(?:[\s-](?:and\s)?(?:{_HUNDREDS}|{_BELOW_100})\b)?"
_LONG = rf"(?:{_THOUSANDS}|{_HUNDREDS}|(?:{'|'.join(_TENS)})\s(?:one|{'|'.join(_ONES[:8])})\b)"
"""A number written out: "three hundred eighty-one", "one thousand one hundred and two"."""
_SPELT = "|".join(sorted(_WORDS, key=len, reverse=True))
_TIME_AFTER = r"(?=\s(?:(?:GPU|CPU|TPU)[\s-])?(?:second|minute|hour|day|week|month|year|order)s?\b)"
_WORDED = re.compile(
    rf"\b(?:(?P<orders>an?|one|{_SPELT})\s+orders?\s+of\s+magnitude"
    rf"|(?P<long>{_LONG})(?![\s-]?fold)"
    rf"|(?P<fold>{_SPELT}|hundred|thousand)-?fold"
    rf"|(?P<parts>one|{_SPELT}|an?)[\s-](?P<part>thirds?|quarters?|fourths|fifths?|tenths?)(?=\s+(?:of|as|the)\b)"
    rf"|(?P<count>one|{_SPELT}|an?(?=\s(?:hundred|thousand|million|billion|trillion)\b)|(?:one|an?){_TIME_AFTER})"
    rf"(?P<half>\s+and\s+a\s+half)?(?:[\s-](?P<by>hundred|thousand|million|billion|trillion)\b(?!-?fold))?"
    rf"|(?P<halfof>half)\s+(?:of\s+)?an?\s+(?P<scale>thousand|million|billion|trillion)"
    rf"|(?P<factor>{'|'.join(_FACTORS)})|(?P<share>half|halve[sd]?|halving))(?![\w])",
    re.IGNORECASE,
)
_BOUNDS: tuple[tuple[Bound, re.Pattern[str]], ...] = (
    ("average", re.compile(r"\b(?:on\s+average|average(?:s|d)?(?:\s+of)?|averaging|mean(?:\s+of)?)\W*(?:by\W*)?$", re.IGNORECASE)),
    ("up to", re.compile(r"\b(?:up\s+to|as\s+(?:much|many|high|large|fast)\s+as|max(?:imum|imal)?(?:\s+of)?|peak\s+(?:\w+\s+)?of|at\s+most)\W*$", re.IGNORECASE)),
    ("over", re.compile(r"(?:\b(?:over|more\s+than|above|exceed(?:s|ing)?|at\s+least|greater\s+than|beyond|surpass(?:es|ing)?)|[>≥])\W*$", re.IGNORECASE)),
    ("under", re.compile(r"(?:\b(?:under|less\s+than|below|fewer\s+than|within|no\s+more\s+than|as\s+(?:little|low|few)\s+as|only|just|nearly|almost)|[<≤])\W*$", re.IGNORECASE)),
    ("about", re.compile(r"(?:\b(?:about|around|roughly|approximately|close\s+to|some|approx\.?)|[~∼≈])\s*$", re.IGNORECASE)),
)  # fmt: skip
_AVERAGE_AFTER = re.compile(r"^\s*(?:\w+\s+){0,3}?(?:on\s+average|average\b|in\s+average)", re.IGNORECASE)


def figures(text: str) -> list[Figure]:
    """The figures of `text` in their order."""
    links = [m.span() for m in _URL.finditer(text)]
    found = [f for f in (*_digits(text), *_worded(text)) if not any(a <= f.start < b for a, b in links)]
    found.sort(key=lambda f: f.start)
    found = _shared_units(text, found)
    return [replace(f, bound=f.bound or _bound(text, f)) for f in found]


def same(claimed: Figure, given: Figure) -> bool:
    """Whether a text that gives `given` bears out `claimed`.

    A claim may round where it says so ("about 47%" for 47.1%), and may leave out a unit, as tables do.
    """
    a, b = claimed.value, given.value
    if {claimed.unit, given.unit} == {"", "%"} and min(a, b) < 1 < max(a, b):
        a, b = (100 * v if v < 1 else v for v in (a, b))  # an efficiency of 0.94 is one of 94%
    elif claimed.unit != given.unit and not _loosely(claimed, given):
        return False
    if math.isclose(a, b, rel_tol=1e-6):
        return True
    if claimed.named or given.named or not b:
        return False
    if claimed.bound == "about" or given.bound == "about":
        return _rounds(a, b) or abs(a - b) <= 0.02 * b
    if claimed.bound == "over" and given.bound != "under":
        return (0.5 if claimed.word else 0.8) * b <= a <= b
    if claimed.bound in ("under", "up to") and re.search(r"nearly|almost|under|less|below|within", claimed.text):
        return b <= a <= 1.1 * b
    return False


def _loosely(a: Figure, b: Figure) -> bool:
    units = {a.unit, b.unit}
    return "" in units and not (a.word or b.word) and not a.named and not b.named and units != {"", "x"}


def _rounds(a: float, b: float) -> bool:
    """Whether `b`, rounded to one or two significant digits or to a whole number, is `a`."""
    size = math.floor(math.log10(abs(b)))
    return any(math.isclose(round(b, n), a, rel_tol=1e-6) for n in (-size, 1 - size, 0))


def _digits(text: str) -> Iterator[Figure]:
    for match in _DIGITS.finditer(text):
        start, end = match.span()
        before, after = text[max(0, start - 40) : start], text[end : end + 30]
        number = match.group("number")
        if _is_label(before, after, number):
            continue
        value = float(re.sub(r"[,\s\u2009\u202f]", "", number))
        decimals = len(number.partition(".")[2])
        if match.group("power"):
            value **= int(re.sub(r"\D", "", match.group("power")))
        scale = (match.group("scale") or "").strip(" -\t").lower()
        bound: Bound = "over" if match.group("plus") or match.group("more") else ""
        value *= _SCALES.get(scale, 1.0)
        attached = bool(re.search(r"[A-Za-z][-_^]?$|[A-Za-z]\d*[-_./]$", before)) and not re.search(
            r"\b(?:sub|a|the|of|by)-$", before
        )
        unit, factor, length = _unit(after) if not scale or after[:1].isspace() or after[:1] == "-" else ("", 1.0, 0)
        named = _is_named(before, after[length:], scale, unit, attached)
        if named:
            yield Figure(text[start:end], start, end, value, "", named=True, decimals=decimals)
        else:
            yield Figure(
                text[start : end + length], start, end + length, value * factor, unit, bound=bound, decimals=decimals
            )


def _is_label(before: str, after: str, number: str) -> bool:
    """ "(1)" and "1)" count the parts of a list."""
    return len(number) <= 2 and after.startswith(")") and bool(_LABEL.search(before)) and number.isdigit()


def _is_named(before: str, after: str, scale: str, unit: str, attached: bool) -> bool:
    if attached:
        # "LLaMA-65B" gives a size, "CIFAR-10" and "GPT-3" don't; "SlowFast-4.5×" would.
        return not (scale and not before[-1:].isalpha()) and unit not in ("x", "%")
    if unit or scale:
        return False
    if re.match(r"[A-Za-z]|[x×]\d", after):  # "3D", "4th", "16x16"
        return True
    name = _NAME_BEFORE.search(before)  # "RTX 4090", "Llama 2"
    return bool(name and name.group(1).lower() not in _OPENERS)


def _unit(after: str) -> tuple[str, float, int]:
    """The unit that `after` begins with, its size in the base unit, and its length in characters."""
    match = _UNIT.match(after)
    if not match:
        measure = _MEASURE.match(after)
        return (measure.group("unit"), 1.0, measure.end()) if measure else ("", 1.0, 0)
    kind, written = match.lastgroup or "", (match.group(match.lastgroup or 0) or "").lower()
    if kind == "percent":
        return "%", 1.0, match.end()
    if kind == "factor":
        return "x", 1.0, match.end()
    if kind == "flops":
        return "flops", _PREFIX[re.sub(r"-?flops?$", "", written)], match.end()
    if kind == "bytes":
        return "byte", _PREFIX[re.sub(r"i?b(?:ytes?)?$", "", written)], match.end()
    if kind == "bps":
        return "bit/s", _PREFIX[written[0]], match.end()
    if kind == "time":
        return "s", _TIMES.get(written, _TIMES.get(written.rstrip("s"), 1.0)), match.end()
    return {"bits": "bit", "fps": "fps"}[kind], 1.0, match.end()


def _worded(text: str) -> Iterator[Figure]:
    """Figures in words, and factors in verbs ("doubles")."""
    for match in _WORDED.finditer(text):
        part = {k: v.lower() for k, v in match.groupdict().items() if v}
        unit, factor, length = ("", 1.0, 0)
        if part.keys() & {"count", "long"}:
            unit, factor, length = _unit(text[match.end() : match.end() + 30])
        if part.get("count") == "one" and not unit and "by" not in part:
            continue
        value, own = _word_value(part)
        small = not unit and not {"by", "orders", "halfof", "long"} & part.keys()
        end = match.end() + length
        yield Figure(text[match.start() : end], match.start(), end, value * factor, own or unit, word=small)


def _word_value(part: dict[str, str]) -> tuple[float, str]:
    if "orders" in part:
        return 10.0 ** _WORDS.get(part["orders"], 1.0), "x"
    if "long" in part:
        return _written_out(part["long"]), ""
    if "fold" in part:
        return _WORDS.get(part["fold"]) or _SCALES[part["fold"]], "x"
    if "halfof" in part:
        return _SCALES[part["scale"]] / 2, ""
    if "part" in part:
        return _WORDS.get(part["parts"], 1.0) * _PARTS[part["part"]], "%"
    if "factor" in part:
        return _FACTORS[part["factor"]], "x"
    if "share" in part:
        return _PARTS[part["share"]], "%"
    value = _WORDS.get(part["count"], 1.0) + (0.5 if "half" in part else 0.0)
    return value * _SCALES.get(part.get("by", ""), 1.0), ""


def _written_out(words: str) -> float:
    """The value of "one thousand one hundred and two"."""
    whole = group = 0.0
    for word in re.split(r"[\s-]+(?:and\s+)?", words.lower()):
        value = _NUMERALS.get(word, 1.0)
        if value >= 1e3:
            whole, group = whole + max(group, 1.0) * value, 0.0
        else:
            group = max(group, 1.0) * value if value == 1e2 else group + value
    return whole + group


def _shared_units(text: str, found: Sequence[Figure]) -> list[Figure]:
    """The first end of a range, and the other figures of a series, have the unit of the last: "1.5–2.1×"."""
    done = list(found)
    for i in range(len(done) - 2, -1, -1):
        here, after = done[i], done[i + 1]
        if here.unit or here.named or not after.unit:
            continue
        if _RANGE.fullmatch(text[here.end : after.start]):
            scale = 1.0
            match = _UNIT.match(text[after.end - len(after.text.lstrip("0123456789.,")) : after.end])
            if match and after.unit not in ("x", "%"):
                scale = _unit(match.group())[1]
            done[i] = replace(here, unit=after.unit, value=here.value * scale)
    return done


def _bound(text: str, figure: Figure) -> Bound:
    before = text[max(0, figure.start - 40) : figure.start]
    for bound, pattern in _BOUNDS:
        if pattern.search(before):
            return bound
    return "average" if _AVERAGE_AFTER.match(text[figure.end : figure.end + 40]) else ""
