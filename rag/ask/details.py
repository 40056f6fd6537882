"""Details that a question asks of a paper, and whether its abstract has anything of the kind.

An abstract that never says "epoch" does not say how many there were. Each kind pairs how a question asks for it with
how an abstract that has it writes it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from rag.index.lexical import Lexicon, stem, words

_NUMBER = r"(?:\d[\w.,]*|one|two|three|four|five|six|seven|eight|nine|ten|twelve|sixteen|dozens?|hundreds?|thousands?|millions?|billions?|single|several|few|an?)"
_EXACT = r"(?:\d[\w.,]*|single|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|sixteen|twenty|hundred|thousand|million|billion)"
"""What answers "how many": not "a few"."""
_DURATION = rf"\b{_NUMBER}[\s-]*(?:gpu[\s-]*)?(?:hours?|days?|minutes?|mins?|seconds?|weeks?|months?|ms|milliseconds?)\b|\b\d+\s*[hs]\b"

_KINDS = [
    (re.compile(asked, re.IGNORECASE), re.compile(held, re.IGNORECASE))
    for asked, held in (
        (r"\bhow\s+long\s+(?:did|does|do|is|was|it|will|must|would)\b|\b(?:wall[- ]?clock|training|search|run(?:ning)?)\s+time\b|\bgpu[- ](?:hours|days)\b|\bhow\s+many\s+(?:hours|days|minutes|seconds|milliseconds|weeks)\b", _DURATION),
        (r"\b(?:ms|milliseconds?)\b", r"\b\d[\w.]*\s*(?:ms|milliseconds?)\b"),
        (r"\b(?:which|what)\s+(?:kind\s+of\s+|type\s+of\s+|nvidia\s+|graphics\s+)*(?:gpus?|hardware|cards?|accelerators?|devices?|chips?|testbed|cpus?)\b|\bgpu\s+type\b|\bon\s+which\s+(?:\w+\s+)?(?:gpu|card|machine|hardware)", r"\b(?:[AVHPTKL]\d{1,3}0?\w*|[1-5]0[5-9]0|GTX|RTX|TPU|MI\d+\w*|Jetson|GeForce|Hopper|Ampere|Frontier|Orins?|Xeon|\d+\s*GB\s+GPU|Ada|Snapdragon)\b"),
        (r"\bwho\s+(?:wrote|made|developed|built|funded|(?:is|are|was|were)\s+(?:the\s+)?(?:\w+\s+)?(?:authors?|inventors?|people))\b|\bfirst\s+author\b|\b(?:how\s+many|names?\s+of\s+(?:the\s+)?|list\s+of)\s*authors?\b|\baffiliat\w*|\buniversit\w*|\binstitut\w*|\be-?mail\b|\bwhich\s+(?:lab|company|group|team)\b", r"\b(?:universit|institute|laborator)"),
        (r"\b(?:venue|conference|journal|workshop|proceedings|accepted\s+(?:at|to)|presented\s+at|arxiv|doi|award|peer[- ]review\w*|citations?|cited\s+by)\b|\b(?:what|which)\s+year\b|\bwhen\s+(?:was|were)\b.*\b(?:published|released|written)\b|\bwhere\s+(?:was|were|is)\b.*\bpublished\b", r"\b(?:conference|journal|workshop|proceedings)\b"),
        (r"\b(?:dollars?|usd|price|euros?|cents?|budget|how\s+much\s+(?:did\s+it\s+cost|does\s+it\s+cost))\b|\$", r"\$\s*\d|\bdollars?\b|\bUSD\b"),
        (r"\blicen[cs]e", r"\blicen[cs]e"),
        (r"\b(?:learning\s+rate|lr)\b", r"\blearning\s+rate"),
        (r"\bbatch[\s-]*sizes?\b", r"\bbatch[\s-]*sizes?\b|\d+K?\s+batch|batch\s+of\s+\d|\d\s+images"),
        (r"\b(?:number\s+of|how\s+many)\s+epochs\b|\bepochs\b", r"\d\s*epochs?\b"),
        (r"\boptimi[sz]er\b(?!\s+stat)", r"\boptimi[sz]ers?\b(?!\s+stat)|\b(?:adamw?|sgd|lamb|lars|shampoo)\b"),
        (r"\b(?:weight\s+decay|dropout|warm-?up|random\s+seeds?|seeds?|hyper-?parameters?|decay\s+coefficient|ema\s+decay|temperature|epsilon)\b", r"\b(?:weight\s+decay|dropout|warm-?up|seeds?|hyper-?parameters?|temperature|epsilon)\b"),
        (r"\b(?:programming\s+language|(?:written|implemented|coded)\s+in|lines\s+of\s+code)\b", r"\b(?:C\+\+|CUDA|Triton|Python|PyTorch|Rust|JAX|TensorFlow|lines?\s+of\s+code)\b|\blines?\s+of\b"),
        (r"\bwatts?\b|\bjoules?\b|\bcarbon\b|\bco2\s+emission", r"\bwatts?\b|\bjoules?\b|\bcarbon\b|\d\s*[kM]?W\b"),
        (r"\bper\s?cent(?:age)?s?\b|%", r"%|\bper\s?cent"),
        (r"\b(?:perplexity|ppl)\b", r"\bperplexity\b"),
        (r"\b(?:bleu|rouge|mmlu|fid|fvd|psnr|ssim|chamfer|m?ap|miou|wer|auc|f1)\b", r"\b(?:bleu|rouge|mmlu|fid|fvd|psnr|ssim|chamfer|m?ap|miou|wer|auc|f1)\b"),
        (r"\bablat", r"\bablat"),
        (r"\b(?:proofs?|prove[ns]?|convergence\s+(?:guarantee|rate|bound)|theorem)\b", r"\b(?:proof|prove|theor|guarantee|convergence)"),
        (r"\b(?:source\s+code|github|repository|code\s+(?:public|available|released|open)|open[- ]?source[d]?)\b", r"https?://|\bopen[- ]?sourc|\bcode\b|\bavailable\b|\breleased?\b|github"),
        (r"\b(?:annotators?|participants?|volunteers?|raters?|user\s+study|crowd)\b", r"\b(?:annotat|participant|volunteer|human|user\s+stud|crowd)"),
        (r"\b(?:chunk|filter|kernel|table|vocabulary|window|hidden|group|patch|block)[\s-]*sizes?\b", r"\b(?:sizes?|\d+\s*[x×]\s*\d+)\b"),
        (r"\b(?:future\s+work|limitations?\s+do\s+the\s+authors|failure\s+cases?)\b", r"\bfuture\b|\blimitation"),
    )
]  # fmt: skip
_COUNT = re.compile(
    r"\b(?:how\s+many|(?<!equal )(?<!same )(?<!modest )(?<!large )(?<!small )(?<!great )number\s+of)\s+(?P<np>(?:[\w-]+\s+){0,2}?[\w-]+?)\s*(?=$|[?,.;]|\b(?:do|does|did|is|are|was|were|has|have|had|can|could|in|of|on|for|per|to|used?|using|at|by|with|from|were|sit|make|made|it|they|would|will|that|the|take|takes|took|need|needs)\b)",
    re.IGNORECASE,
)
_NONE = r"\b(?:without|no|free\s+of|avoid\w*|eliminat\w*|not\s+(?:need|require)\w*)\b(?:[\s-]+[\w]+){0,3}?[\s-]+"
_NOT_COUNTED = frozenset("times more papers fold percent much of".split())
_NAME = re.compile(r"[a-z]\w*[A-Z]|[A-Z]\w*[A-Z]|[A-Za-z]\d|-[A-Z]")
_TOKEN = re.compile(r"[^\W_][\w.+^-]*[^\W_]|[^\W_]")


_DATE = re.compile(
    r"\b(?:released|published|appeared|came\s+out)\s+(?:\w+\s+)?(?:first|earlier|before|later|last)\b|^\W*when\b.*\b(?:released|published|appear|written)\b"
    r"|\bwhich\s+(?:one|paper|of\s+(?:them|these|the\s+two))\b.*\b(?:older|newer|newest|oldest|most\s+recent)\b",
    re.IGNORECASE,
)


def asks_date(question: str) -> bool:
    """Whether a date of publication is asked for, which no abstract gives."""
    return bool(_DATE.search(question))


def rare_figures(question: str, lexicon: Lexicon) -> list[str]:
    """The figures of a question that one to three papers have: they tell which paper is meant."""
    figures = {w for w in words(question) if re.fullmatch(r"\d+\.\d+|\d{3,}", w)}
    return [f for f in sorted(figures) if 0 < lexicon.frequency(f) <= 3]


_CARD = re.compile(
    r"\b(?:[AHV]\d{2,3}0|A[46]000|P100|L40S?|K80|B200|MI\d{2,3}X?|(?:RTX|GTX)\s?\d{4}(?:\s?Ti)?|TPU\s?v\d)\b"
)
"""A card by its name: what was measured on another is not what is asked for."""


def missing_kind(question: str, abstract: str) -> bool:
    """Whether `question` asks for a kind of detail that nothing in `abstract` looks like."""
    if any(asked.search(question) and not held.search(abstract) for asked, held in _KINDS):
        return True
    if any(card.lower().replace(" ", "") not in abstract.lower().replace(" ", "") for card in _CARD.findall(question)):
        return True
    count = _COUNT.search(question)
    if count is None:
        return False
    noun = words(count.group("np"))
    if not noun or noun[-1] in _NOT_COUNTED or noun[0] in _NOT_COUNTED:
        return False
    if count.group().lower().startswith("number") and re.match(r"\W*why\b", question, re.IGNORECASE):
        return False
    # "Without any fine-tuning" answers how many steps of it there are.
    if any(re.search(_NONE + re.escape(stem(w)), abstract, re.IGNORECASE) for w in noun if len(w) > 4):
        return False
    thing = re.escape(stem(noun[-1]).rstrip("s"))
    counted = rf"\b{_EXACT}[\s-]+(?:[\w-]+[\s-]+){{0,3}}?{thing}|{thing}\w*\s+(?:\w+\s+){{0,2}}{_EXACT}\b"
    return not re.search(counted, abstract, re.IGNORECASE)


def foreign_names(question: str, taken: Collection[tuple[int, int]], text: str) -> list[str]:
    """Names in `question`, outside the spans `taken`, that `text` does not have: a metric, a data set, a rival."""
    held = set(words(text))
    found = []
    for match in _TOKEN.finditer(question):
        token = match.group()
        first = not question[: match.start()].strip() or question[: match.start()].rstrip()[-1:] in ".?!:"
        named = bool(_NAME.search(token)) or (token[:1].isupper() and token[1:].islower() and not first)
        if not named or any(a <= match.start() < b for a, b in taken) or token.rstrip("s") in GENERIC:
            continue
        if not any(w in held or w.rstrip("s") in held for w in words(token)):
            found.append(token)
    return found


GENERIC = frozenset(
    "GPU CPU LLM AI ML DNN CNN NN KV RAM VRAM API I FLOP FLOPS TFLOPS GB MB TB NVIDIA Nvidia DL NLP CV SOTA".split()
)
"""Names that questions use of anything."""
