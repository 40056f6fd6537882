"""Tags of XML and HTML in a title or an abstract: sections become headings, the rest goes, and no "<" that is none."""

from __future__ import annotations

import re

_ATTRIBUTES = r"(?:\s[^<>]{0,500})?"
_DROPPED = re.compile(
    rf"<(CopyrightInformation|(?:\w+:)?copyright|script|style|tex-math|annotation){_ATTRIBUTES}>[^<>]*</\1>",
    re.IGNORECASE,
)
_LABELLED = re.compile(rf"<AbstractText{_ATTRIBUTES}>", re.IGNORECASE)
_LABEL = re.compile(r'\bLabel\s*=\s*"([^"<>]{1,100})"', re.IGNORECASE)
_TITLED = re.compile(
    rf"<((?:jats|ns\d|mml)?:?(?:title|label)|h[1-6]){_ATTRIBUTES}>([^<>]{{0,200}})</\1>", re.IGNORECASE
)
# Names of elements that are no words between "<" and ">" in a text, whether closed or not.
_ELEMENTS = (
    "AbstractText|Abstract|CopyrightInformation|p|br|hr|div|span|sec|ul|ol|li|h[1-6]|tr|td|th|tbody|thead"
    "|inline-formula|disp-formula|inline-graphic|alternatives|tex-math|xref|ext-link|styled-content|named-content|italic|bold|sup|sub"
    "|strong|em|math|mrow|mi|mn|mo|mtext|msub|msup|msubsup|mfrac|msqrt|mspace|mover|munder|mstyle|mtable|mtd|mtr"
    "|mfenced|mpadded|mstyle|scp|sc|inf|monospace|roman|sans-serif|underline|overline|blockquote|img"
)
_ELEMENT = re.compile(rf"</?(?:(?:jats|mml|ns\d|m|xhtml):[A-Za-z-]+|(?:{_ELEMENTS})){_ATTRIBUTES}\s?/?>", re.IGNORECASE)
_BLOCKS = re.compile(
    r"</?(?:\w+:)?(?:p|br|hr|div|sec|section|list|list-item|li|ul|ol|tr|td|h[1-6]|title|AbstractText)\b", re.IGNORECASE
)
_SCRIPTS = re.compile(rf"<(?:jats:)?(su[bp]){_ATTRIBUTES}>([^<>]{{0,100}})</(?:jats:)?\1>", re.IGNORECASE)


def without_tags(text: str) -> str:
    """`text` without tags; a section's title or label becomes a heading that ends in a colon."""
    if "<" not in text:
        return text
    text = _DROPPED.sub(" ", text)
    text = _LABELLED.sub(lambda tag: f" {label[1].rstrip(':')}: " if (label := _LABEL.search(tag[0])) else " ", text)
    text = _TITLED.sub(_heading, text)
    text = _SCRIPTS.sub(_script, text)
    return _ELEMENT.sub(lambda tag: " " if _BLOCKS.match(tag[0]) else "", text)


def _heading(found: re.Match[str]) -> str:
    words = found[2].strip()
    if not words or words.casefold().rstrip(".:") in ("abstract", "summary"):
        return " "
    return f" {words} " if words[-1] in ".:?!" else f" {words}: "


def _script(found: re.Match[str]) -> str:
    """As `cleaning` has it: 10<sup>4</sup> is 10^4, CO<sub>2</sub> is CO2."""
    content, before = found[2].strip(), found.string[found.start() - 1 : found.start()] if found.start() else ""
    if found[1].lower() == "sup":
        return "^" + content if content[:1].isalnum() else content
    return "_" + content if content[:1].isdigit() and before.isdigit() else content
