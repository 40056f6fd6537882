"""Papers and systems by name: "ZeRO-Infinity", "Fuyou", "zero infinty", or a title.

A paper owns the names in its title ("GPipe: …", "… with Sarathi-Serve") and those that its abstract introduces
("we present Fuyou, …", "Concurrent Adversarial Learning (ConAdv)"). A name that many abstracts mention belongs to
none of them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from rag.core.paper import Paper
from rag.index.lexical import STOPWORDS, words

FUZZY_RATIO = 84
"""Indel similarity, 0 to 100, above which a word that no paper has counts as a misspelt name: one slip in six letters."""
FUZZY_LENGTH = 5
"""Shorter names are matched exactly only: at four letters one slip already makes another name."""
COMMON = 0.08
"""A word that more than this share of the papers has, or four in a small collection, is a subject and not a name."""

MANY = 8
"""And however large the collection, what more papers than this write is nobody's name."""

_TOKEN = r"[A-Za-z0-9][\w+^-]*(?:\.[\w+-]+)*"
_NAMEY = re.compile(r"[a-z]\w*[A-Z]|[A-Z][\w-]*[A-Z]|[A-Z]+[\w-]*\d|[A-Za-z]+\d[A-Za-z]*|-[A-Z]")
_INTRODUCED = re.compile(
    r"\b(?:introduc|present|propos|develop|design|describ|call|nam|dubb|term|releas|implement|creat|devis|build|offer"
    r"|namely|via|through)\w*,?\s+(?:(?:a|an|the|our|it|system|method|framework|new|novel)\s+)*"
    r"[\"“'`]*(?P<name>" + _TOKEN + r"(?:[ -][A-Z]" + r"[\w+^-]*){0,2})"
)
_SUBJECT = re.compile(
    r"(?:^|[.!?;]\s+)(?P<name>" + _TOKEN + r")\s+(?:is|can|achieves?|supports?|uses?|outperforms?|enables?|reduces?)\b"
)
_ACRONYM = re.compile(r"(?<=[\w-][ -])\((?P<name>[A-Z][\w+^-]*[A-Z0-9][\w+^-]*)\)")
# Looked for backwards from an acronym: one pattern for both tries each word of a text as the first of a phrase.
_PHRASE_BEFORE = re.compile(r"(?:[\w-]+[ -]){1,8}$")
_SIGNS = frozenset("+^")
"""What a name may end in, and its compact form leaves out."""
PHRASE = 200
"""Characters before an acronym that may spell it."""
_TITLE_STARTERS = frozenset(
    "adding towards toward efficient large scaling exploiting optimizing boosting taming rethinking evaluation training".split()
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A name found in a text: `text[start:end]`, and the rows of the papers that own it, the likeliest first.

    `titled` says that the name stands in a title, and not only in an abstract.
    """

    start: int
    end: int
    name: str
    rows: tuple[int, ...]
    titled: bool = True


def compact(text: str) -> str:
    """`text` in lower case without anything but letters and digits: "ZeRO-Infinity" and "zero infinity" agree."""
    return "".join(words(text))


class Names:
    """The names of a collection, for finding them in questions."""

    def __init__(self, papers: Sequence[Paper]) -> None:
        self._papers = papers
        self._vocabulary: set[str] = set()
        frequency: Counter[str] = Counter()
        lower: set[str] = set()
        for paper in papers:
            text = _without_links(f"{paper.title} {paper.abstract}")
            tokens = set(re.findall(_TOKEN, text))
            self._vocabulary.update(words(f"{paper.title} {paper.abstract}"))
            frequency.update({compact(t) for t in tokens})
            lower.update(part for t in tokens for part in t.split("-") if part.islower())
        self._ordinary = lower
        self._frequency = frequency
        limit = min(MANY, max(4, COMMON * len(papers)))
        owners: dict[str, dict[int, int]] = defaultdict(dict)
        self._display: dict[str, str] = {}
        self._short: list[str] = []
        for row, paper in enumerate(papers):
            names = {n: s for n, s in _own_names(paper).items() if s == 3 or self.is_name(n)}
            # What one abstract says again and again and no other does is its own, however it introduced it.
            said = Counter(t for t in re.findall(_TOKEN, _without_links(paper.abstract)) if _NAMEY.search(t))
            for token, count in said.items():
                if count > 1 and frequency[compact(token)] == 1 and self.is_name(token):
                    names.setdefault(token, 1)
            for name, strength in names.items():
                key = compact(name)
                if len(key) < 2 or frequency[key] > (limit if strength > 1 else limit / 2):
                    continue
                owners[key][row] = max(strength, owners[key].get(row, 0))
                self._display.setdefault(key, name)
            self._short.append(_short(paper, names))
        self._titled = {key for key, rows in owners.items() if max(rows.values()) > 1}
        self._owners = {key: tuple(sorted(rows, key=lambda r: -rows[r])) for key, rows in owners.items()}
        self._fuzzy = [key for key in self._owners if len(key) >= FUZZY_LENGTH]
        self._titles = {" ".join(words(p.title)): row for row, p in enumerate(papers)}

    def is_name(self, token: str) -> bool:
        """Whether some part of `token` is never written in lower case here: "Sarathi-Serve", not "Large-Scale"."""
        if _plural_acronym(token):
            return False
        parts = [p for p in re.split(r"[ -]", token) if p]
        if len(parts) > 1 and " " in token:
            return True
        return any(p.lower() not in self._ordinary and not _plural_acronym(p) and len(p) > 1 for p in parts)

    def short(self, row: int) -> str:
        """How a reader would name the paper in `row` in a sentence: its system's name, or its title in quotes."""
        return self._short[row]

    def title(self, row: int) -> str:
        """The title of the paper in `row`."""
        return self._papers[row].title

    def titled(self, word: str) -> list[int]:
        """The rows of the papers whose titles have a word that begins with `word`."""
        start = re.compile(rf"\b{re.escape(word)}", re.IGNORECASE)
        return [row for row, paper in enumerate(self._papers) if start.search(paper.title)]

    def titled_most(self, text: str, rows: Sequence[int]) -> int:
        """Of `rows` the one whose title has the most words of `text`."""
        wanted = set(words(text)) - STOPWORDS
        return max(rows, key=lambda row: len(wanted & set(words(self._papers[row].title))))

    def mentions(self, text: str) -> list[Mention]:
        """The names and titles in `text`, in order, the longest first where they overlap."""
        tokens = [(m.group(), m.start(), m.end()) for m in re.finditer(r"[^\W_]+(?:\.\d+)?", text)]
        folded = [" ".join(words(t)) for t, _, _ in tokens]
        found: list[Mention] = [*self._title_mentions(text, tokens, folded)]
        taken = [(m.start, m.end) for m in found]
        for size in (4, 3, 2, 1):
            for i in range(len(tokens) - size + 1):
                start, end = tokens[i][1], tokens[i + size - 1][2]
                if any(a < end and start < b for a, b in taken):
                    continue
                # Words that punctuation keeps apart are no name: "GPTQ, SqueezeLLM".
                if re.search(r"[,;:?!()\"“”]|\s[-–—/]\s", text[start:end]):
                    continue
                key = self._match(folded[i : i + size])
                if key and not self._is_plain_word(key, text[start:end], text[end : end + 1]):
                    found.append(Mention(start, end, self._display[key], self._owners[key], key in self._titled))
                    taken.append((start, end))
        return sorted(found, key=lambda m: m.start)

    def _is_plain_word(self, key: str, written: str, after: str) -> bool:
        """Whether `written` is rather the word than the name.

        So it is with "tune", where a paper calls a mode "Tune", and with "zero-shot", where one writes of "ZeRO++".
        """
        name = self._display[key]
        if written.lower() not in self._ordinary:
            return False
        if name[-1] in _SIGNS:
            return after not in _SIGNS and written in (key, key.capitalize())
        return written.islower() and name.isalpha() and name == name.capitalize()

    def knows_word(self, word: str) -> bool:
        """Whether any title or abstract has this word, in any case."""
        return all(w in self._vocabulary for w in words(word))

    def frequency(self, name: str) -> int:
        """How many papers write `name`, in any case and with or without hyphens."""
        return self._frequency[compact(name)]

    def writes(self, row: int, name: str) -> bool:
        """Whether the paper in `row` writes `name`."""
        paper = self._papers[row]
        return compact(name) in {compact(token) for token in re.findall(_TOKEN, f"{paper.title} {paper.abstract}")}

    def _title_mentions(
        self, text: str, tokens: Sequence[tuple[str, int, int]], folded: Sequence[str]
    ) -> Iterable[Mention]:
        if len(tokens) < 4:
            return
        joined = " ".join(folded)
        for title, row in self._titles.items():
            if title.count(" ") < 2 or title not in joined:
                continue
            size = len(title.split())
            for i in range(len(folded) - size + 1):
                if " ".join(folded[i : i + size]) == title:
                    yield Mention(tokens[i][1], tokens[i + size - 1][2], self._short[row], (row,))

    def _match(self, gram: Sequence[str]) -> str | None:
        key = "".join(gram).replace(" ", "")
        if key in self._owners:
            return key if len(gram) == 1 or all(gram) else None
        if len(key) < FUZZY_LENGTH or all(w in self._vocabulary or w in STOPWORDS for w in gram):
            return None
        if any(w in STOPWORDS or w in _NO_SLIPS for w in gram):
            return None
        if "".join(w for w in gram if len(w) > 1) in self._owners:
            # "Q-GaLore" is no slip of "GaLore".
            return None
        best = process.extractOne(key, self._fuzzy, scorer=fuzz.ratio, score_cutoff=FUZZY_RATIO)
        if best is None or abs(len(best[0]) - len(key)) > 2:
            return None
        return str(best[0])


_NO_SLIPS = frozenset("other others another either neither latter former together rather whether".split())
"""Words of follow-ups, which no slip makes of a name: "other" is not "Hopper"."""


def _without_links(text: str) -> str:
    return re.sub(r"https?://\S+|\bgithub\.com\S+", " ", text)


def _own_names(paper: Paper) -> dict[str, int]:
    """The names that `paper` owns, with a strength: 3 before the title's colon, 2 elsewhere in it, 1 in the abstract."""
    found: dict[str, int] = {}

    def add(name: str, strength: int) -> None:
        name = name.strip(" -.,;:'\"“”`")
        if name and name.lower() not in STOPWORDS:
            found[name] = max(strength, found.get(name, 0))

    head, colon, _ = paper.title.partition(":")
    if colon and len(head.split()) <= 4 and head.split()[0].lower() not in _TITLE_STARTERS:
        add(head, 3)
    for token in re.findall(_TOKEN, paper.title):
        if _NAMEY.search(token) and not _plural_acronym(token):
            add(token, 2)
    for match in _INTRODUCED.finditer(paper.abstract):
        name = match.group("name")
        first = name.split()[0]
        if _NAMEY.search(first) or (
            first[0].isupper() and len(first) > 2 and not _starts_sentence(paper.abstract, match)
        ):
            add(first if _NAMEY.search(first) else name, 1)
    for match in _SUBJECT.finditer(paper.abstract):
        if _NAMEY.search(match.group("name")) and not _plural_acronym(match.group("name")):
            add(match.group("name"), 1)
    for match in _ACRONYM.finditer(paper.abstract):
        name = match.group("name")
        phrase = _PHRASE_BEFORE.search(paper.abstract, max(0, match.start() - PHRASE), match.start())
        if phrase and not _plural_acronym(name) and _spells(name, phrase.group()):
            add(name, 1 if len(name) > 2 else 0)
    heads = "".join(w[0] for w in re.split(r"[\s-]+", paper.title) if w)
    for token in re.findall(r"(?<![\w-])[A-Z]{3,6}(?![\w-])", paper.abstract):
        # "Parallel Prompt Decoding" in the title is what the abstract calls PPD.
        if token in heads and not _plural_acronym(token):
            add(token, 1)
    return found


def _spells(acronym: str, phrase: str) -> bool:
    """Whether some word of `phrase`, and of the acronym's other letters most, begin with the letters of `acronym`."""
    heads = [w[0].lower() for w in re.split(r"[\s-]+", phrase) if w]
    letters = re.sub(r"[^A-Z]", "", acronym).lower()
    if letters[0] not in heads:
        return False
    return sum(c in heads for c in letters) * 3 >= 2 * len(letters)


def _starts_sentence(text: str, match: re.Match[str]) -> bool:
    return bool(re.search(r"[.!?]\s*$", text[: match.start("name")]))


def _plural_acronym(token: str) -> bool:
    """ "LLMs", "GNNs", "GPU": kinds of things, which nobody owns."""
    return bool(
        re.fullmatch(
            r"[A-Z]{2,5}s|GPU|CPU|LLM|GNN|DNN|CNN|RNN|NVIDIA|HPC|API|RDMA|INT\d|FP\d+|BF16|KV|ML|AI|NLP|RL|NAS|SSD|ViT|NVMe|LiDAR|GEMM|OpenAI|NIC|SLO|HBM",
            token,
        )
    )


def _short(paper: Paper, strengths: dict[str, int]) -> str:
    last = paper.title.split()[-1]

    def fits(name: str) -> bool:
        if strengths[name] == 3:
            return True
        introduced = any(
            m.group("name").startswith(name) and not name.isupper() for m in _INTRODUCED.finditer(paper.abstract)
        )
        return (introduced or name == last) and strengths[name] > 0 and paper.abstract.count(name) > 1

    best = max(filter(fits, strengths), key=lambda n: (strengths[n], paper.abstract.count(n)), default=None)
    return best or f"“{paper.title}”"
