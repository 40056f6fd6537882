"""PaperQA2 itself, against an endpoint that follows a script: what it is asked, and how its answers are read."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from endpoint_server import Behaviour, EndpointServer, Request, answer, error, slow, unavailable, wrong_key
from serving import ROOT

from eval.peers import build
from rag.core.answer import Answer
from rag.core.config import Config
from rag.core.errors import ModelAuthError, ModelError, ModelServerError, ModelTimeout, ModelUnknown
from rag.evaluation.items import Item, Message
from rag.evaluation.systems import System
from rag.index.llamaindex import MiniLMEmbedding
from rag.papers import Paper

pytestmark = pytest.mark.peers

PAPERS = [
    Paper("bees", "How bees dance", "Bees dance to show where food is. The angle tells the direction.", ""),
    Paper("tides", "Why tides rise", "The moon pulls the oceans. Tides rise twice a day by 2.5 m.", ""),
    Paper("rust", "The chemistry of rust", "Iron and oxygen make rust. Salt water makes it faster.", ""),
]
VALIDATOR = jsonschema.Draft202012Validator(json.loads((ROOT / "tests" / "answer.schema.json").read_text()))
CANARY = "secret.canary.0123456789"


@pytest.fixture(scope="module")
def embedding() -> MiniLMEmbedding:
    return MiniLMEmbedding(threads=1)


def peer(server: EndpointServer, embedding: MiniLMEmbedding, **settings: Any) -> System:
    config = Config(llm="openai", model="any-model", base_url=server.url, api_key=CANARY, **settings)
    return build("paperqa", PAPERS, config, embedding)


def item(question: str, *history: tuple[str, str]) -> Item:
    turns = tuple(Message(role=role, content=content) for role, content in history)
    return Item(
        id="i", kind="fact", question=question, history=turns, reference_answer="-", answerable=True, split="dev"
    )


def text_of(request: Request) -> str:
    return "\n".join(m["content"] for m in request.body["messages"])


def is_summary(request: Request) -> bool:
    return "relevance_score" in text_of(request)


def summary(request: Request, **grades: int) -> Behaviour:
    """A summary of an excerpt, with the grade of its paper."""
    paper = next(p for p in PAPERS if p.abstract in text_of(request))
    return answer(json.dumps({"summary": f"{paper.title}: it says so.", "relevance_score": grades.get(paper.id, 0)}))


def script(write: Callable[[dict[str, str]], str], **grades: int) -> Callable[[Request], Behaviour]:
    """Grades each excerpt, and writes with the key of each paper that was graded above zero."""

    def choose(request: Request) -> Behaviour:
        if is_summary(request):
            return summary(request, **grades)
        keys = dict(re.findall(r"(pqac-\w{8}): .+?\nFrom (.+)", text_of(request)))
        return answer(write({p.id: key for key, title in keys.items() for p in PAPERS if p.title == title}))

    return choose


def checked(found: Answer) -> Answer:
    VALIDATOR.validate(found.to_json())
    abstracts = {p.id: p.abstract for p in PAPERS}
    for c in found.citations:
        assert c.quote == abstracts[c.paper_id][c.start : c.end]
    return found


def test_a_cited_answer(embedding: MiniLMEmbedding, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    # Variables that its settings would read by themselves.
    monkeypatch.setenv("LLM", "gpt-4o")
    monkeypatch.setenv("TEMPERATURE", "1")
    write = script(
        lambda keys: f"The moon does ({keys['tides']}). So do bees ({keys['bees']}, {keys['tides']}).", tides=9, bees=4
    )
    with EndpointServer(choose=write, key=CANARY) as server:
        system = peer(server, embedding)
        found = checked(system.answer(item("Why do tides rise?")))
    assert found.answer == "The moon does [1]. So do bees [2][1]."
    assert [c.paper_id for c in found.citations] == ["tides", "bees"]
    assert found.citations[0].quote == PAPERS[1].abstract
    assert [r.paper_id for r in found.retrieved] == ["tides", "bees", "rust"], "by the model's grade"
    assert (found.abstained, found.mode, found.model, found.searched) == (False, "generating", "any-model", 3)
    assert (found.prompt_tokens, found.completion_tokens) == (4 * 7, 4 * 3), "three excerpts and the answer"
    assert found.timings_ms["total"] > 0
    assert not found.warnings
    assert {r.body["model"] for r in server.requests} == {"any-model"}
    assert {r.body["temperature"] for r in server.requests} == {0}
    assert {r.body["max_tokens"] for r in server.requests} == {700}
    assert not list(tmp_path.glob(".pqa*")), "nothing is left in the user's home"
    about = system.about()
    assert (system.name, system.jobs, about["model"]) == ("paperqa", 1, "any-model")
    assert f"paper-qa=={about['paper-qa']} " in (ROOT / "requirements-peers.lock").read_text(), "the one that is locked"
    assert CANARY not in json.dumps(about)


@pytest.mark.parametrize(
    ("text", "read", "papers"),
    [
        ("Yes (pqac-00000000).", "Yes.", ""),
        ("Yes (pqac-00000000, {tides}).", "Yes [1].", "tides"),
        ("Yes ({tides}; {bees}).", "Yes [1][2].", "tides bees"),
        ("Yes [{tides} and {bees}].", "Yes [1][2].", "tides bees"),
        ("As {tides} says, yes ({tides}).", "As [1] says, yes [1].", "tides"),
        ("Yes (Why Tides Rise).", "Yes [1].", "tides"),
        ("Yes, as (tides) do.", "Yes, as (tides) do.", ""),
    ],
)
def test_its_keys_become_markers(embedding: MiniLMEmbedding, text: str, read: str, papers: str) -> None:
    with EndpointServer(choose=script(lambda keys: text.format(**keys), tides=9, bees=4)) as server:
        found = checked(peer(server, embedding).answer(item("Why do tides rise?")))
    assert found.answer == read
    assert [c.paper_id for c in found.citations] == papers.split()


def test_refusals(embedding: MiniLMEmbedding) -> None:
    with EndpointServer(choose=script(lambda keys: "It does.")) as server:
        nothing = checked(peer(server, embedding).answer(item("Which zebra?")))
    assert nothing.abstained
    assert nothing.answer.startswith("I cannot answer")
    assert len(server.requests) == 3, "no excerpt was of use, so nothing was written"
    with EndpointServer(choose=script(lambda keys: "I cannot answer.", tides=2)) as server:
        refused = checked(peer(server, embedding).answer(item("Which zebra?")))
    assert (refused.abstained, refused.answer, refused.citations) == (True, "I cannot answer.", ())


def test_the_conversation_comes_behind_the_question(embedding: MiniLMEmbedding) -> None:
    with EndpointServer(choose=script(lambda keys: f"Yes ({keys['tides']}).", tides=9)) as server:
        asked = item("and how often?", ("user", "Why do tides rise?"), ("assistant", "The moon."))
        found = checked(peer(server, embedding).answer(asked))
    assert found.question == found.standalone_question == "and how often?"
    for request in server.requests:
        assert re.search(
            r"and how often\?\n\n\(.*\nuser: Why do tides rise\?\nassistant: The moon\.\)", text_of(request)
        )


@pytest.mark.parametrize(
    ("behaviour", "raised", "requests"),
    [
        (unavailable(), ModelServerError, range(3, 13)),
        (wrong_key(), ModelAuthError, range(1, 4)),
        # It goes on without excerpts that are refused, and would say that it can't answer.
        (error(400, "No such thing."), ModelUnknown, range(3, 4)),
    ],
)
def test_an_endpoint_that_fails_is_no_answer(
    embedding: MiniLMEmbedding, behaviour: Behaviour, raised: type[ModelError], requests: range
) -> None:
    with EndpointServer(behaviour) as server, pytest.raises(raised, match="any-model") as told:
        peer(server, embedding).answer(item("Why do tides rise?"))
    assert len(server.requests) in requests
    assert "litellm" not in str(told.value)
    assert CANARY not in str(told.value)


def test_an_endpoint_that_is_silent(embedding: MiniLMEmbedding) -> None:
    with EndpointServer(slow(30.0, answer("Late."))) as server, pytest.raises(ModelTimeout, match="any-model"):
        peer(server, embedding, total=1).answer(item("Why do tides rise?"))


def test_no_endpoint_at_all(embedding: MiniLMEmbedding) -> None:
    with EndpointServer() as server:
        pass
    with pytest.raises(ModelError, match="any-model"):
        peer(server, embedding).answer(item("Why do tides rise?"))


def test_an_excerpt_that_fails_is_told(embedding: MiniLMEmbedding) -> None:
    whole = script(lambda keys: f"Yes ({keys['tides']}).", tides=9)
    with EndpointServer(choose=lambda r: error(400, "No.") if PAPERS[0].abstract in text_of(r) else whole(r)) as server:
        found = checked(peer(server, embedding).answer(item("Why do tides rise?")))
    assert found.answer == "Yes [1]."
    assert len(found.warnings) == 1
    assert "any-model" in found.warnings[0]


def test_several_questions_at_once(embedding: MiniLMEmbedding) -> None:
    found: dict[str, Answer] = {}
    with EndpointServer(choose=script(lambda keys: f"Yes ({next(iter(keys.values()))}).", tides=9)) as server:
        system = peer(server, embedding)
        questions = [f"Why do tides rise on day {n}?" for n in range(4)]
        threads = [threading.Thread(target=lambda q=q: found.update({q: system.answer(item(q))})) for q in questions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {a.prompt_tokens for a in found.values()} == {4 * 7}
    assert len(found) == 4


def test_no_other_host_is_asked(embedding: MiniLMEmbedding, monkeypatch: pytest.MonkeyPatch) -> None:
    ports: set[Any] = set()
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def noted(self: socket.socket, address: Any) -> Any:
        ports.add(address[1] if isinstance(address, tuple) else address)
        return connect(self, address)

    def noted_name(host: Any, *args: Any, **kwargs: Any) -> Any:
        ports.add(args[0] if args else None)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", noted)
    monkeypatch.setattr(socket, "getaddrinfo", noted_name)
    with EndpointServer(choose=script(lambda keys: "It is so.", tides=9)) as server:
        peer(server, embedding).answer(item("Why do tides rise?"))
    assert ports == {server.port}


def test_importing_it_asks_nobody(tmp_path: Path) -> None:
    """LiteLLM would fetch a list of prices; in a process of its own, as this one has imported it already."""
    program = (
        "import socket, sys\n"
        "def told(*a, **k): print('asked', a); raise OSError\n"
        "socket.getaddrinfo = socket.socket.connect = told\n"
        "from rag.core.config import Config\nfrom rag.index.llamaindex import MiniLMEmbedding\n"
        "from eval.peers import build\nfrom rag.papers import Paper\n"
        "build('paperqa', [Paper('a', 'A title', 'An abstract.', '')],"
        " Config(llm='openai', model='m', base_url='http://127.0.0.1:9/v1'), MiniLMEmbedding(threads=1))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
