"""The newer interface in OpenAI's form, called by OpenAI's SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import openai
import pytest
from api_server import answering

if TYPE_CHECKING:
    from rag.service import Rag

QUESTION = "What is GPipe?"
MODEL = "paper-rag/papers"


@pytest.fixture(scope="module")
def client(collection: Rag) -> Iterator[openai.OpenAI]:
    with (
        answering(collection.config, collection) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


def test_a_response_has_the_answer_with_its_notes_as_annotations(client: openai.OpenAI) -> None:
    response: Any = client.responses.create(model=MODEL, input=QUESTION, instructions="Be brief.", temperature=0)
    assert (response.status, response.model) == ("completed", MODEL)
    notes = response.output[0].content[0].annotations
    assert [n.file_id for n in notes] == [c["paper_id"] for c in response.paper_rag["citations"]]
    for note, citation in zip(notes, response.paper_rag["citations"], strict=True):
        assert response.output_text[note.index :].startswith(f"[{citation['marker']}]")
        assert note.filename == citation["title"]


def test_a_streamed_response_is_the_same_text_in_pieces(client: openai.OpenAI) -> None:
    whole = client.responses.create(model=MODEL, input=QUESTION)
    with client.responses.stream(model=MODEL, input=QUESTION) as stream:
        events = list(stream)
        last: Any = stream.get_final_response()
    pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(pieces) > 3
    assert "".join(pieces) == whole.output_text == last.output_text
    assert [event.sequence_number for event in events] == sorted(event.sequence_number for event in events)
    assert last.paper_rag["citations"]


def test_the_conversation_comes_with_each_request(client: openai.OpenAI) -> None:
    first = client.responses.create(model=MODEL, input=QUESTION)
    said: list[Any] = [item.model_dump() for item in first.output]
    asked = {"role": "user", "content": [{"type": "input_text", "text": "What is its title?"}]}
    called = {"type": "function_call_output", "call_id": "1", "output": "42"}
    second: Any = client.responses.create(
        model=MODEL, input=[{"role": "user", "content": QUESTION}, *said, called, asked]
    )
    assert "GPipe" in second.paper_rag["standalone_question"]
    with pytest.raises(openai.BadRequestError, match="send the whole conversation"):
        client.responses.create(model=MODEL, input="And why?", previous_response_id=first.id)


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_wrong_has_a_status_and_words(client: openai.OpenAI, stream: bool) -> None:
    with pytest.raises(openai.NotFoundError, match="no collection 'bananas'"):
        client.responses.create(model="paper-rag/bananas", input=QUESTION, stream=stream)
    with pytest.raises(openai.BadRequestError, match="at most 4,000"):
        client.responses.create(model=MODEL, input="x" * 5_000, stream=stream)
    with pytest.raises(openai.BadRequestError, match="input_image"):
        picture: Any = {"role": "user", "content": [{"type": "input_image", "image_url": "data:,"}]}
        client.responses.create(model=MODEL, input=[picture], stream=stream)
