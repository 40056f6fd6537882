"""Replies of a strong model, recorded once and replayed without a model: the floor of answers that a model reads.

    make eval-recorded                                  replay, and hold the answers against eval/thresholds.toml
    python -m eval.recorded record --model NAME --base-url URL [--questions FILE]

A recording is a line of `eval/recordings.jsonl`: the prompt and its version, what was asked, the titles of the papers
that the model was given with their numbers, and its reply. A changed prompt needs new recordings. A changed search does
not: in the replay the numbers in a reply are those that its papers have now, and a paper that is no longer read can't
be cited. So the floor falls if the search loses a paper, the parser a citation or the proof a true claim.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rag.core.config import Config
from rag.llm.endpoint import Endpoint
from rag.llm.events import Chunk
from rag.llm.models import endpoint
from rag.llm.prompts import Message, prompt

HERE = Path(__file__).parent
RECORDINGS = HERE / "recordings.jsonl"
PROMPTS = ("plan", "read", "screen", "notes", "review")
CONTEXT = 32768
"""Tokens that the model is said to read, so that every machine fills its prompts alike."""
MODEL = "recorded"

_SOURCE = re.compile(r'<source id="(\d+)" title="([^"]*)"')
_ASKED = re.compile(r"\n(?:Question|Looked for): (.*?)(?:\nIt (?:asks|compares)[^\n]*)?\Z", re.DOTALL)
_BRACKET = re.compile(r"\[\s*\d+(?:\.\d+)?(?:\s*[,;–-]\s*\d+(?:\.\d+)?)*\s*\]")
_PLACE = re.compile(r"(\d+)(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Recording:
    """One reply. `titles` gives the paper of each number that it may cite; `asked` is the question, or of a plan the
    whole of what the model was given."""

    prompt: str
    version: str
    asked: str
    titles: Mapping[str, str]
    reply: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a request asks for."""

    prompt: str
    asked: str
    titles: Mapping[str, str]


class Unknown(LookupError):
    """There is no recording for a request."""


def understood(messages: Sequence[Mapping[str, str]]) -> Request:
    """What a request asks for. Raises `Unknown` where its prompt is none of ours."""
    system, user = messages[0]["content"].strip(), messages[-1]["content"].strip()
    for name in PROMPTS:
        if prompt(name).parts[0][1].template.strip() == system:
            found = _ASKED.search(user)
            asked = user if name == "plan" or found is None else found[1].strip()
            return Request(name, " ".join(asked.split()), dict(_SOURCE.findall(user)))
    raise Unknown("no prompt of ours begins so")


class Tape:
    """The recordings, and what they say to a request. Safe to use from several threads."""

    def __init__(self, recordings: Iterable[Recording]) -> None:
        self._known: dict[tuple[str, str], list[Recording]] = {}
        self._notes: dict[str, dict[str, str]] = {}
        self._guard = threading.Lock()
        for r in recordings:
            self._known.setdefault((r.prompt, r.asked), []).append(r)

    def titles(self, request: Request) -> Mapping[str, str]:
        """The paper of each number of a request. Those of a review stand in the notes that were asked for before."""
        with self._guard:
            if request.prompt == "notes":
                self._notes.setdefault(request.asked, {}).update(request.titles)
            return self._notes.get(request.asked, {}) if request.prompt == "review" else request.titles

    def reply(self, request: Request) -> str:
        """The recorded reply, with the numbers that its papers have now. Raises `Unknown` where there is none."""
        titles = self.titles(request)
        recordings = [r for r in self._known.get((request.prompt, request.asked), ()) if _current(r)]
        if not recordings:
            raise Unknown(f"{request.prompt}: {request.asked[:200]}")
        numbers = {title: number for number, title in titles.items()}
        if request.prompt == "screen":
            return _screened(recordings, numbers)
        if request.prompt == "notes":
            lines = [line for r in recordings for line in _renumbered(r, numbers).splitlines()]
            return "\n".join(dict.fromkeys(line for line in lines if _BRACKET.search(line))) or "NONE"
        # A question that was read twice: the reply to the papers that are most like these.
        best = max(recordings, key=lambda r: len(set(r.titles.values()) & set(numbers)))
        return _renumbered(best, numbers)


def _current(recording: Recording) -> bool:
    return recording.version == prompt(recording.prompt).version


def _screened(recordings: Sequence[Recording], numbers: Mapping[str, str]) -> str:
    found: dict[str, dict[str, Any]] = {}
    for r in recordings:
        for paper in json.loads(r.reply)["papers"]:
            number = numbers.get(r.titles.get(str(paper["source"]), ""))
            if number is not None:
                found[number] = paper | {"source": int(number)}
    return json.dumps({"papers": [found[n] for n in sorted(found, key=int)]}, ensure_ascii=False)


def _renumbered(recording: Recording, numbers: Mapping[str, str]) -> str:
    """The reply with the numbers of now; a citation of a paper that is not there goes."""

    def place(match: re.Match[str]) -> str:
        number = numbers.get(recording.titles.get(match[1], ""))
        return "" if number is None else number + (match[2] or "")

    def bracket(match: re.Match[str]) -> str:
        parts = [p for part in re.split(r"\s*[,;]\s*", match[0].strip("[] ")) if (p := _PLACE.sub(place, part))]
        return f"[{', '.join(parts)}]" if parts else ""

    return recording.reply if recording.prompt == "plan" else _BRACKET.sub(bracket, recording.reply)


def load(file: Path = RECORDINGS) -> list[Recording]:
    """The recordings of a file."""
    with file.open(encoding="utf-8") as lines:
        return [Recording(**json.loads(line)) for line in lines if line.strip()]


class Server(ThreadingHTTPServer):
    """An OpenAI-compatible endpoint on a free port of this machine that replays a tape.

    With `upstream` it asks that for what the tape does not have, and keeps the replies in `made`.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, tape: Tape, upstream: Endpoint | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tape, self.upstream = tape, upstream
        self.made: list[Recording] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def close(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()

    def reply(self, asked: Mapping[str, Any]) -> str:
        """The reply to a request. Raises `Unknown` where there is none."""
        request = understood(asked["messages"])
        try:
            return self.tape.reply(request)
        except Unknown:
            if self.upstream is None:
                raise
        text = _ask(self.upstream, asked)
        version = prompt(request.prompt).version
        self.made.append(Recording(request.prompt, version, request.asked, dict(self.tape.titles(request)), text))
        return text


def _ask(upstream: Endpoint, asked: Mapping[str, Any]) -> str:
    messages = [Message(m["role"], m["content"]) for m in asked["messages"]]
    options = {k: asked[k] for k in ("max_tokens", "response_format") if k in asked}
    request = upstream.begin(messages, options)
    text: list[str] = []
    while (item := request.items.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        text.append(item.text if isinstance(item, Chunk) else "")
    return "".join(text)


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._send(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            text = self.server.reply(asked)
        except Unknown as e:
            self._send(404, {"error": {"message": f"There is no recording for {e}; see eval/recorded.py."}})
            return
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        whole = {"id": "recorded", "created": 0, "model": MODEL, "usage": usage}
        if not asked.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            self._send(200, whole | {"object": "chat.completion", "choices": [choice]})
            return
        pieces: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
            for piece in re.findall(r"\S*\s*", text)
            if piece
        ]
        pieces += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": usage}]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for piece in pieces:
            event = {"id": "recorded", "created": 0, "model": MODEL, "object": "chat.completion.chunk"} | piece
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, status: int, body: Mapping[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def questions(file: Path, folder: Path) -> Path:
    """The reference questions whose ids stand in `file`, a line each, as a set of their own in `folder`."""
    wanted = file.read_text(encoding="utf-8").split()
    lines = {json.loads(line)["id"]: line for line in (HERE / "questions.jsonl").open(encoding="utf-8")}
    target = folder / "questions.jsonl"
    target.write_text("".join(lines[id] for id in wanted), encoding="utf-8")
    return target


def run(server: Server, arguments: Sequence[str]) -> int:
    """`rag eval run` with the model that `server` is; gives its exit code."""
    environment = os.environ | {
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": server.url,
        "RAG_CONTEXT": str(CONTEXT),
        "RAG_CACHE": "",
    }
    command = [sys.executable, "-m", "rag.cli", "eval", "run", "--mode", "generating", "--model", MODEL]
    return subprocess.run([*command, "--split", "all", *arguments], env=environment, check=False).returncode


def main(arguments: Sequence[str] | None = None) -> int:
    """Record or replay. What it does not know itself goes to `rag eval run`."""
    parser = argparse.ArgumentParser(prog="python -m eval.recorded", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("replay", "record"))
    parser.add_argument("--file", type=Path, default=RECORDINGS, help="the recordings (default: %(default)s)")
    parser.add_argument("--model", default="", help="record: the model that is asked")
    parser.add_argument("--base-url", default="", help="record: its endpoint")
    parser.add_argument("--questions", type=Path, help="a set of questions (default: those of eval/recorded.txt)")
    given, others = parser.parse_known_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        asked = given.questions or questions(HERE / "recorded.txt", Path(folder))
        upstream = None
        if given.what == "record":
            config = Config.load()
            upstream = endpoint(replace(config, model=given.model, base_url=given.base_url or config.base_url))
        known = load(given.file) if given.file.exists() else []
        with closing(Server(Tape(known), upstream)) as server:
            code = run(server, ["--questions", str(asked), *others])
            if server.made:
                kept = [r for r in known if _current(r)] + sorted(server.made, key=lambda r: (r.prompt, r.asked))
                lines = [json.dumps(asdict(r), ensure_ascii=False) + "\n" for r in kept]
                given.file.write_text("".join(lines), encoding="utf-8")
                print(f"{len(server.made)} replies recorded, {len(kept)} in {given.file}.")
    return code


if __name__ == "__main__":
    sys.exit(main())
