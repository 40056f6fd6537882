"""Recorded replies: what a replay says, and that it says so only to what was recorded."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest

from eval.recorded import Recording, Server, Tape, Unknown, understood
from rag.llm.prompts import prompt, source

READ = prompt("read").version


def asked(name: str, question: str, *titles: str, first: int = 1, **values: str) -> list[dict[str, str]]:
    sources = "\n".join(source(n, title, "Text.") for n, title in enumerate(titles, first))
    filled = {"sources": sources, "question": question, "hint": "", **values}
    used = prompt(name)
    wanted = {key for _, part in used.parts for key in part.get_identifiers()}
    return [{"role": m.role, "content": m.content} for m in used.fill(**{k: filled[k] for k in wanted})]


def reply(recording: Recording, messages: list[dict[str, str]]) -> str:
    return Tape([recording]).reply(understood(messages))


def test_the_numbers_are_those_that_the_papers_have_now() -> None:
    recording = Recording("read", READ, "Why?", {"1": "A", "2": "B"}, "STATE: answers\n\nSo [1.2, 2.3]; or [2].")
    assert reply(recording, asked("read", "Why?", "B", "C", "A")) == "STATE: answers\n\nSo [3.2, 1.3]; or [1]."


def test_a_paper_that_is_no_longer_read_is_not_cited() -> None:
    recording = Recording("read", READ, "Why?", {"1": "A", "2": "B"}, "So [1.2, 2.3]. Or [2.1].")
    assert reply(recording, asked("read", "Why?", "A")) == "So [1.2]. Or ."


def test_a_list_is_put_together_for_the_papers_of_a_batch() -> None:
    papers: list[Mapping[str, Any]] = [{"source": n, "fit": "yes", "sentence": 1, "says": ""} for n in (1, 2)]
    version = prompt("screen").version
    recording = Recording("screen", version, "Which?", {"1": "A", "2": "B"}, json.dumps({"papers": papers}))
    found = json.loads(reply(recording, asked("screen", "Which?", "C", "B", first=13)))
    assert [p["source"] for p in found["papers"]] == [14]


def test_another_question_or_an_old_prompt_has_no_recording() -> None:
    old = Recording("read", "00000000", "Why?", {"1": "A"}, "So [1.1].")
    for messages in (asked("read", "Why?", "A"), asked("read", "When?", "A")):
        with pytest.raises(Unknown):
            reply(old, messages)
    with pytest.raises(Unknown):
        understood([{"role": "system", "content": "Another prompt."}, {"role": "user", "content": "Why?"}])


def test_the_server_says_what_it_has_and_names_what_it_has_not() -> None:
    recording = Recording("read", READ, "Why?", {"1": "A"}, "So [1.1].")
    with closing(Server(Tape([recording]))) as server:
        body = {"messages": asked("read", "Why?", "A"), "model": "recorded"}
        assert _post(server.url, body)["choices"][0]["message"]["content"] == "So [1.1]."
        with pytest.raises(urllib.error.HTTPError) as e:
            _post(server.url, body | {"messages": asked("read", "When?", "A")})
        assert e.value.code == 404
        assert "no recording for read: When?" in e.value.read().decode()


def _post(url: str, body: Mapping[str, Any]) -> Any:
    request = urllib.request.Request(f"{url}/chat/completions", json.dumps(body).encode())
    with urllib.request.urlopen(request) as response:
        return json.load(response)
