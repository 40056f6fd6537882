"""A live Zotero library as a file of papers: the program on this machine, or zotero.org.

Both speak version 3 of Zotero's web API (https://www.zotero.org/support/dev/web_api/v3/basics). It takes two kinds of
requests, so it is asked with the standard library: pyzotero needs bibtexparser 1, and we read BibTeX with version 2.

What was read is kept in a file beside the number that the library's state had, and the next time only what is newer is
fetched (https://www.zotero.org/support/dev/web_api/v3/syncing).
"""

from __future__ import annotations

import http.client
import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

from rag.core.errors import PaperError, UsageError

LOCAL = "http://127.0.0.1:23119/api"
WEB = "https://api.zotero.org"
SCHEME = "zotero:"
SECONDS = 60
"""How long one request may take."""
LARGEST = 256 << 20  # bytes of one response; a page of 100 items has a few hundred thousand
_PAGE = 100  # the most that the API gives at once
_TRIES = 4
_NO_PAPERS = frozenset({"attachment", "note", "annotation"})
_SOURCE = re.compile(r"zotero:(?:local|(?P<kind>user|group)/(?P<id>\d+))?(?:/?collection/(?P<collection>[A-Z0-9]{8}))?")


@dataclass(frozen=True, slots=True)
class Library:
    """A library, or one collection of it: as the user named it, where it is, and whether that is this machine."""

    source: str
    address: str
    local: bool

    @property
    def name(self) -> str:
        """The source as the name of a file."""
        return re.sub(r"\W+", "-", self.source).strip("-")


def library(source: str, base_url: str = "") -> Library:
    """The library that a source such as "zotero:", "zotero:user/123" or "zotero:group/5/collection/ABCD2345" names.

    `base_url` is another server than zotero.org, or another port of the program on this machine. Raises `UsageError`.
    """
    fits = _SOURCE.fullmatch(source)
    if not fits:
        raise UsageError(
            f"{source!r} names no Zotero library: give zotero: for the program on this machine, zotero:user/ID or "
            "zotero:group/ID, each with /collection/KEY for one collection."
        )
    local = fits["kind"] is None
    path = "users/0" if local else f"{fits['kind']}s/{fits['id']}"
    if fits["collection"]:
        path += f"/collections/{fits['collection']}"
    return Library(source, f"{base_url or (LOCAL if local else WEB)}/{path}/items/top", local)


def fetch(source: str, folder: Path, *, key: str = "", base_url: str = "") -> Path:
    """Bring the copy of a library in `folder` up to date, and give its file: JSON Lines, a paper each.

    Raises `UsageError` for a source that is none, `PaperError` where the library can't be read.
    """
    wanted = library(source, base_url)
    file, state = folder / f"{wanted.name}.jsonl", folder / f"{wanted.name}.state"
    session = _Session(wanted, key)
    held, known = _held(file, state, session.place)
    for _ in range(_TRIES):
        update = session.update(held, known)
        if update is None:
            return file
        papers, known_now, steady = update
        if steady:
            folder.mkdir(parents=True, exist_ok=True)
            # The state last: a process killed between the two fetches once more what it has.
            _replace(file, "".join(json.dumps(p, ensure_ascii=False) + "\n" for p in papers.values()))
            _replace(state, json.dumps(known_now))
            return file
    raise PaperError(source, None, "changes all the time while it is read: try again in a while")


def _held(file: Path, state: Path, place: _State) -> tuple[_Papers, _State]:
    """The papers of the copy by their keys in Zotero, and the state that they are of; nothing where there is none."""
    try:
        papers = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        known = json.loads(state.read_text(encoding="utf-8"))
        if known["address"] == place["address"] and isinstance(known["version"], int):
            return {paper["zotero"]: paper for paper in papers}, known
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return {}, {}


def _replace(file: Path, text: str) -> None:
    draft = file.with_name(f"{file.name}.draft-{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)


_Headers = Mapping[str, str] | Message
_Papers = dict[str, dict[str, Any]]
_State = dict[str, Any]
_VERSION = "Last-Modified-Version"


class _Session:
    """Requests to one library."""

    def __init__(self, wanted: Library, key: str) -> None:
        self._library = wanted
        self.place = {"address": wanted.address}
        self._headers = {"Zotero-API-Version": "3", "Accept": "application/json"}
        if key and not wanted.local:
            self._headers["Zotero-API-Key"] = key
        # No redirects, which would take the key elsewhere; and no proxy to this machine.
        handlers: list[urllib.request.BaseHandler] = [_Stay()]
        self._opener = urllib.request.build_opener(
            *handlers, *([urllib.request.ProxyHandler({})] if wanted.local else [])
        )

    def update(self, held: _Papers, known: _State) -> tuple[_Papers, _State, bool] | None:
        """The papers as they are now, their state, and whether it was one from the first request to the last.

        None where nothing has changed since the state that is `known`.
        """
        since = {"If-Modified-Since-Version": str(known["version"])} if known else {}
        headers, versions = self._get({"format": "versions"}, since)
        if versions is None and headers.get("Zotero-Server-ID") == known.get("server"):
            return None
        if versions is None:  # another database, whose version is the same by chance
            headers, versions = self._get({"format": "versions"})
        if not isinstance(versions, dict):
            raise self._error("answers with what is no list of items; is this Zotero's address?")
        now = {**self.place, "version": _number(headers, _VERSION), "server": headers.get("Zotero-Server-ID")}
        # Versions of another database say nothing of this one.
        newer = known["version"] if known and known["server"] == now["server"] else 0
        papers = dict(held) if newer else {}
        steady = True
        for version, items in self._pages(newer):
            steady = steady and version == now["version"]
            for item in items:
                papers.pop(str(item.get("key")), None)
                if paper := _paper(item):
                    papers[item["key"]] = paper
        return {key: papers[key] for key in versions if key in papers}, now, steady

    def _pages(self, since: int) -> Iterator[tuple[int, list[dict[str, Any]]]]:
        """The items that are newer than a version, page by page, each with the version that the library had then."""
        start, total = 0, 1
        while start < total:
            query = {"format": "json", "since": since, "limit": _PAGE, "start": start, "sort": "dateAdded"}
            headers, items = self._get(query)
            yield _number(headers, _VERSION), [item for item in items or () if isinstance(item, dict)]
            start, total = start + _PAGE, _number(headers, "Total-Results")

    def _get(self, query: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> tuple[_Headers, Any]:
        """The headers and the JSON of an answer; no JSON where nothing has changed (304)."""
        address = f"{self._library.address}?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(address, headers={**self._headers, **(headers or {})})
        for attempt in range(1, _TRIES + 1):
            try:
                with self._opener.open(request, timeout=SECONDS) as answer:
                    body = answer.read(LARGEST + 1)
                    if len(body) > LARGEST:
                        raise self._error(f"answers with more than {LARGEST:,} bytes")
                    return answer.headers, json.loads(body)
            except urllib.error.HTTPError as e:
                with e:
                    if e.code == 304:
                        return e.headers, None
                    if e.code not in (429, 503) or attempt == _TRIES:
                        raise self._refused(e.code) from e
                    time.sleep(min(_number(e.headers, "Retry-After") or attempt, SECONDS))
            except (OSError, http.client.HTTPException) as e:
                raise self._unreachable(e) from e
            except ValueError as e:
                raise self._error("answers with what is no JSON; is this Zotero's address?") from e
        raise AssertionError("unreachable")

    def _refused(self, status: int) -> PaperError:
        if self._library.local and status == 403:
            return self._error(
                "the program refuses: allow it under Settings, Advanced, “Allow other applications on this computer to "
                "communicate with Zotero”"
            )
        if status in (401, 403):
            return self._error(
                "the key may not read this library, or none is given: set RAG_ZOTERO_KEY to one of "
                "https://www.zotero.org/settings/keys"
            )
        if status == 404:
            return self._error(
                "there is no such library or collection: the address in the web library shows its number"
            )
        return self._error(f"answers with status {status}: try again in a while")

    def _unreachable(self, cause: Exception) -> PaperError:
        reason = getattr(cause, "reason", None) or cause
        if self._library.local:
            return self._error(f"Zotero can't be reached on this machine ({reason}): start it, and try again")
        return self._error(f"{urllib.parse.urlsplit(self._library.address).netloc} can't be reached ({reason})")

    def _error(self, reason: str) -> PaperError:
        return PaperError(self._library.source, None, reason)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow none."""


def _number(headers: _Headers, name: str) -> int:
    value = headers.get(name) or ""
    return int(value) if value.isdecimal() else 0


def _paper(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """What an item says of a paper, by the names of our own JSON Lines; None where it is none."""
    data, key = item.get("data"), item.get("key")
    if not isinstance(data, dict) or not isinstance(key, str) or data.get("itemType") in _NO_PAPERS:
        return None
    if not str(data.get("title") or "").strip():
        return None
    cited = re.search(r"^Citation Key:\s*(\S+)", str(data.get("extra") or ""), re.IGNORECASE | re.MULTILINE)
    venue = next(
        (data[n] for n in ("publicationTitle", "proceedingsTitle", "conferenceName", "bookTitle") if data.get(n)), None
    )
    year = re.search(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)", str(data.get("date") or ""))
    fields = {
        "id": data.get("citationKey") or (cited[1] if cited else key),
        "title": data["title"],
        "abstract": data.get("abstractNote"),
        "authors": [name for creator in data.get("creators") or () if (name := _author(creator))],
        "year": int(year[0]) if year else None,
        "venue": venue,
        "doi": data.get("DOI"),
        "url": data.get("url"),
        "keywords": [tag["tag"] for tag in data.get("tags") or () if isinstance(tag, dict) and tag.get("tag")],
        "zotero": key,
    }
    return {name: value for name, value in fields.items() if value}


def _author(creator: object) -> str:
    if not isinstance(creator, dict) or creator.get("creatorType", "author") != "author":
        return ""
    return str(creator.get("name") or f"{creator.get('firstName') or ''} {creator.get('lastName') or ''}").strip()
