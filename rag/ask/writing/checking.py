"""Each claim of a draft: checked against its sources, given the citation that bears it out, or marked."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.ask.citations import Citations
from rag.ask.names import Names
from rag.ask.support import SupportChecker, Verdict
from rag.ask.writing.claims import says_absent
from rag.core.answer import PARTLY, UNSUPPORTED, Citation, Claim, Level
from rag.papers.passages import Span

MARKS: dict[Level, str] = {
    "supported": "",
    "partly": f" {PARTLY}",
    "unsupported": f" {UNSUPPORTED}",
}
"""What stands behind a claim in the text of an answer."""
RANK: dict[Level, int] = {"supported": 2, "partly": 1, "unsupported": 0}
"""How good a verdict is."""
_CLAUSES = re.compile(r",?\s+(?:while|whereas|but|although)\s+|;\s+|,\s+and\s+(?=[A-Z])", re.IGNORECASE)
_CLAUSE_WORDS = 4
_COMMAND = re.compile(
    r"\W*(?:please\s+)?(?:click|visit|see|log\s+in|sign\s+(?:in|up)|go\s+to|follow|open|download|enter|send|contact|subscribe)"
    r"\s+(?:the|this|that|here|your|our|to|on|in|us|now|it)\b",
    re.IGNORECASE,
)
"""What tells the reader to do something: no abstract can bear it out."""


class Checking:
    """Settles the claims of one answer. `claims` are those so far; `used` are the sentences that bear out the
    supported ones.

    `kept` has, for each text that was not left out, the number of its claim, or None where it says that something is
    not said. `repeats` counts what was said before. `broken` is set before the end of a text that broke off.

    `rows` are the papers of the sources: source n is the paper in `rows[n - 1]`. `absent` are the sides of a comparison
    that the collection does not have: nothing that is said of them is borne out.
    """

    def __init__(
        self,
        checker: SupportChecker,
        citations: Citations,
        names: Names,
        rows: Sequence[int],
        *,
        absent: Sequence[str] = (),
        strict: bool = False,
    ) -> None:
        self.claims: list[Claim] = []
        self.used: dict[int, list[Span]] = {}
        self.kept: list[int | None] = []
        self.repeats = 0
        self.broken = False
        self._checker = checker
        self._citations = citations
        self._names = names
        self._rows = tuple(rows)
        self._absent = [re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE) for name in absent if name]
        self._strict = strict
        self._seen: set[str] = set()

    def settle(self, text: str, cited: tuple[int, ...]) -> str | None:
        """What to write behind a claim that cites these sources: our markers, or a mark; None leaves it out."""
        key = " ".join(re.findall(r"\w+", text.lower()))
        if key in self._seen:
            self.repeats += 1
            return None
        self._seen.add(key)
        if says_absent(text):
            self.kept.append(None)
            return ""
        level, verdicts, reason = self._judge(text, [self._rows[n - 1] for n in cited])
        if level == "unsupported" and self._strict:
            self.claims.append(Claim(text, level, reason))
            return None
        found = [] if level == "unsupported" else self._cite(verdicts, supported=level == "supported")
        markers = tuple(dict.fromkeys(c.marker for c in found))
        self.kept.append(len(self.claims))
        self.claims.append(Claim(text, level, reason, markers))
        return behind(self.claims[-1])

    @property
    def absences(self) -> int:
        """How many of the texts say that something is not said."""
        return self.kept.count(None)

    def _judge(self, text: str, cited: Sequence[int]) -> tuple[Level, list[Verdict], str]:
        """The level of a claim, the verdicts of the papers that bear it, and what is wrong with it.

        The cited papers come first; where they don't bear it and another does, the claim is moved there.
        """
        if self.broken:
            return "unsupported", [], "it breaks off"
        if _COMMAND.match(text):
            return "unsupported", [], "this is no statement"
        if any(name.search(text) for name in self._absent):
            return "unsupported", [], "no paper that was asked is on it"
        others = [row for row in self._rows if row not in cited]
        verdicts = {v.row: v for v in self._checker.check(text, [*cited, *others])}
        own = [verdicts[row] for row in cited if verdicts[row].level == "supported"]
        if own:
            return "supported", own, ""
        together = self._together(text, cited or self._rows)
        if together and together[0].level == "supported":
            return "supported", together, ""
        moved = [verdicts[row] for row in others if verdicts[row].level == "supported"]
        if moved:
            return "supported", [max(moved, key=lambda v: v.score)], ""
        best = max((verdicts[row] for row in cited or others), key=lambda v: (RANK[v.level], v.score), default=None)
        if together and (best is None or RANK[together[0].level] > RANK[best.level]):
            return together[0].level, together, together[0].reason
        return (best.level, [best], best.reason) if best else ("unsupported", [], "no abstract speaks of it")

    def _together(self, text: str, rows: Sequence[int]) -> list[Verdict]:
        """The verdicts of a claim on several papers at once ("A splits batches, while B groups cards"), worst first.

        Each clause is held against each paper, without the names of the others; each has to be borne by one.
        """
        if len(rows) < 2:
            return []
        parts = clauses(text)
        shared = len(parts) < 2
        found: list[Verdict] = []
        for clause in parts:
            verdicts = [self._alone(clause, row, rows) for row in rows]
            if shared:
                found += verdicts  # "Both …": of every paper that it names
            else:
                found.append(max(verdicts, key=lambda v: (RANK[v.level], v.score)))
        return sorted(found, key=lambda v: (RANK[v.level], v.score))

    def _alone(self, clause: str, row: int, rows: Sequence[int]) -> Verdict:
        return self._checker.check(alone(clause, row, rows, self._names), [row])[0]

    def _cite(self, verdicts: Sequence[Verdict], *, supported: bool) -> list[Citation]:
        found = []
        for verdict in dict.fromkeys(verdicts):
            for span in verdict.spans:
                if supported:
                    self.used.setdefault(verdict.row, []).append(span)
                found.append(self._citations.cite(verdict.row, span, supported=supported))
        return found


def clauses(text: str) -> list[str]:
    """The clauses of a claim that may be of different papers, and can be checked on their own; at least one."""
    return [c for c in _CLAUSES.split(text.strip(" .")) if len(c.split()) >= _CLAUSE_WORDS] or [text]


def alone(clause: str, row: int, rows: Sequence[int], names: Names) -> str:
    """What a clause says of the paper in `row`: without the names of the others, and without "both"."""
    for other in rows:
        if other != row:
            name = re.escape(names.short(other).strip('"“”'))
            clause = re.sub(rf"(?:\b(?:and|or)\s+)?(?<!\w){name}(?!\w)(?:\s+and\b)?", " ", clause)
    return " ".join(re.sub(r"\b[Bb]oth\b", " ", clause).split())


def behind(claim: Claim) -> str:
    """What stands behind a claim: its markers, and its mark."""
    markers = "".join(f"[{m}]" for m in claim.markers)
    return (f" {markers}" if markers else "") + MARKS[claim.verdict]
