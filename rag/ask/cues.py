"""The words by which a question tells what kind of answer it wants: papers, an overview, a comparison, a chat.

They are words of people who speak about papers, and of no field. What they miss is read as a question of one paper,
which is answered as well.
"""

from __future__ import annotations

import re

HEAD = 1_000
"""Characters of a question in which such words are looked for."""

_NOUN = (
    r"(?:papers?|stud(?:y|ies)|articles?|works?|publications?|abstracts?|literature|research(?:\s+(?:papers?|articles?|works?))?|"
    r"authors|researchers|teams?|groups?|trials?|surveys?|reviews?|reports?|records|documents|sources|references|"
    r"resources|datasets?|corpora|methods|approaches|systems|techniques|frameworks|tools|projects)"
)
_ADJECTIVES = (
    r"(?:(?!(?:do|does|did|is|are|was|were|has|have|had|can|get|of|for|in|on|to|with|the)\b)[\w'/-]+\s+){0,3}?"
)
_ABOUT = (
    r"(?:that|which|who|whose|where|in\s+which|on|about|in|with|using|for|of|from|by|dealing|related|regarding|concerning|"
    r"discussing|describing|exploring|examining|investigating|studying|covering|addressing|to|into)"
)

_PLURAL = r"(?:papers|studies|articles|works|publications|abstracts|literature|research|trials|surveys|reviews|reports)"
_SINGULAR = r"(?:paper|study|article|work|publication|abstract|trial|survey|review|report)"
_FIND = (
    r"(?:suggest|recommend|find|point\s+(?:me|us)\s+(?:to|towards?|at)|direct\s+me\s+to|look(?:ing)?\s+for|search(?:ing)?\s+for|"
    r"need|want|after|know\s+of|aware\s+of|refer\s+me\s+to|have|got|seen|show|give|list|name|enumerate|"
    r"collect|gather|count)"
)


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_MANY = _any_of(
    rf"^\W*(?:(?:and|so|ok|please|also)\W+)*(?:in\s+)?(?:which|what)\s+(?:of\s+(?:the|these|those)\s+)?{_ADJECTIVES}{_PLURAL}\b",
    r"^\W*(?:(?:and|so|ok|please|also)\W+)*which\s+of\s+(?:the|these|those)\b",
    rf"\bwhich\s+of\s+(?:the|these|those|your|our)\s+{_ADJECTIVES}{_PLURAL}\b",
    rf"^\W*(?:please\s+)?(?:list|enumerate|name)\s+(?:all\s+|every\s+|the\s+)*{_ADJECTIVES}"
    rf"(?:{_PLURAL}|work|systems|methods|approaches|techniques|frameworks|tools)\s+(?:that|which|with|for|using|on|about)\b",
    rf"\b{_FIND}\s+(?:me\s+|us\s+)?(?:some\s+|any\s+|a\s+few\s+|the\s+|all\s+|every\s+|of\s+|to\s+)*{_ADJECTIVES}{_PLURAL}\b",
    rf"\b{_FIND}\s+(?:me\s+|us\s+)?(?:all|everything|every|anything|something)\b",
    rf"\b(?:how\s+many|number\s+of|count)\s+(?:of\s+(?:the|these|your|our)\s+)?{_ADJECTIVES}{_PLURAL}\b(?!-)",
    rf"\b(?:is|are|was|were)\s+there\s+(?:any|some|other|more)?\s*{_ADJECTIVES}{_PLURAL}\b",
    rf"\b(?:has|have|had)\s+(?:any|some|other|there\s+been)\s+(?:any\s+)?{_ADJECTIVES}{_PLURAL}\b",
    rf"\bwhat\s+(?:{_ADJECTIVES})?(?:work|research|literature)\s+(?:has|have|is|are|was|exists?|do)\b",
    r"\b(?:do|did|have)\s+(?:we|you|they)\s+(?:have|got|hold)?\s*(?:any|anything|something|some)\b",
    rf"^\W*(?:any|some|all|other|more|recent|further)\s+{_ADJECTIVES}(?:{_PLURAL}|work)\b",
    rf"^\W*(?:{_PLURAL}|work)\s+{_ABOUT}\b",
    r"\b(?:papers|studies|articles|publications|literature)\W*(?:pls|please|plz|wanted|needed)\W*$|^\W*(?:\S+\s+){0,4}papers\W*$",
    r"\bgimme\b|\b(?:list|show|give|find)\s+(?:me\s+|us\s+)?\w+\s+here\b",
    r"^\W*(?:who|which\s+ones)\s+(?:else\s+)?(?:all\s+)?(?:are|works?|worked|studie[ds]|stud(?:y|ies)|uses?|used|has|have|claims?|evaluates?|reports?|ran)\b",
    r"^\W*(?:anything|something|everything)\b|\b(?:what\s+is\s+there|which\s+ones\s+are\s+there|what\s+have\s+you\s+got)\b",
)
"""What asks for all papers of a kind."""
_ONE = _any_of(
    rf"^\W*(?:(?:and|so|ok|please|also)\W+)*(?:in\s+)?(?:which|what)\s+{_ADJECTIVES}{_SINGULAR}\b",
    rf"\b{_FIND}\s+(?:me\s+|us\s+)?(?:to\s+)?(?:some\s+|any\s+|a\s+|an\s+|the\s+|of\s+)*{_ADJECTIVES}{_SINGULAR}\b",
    rf"\b(?:is|are)\s+there\s+(?:any|a|an|another)?\s*{_ADJECTIVES}{_SINGULAR}\b",
    r"\b(?:has|have|did|does|do|can|could)\s+(?:any|anyone|anybody|someone|somebody|researchers|people|others)\b",
    rf"^\W*(?:an?\s+|the\s+)?{_SINGULAR}\s+{_ABOUT}\b",
    r"^\W*(?:is|are|do|does|can|could|would|should)\b.{0,40}\b(?:any|possible)\b|^\W*where\s+(?:can|could|might|do)\s+i\s+find\b",
)
"""What asks for a paper, by a description of it."""
_COUNT = re.compile(r"\b(?:how\s+many|the\s+number\s+of|count)\b", re.IGNORECASE)
_CUE_WORDS = (
    r"(?:please|pls|plz|can|could|would|you|your|me|us|we|i|am|is|are|was|were|be|been|being|do|does|did|have|has|had|got|here|"
    r"there|which|what|who|that|this|these|those|of|the|all|any|some|every|each|everything|anything|something|in|on|at|our|stored|"
    r"collection|library|corpus|know|of|gimme|show|tell|about|for|so|and|ok|also|how|many|much|number|count|ones?|exist\w*|"
    r"available|out|a|an|few|other|more|to|by|from|find|found|find|list|suggest|recommend|recommended|point|towards?|direct|"
    r"looking|search\w*|need|want|aware|refer|read|give|enumerate|name|where|might|should|consult|learn|deal\w*|discuss\w*|"
    r"describ\w*|explor\w*|examin\w*|investigat\w*|address\w*|cover\w*|concern\w*|regard\w*|relat\w*|focus\w*|treat\w*|"
    r"stud\w+|look\w*|into|with|work\w*|papers?|articles?|publications?|abstracts?|literature|research\w*|authors|trials|"
    r"surveys|reviews|reports?|mention\w*|present\w*|propos\w*|using|use[sd]?|claim\w*|first|glad|after|done|carried|conducted|published|written)"
)
_CUES = re.compile(
    rf"(?:(?<=^)|(?<=[\s\W]))(?:{_CUE_WORDS}\b[\s,;:?!.'’]*){{0,16}}\b{_NOUN}\b[\s,;:?!.]*(?:{_CUE_WORDS}\b[\s,;:?!.'’]*){{0,16}}",
    re.IGNORECASE,
)
"""A noun that means papers, with the words around it that belong to no subject."""
_EDGES = re.compile(
    rf"^(?:{_CUE_WORDS}\b[\s,;:?!.'’]*)+|(?:[\s,;:?!.'’]*\b(?:please|pls|plz|here|gimme|all|what|have|you|got|know|there|is|are|which|ones|exist|about|that|this|in|the|collection)\b)+[\s?.!]*$",
    re.IGNORECASE,
)
_TRAIL = re.compile(
    r"[\s,]*(?:\b(?:in|within|from)\s+(?:the|this|your|our)\s+(?:collection|library|corpus|set|papers)|\bhere|\bplease|\bare\s+(?:there|here|in)\b.*|\bdo\s+(?:we|you)\s+have\b.*)?[\s?.!]*$",
    re.IGNORECASE,
)

_HERE = (
    r"\b(?:this|the|your|our|these)\s+(?:\w+\s+)?(?:collection|library|corpus|papers|abstracts|documents|database)\b"
)
_COLLECTION = _any_of(
    rf"^\W*(?:what|which)\s+(?:\w+\s+){{0,2}}?(?:topics?|themes?|subjects?|fields?|areas?)\b.*{_HERE}",
    rf"^\W*what(?:'s|\s+is|\s+are|\s+does|\s+do)?\s+(?:in\s+)?{_HERE}\s*(?:about|cover|contain|deal\s+with|on|hold)?\W*$",
    rf"\b(?:summari[sz]e|describe|overview\s+of|introduce)\s+(?:me\s+)?(?:all\s+)?{_HERE}\W*$",
    r"^\W*(?:the\s+)?(?:main|major|key|central)\s+(?:themes?|topics?|subjects?|areas?)(?:\s+(?:here|covered))?\W*$",
    r"^\W*what\s+(?:is\s+in\s+here|do\s+you\s+have|have\s+you\s+got|can\s+i\s+(?:ask|find)\s+(?:about|here))\W*$",
)
_OVERVIEW = _any_of(
    r"\b(?:overview|primer|big\s+picture)\b(?:\W+please)?\W*$",
    r"^\W*(?:please\s+|can\s+you\s+|could\s+you\s+|i\s+(?:need|want|would\s+like)\s+)?(?:(?:give|write|prepare|make|draft)\s+(?:me\s+|us\s+)?)?(?:an?\s+|the\s+)?(?:\w+\s+){0,2}?(?:overview|survey|review|introduction|primer|summary|big\s+picture)\s+(?:of|on|about|to)\b",
    r"^\W*(?:please\s+)?(?:summari[sz]e|review|outline|sketch)\s+(?:the\s+|what\s+)",
    r"\b(?:main|major|key|central|current|recent|new|emerging|common|different|various|leading|open|dominant)\s+(?:themes?|trends?|directions?|topics?|developments|challenges|problems|questions|approaches|ideas|lines\s+of\s+\w+|schools)\s+(?:in|on|of|around|within|for|to|about|regarding|here)\b",
    r"^\W*(?:the\s+)?(?:themes?|trends?|state\s+of\s+the\s+art)\s+(?:in|on|of|around|within|for)\b",
    r"\bread(?:ing)?\b.{0,30}\bfirst\b|\bwhere\s+(?:should|do|can|to)\s+(?:i\s+|we\s+|one\s+)?(?:start|begin)\b|\bwhat\s+(?:should|to)\s+(?:i\s+|we\s+)?read\b|\breading\s+list\b",
    r"\bwhat\s+(?:is|are)\s+(?:known|people\s+doing|researchers\s+doing)\b|\bwhat\s+do\s+we\s+know\s+about\b|^\W*tell\s+me\s+(?:more\s+)?about\b",
    r"^\W*(?:what\s+are\s+(?:some\s+|the\s+)?ways\s+to|how\s+(?:do|can|could|should|might|to)\s+(?:i|we|one|you)?\s*)(?:make|improve|reduce|speed|cut|lower|increase|avoid|prevent|get)\b.{0,50}$",
)
_OVERVIEW_LEAD = re.compile(
    r"^\W*(?:(?:please|can|could|would|you|i|we|give|me|us|write|a|an|the|short|brief|quick|little|some|need|want|like|to|d|us|concise|comprehensive|what|are|is|main|major|key|current|recent|latest|of|in|on|about|for|around|overview|survey|review|introduction|primer|summary|state|art|landscape|themes?|trends?|directions?|topics?|developments?|approaches|read|first|should|start|with|begin|where|do|reading|list|known|know|tell|summari[sz]e|outline|research|work|literature|papers|the|how|people|researchers|different|various|within|and)\b[\s,:]*)+",
    re.IGNORECASE,
)
_COMPARES = re.compile(
    r"\b(?:compar\w+|contrast\w*|differ\w*|versus|vs|both|either|respectively|the\s+others?|the\s+latter|whereas|each|side\s+by\s+side|one\b.*\bthe\s+other)\b|\(a\)|\(i\)|\b1\)",
    re.IGNORECASE,
)
_CHAT = re.compile(
    r"^\W*(?:(?:hi|hello|hey|hallo|hola|bonjour|greetings|good\s+(?:morning|afternoon|evening|day)|thanks?(?:\s+(?:you|a\s+lot|so\s+much|very\s+much))?|thank\s+you|thx|cheers|great|nice|cool|ok(?:ay)?|perfect|awesome|bye|goodbye|see\s+you|there|everyone|all|very|much|that\s+(?:helps|was\s+helpful|is\s+helpful)|helpful|how\s+are\s+you|who\s+are\s+you|what\s+are\s+you|what\s+can\s+(?:you|i)\s+(?:do|ask)(?:\s+(?:here|for\s+me|you))?|what\s+do\s+you\s+do|help(?:\s+me)?|how\s+does\s+this\s+work|how\s+do\s+(?:i|you)\s+(?:use\s+this|work)|test|testing|yes|no|please)\b[\s,.!?']*)+$",
    re.IGNORECASE,
)


_HOW = re.compile(
    r"^\W*(?:what\s+are\s+(?:some\s+|the\s+)?ways\s+to|how\s+(?:do|can|could|should|might)\s+(?:i|we|one|you)|how\s+to)\b",
    re.IGNORECASE,
)


def asks_for_papers(question: str) -> bool:
    """Whether all papers of a kind are asked for: "which papers …", "could you suggest research that …"."""
    return bool(_MANY.search(question[:HEAD]))


def asks_for_a_paper(question: str) -> bool:
    """Whether a paper is described that is looked for: "is there a study that …"."""
    return bool(_ONE.search(question[:HEAD]))


def asks_how_many(question: str) -> bool:
    """Whether the papers are to be counted."""
    return bool(_COUNT.search(question[:HEAD]))


def asks_for_overview(question: str) -> bool:
    """Whether a view of a subject is asked for: "main themes in …", "what should I read first about …"."""
    return bool(_OVERVIEW.search(question[:HEAD])) or is_of_collection(question)


def is_of_collection(question: str) -> bool:
    """Whether it asks what the collection as a whole is about."""
    return bool(_COLLECTION.search(question[:HEAD]))


def compares(question: str) -> bool:
    """Whether it has a word of comparison: "versus", "both", "the other"."""
    return bool(_COMPARES.search(question[:HEAD]))


def joins(question: str) -> bool:
    """Whether it joins two things by "or" or "than"."""
    return bool(re.search(r"\w,?\s+(?:or|than)\s+\w", question, re.IGNORECASE))


def without_comparing(question: str) -> str:
    """The question without its words of comparison."""
    return _COMPARES.sub(" ", question)


def is_chat(question: str) -> bool:
    """Whether it is a greeting, thanks, or a question about the program."""
    return bool(_CHAT.match(question[:HEAD]))


def topic_of_list(question: str) -> str:
    """What the papers that are asked for should be about, without the words that ask for them."""
    question = question[:HEAD]
    rest = _EDGES.sub("", _CUES.sub(" ", question, count=1)).strip(" ,;:?!.")
    return " ".join(rest.split()) if re.search(r"\w{2}", rest) else question


def topic_of_overview(question: str) -> str:
    """What a view is wanted of, without the words that ask for it; "" where it is of the whole collection."""
    if is_of_collection(question):
        return ""
    question = question[:HEAD]
    head = _OVERVIEW_LEAD.match(question)
    rest = _TRAIL.sub("", question[head.end() :] if head else question)
    return f"how to {rest}" if _HOW.match(question) else rest
