"""The tools for assistants, called by the client of MCP's SDK over both transports."""

from __future__ import annotations

import asyncio
import json
import sys
import tomllib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from api_server import answering
from fake_rag import FakeRag
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult
from pydantic import AnyUrl
from serving import ROOT

import rag
from rag.core.config import Config

if TYPE_CHECKING:
    from rag.service import Rag

QUESTION = "What does double quantization save in QLoRA?"
QLORA = "QLoRA: Efficient Finetuning of Quantized LLMs"
KEY = "the-key-of-an-assistant"
CONTEXT = 12_000
"""Characters that a result may have: some 3,000 tokens."""


@pytest.fixture(scope="module")
def address(collection: Rag) -> Iterator[str]:
    with answering(collection.config, collection) as address:
        yield address


def talk(address: str, work: Callable[[ClientSession], Awaitable[Any]], key: str = "") -> Any:
    """What `work` makes of a session over HTTP."""
    headers = {"authorization": f"Bearer {key}"} if key else {}

    async def connected() -> Any:
        async with (
            httpx.AsyncClient(headers=headers, timeout=60) as http,
            streamable_http_client(f"{address}/mcp", http_client=http) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await work(session)

    return asyncio.run(connected())


def call(address: str, tool: str, key: str = "", **arguments: Any) -> CallToolResult:
    return talk(address, lambda session: session.call_tool(tool, arguments), key)


def text(result: CallToolResult) -> str:
    (content,) = result.content
    assert not result.isError, content.text
    assert len(content.text) < CONTEXT
    return str(content.text)


def test_the_tools_are_five_and_say_what_they_take_and_give(address: str) -> None:
    tools = {tool.name: tool for tool in talk(address, lambda session: session.list_tools()).tools}
    assert {name: set(tool.inputSchema.get("required", ())) for name, tool in tools.items()} == {
        "ask": {"question"},
        "search_papers": {"query"},
        "get_paper": {"paper"},
        "compare": {"papers", "aspects"},
        "list_collections": set(),
    }
    assert {"history", "papers", "years", "authors", "venues", "collection"} <= set(
        tools["ask"].inputSchema["properties"]
    )
    for tool in tools.values():
        assert len(tool.description or "") > 50
        assert "  " not in (tool.description or ""), "without the indentation of the source"
        assert tool.outputSchema
        assert tool.annotations
        assert tool.annotations.readOnlyHint
        assert "context" not in tool.inputSchema["properties"]


def test_an_assistant_asks_and_gets_quotes_to_the_letter(address: str, collection: Rag) -> None:
    result = call(address, "ask", question=QUESTION)
    told = result.structuredContent
    assert told
    abstracts = {p.id: p.abstract for p in collection.papers()}
    assert told["state"] == "answers"
    assert told["citations"]
    for cited in told["citations"]:
        assert cited["quote"] in abstracts[cited["paper_id"]]
        assert f"[{cited['marker']}] **{cited['title']}**: “" in text(result)
    assert text(call(address, "ask", question="Who won the world cup in 2018?")).startswith("State: nothing\n")


def test_an_assistant_asks_again_and_of_chosen_papers(address: str) -> None:
    history = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": f"**{QLORA}** saves memory."}]
    assert "QLoRA" in text(call(address, "ask", question="What is its title?", history=history))
    told = call(address, "ask", question="What is saved?", papers=[QLORA]).structuredContent
    assert told
    assert {cited["title"] for cited in told["citations"]} == {QLORA}


def test_an_assistant_finds_and_reads_papers(address: str, collection: Rag) -> None:
    found = call(address, "search_papers", query="fine-tuning in four bits", limit=3)
    values = found.structuredContent
    assert values
    papers = {p.id: p for p in collection.papers()}
    assert len(values["papers"]) == 3
    assert all(hit["quote"] in papers[hit["id"]].abstract for hit in values["papers"])
    assert f"(id: {values['papers'][0]['id']})" in text(found)
    by_words = call(address, "search_papers", query="qlora", by="words").structuredContent
    assert by_words
    assert by_words["found"] == 1
    (id,) = [hit["id"] for hit in by_words["papers"]]
    for name in (id, QLORA.lower()):
        read = call(address, "get_paper", paper=name)
        assert read.structuredContent
        assert read.structuredContent["abstract"] == papers[id].abstract
        assert text(read).startswith(f"# {QLORA}\n")


def test_papers_are_resources(address: str, collection: Rag) -> None:
    paper = collection.papers()[0]

    async def read(session: ClientSession) -> Any:
        (template,) = (await session.list_resource_templates()).resourceTemplates
        assert template.uriTemplate == "paper://{collection}/{id}"
        return (await session.read_resource(AnyUrl(f"paper://papers/{paper.id}"))).contents[0]

    content = talk(address, read)
    assert content.mimeType == "text/markdown"
    assert content.text.startswith("# ")
    assert f"id: {paper.id}" in content.text


def test_an_assistant_compares_and_lists_collections(address: str) -> None:
    table = call(address, "compare", papers=["QLoRA", "GPipe"], aspects=["memory", "bananas"])
    assert table.structuredContent
    row = table.structuredContent["rows"][0]
    assert row["title"] == QLORA
    assert row["cells"][0]["quotes"]
    assert row["cells"][1] == {"aspect": "bananas", "quotes": []}
    assert text(table).startswith("| Paper | memory | bananas |")
    held = call(address, "list_collections").structuredContent
    assert held == {"usual": "papers", "collections": [{"name": "papers", "papers": 82}]}


@pytest.mark.parametrize(
    ("tool", "arguments", "reason"),
    [
        ("ask", {"question": " "}, "The question is empty"),
        ("ask", {"question": {"a": "dictionary"}}, "valid string"),
        ("ask", {"question": "Q?", "papers": ["Bananas"]}, "There is no paper 'Bananas'"),
        ("ask", {"question": "Q?", "years": "lately"}, "The years 'lately': give a year"),
        ("ask", {"question": "Q?", "collection": "bananas"}, "no collection 'bananas'"),
        ("search_papers", {"query": "x", "limit": 0}, "greater than or equal to 1"),
        ("get_paper", {"paper": "Bananas"}, "There is no paper 'Bananas'"),
        ("compare", {"papers": ["Bananas"], "aspects": ["memory"]}, "Bananas"),
        ("ask", {}, "question"),
    ],
)
def test_what_a_tool_cannot_do_it_says_in_a_sentence(
    address: str, tool: str, arguments: dict[str, Any], reason: str
) -> None:
    result = call(address, tool, **arguments)
    assert result.isError
    (content,) = result.content
    assert reason in content.text
    assert "Traceback" not in content.text


def test_only_with_a_key_and_so_many_times_a_minute(home: Path) -> None:
    config = Config(home=home, api_keys=f"assistant:{KEY}", api_limit=1)
    with answering(config, FakeRag(config)) as address:
        assert text(call(address, "ask", KEY, question="What is saved?"))
        refused = call(address, "ask", KEY, question="What is saved?")
        assert refused.isError
        assert "1 calls within a minute" in refused.content[0].text
        for key in ("", "x"):
            with pytest.raises(BaseExceptionGroup) as caught:
                talk(address, lambda session: session.list_tools(), key)
            assert "401" in repr(caught.value.exceptions) or "401" in str(_root(caught.value))


def _root(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def test_a_fault_says_nothing_of_its_cause(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with answering(Config(home=home)) as address:
        result = call(address, "ask", question="crash")
    assert result.isError
    assert "an error of its own" in result.content[0].text
    assert "a fault" in caplog.text


def test_a_program_that_is_started_talks_over_its_standard_input(collection: Rag) -> None:
    """As Claude Desktop and editors do it."""
    arguments = ["-m", "rag.cli", "mcp", "--home", str(collection.config.home)]
    server = StdioServerParameters(command=sys.executable, args=arguments, env={"PYTHONPATH": str(ROOT)})

    async def connected() -> tuple[str, CallToolResult]:
        async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
            begun = await session.initialize()
            assert begun.serverInfo.name == "paper-rag"
            assert "exact quotes" in (begun.instructions or "")
            return str(begun.protocolVersion), await session.call_tool("ask", {"question": QUESTION})

    version, result = asyncio.run(connected())
    assert version == "2025-11-25"
    assert "**Sources**" in text(result)


def test_the_entry_of_the_registry_fits_the_package() -> None:
    entry = json.loads((ROOT / "server.json").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (package,) = entry["packages"]
    assert (package["identifier"], package["registryType"]) == (project["name"], "pypi")
    assert entry["version"] == package["version"] == rag.__version__
    assert package["transport"] == {"type": "stdio"}
    command = [a.get("value", a.get("name")) for a in package["runtimeArguments"] + package["packageArguments"]]
    assert command == [f"{project['name']}[mcp]", "rag", "mcp"]
    assert "rag" in project["scripts"]
    assert len(entry["description"]) <= 100
    assert f"mcp-name: {entry['name']}" in (ROOT / "README.md").read_text()
    known = (ROOT / ".env.example").read_text()
    assert all(f"#{variable['name']}=" in known for variable in package["environmentVariables"])


def test_without_the_sdk_of_mcp_it_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == "rag.api.tools" or name.startswith("mcp.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp", None)
    with answering(Config(home=home)) as address:
        refused = httpx.post(f"{address}/mcp", json={}, timeout=60)
    assert (refused.status_code, refused.json()["detail"].count("pip install 'paper-rag[mcp]'")) == (501, 1)
