"""What a comparison asks of each side: the kind of figure, and whether a sentence has one of that kind.

These patterns choose among the sentences of a paper, and are broader than those of rag.ask.facets, which decide
whether it
says anything at all: with those in their place 36 of 46 development comparisons are right instead of 39.
"""

from __future__ import annotations

import re

_NUMBER = r"(?<![\d.,])\d[\d.,]*"
_SHARE = rf"{_NUMBER}\s*(?:[x×%]|times|fold|percent|GB)"
_QUANTITY = re.compile(
    r"\bhow\s+(?:much|many|far|fast|large|big|close)\b|\bsavings?\b|\bgains?\b|\bspeed-?ups?\b|\bimprovements?\b|\breductions?\b|\bresults?\b"
    r"|\b(?:speed|throughput|latency|accelerat\w+|performance)\b|\bby\s+what\b|\bfactors?\b|\bpercent|%|\bfigures?\b|\bnumbers?\b",
    re.IGNORECASE,
)
_KINDS = tuple(
    (re.compile(asked, re.IGNORECASE), re.compile(held, re.IGNORECASE), quantity)
    for asked, held, quantity in (
        (
            r"\b(?:speed\w*|fast\w*|slow\w*|throughput|latency|accelerat\w+|quick\w*|beat|outperform\w*|t?flops)\b|\bgains?\s+over\b",
            rf"(?:{_NUMBER}\s*[x×]|{_NUMBER}(?:\s*[-–]\s*{_NUMBER})?\s*(?:%|times|fold|percent)).*\b(?:speed\w*|fast\w*|throughput|latency|accelerat\w+|inference|training|time|performance)\b"
            rf"|\b(?:speed\w*|fast\w*|throughput|latency|accelerat\w+|outperform\w*|scale\w*)\b.*(?:{_NUMBER}\s*[x×]|{_NUMBER}\s*(?:%|times|fold|percent|tflops|petaflop))|\boutperform\w*\b.*{_NUMBER}",
            True,
        ),
        (
            r"\b(?:memory|vram|ram|footprint)\b",
            rf"\b(?:memory|footprint|consumption)\b.*{_SHARE}|{_SHARE}.*\b(?:memory|footprint)\b|{_NUMBER}\s*GB\b",
            True,
        ),
        (
            r"\bhardware\b|\b(?:which|what|how\s+many)\s+(?:[\w-]+\s+){0,2}?(?:gpus?|cards?|accelerators?|devices?|machines?|chips?)\b",
            r"\b(?:[AVHPTKL]\d{1,3}0?\w*|MI-?\d+\w*|TPUs?(?:\s*v\d)?|RTX|GTX|Jetson|[1-5]0[5-9]0)\b|\b\d+\s*GB\s+GPUs?|\b\d+\s+(?:NVIDIA\s+|AMD\s+)?GPUs?\b|\bsingle\b.{0,30}\bGPU\b",
            False,
        ),
        (r"\bparameters?\b", rf"{_NUMBER}\s*[%x×MBK]?\w*.*\bparameters?\b|\bparameters?\b.*{_NUMBER}", True),
        (
            r"\b(?:accuracy|perplexity|quality|error)\b",
            rf"\b(?:accuracy|perplexity|quality|error|degradation)\b.*{_NUMBER}|{_NUMBER}.*\b(?:accuracy|perplexity|quality|error)\b",
            True,
        ),
    )
)


def kinds(aspect: str, sentence: str) -> frozenset[int]:
    """The kinds of figure, or hardware, that `aspect` asks for ("memory savings", "which cards") and `sentence` has."""
    quantity = bool(_QUANTITY.search(aspect))
    return frozenset(
        kind
        for kind, (asked, held, needs) in enumerate(_KINDS)
        if (quantity or not needs) and asked.search(aspect) and held.search(sentence)
    )
