"""The measurement of what we cost over the bare call of a model: that it measures what it says."""

from __future__ import annotations

import time

import pytest
from eval.paced_server import PacedServer, pieces

from eval.overhead import ANSWER, Turn, delays
from rag.llm.client import Client
from rag.llm.endpoint import Endpoint
from rag.llm.prompts import Message


def test_the_answer_comes_in_pieces_of_the_size_of_tokens() -> None:
    found = pieces(ANSWER)
    assert "".join(found) == ANSWER
    assert 190 <= len(found) <= 240
    assert max(map(len, found)) <= 7


def test_a_delay_lasts_from_the_socket_until_the_last_letter_is_shown() -> None:
    written = [(0.0, "Before"), (10.0, "Fast"), (10.1, " [1]"), (10.2, "."), (10.3, " Wro"), (10.4, "ng"), (10.5, ".")]
    shown = ((10.02, "Fast"), (10.32, " [1]. "), (10.5, "Wrong"), (10.6, " [unsupported]. And more [2]."))
    assert delays(written, Turn(9.0, 2.0, 7, shown)) == pytest.approx([0.02, 0.2, 0.1])


def test_the_server_keeps_to_its_pace() -> None:
    with PacedServer("One two three four.", tokens_a_second=20) as server:
        client = Client(Endpoint("paced", base_url=server.url))
        start = time.perf_counter()
        assert "".join(client.stream([Message("user", "?")])) == "One two three four."
    assert [piece for _, piece in server.written] == ["One", " two", " three", " four", "."]
    # No sooner than its pace; how much later is the machine's affair.
    assert server.written[-1][0] - start >= 5 / 20
