"""The tools of the page for assistants, and its endpoints behind the login, as clients of both kinds use them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult
from serving import free_port, serving

from rag.web.api import MAX_LIMIT
from rag.web.login import OUTSIDE

if TYPE_CHECKING:
    from rag.service import Rag

ROOT = Path(__file__).parent.parent
ALICE = ("alice", "correct: horse é")
QUESTION = "What does double quantization save in QLoRA?"
NARROWING = {"years": "string", "authors_json": "string", "venues_json": "string"}
QLORA = "QLoRA: Efficient Finetuning of Quantized LLMs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def address(collection: Rag, folder: Path) -> Iterator[str]:
    arguments = ["-m", "rag.cli", "serve", "--mcp", "--port", str(free_port()), "--home", str(collection.config.home)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAG_AUTH", ":".join(ALICE))
        with serving(folder, arguments) as address:
            yield address


def talk(address: str, work: Callable[[ClientSession], Awaitable[Any]], auth: tuple[str, str] | None = ALICE) -> Any:
    """What `work` makes of a session with the tools."""

    async def connected() -> Any:
        async with (
            httpx.AsyncClient(auth=auth, timeout=60) as http,
            streamable_http_client(f"{address}gradio_api/mcp/", http_client=http) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await work(session)

    return asyncio.run(connected())


def call(address: str, tool: str, **arguments: Any) -> CallToolResult:
    return talk(address, lambda session: session.call_tool(tool, arguments))


def value(result: CallToolResult) -> Any:
    (content,) = result.content
    assert not result.isError, content.text
    return json.loads(content.text)


def test_the_tools_are_three_and_say_what_they_take_and_give(address: str) -> None:
    tools = {tool.name: tool for tool in talk(address, lambda session: session.list_tools()).tools}
    wanted = {
        "ask": {"question": "string", "history_json": "string", "papers_json": "string", **NARROWING},
        "papers": {"query": "string", "limit": "integer", **NARROWING},
        "compare": {"papers_json": "string", "aspects_json": "string"},
    }
    assert {
        name: {parameter: of["type"] for parameter, of in tool.inputSchema["properties"].items()}
        for name, tool in tools.items()
    } == wanted
    for tool in tools.values():
        assert len(tool.description or "") > 60
        assert "Returns: JSON" in (tool.description or "")
        assert all(len(of["description"]) > 30 for of in tool.inputSchema["properties"].values())
    assert tools["ask"].inputSchema["required"] == ["question"]
    assert "required" not in tools["papers"].inputSchema


def test_an_assistant_asks_and_gets_the_contract(address: str, collection: Rag) -> None:
    answer = value(call(address, "ask", question=QUESTION))
    jsonschema.validate(answer, json.loads((ROOT / "tests" / "answer.schema.json").read_text()))
    abstracts = {p.id: p.abstract for p in collection.papers()}
    assert answer["citations"]
    assert all(abstracts[c["paper_id"]][c["start"] : c["end"]] == c["quote"] for c in answer["citations"])


def test_an_assistant_asks_about_one_paper(address: str) -> None:
    found = value(call(address, "papers", query="qlora", limit=1))
    (paper,) = found["papers"]
    assert (found["found"], paper["title"]) == (1, QLORA)
    for name in (paper["id"], paper["title"].lower()):
        answer = value(call(address, "ask", question="What is saved?", papers_json=json.dumps([name])))
        assert {r["paper_id"] for r in answer["retrieved"]} == {paper["id"]}
        assert answer["searched"] == 1


def test_an_assistant_compares(address: str, collection: Rag) -> None:
    arguments = {"papers_json": json.dumps(["QLoRA", "GPipe"]), "aspects_json": json.dumps(["memory", "speedup"])}
    table = value(call(address, "compare", **arguments))
    assert table["aspects"] == ["memory", "speedup"]
    assert table["rows"][0]["title"] == QLORA
    abstracts = {p.id: p.abstract for p in collection.papers()}
    quotes = [quote for row in table["rows"] for cell in row["cells"] for quote in cell["quotes"]]
    assert quotes
    assert all(quote["quote"] in abstracts[quote["paper_id"]] for quote in quotes)


@pytest.mark.parametrize(
    ("tool", "arguments", "reason"),
    [
        ("ask", {"question": " "}, "The question is empty"),
        ("ask", {"question": "Q?", "history_json": "{"}, "history_json is not JSON"),
        ("ask", {"question": "Q?", "papers_json": '["Bananas"]'}, "There is no paper 'Bananas'"),
        ("ask", {"question": "Q?", "papers_json": "[1]"}, "Pass a list of ids or titles"),
        ("ask", {"question": "Q?", "years": "lately"}, "The years 'lately': give a year"),
        ("ask", {"question": "Q?", "years": "2019-"}, "No paper of the collection is of these years"),
        ("ask", {"question": "Q?", "authors_json": "Odgers"}, "authors_json is not JSON"),
        ("papers", {"venues_json": '[""]'}, "One of the venues"),
        ("papers", {"limit": 0}, f"from 1 to {MAX_LIMIT:,}"),
        ("papers", {"query": "x" * 5000}, "shorten it"),
        ("compare", {"papers_json": "[]", "aspects_json": '["memory"]'}, "papers"),
        ("compare", {"papers_json": '["Bananas"]', "aspects_json": '["memory"]'}, "Bananas"),
        ("compare", {"papers_json": '["QLoRA"]', "aspects_json": '{"a": 1}'}, "aspects_json is not a list"),
        ("ask", {}, "'question' is a required property"),
    ],
)
def test_what_a_tool_cannot_do_it_says_in_a_sentence(
    address: str, tool: str, arguments: dict[str, Any], reason: str
) -> None:
    result = call(address, tool, **arguments)
    assert result.isError
    (content,) = result.content
    assert reason in content.text
    assert not content.text.startswith(("'", '"')), "a sentence, and not how Python would print it"
    assert "Traceback" not in content.text


def test_events_of_the_page_are_no_tools(address: str) -> None:
    private = [d["api_name"] for d in config(address)["dependencies"] if d["api_visibility"] == "private"]
    assert private
    for name in private[:3]:
        result = call(address, str(name))
        assert result.isError
        assert "Unknown tool" in result.content[0].text


def config(address: str) -> Any:
    return httpx.get(f"{address}config", auth=ALICE).json()


def test_assistants_that_are_not_logged_in_get_nothing(address: str) -> None:
    for auth in (None, ("alice", "wrong")):
        with pytest.raises(BaseExceptionGroup) as caught:
            talk(address, lambda session: session.list_tools(), auth)
        refused = caught.value.exceptions[0]
        while isinstance(refused, BaseExceptionGroup):
            refused = refused.exceptions[0]
        assert isinstance(refused, httpx.HTTPStatusError)
        assert refused.response.status_code == 401


def test_no_path_answers_without_a_login(address: str) -> None:
    for path in ("", "config", "gradio_api/info", "gradio_api/mcp/schema", "theme.css", "assets/x.js", "no-such-page"):
        reply = httpx.get(address + path)
        assert (reply.status_code, reply.json()) == (401, {"detail": OUTSIDE})
        assert "default-src 'self'" in reply.headers["content-security-policy"]
    for path in ("gradio_api/queue/join", "gradio_api/call/ask", "gradio_api/upload", "gradio_api/run/ask"):
        assert httpx.post(address + path, json={"data": [QUESTION]}).status_code == 401


def test_gradio_client_logs_in_and_calls_by_name(address: str) -> None:
    from gradio_client import Client
    from gradio_client.exceptions import AuthenticationError

    client = Client(address, auth=ALICE, verbose=False, analytics_enabled=False)
    assert client.predict(QUESTION, api_name="/ask")["citations"]
    assert client.predict("qlora", api_name="/papers")["found"] == 1
    for auth in (("alice", "wrong"), None):
        with pytest.raises(AuthenticationError):
            Client(address, auth=auth, verbose=False, analytics_enabled=False)


def test_the_documentation_says_what_each_parameter_is(address: str) -> None:
    named = httpx.get(f"{address}gradio_api/info", auth=ALICE).json()["named_endpoints"]
    assert list(named) == ["/ask", "/papers", "/compare"]
    for endpoint in named.values():
        assert len(endpoint["description"]) > 60
        assert all(len(p["python_type"]["description"]) > 30 for p in endpoint["parameters"])
        assert endpoint["returns"][0]["type"]["type"] == "object"


def test_the_password_is_nowhere(address: str, folder: Path) -> None:
    assert ALICE[1] not in (folder / "server.log").read_text()
    for path in ("", "config", "gradio_api/info", "login"):
        assert ALICE[1] not in httpx.get(address + path, auth=ALICE).text


def test_a_login_leads_to_the_page_that_was_asked_for(address: str) -> None:
    browser = {"accept": "text/html"}
    with httpx.Client(base_url=address, headers=browser) as client:
        asked = client.get("/?q=GPipe%3F")
        assert asked.status_code == 401
        page = re.search(r'name="next" value="([^"]*)"', asked.text)
        assert page
        form = {"username": ALICE[0], "password": ALICE[1], "next": page[1]}
        reply = client.post("/login", data=form, headers={"origin": address.rstrip("/")})
        assert (reply.status_code, reply.headers["location"]) == (303, "/?q=GPipe%3F")
        assert "Paper RAG" in client.get(reply.headers["location"]).text
        client.post("/logout")
        assert client.get("/").status_code == 401
