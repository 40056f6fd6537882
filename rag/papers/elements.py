"""The elements of XML that are papers, and the fields that each has: by the names that its format gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

_Fields = dict[str, object]


def local(tag: object) -> str:
    """The name of an element without its namespace."""
    return str(tag).rpartition("}")[2]


def _all(element: Element, *names: str) -> Iterator[Element]:
    """The elements of that name anywhere in an element, in order; of several names, of the first that is there."""
    for name in names:
        found = [one for one in element.iter() if local(one.tag) == name]
        if found:
            yield from found
            return


def _text(element: Element | None) -> str:
    """All text of an element, its indices marked as `markup` marks them; "" for None."""
    return " ".join("".join(_pieces(element)).split()) if element is not None else ""


def _pieces(element: Element) -> Iterator[str]:
    name = local(element.tag).lower()
    if element.text:
        yield f"<{name}>{element.text}</{name}>" if name in ("sub", "sup") and len(element) == 0 else element.text
    for child in element:
        if local(child.tag) not in ("tex-math", "annotation"):
            yield from _pieces(child)
        if local(child.tag) in ("p", "title", "sec"):
            yield " "
        yield child.tail or ""


def _one(element: Element, *names: str) -> str:
    return next((text for found in _all(element, *names) if (text := _text(found))), "")


def _texts(element: Element, *names: str) -> list[str]:
    return [text for found in _all(element, *names) if (text := _text(found))]


def _children(element: Element, name: str) -> list[Element]:
    return [child for child in element if local(child.tag) == name]


def _pubmed(element: Element) -> _Fields:
    citation = next(_all(element, "MedlineCitation", "BookDocument"), element)
    authors: list[object] = []
    for author in _all(next(_all(citation, "AuthorList"), citation), "Author"):
        name = {"given": _one(author, "ForeName", "FirstName", "Initials"), "family": _one(author, "LastName")}
        authors.append(name if name["family"] else {"literal": _one(author, "CollectiveName")})
    parts = []
    abstract = next(_all(citation, "Abstract"), None)
    for part in _all(abstract, "AbstractText") if abstract is not None else ():
        label = part.get("Label", "")
        parts.append(f"{label.rstrip(':')}: {_text(part)}" if label and label != "UNLABELLED" else _text(part))
    ids = {(one.get("IdType") or one.get("EIdType") or ""): _text(one) for one in _own_ids(element)}
    number = _one(citation, "PMID")
    return {
        "title": _one(citation, "ArticleTitle", "BookTitle") or _one(citation, "VernacularTitle"),
        "abstract": " ".join(parts),
        "authors": authors,
        "year": _texts(next(_all(citation, "PubDate"), citation), "Year", "MedlineDate")
        or _texts(citation, "ArticleDate"),
        "doi": ids.get("doi", ""),
        "venue": _one(next(_all(citation, "Journal"), citation), "Title", "ISOAbbreviation"),
        "keywords": _texts(citation, "Keyword") or _texts(citation, "DescriptorName"),
        "key": number,
        "url": "" if ids.get("doi") or not number else f"https://pubmed.ncbi.nlm.nih.gov/{number}/",
    }


def _own_ids(element: Element) -> Iterator[Element]:
    """The numbers of a paper of PubMed, without those of the papers that it cites."""
    cited = {id(one) for listed in _all(element, "ReferenceList") for one in listed.iter()}
    for name in ("ELocationID", "ArticleId"):
        yield from (one for one in _all(element, name) if id(one) not in cited)


def _record(element: Element) -> _Fields:
    """A `record` of EndNote, or of an archive that gives its papers by OAI-PMH."""
    names = {local(one.tag) for one in element.iter()}
    if "titles" in names or "contributors" in names:
        return _endnote(element)
    if "metadata" in names or "forenames" in names or "abstract" in names:
        return _oai(element)
    return _dublin_core(element)


def _endnote(element: Element) -> _Fields:
    titles, urls = next(_all(element, "titles"), element), next(_all(element, "urls"), None)
    people = next(_all(element, "authors"), None)
    return {
        "title": _one(titles, "title"),
        "abstract": _one(element, "abstract"),
        "authors": _texts(people, "author") if people is not None else [],
        "year": _texts(element, "year") or _texts(element, "date"),
        "doi": _one(element, "electronic-resource-num"),
        "url": _texts(urls, "url") if urls is not None else [],
        "venue": _one(element, "full-title", "secondary-title"),
        "keywords": _texts(element, "keyword"),
        "key": _one(element, "label", "accession-num", "rec-number"),
        "database": _one(element, "remote-database-name"),
    }


def _oai(element: Element) -> _Fields:
    """https://info.arxiv.org/help/oa/index.html: arXiv, arXivRaw and oai_dc."""
    if next(_all(element, "dc"), None) is not None:
        return _dublin_core(element)
    people: list[object] = [
        {"given": _one(one, "forenames"), "family": _one(one, "keyname"), "suffix": _one(one, "suffix")}
        for one in _all(element, "author")
        if _one(one, "keyname")
    ]
    number = next((text for one in _all(element, "id") if (text := _text(one))), "")
    return {
        "title": _one(element, "title"),
        "abstract": _one(element, "abstract"),
        "authors": people or _one(element, "authors"),
        "year": _texts(element, "created") or _texts(next(_all(element, "version"), element), "date"),
        "doi": _one(element, "doi"),
        "arxiv": number,
        "venue": _one(element, "journal-ref"),
        "key": number,
    }


def _dublin_core(element: Element) -> _Fields:
    described = _texts(element, "description")
    return {
        "title": _one(element, "title"),
        "abstract": next((text for text in described if not text.startswith("Comment:")), "")
        or _one(element, "abstract"),
        "authors": _texts(element, "creator"),
        "year": sorted(_texts(element, "date")),
        "doi": _texts(element, "identifier"),
        "url": _texts(element, "identifier"),
        "venue": _one(element, "source", "isPartOf"),
        "keywords": _texts(element, "subject"),
    }


def _atom(element: Element) -> _Fields:
    """https://info.arxiv.org/help/api/user-manual.html#_details_of_atom_results_returned"""
    links = [one.get("href") for one in _children(element, "link") if one.get("rel") in (None, "alternate")]
    number = _one(element, "id")
    if "arxiv.org/abs/" not in number and next(_all(element, "doi", "primary_category"), None) is None:
        return {}  # a feed of something else
    return {
        "title": "".join(_text(one) for one in _children(element, "title")[:1]),
        "abstract": _one(element, "summary", "content"),
        "authors": [{"literal": _one(one, "name")} for one in _children(element, "author")],
        "year": _one(element, "published", "updated"),
        "doi": _one(element, "doi"),
        "url": [number, *links],
        "venue": _one(element, "journal_ref"),
        "keywords": [one.get("term") for one in _children(element, "category")],
        "key": re.sub(r"^https?://arxiv\.org/abs/", "", number),
    }


def _mods(element: Element) -> _Fields:
    people: list[object] = []
    for one in _children(element, "name"):
        parts = {part.get("type") or "": _text(part) for part in _all(one, "namePart")}
        role = _one(one, "roleTerm").lower()
        if role in ("", "author", "aut", "creator", "cre"):
            people.append(
                {"given": parts.get("given", ""), "family": parts.get("family", ""), "literal": parts.get("", "")}
            )
    numbers = [one for one in _children(element, "identifier") if (one.get("type") or "").lower() == "doi"]
    host = next((one for one in _children(element, "relatedItem") if one.get("type") == "host"), None)
    return {
        "title": _one(next(iter(_children(element, "titleInfo")), element), "title"),
        "abstract": "".join(_text(one) for one in _children(element, "abstract")[:1]),
        "authors": people,
        "year": [*_texts(element, "dateIssued"), *_texts(element, "copyrightDate"), *_texts(element, "date")],
        "doi": [_text(one) for one in numbers],
        "url": _one(element, "url"),
        "venue": _one(host, "title") if host is not None else "",
        "keywords": _texts(element, "topic"),
        "key": element.get("ID"),
    }


def _article(element: Element) -> _Fields:
    """The front of an article in JATS; other things that are called `article` have no `article-meta`."""
    meta = next(_all(element, "article-meta"), None)
    if meta is None:
        return {}
    people: list[object] = [
        {"given": _one(one, "given-names"), "family": _one(one, "surname"), "literal": _one(one, "collab")}
        for one in _all(meta, "contrib")
        if one.get("contrib-type") in (None, "author")
    ]
    abstract = next((one for one in _all(meta, "abstract") if not one.get("abstract-type")), None)
    headed = [f"{_text(t).rstrip(':')}: " if local(t.tag) == "title" else f"{_text(t)} " for t in _prose(abstract)]
    return {
        "title": _one(meta, "article-title"),
        "abstract": "".join(headed) or _text(abstract),
        "authors": people,
        "year": _texts(meta, "year"),
        "doi": [_text(one) for one in _all(meta, "article-id") if one.get("pub-id-type") == "doi"],
        "venue": _one(element, "journal-title"),
        "keywords": _texts(meta, "kwd"),
    }


def _prose(abstract: Element | None) -> list[Element]:
    return [one for one in abstract.iter() if local(one.tag) in ("title", "p")] if abstract is not None else []


def _europe_pmc(element: Element) -> _Fields:
    """https://europepmc.org/RestfulWebService, a `result`."""
    return {
        "title": "".join(_text(one) for one in _children(element, "title")[:1]),
        "abstract": _one(element, "abstractText"),
        "authors": _one(element, "authorString"),
        "year": _one(element, "pubYear"),
        "doi": "".join(_text(one) for one in _children(element, "doi")[:1]),
        "venue": _one(next(_all(element, "journal"), element), "title", "journalTitle"),
        "keywords": _texts(element, "keyword"),
        "key": "".join(_text(one) for one in _children(element, "id")[:1]),
    }


PAPERS: dict[str, Callable[[Element], _Fields]] = {
    "PubmedArticle": _pubmed, "PubmedBookArticle": _pubmed, "record": _record, "entry": _atom, "mods": _mods,
    "article": _article, "result": _europe_pmc,
}  # fmt: skip
