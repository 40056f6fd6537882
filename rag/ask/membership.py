"""Which of all papers belong in a list.

A list by name ("on ImageNet", "that beat DeepSpeed") holds the papers that write the name. Any other list holds the
papers whose probability of belonging, by a logistic regression on the retrieval scores, makes the expected F1 largest.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from rag.index.embedding import Floats
from rag.index.index import Index
from rag.index.lexical import STOPWORDS, stem, terms, words
from rag.index.retrieval import Ranking
from rag.index.scores import Encoded, Rows, standardise

FEATURES = ("together", "tokens", "score", "behind")
"""Share of the topic's rare words in one sentence; late interaction and the fused score, both standardised over the
candidates; and how far the fused score lies behind the best."""
WEIGHTS, BIAS = np.array([-0.253, 0.74, 0.416, 0.198], np.float32), -3.18
"""Fitted on 29 development lists over the 82 papers; cross-validated by topic the mean F1 is .80 (.93 for the 7 lists
by name). With the best cut that any threshold could have found it would be .87."""
MAX_LISTED = 50
"""Papers in one list; beyond it the answer would be read by nobody."""
NAME_SHARE = 0.35
"""A name that more than this share of the papers has tells too few of them apart."""

SLIP = 80
"""Indel similarity, 0 to 100, of a slip: two letters changed places in a word of six."""

_TOKEN = re.compile(r"[^\W_][\w.+^]*(?:-[\w.+^]+)*")
_NAMEY = re.compile(r"[a-z]\w*[A-Z]|[A-Z]\w*[A-Z]|[A-Za-z]+-?\d|\d+[A-Za-z]|^\d{3,}$")
_MAKER = re.compile(r"nvidia|amd|intel|google|microsoft|meta|openai|deepmind|apple|alibaba|huawei", re.IGNORECASE)
_BEATS = re.compile(
    r"\b(?:beat\w*|outperform\w*|faster\s+than|better\s+than|surpass\w*|exceed\w*|improv\w*\s+(?:on|over|upon)|superior|baseline|compar\w+|versus|against|gains?\s+over)\b",
    re.IGNORECASE,
)
_COMPARED = re.compile(
    r"\b(?:outperform\w*|compar\w+|over|than|faster|better|exceed\w*|surpass\w*|superior|improv\w*|against|baselines?|higher|lower|achiev\w*|beats?|while)\b|×",
    re.IGNORECASE,
)

_RELATIONS = frozenset(
    stem(w)
    for w in """report reports reporting result results evaluate evaluates evaluated evaluation evaluating test tested run ran runs
    running stuff beat beats beating outperform outperforms compare compares compared comparison baseline baselines claim claims
    experiment experiments mention mentions measure measured benchmark benchmarks dataset datasets hardware gpu gpus card cards
    system systems model models take takes based build builds built directly train trained training number numbers figure figures
    show shows present presents performance accuracy obtain obtained validate validated rely relies employ release make makes
    gain gains improve improves improvement faster better themselves against concern deal stated state given explicit factor factors percentage percent speed throughput use uses used named""".split()
)
"""Stems that say how a paper relates to a name, and nothing of a subject."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The papers that may belong in a list of `topic`: their `rows`, and `probabilities` of belonging, (papers,) each.

    `others` are the probabilities of papers that the list is not restricted to: they take part in where it is cut, so
    that a paper belongs or not whatever is asked beside it.
    """

    topic: Encoded
    rows: Rows
    probabilities: Floats
    others: Floats = field(default_factory=lambda: np.zeros(0, np.float32))

    def among(self, rows: Collection[int]) -> Candidates:
        """The same for a list that is restricted to these papers."""
        inside = np.isin(self.rows, sorted(rows))
        others = np.concatenate([self.others, self.probabilities[~inside]])
        return Candidates(self.topic, self.rows[inside], self.probabilities[inside], others)

    def members(self) -> list[int]:
        """The rows of those that belong, best first."""
        chosen = best_cut(np.concatenate([self.probabilities, self.others]))
        order = np.argsort(-self.probabilities, kind="stable")
        return [int(self.rows[i]) for i in order if chosen[i]][:MAX_LISTED]


class Membership:
    """Decides lists over one index."""

    def __init__(self, index: Index) -> None:
        self._index = index

    @cached_property
    def _acronyms(self) -> set[str]:
        """Stems of the acronyms that some abstract spells out: "mixture of experts (MoE)". Subjects, not names."""
        found = (m for p in self._index.papers for m in re.findall(r"\(([A-Z][\w-]*?)s?\)", f"{p.title} {p.abstract}"))
        return {stem(w) for name in found for w in words(name)}

    @cached_property
    def _long_forms(self) -> dict[str, str]:
        """What the acronyms of the collection stand for, as its abstracts spell them out: NAS, neural architecture
        search."""
        found: dict[str, str] = {}
        for paper in self._index.papers:
            for match in re.finditer(r"((?:[\w-]+\s){1,7})\(([A-Z][A-Z-]*[A-Z])s?\)", paper.abstract):
                letters = match.group(2).replace("-", "").lower()
                said = re.split(r"[\s-]+", match.group(1).strip())[-len(letters) :]
                if "".join(w[0] for w in said).lower() == letters:
                    found.setdefault(letters, " ".join(said).lower())
        return found

    def spelled_out(self, topic: str) -> str:
        """`topic` with what its acronyms stand for added: half of the papers on NAS never write "NAS"."""
        longs = [self._long_forms.get(w, self._long_forms.get(w.removesuffix("s"), "")) for w in words(topic)]
        return " ".join([topic, *(f"({long})" for long in dict.fromkeys(longs) if long and long not in topic.lower())])

    def names(self, topic: str) -> list[list[str]]:
        """The names in a topic, each as its words: "RTX 4090" is one, "A100 or ImageNet" two."""
        found: list[list[str]] = []
        previous = -1
        for match in _TOKEN.finditer(topic):
            token = match.group().strip("-.")
            parts = words(token)
            capital = token[:1].isupper() and match.start() > 0
            if not parts or not (_NAMEY.search(token) or capital) or all(p in STOPWORDS for p in parts):
                continue
            if not self._is_name(parts):
                continue
            if found and topic[previous : match.start()].strip() == "":
                # "NVIDIA FasterTransformer": papers name a thing with its maker or without.
                found[-1] = parts if _MAKER.fullmatch(" ".join(found[-1])) else found[-1] + parts
            else:
                found.append(parts)
            previous = match.end()
        return found

    def _is_name(self, parts: Sequence[str]) -> bool:
        if any(stem(p) in self._acronyms or stem(p.removesuffix("s")) in self._acronyms for p in parts):
            return False
        lexicon = self._index.lexicon
        share = min(lexicon.frequency(stem(p)) for p in parts) / max(1, len(self._index))
        return 0 < share <= NAME_SHARE

    def _relates(self, term: str) -> bool:
        """Whether a stem is one of _RELATIONS, or a slip of one that no paper has."""
        if term in _RELATIONS or term in self._index.lexicon:
            return term in _RELATIONS
        return process.extractOne(term, _RELATIONS, scorer=fuzz.ratio, score_cutoff=SLIP) is not None

    def by_name(self, topic: str) -> list[int] | None:
        """The rows of the papers that write the name that the topic is of; None where it is of a subject.

        Several names joined by "or" count alike; of others the rarest counts ("NVIDIA's FasterTransformer"). The words
        of a name stand in one sentence, with a word of comparison where the topic is of beating something.
        """
        names = self.names(topic)
        held = {w for name in names for w in name}
        told = {
            w for w in words(topic) if len(w) > 1 and w not in STOPWORDS and w not in held and not _MAKER.fullmatch(w)
        }
        subject = {stem(w) for w in told if not self._relates(stem(w))}
        if not names or len(subject) > 1:
            return None
        if not re.search(r"\bor\b|\band\b|,|/", topic):
            names = [min(names, key=lambda n: min(self._index.lexicon.frequency(stem(w)) for w in n))]
        beats = bool(_BEATS.search(topic))
        found = []
        for row, paper in enumerate(self._index.papers):
            texts = [paper.abstract[s.start : s.end] for s in self._index.sentences(row)]
            for text in texts if beats else [paper.title, *texts]:
                written = set(words(text))
                if any(set(n) <= written for n in names) and (not beats or _COMPARED.search(text)):
                    found.append(row)
                    break
        return found

    def features(self, topic: Encoded, ranking: Ranking) -> Floats:
        """One line a candidate, in the order of the ranking, with the columns of FEATURES."""
        weight = {t: self._index.lexicon.idf(t) for t in set(topic.terms)}
        total = sum(weight.values()) or 1.0
        together = [self._together(int(row), weight) / total for row in ranking.rows]
        behind = ranking.score - ranking.score.max()
        return np.column_stack([together, standardise(ranking.tokens), ranking.score, behind]).astype(np.float32)

    def weigh(self, topic: Encoded, ranking: Ranking) -> Candidates:
        """How probably each paper of the ranking belongs in a list of `topic`."""
        raw = self.features(topic, ranking) @ WEIGHTS + BIAS
        return Candidates(topic, ranking.rows, 1 / (1 + np.exp(-raw)))

    def _together(self, row: int, weight: dict[str, float]) -> float:
        paper = self._index.papers[row]
        texts = [paper.title, *(paper.abstract[s.start : s.end] for s in self._index.sentences(row))]
        return max(sum(w for t, w in weight.items() if t in held) for held in (set(terms(t)) for t in texts))


def best_cut(probabilities: Floats) -> NDArray[np.bool_]:
    """The set with the largest expected F1: the most probable k, with k chosen by 2·Σp(chosen) / (k + Σp(all))
    (Lipton, Elkan and Naryanaswamy 2014, "Optimal Thresholding of Classifiers to Maximize F1 Measure")."""
    order = np.argsort(-probabilities, kind="stable")
    total = float(probabilities.sum())
    expected = 2 * np.cumsum(probabilities[order]) / (np.arange(1, len(order) + 1) + total)
    chosen = np.zeros(len(probabilities), bool)
    chosen[order[: int(np.argmax(expected)) + 1]] = True
    return chosen
