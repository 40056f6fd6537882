"""A proved answer as Markdown, with markers and marks, and its claims."""

from __future__ import annotations

from collections.abc import Sequence

from rag.ask.citations import Citations
from rag.ask.reading.prove import Proof, Sentence
from rag.ask.reading.statements import Parsed, Statement
from rag.core.answer import NO_SOURCE, UNSUPPORTED, Claim, Level
from rag.core.markdown import without_links

__all__ = ["NO_SOURCE", "render"]

_ORDER: tuple[Level, ...] = ("unsupported", "partly", "supported")


def render(parsed: Parsed, proofs: Sequence[Proof], citations: Citations, *, strict: bool) -> tuple[str, list[Claim]]:
    """The text of an answer, and its claims: one for each sentence and list item, one for each row of a table.

    Claims that are not traced are marked; with `strict` they are left out of the text. One that is left out stays among
    the claims, without markers, so that it can be told.
    """
    by_statement = {id(p.statement): p for p in proofs}
    claims: list[tuple[int | None, Claim]] = []
    out: list[str] = []
    for part in parsed.parts:
        if not isinstance(part, Statement):
            out.append(part)
            continue
        proof = by_statement[id(part)]
        dropped = proof.dropped or (strict and proof.verdict in ("unsupported", "partly"))
        if dropped:
            out += ["–"] if part.row is not None else []
            claims.append((None, Claim(part.text, proof.verdict or "unsupported", proof.reason)))
            continue
        text, markers = _statement(proof, citations)
        out.append(text)
        if proof.verdict is not None:
            claims.append((part.row, Claim(part.text, proof.verdict, proof.reason, markers)))
    return _tidy(without_links("".join(out))), _by_row(claims)


def _statement(proof: Proof, citations: Citations) -> tuple[str, tuple[int, ...]]:
    s = proof.statement
    text, markers = "", []
    for segment, sentences in zip(s.segments, proof.cited, strict=True):
        found = [_cite(sentence, proof, citations) for sentence in sentences]
        markers += found
        text += segment.text + "".join(f" [{m}]" for m in dict.fromkeys(found))
    mark = {"unsupported": f" {UNSUPPORTED}", "partly": f" {NO_SOURCE}"}.get(proof.verdict or "", "")
    return text + mark + s.ending, tuple(dict.fromkeys(markers))


def _cite(sentence: Sentence, proof: Proof, citations: Citations) -> int:
    source, n = sentence
    return citations.cite(source.row, source.spans[n - 1], supported=proof.verdict in ("supported", None)).marker


def _by_row(claims: Sequence[tuple[int | None, Claim]]) -> list[Claim]:
    """The cells of one row of a table as one claim, with the worst of their verdicts; one that was left out alone."""
    found: list[Claim] = []
    places: dict[int, int] = {}
    for row, claim in claims:
        if row is None or row not in places:
            if row is not None:
                places[row] = len(found)
            found.append(claim)
        else:
            before = found[places[row]]
            worst = min(before.verdict, claim.verdict, key=_ORDER.index)
            found[places[row]] = Claim(
                f"{before.text} | {claim.text}",
                worst,
                "; ".join(r for r in (before.reason, claim.reason) if r),
                tuple(dict.fromkeys((*before.markers, *claim.markers))),
            )
    return found


def _tidy(text: str) -> str:
    """Without lines of which strict mode left only the bullet, and without more than one empty line."""
    lines: list[str] = []
    for line in (raw.rstrip() for raw in text.split("\n")):
        if line.strip() in ("-", "*", "+", "•") or (not line and lines and not lines[-1]):
            continue
        lines.append(line)
    return "\n".join(lines).strip()
