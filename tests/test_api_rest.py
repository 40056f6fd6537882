"""The REST interface, over real HTTP."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import pytest
from api_server import answering
from fake_rag import FakeRag
from serving import ROOT

from rag.api.forms import AnswerBody
from rag.core.config import Config
from rag.service import build
from rag.web import intake

if TYPE_CHECKING:
    from rag.service import Rag

QUESTION = "What does double quantization save in QLoRA?"
QLORA = "QLoRA: Efficient Finetuning of Quantized LLMs"
KEY, OTHER = "the-key-of-a-notebook", "the-key-of-a-pipeline"
AUTH = "ada:correct horse"


@pytest.fixture(scope="module")
def http(collection: Rag) -> Iterator[httpx.Client]:
    with (
        answering(collection.config, collection) as address,
        httpx.Client(base_url=f"{address}/api/v1", timeout=60) as http,
    ):
        yield http


def is_problem(reply: httpx.Response, status: int, reason: str) -> bool:
    problem = reply.json()
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert set(problem) <= {"type", "title", "status", "detail", "errors"}
    assert problem["status"] == status
    assert reason in problem["detail"]
    return True


def test_a_question_is_answered_by_the_contract(http: httpx.Client) -> None:
    answer = http.post("/ask", json={"question": QUESTION}).json()
    jsonschema.validate(answer, json.loads((ROOT / "tests" / "answer.schema.json").read_text()))
    assert set(answer) == set(AnswerBody.model_fields), "the documentation names every field"
    AnswerBody.model_validate(answer)


def test_a_question_has_a_history_and_chosen_papers(http: httpx.Client) -> None:
    history = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": f"**{QLORA}** saves memory."}]
    answer = http.post("/ask", json={"question": "What is its title?", "history": history}).json()
    assert "QLoRA" in answer["standalone_question"]
    narrow = http.post("/ask", json={"question": "What is saved?", "papers": [QLORA.lower()], "mode": "quoting"}).json()
    assert {r["title"] for r in narrow["retrieved"]} == {QLORA}


def test_papers_are_found_by_words_and_by_meaning(http: httpx.Client) -> None:
    found = http.get("/papers", params={"query": "qlora"}).json()
    (paper,) = found["papers"]
    assert (found["found"], paper["title"]) == (1, QLORA)
    assert http.get(f"/papers/{paper['id']}").json() == paper
    every = http.get("/papers", params={"limit": 2, "offset": 1}).json()
    assert (every["found"], len(every["papers"])) == (82, 2)
    assert every["papers"][0] == http.get("/papers", params={"limit": 2}).json()["papers"][1]
    hits = http.get("/search", params={"query": "training large networks on several machines", "limit": 3}).json()
    assert len(hits) == 3
    assert all(h["paper"]["abstract"][h["start"] : h["end"]] == h["quote"] != "" for h in hits)


def test_papers_are_compared(http: httpx.Client) -> None:
    table = http.post("/compare", json={"papers": ["QLoRA", "GPipe"], "aspects": ["memory", "bananas"]}).json()
    assert [row["title"].partition(":")[0] for row in table["rows"]] == ["QLoRA", "GPipe"]
    assert table["rows"][0]["cells"][0]["quotes"]
    assert not table["rows"][0]["cells"][1]["quotes"]


def test_collections_are_listed(http: httpx.Client) -> None:
    (collection,) = http.get("/collections").json()
    assert (collection["name"], collection["papers"]) == ("papers", 82)


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("/ask", {"question": {"a": "dictionary"}}, 422, "question: Input should be a valid string"),
        ("/ask", {"question": ""}, 422, "question: String should have at least 1 character"),
        ("/ask", {"question": "x" * 4_001}, 422, "at most 4000 characters"),
        ("/ask", {"question": "   "}, 400, "The question is empty"),
        ("/ask", {"question": "Q?", "histroy": []}, 422, "histroy: Extra inputs are not permitted"),
        ("/ask", {"question": "Q?", "history": [{"role": "system", "content": ""}]}, 422, "history.0.role"),
        ("/ask", {"question": "Q?", "collection": "bananas"}, 404, "no collection 'bananas'"),
        ("/ask", {"question": "Q?", "papers": ["bananas"]}, 404, "no paper 'bananas'"),
        ("/ask", {"question": "Q?", "years": "lately"}, 400, "The years 'lately'"),
        ("/ask", {"question": "Q?", "mode": "generating"}, 400, "model"),
        ("/ask", [], 422, "body: Input should be"),
        ("/compare", {"papers": [], "aspects": ["memory"]}, 422, "papers: List should have at least 1 item"),
        ("/compare", {"papers": ["QLoRA"] * 21, "aspects": ["memory"]}, 422, "at most 20"),
        ("/compare", {"papers": ["bananas"], "aspects": ["memory"]}, 400, "bananas"),
        ("/nothing", {}, 404, "nothing at POST /api/v1/nothing"),
    ],
)
def test_what_cannot_be_done_is_a_problem_in_words(
    http: httpx.Client, path: str, body: Any, status: int, reason: str
) -> None:
    assert is_problem(http.post(path, json=body), status, reason)


def test_a_store_that_is_down_is_named_with_what_to_do(collection: Rag, tmp_path: Path) -> None:
    shutil.copytree(collection.config.home, tmp_path / "home")
    config = replace(
        collection.config, home=tmp_path / "home", store="http://127.0.0.1:9", store_api_key="a-key-of-the-store"
    )
    with build(config) as rag, answering(config, rag) as address:
        reply = httpx.post(f"{address}/api/v1/ask", json={"question": QUESTION}, timeout=60)
    assert is_problem(reply, 503, "The store http://127.0.0.1:9 can't be reached")
    assert "Start it, or correct RAG_STORE" in reply.text
    assert "a-key-of-the-store" not in reply.text


def test_bodies_that_are_no_json_are_problems(http: httpx.Client) -> None:
    json_type = {"content-type": "application/json"}
    assert http.post("/ask", content=b'{"question": "\\ud800"}', headers=json_type).status_code in (400, 422)
    for content in (b"{", b"[" * 100_000, b"\xff"):
        reply = http.post("/ask", content=content, headers=json_type)
        assert reply.status_code in (400, 422)
        assert reply.headers["content-type"] == "application/problem+json"
    assert is_problem(http.get("/papers/bananas"), 404, "no paper 'bananas'")
    assert is_problem(http.get("/papers", params={"limit": 0}), 422, "limit")
    # Refused by its length, before the body is sent: a client in the midst of sending may see the closed socket first.
    connection = HTTPConnection(http.base_url.host, http.base_url.port, timeout=60)
    connection.putrequest("POST", "/api/v1/ask")
    connection.putheader("Content-Length", str(intake.MAX_BODY + 1))
    connection.endheaders()
    refused = connection.getresponse()
    assert refused.status == 413
    assert b"bytes" in refused.read()
    connection.close()


def test_the_documentation_names_every_endpoint_and_every_problem(http: httpx.Client) -> None:
    described = http.get("/openapi.json").json()
    assert set(described["paths"]) == {
        f"/api/v1/{name}" for name in ("ask", "search", "papers", "papers/{id}", "compare", "collections", "ingest")
    }
    for path in described["paths"].values():
        for operation in path.values():
            assert len(operation["description"]) > 15
            assert {"200", "401", "422", "429"} <= set(operation["responses"])
    assert "citations" in described["components"]["schemas"]["AnswerBody"]["properties"]


# --- files ----------------------------------------------------------------------------------------------------------

RECORDS = "".join(
    json.dumps({"title": title, "abstract": f"{title}, this is measured."}) + "\n" for title in ("On tides", "On ice")
)


@pytest.fixture
def shared(home: Path) -> Iterator[str]:
    """A server on which nobody may come without a key, and one key may add papers."""
    config = Config(home=home, auth=AUTH, api_keys=f"notebook:{KEY},pipeline:{OTHER}", adders=("pipeline",))
    with answering(config, FakeRag(config)) as address:
        yield f"{address}/api/v1"


def send(address: str, key: str, content: str | bytes, name: str = "new.jsonl") -> httpx.Response:
    return httpx.post(
        f"{address}/ingest",
        files={"files": (name, content)},
        data={"collection": "sea"},
        headers={"authorization": f"Bearer {key}"},
        timeout=60,
    )


def test_who_may_adds_papers_and_is_told_what_became_of_them(shared: str) -> None:
    done = send(shared, OTHER, RECORDS).json()
    assert (done["collection"], done["papers"], len(done["added"]), done["refused"]) == ("sea", 2, 2, [])
    again = send(shared, OTHER, RECORDS + '{"title": ""}\n', "../../../etc/passwd").json()
    assert (again["added"], again["known"]) == ([], 2)
    assert [(r["file"], r["line"]) for r in again["refused"]] == [("passwd", 3)]
    bearer = {"authorization": f"Bearer {OTHER}"}
    found = httpx.get(f"{shared}/papers", params={"collection": "sea", "query": "ice"}, headers=bearer).json()
    assert [(p["title"], p["sources"]) for p in found["papers"]] == [("On ice", ["new.jsonl"])], "where it came from"


def test_who_may_not_adds_nothing(shared: str, home: Path) -> None:
    assert is_problem(send(shared, KEY, RECORDS), 403, "RAG_ADDERS")
    assert is_problem(send(shared, "x", RECORDS), 401, "RAG_API_KEYS")
    assert not (home / "collections" / "sea").exists()


def test_a_pdf_is_refused_with_what_to_give_instead(shared: str) -> None:
    (refused,) = send(shared, OTHER, b"%PDF-1.7").json()["refused"]
    assert "is a PDF" in refused["reason"]


def test_uploads_have_a_size_and_a_quota(shared: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "MAX_UPLOAD", 10_000)
    monkeypatch.setattr(intake, "_FORM", 1_000)
    assert is_problem(send(shared, OTHER, b"x" * 20_000), 413, "bytes")
    monkeypatch.setattr(intake, "QUOTA", 5_000)
    assert is_problem(send(shared, OTHER, b"x" * 8_000), 429, "no room")


def test_people_call_with_their_password(shared: str) -> None:
    asked = {"question": "What is saved?"}
    assert httpx.post(f"{shared}/ask", json=asked, auth=("ada", "correct horse")).json()["citations"]
    assert is_problem(httpx.post(f"{shared}/ask", json=asked, auth=("ada", "wrong horse")), 401, "wrong")
    assert is_problem(httpx.post(f"{shared}/ask", json=asked), 401, "RAG_API_KEYS")


def test_pages_of_other_sites_and_other_names_are_refused(http: httpx.Client) -> None:
    assert is_problem(http.post("/ask", json={"question": "Q?"}, headers={"origin": "https://evil.example"}), 403, "")
    assert is_problem(http.get("/papers", headers={"host": "evil.example"}), 403, "RAG_AUTH")


def test_a_key_has_calls_of_its_own(home: Path) -> None:
    config = Config(home=home, api_keys=f"notebook:{KEY},pipeline:{OTHER}", api_limit=1)
    with answering(config) as address:

        def ask(key: str) -> httpx.Response:
            headers = {"authorization": f"Bearer {key}"}
            return httpx.post(f"{address}/api/v1/ask", json={"question": "What is saved?"}, headers=headers)

        assert ask(KEY).status_code == 200
        assert is_problem(ask(KEY), 429, "1 calls within a minute")
        assert ask(OTHER).status_code == 200


def test_a_key_in_the_name_of_a_field_is_struck_out(shared: str) -> None:
    bearer = {"authorization": f"Bearer {OTHER}"}
    echoed = httpx.post(f"{shared}/ask", json={"question": "Q?", KEY: 1}, headers=bearer, timeout=60)
    assert is_problem(echoed, 422, "Extra inputs are not permitted")
    assert KEY not in echoed.text
