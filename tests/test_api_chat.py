"""The endpoint in OpenAI's form, called by OpenAI's SDK, by LlamaIndex, and as Open WebUI and LibreChat call it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import openai
import pytest
from api_server import answering
from fake_rag import DRAFT, QUOTE, FakeRag
from serving import ROOT, free_port, serving

from rag.core.answer import Answer
from rag.core.config import Config

if TYPE_CHECKING:
    from rag.service import Rag

QUESTION = "What does double quantization save in QLoRA?"
KEY = "a-key-of-a-notebook"


@pytest.fixture(scope="module")
def address(collection: Rag, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """As `rag serve --api` serves it."""
    arguments = ["-m", "rag.cli", "serve", "--api", "--port", str(free_port()), "--home", str(collection.config.home)]
    with serving(tmp_path_factory.mktemp("api"), arguments) as address:
        yield address.rstrip("/")


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none-needed", max_retries=0) as client:
        yield client


@pytest.fixture
def fake(home: Path) -> FakeRag:
    return FakeRag(Config(home=home, model="fake-1", base_url="http://127.0.0.1:9/v1"))


@pytest.fixture
def faked(fake: FakeRag) -> Iterator[openai.OpenAI]:
    """A client of a server whose answers a model writes."""
    with (
        answering(fake.config, fake) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="x", max_retries=0) as client,
    ):
        yield client


def user(text: Any) -> Any:
    return {"role": "user", "content": text}


def ask(client: openai.OpenAI, *messages: Any, **more: Any) -> Any:
    return client.chat.completions.create(model="paper-rag/papers", messages=list(messages), **more)


# --- the SDK of OpenAI ----------------------------------------------------------------------------------------------


def test_each_collection_is_a_model(client: openai.OpenAI) -> None:
    (model,) = client.models.list().data
    assert (model.id, model.owned_by, model.object) == ("paper-rag/papers", "paper-rag", "model")
    assert abs(time.time() - model.created) < 86_400
    assert client.models.retrieve("paper-rag/papers") == model
    with pytest.raises(openai.NotFoundError, match="no collection 'bananas' here; there are papers"):
        client.models.retrieve("paper-rag/bananas")


def test_an_answer_has_numbered_notes_and_the_whole_answer_beside_them(client: openai.OpenAI, collection: Rag) -> None:
    completion = ask(client, user(QUESTION), temperature=0.2, seed=7, extra_body={"unheard_of": [1]})
    (choice,) = completion.choices
    text = choice.message.content
    answer = completion.paper_rag
    jsonschema.validate(answer, json.loads((ROOT / "tests" / "answer.schema.json").read_text()))
    body, _, notes = text.partition("**Sources**")
    assert choice.finish_reason == "stop"
    assert answer["citations"]
    for citation in answer["citations"]:
        assert f"[{citation['marker']}]" in body
        assert f"[{citation['marker']}] **{citation['title']}**: “{citation['quote']}”" in notes
    abstracts = {p.id: p.abstract for p in collection.papers()}
    assert all(c["quote"] in abstracts[c["paper_id"]] for c in answer["citations"])


def test_a_streamed_answer_is_the_same_text_in_pieces(client: openai.OpenAI) -> None:
    whole = ask(client, user(QUESTION))
    chunks = list(ask(client, user(QUESTION), stream=True, stream_options={"include_usage": True}))
    assert len(chunks) > 5
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert Answer.from_json(chunks[-2].paper_rag).citations == Answer.from_json(whole.paper_rag).citations
    assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], 0)
    assert not any(c.usage for c in ask(client, user(QUESTION), stream=True))


def test_a_question_may_refer_to_what_was_said_before(client: openai.OpenAI) -> None:
    first = ask(client, {"role": "system", "content": "You are a pirate."}, user(QUESTION))
    said = {"role": "assistant", "content": first.choices[0].message.content}
    second = ask(client, user(QUESTION), said, user([{"type": "text", "text": "What is its title?"}]))
    assert "QLoRA" in second.paper_rag["standalone_question"]


def test_notes_and_instructions_are_no_part_of_the_conversation(fake: FakeRag, faked: openai.OpenAI) -> None:
    text = ask(faked, user("What is saved?")).choices[0].message.content
    tool = {"role": "tool", "tool_call_id": "1", "content": "42"}
    said = {"role": "assistant", "content": text}
    ask(faked, {"role": "developer", "content": "Be brief."}, user("What is saved?"), said, tool, user("How?"))
    question, history = fake.asked[-1]
    assert question == "How?"
    assert [(t.role, t.content) for t in history] == [
        ("user", "What is saved?"),
        ("assistant", f"**QLoRA**: {QUOTE} [1]"),
    ]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "messages: List should have at least 1 item"),
        ([user("")], "The question is empty"),
        ([user({"a": "dictionary"})], r"messages.0.content"),
        ([user("x" * 5_000)], "5,?000 characters"),
        ([{"role": "system", "content": "Hello"}], "no question"),
        ([user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}])], "Only text is read here"),
    ],
)
def test_what_cannot_be_answered_is_an_error_of_openai(client: openai.OpenAI, messages: Any, reason: str) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError, match=reason) as caught:
            ask(client, *messages, stream=stream)
        assert isinstance(caught.value.body, dict)
        assert set(caught.value.body) == {"message", "type", "param", "code"}
        assert caught.value.type == "invalid_request_error"


def test_an_unknown_model_and_an_unknown_path_are_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="gpt-4o") as caught:
        client.chat.completions.create(model="gpt-4o", messages=[user("Hello")])
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError, match="nothing at POST /v1/embeddings"):
        client.embeddings.create(model="x", input="y")


# --- where a model writes -------------------------------------------------------------------------------------------


def test_a_draft_is_shown_as_thinking_and_the_text_is_the_checked_one(faked: openai.OpenAI) -> None:
    chunks = [c.choices[0].delta for c in ask(faked, user("A written answer?"), stream=True)]
    thoughts = "".join(getattr(d, "reasoning_content", None) or "" for d in chunks)
    text = "".join(d.content or "" for d in chunks)
    assert thoughts.startswith("Reading the question\n")
    assert "And a guess." in thoughts
    assert "And a guess." not in text
    assert "[unsupported]" in text
    assert "[2] **QLoRA: Efficient Finetuning**: “QLoRA is frugal.”" in text


def test_the_tokens_of_the_model_are_counted(faked: openai.OpenAI) -> None:
    usage = ask(faked, user("A written answer?")).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (1000, 234, 1234)


def test_a_model_that_fails_is_an_error_before_the_stream_and_in_it(faked: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError, match=r"models\.example broke") as caught:
        ask(faked, user("unreachable"))
    assert caught.value.status_code == 502
    seen = ""
    with pytest.raises(openai.APIError, match=r"models\.example broke"):
        for chunk in ask(faked, user("unreachable"), stream=True):
            seen += getattr(chunk.choices[0].delta, "reasoning_content", None) or ""
    assert DRAFT in seen


def test_a_fault_says_nothing_of_its_cause(faked: openai.OpenAI, caplog: pytest.LogCaptureFixture) -> None:
    for stream in (False, True):
        with pytest.raises(openai.APIError, match="an error of its own") as caught:
            list(ask(faked, user("crash"), stream=stream))
        assert "a fault" not in str(caught.value)
    assert "a fault" in caplog.text


@pytest.mark.parametrize("stream", [False, True])
def test_who_goes_stops_the_model(fake: FakeRag, faked: openai.OpenAI, stream: bool) -> None:
    if stream:
        reply = ask(faked, user("endless"), stream=True)
        assert next(iter(reply))
        reply.close()
    else:
        with pytest.raises(openai.APITimeoutError):
            ask(faked.with_options(timeout=1), user("endless"))
    (stop,) = fake.stops
    assert stop is not None
    assert stop.wait(10)


# --- keys -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def locked(home: Path) -> Iterator[str]:
    with answering(Config(home=home, api_keys=f"notebook:{KEY}", api_limit=3), FakeRag(Config(home=home))) as address:
        yield address


@pytest.fixture
def keyed(locked: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{locked}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def test_without_a_key_nothing_is_answered(locked: str, keyed: openai.OpenAI) -> None:
    for key in ("x", KEY[:-1], f"{KEY}x", f"notebook:{KEY}"):
        with pytest.raises(openai.AuthenticationError, match="RAG_API_KEYS") as caught:
            keyed.with_options(api_key=key).models.list()
        assert caught.value.code == "invalid_api_key"
        assert key not in caught.value.message or key == "x"
    assert httpx.get(f"{locked}/v1/models").status_code == 401
    assert httpx.get(f"{locked}/v1/models", headers={"authorization": f"Basic {KEY}"}).status_code == 401


def test_a_key_may_make_so_many_calls_a_minute(keyed: openai.OpenAI) -> None:
    for _ in range(3):
        ask(keyed, user("What is saved?"))
    with pytest.raises(openai.RateLimitError, match="3 calls within a minute") as caught:
        ask(keyed, user("What is saved?"))
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 60
    assert keyed.models.list().data, "what costs nothing is not counted"


def test_a_key_is_struck_out_of_what_is_said_back_and_logged(
    keyed: openai.OpenAI, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        keyed.chat.completions.create(model=KEY, messages=[user("Hello")])
    with pytest.raises(openai.InternalServerError):
        ask(keyed, user(f"crash {KEY}"))
    printed = capfd.readouterr()
    logged = "".join(r.getMessage() for r in caplog.records if r.name.startswith(("rag", "uvicorn")))
    assert "crash [key]" in logged or "RuntimeError" in logged
    for said in (str(caught.value), logged, printed.out, printed.err):
        assert KEY not in said


# --- other clients --------------------------------------------------------------------------------------------------


def test_llamaindex_chats_and_streams(address: str) -> None:
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai_like import OpenAILike

    with httpx.Client() as http:
        settings = {"model": "paper-rag/papers", "api_base": f"{address}/v1", "api_key": "x", "http_client": http}
        llm = OpenAILike(**settings, is_chat_model=True)
        reply = llm.chat([ChatMessage(role="user", content=QUESTION)])
        assert "**Sources**" in (reply.message.content or "")
        *_, last = llm.stream_chat([ChatMessage(role="user", content=QUESTION)])
        assert last.message.content == reply.message.content
        assert llm.complete(QUESTION).text == reply.message.content


HISTORY = f"<chat_history>\nUSER: {QUESTION}\nASSISTANT: **QLoRA** saves memory. [1]\n</chat_history>"


def test_open_webui_lists_chats_and_names_the_chat(address: str) -> None:
    """Its server sends these requests with aiohttp: the names of the fields are those of its source."""
    headers = {"authorization": "Bearer", "x-openwebui-user-name": "Ada"}
    with httpx.Client(base_url=address, headers=headers, timeout=60) as http:
        _as_open_webui(http)


def _as_open_webui(http: httpx.Client) -> None:
    assert [m["id"] for m in http.get("/v1/models").json()["data"]] == ["paper-rag/papers"]
    body = {
        "stream": True,
        "model": "paper-rag/papers",
        "messages": [user(QUESTION)],
        "stream_options": {"include_usage": True},
        "tools": [{"type": "function", "function": {"name": "search_web", "parameters": {}}}],
    }
    with http.stream("POST", "/v1/chat/completions", json=body) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in reply.iter_lines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"

    def chore(task: str, form: str) -> Any:
        prompt = f"### Task:\n{task}\n### Output:\nJSON format: {form}\n### Chat History:\n{HISTORY}"
        request = {"model": "paper-rag/papers", "messages": [user(prompt)], "stream": False, "max_completion_tokens": 9}
        reply = http.post("/v1/chat/completions", json=request).json()
        assert "paper_rag" not in reply, "no question was asked"
        return json.loads(reply["choices"][0]["message"]["content"])

    assert chore("Generate a concise title.", '{ "title": "your concise title here" }') == {
        "title": "What does double quantization save in QLoRA"
    }
    assert chore("Generate 1-3 broad tags.", '{ "tags": ["tag1", "tag2"] }') == {"tags": ["Papers"]}
    assert chore("Analyze the chat history.", '{ "queries": ["q1"] }') == {"queries": []}
    questions = chore("Suggest 3-5 follow-ups.", '{ "follow_ups": ["Question 1?"] }')["follow_ups"]
    assert questions
    assert all(question.endswith("?") for question in questions)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "prompt",
    [
        "Provide a concise, 5-word-or-less title for the conversation, using title case conventions. Only return the "
        "title itself.\n\nConversation:\n",
        "Analyze this conversation and provide:\n1. The detected language of the conversation\n2. A concise title in "
        "the detected language (5 words or less, no punctuation or quotation)\n\n",
    ],
)
def test_librechat_names_the_chat(client: openai.OpenAI, prompt: str, stream: bool) -> None:
    reply = ask(client, user(f"{prompt}User: {QUESTION}\nAI: It saves memory."), stream=stream, user="u1", top_p=1)
    text = "".join(c.choices[0].delta.content or "" for c in reply) if stream else reply.choices[0].message.content
    assert text == "What does double quantization save in QLoRA"


def test_a_question_about_titles_is_a_question(client: openai.OpenAI) -> None:
    assert ask(client, user("Which titles have 5 words or less?")).paper_rag["searched"]
