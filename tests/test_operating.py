"""What operators see of a server: whether it is well, figures, the log, spans."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest
from api_server import answering
from endpoint_server import EndpointServer, answer
from fake_rag import FakeRag
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families
from serving import free_port, serving

from rag import Config, RagError, build
from rag.api.collections import Collections
from rag.api.logs import configure

if TYPE_CHECKING:
    from rag.service import Rag

KEY = "the-key-of-a-notebook"
SECRET = "Is my grant proposal on axolotls novel?"


def test_whether_it_is_well_is_told_to_whoever_asks_and_figures_are_not(home: Path) -> None:
    config = Config(home=home, api_keys=f"notebook:{KEY}")
    with answering(config) as address:
        assert httpx.get(f"{address}/healthz").json() == {"status": "ok"}
        assert httpx.get(f"{address}/metrics").status_code == 401
        reply = httpx.get(f"{address}/readyz")
        assert (reply.status_code, reply.json()) == (503, {"status": "starting"})


def test_it_is_ready_once_it_can_answer_and_not_after_its_home_is_gone(home: Path) -> None:
    rag: Any = FakeRag(Config(home=home))
    collections = Collections(rag.config, rag)
    collections.warm_up("What is new?")
    assert collections.status == "ready"
    collections.warm_up("unreachable")
    assert collections.status == "failed"


def test_a_server_that_was_started_gets_ready(collection: Rag, tmp_path: Path) -> None:
    arguments = ["-m", "rag.cli", "serve", "--api", "--port", str(free_port()), "--home", str(collection.config.home)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAG_LOG", "json")
        with serving(tmp_path, arguments) as address:
            end = time.monotonic() + 60
            while httpx.get(f"{address}readyz").json() != {"status": "ready"}:
                assert time.monotonic() < end
                time.sleep(0.1)
            httpx.get(f"{address}api/v1/papers", params={"query": SECRET})
    lines = [line for line in (tmp_path / "server.log").read_text().splitlines() if line.startswith("{")]
    records = [json.loads(line) for line in lines]
    (asked,) = [r for r in records if r.get("path") == "/api/v1/papers"]
    assert {"time", "level", "message", "ms"} <= asked.keys()
    assert (asked["status"], asked["method"], asked["caller"]) == (200, "GET", "local")
    assert SECRET not in "".join(lines)


def test_requests_and_answers_are_counted(home: Path) -> None:
    with answering(Config(home=home)) as address:
        for question, status in (("What is saved?", 200), ("A written answer?", 200), ("nearest", 200), ("", 422)):
            assert httpx.post(f"{address}/api/v1/ask", json={"question": question}).status_code == status
        httpx.get(f"{address}/api/v1/papers/gpipe-00000000")
        httpx.get(f"{address}/api/v1/{SECRET}")
        with httpx.stream("POST", f"{address}/v1/chat/completions", json={
            "messages": [{"role": "user", "content": "A written answer?"}], "stream": True}) as reply:  # fmt: skip
            reply.read()
        text = httpx.get(f"{address}/metrics").text
    families = text_string_to_metric_families(text)
    samples = {(s.name, *sorted(s.labels.values())): s.value for f in families for s in f.samples}
    assert samples["rag_requests_total", "/api/v1/ask", "200"] == 3
    assert samples["rag_requests_total", "/api/v1/ask", "422"] == 1
    assert samples["rag_requests_total", "/api/v1/papers/{id}", "200"] == 1
    assert samples["rag_requests_total", "404", "none"] == 1
    assert samples["rag_answers_total", "nearest", "quoting", "single"] == 1
    assert samples["rag_answers_total", "answers", "generating", "single"] == 2
    assert samples["rag_tokens_total", "prompt"] == 2000
    assert samples["rag_papers",] == 2
    assert "axolotls" not in text


def test_without_the_client_of_prometheus_it_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with answering(Config(home=home)) as address:
        reply = httpx.get(f"{address}/metrics")
        assert httpx.post(f"{address}/api/v1/ask", json={"question": "What is saved?"}).status_code == 200
    assert reply.status_code == 501
    assert "paper-rag[metrics]" in reply.text


def test_no_key_and_no_password_gets_into_the_log(
    home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    config = Config(
        home=home, log="json", api_keys=f"a:{KEY}", auth="ada:a-long-password", api_key="sk-0123456789abcdef"
    )
    configure(config)
    log = logging.getLogger("rag.test")
    try:
        raise RagError(f"{KEY} and a-long-password")
    except RagError:
        log.exception("With %s", config.api_key)
    (line,) = capfd.readouterr().err.splitlines()
    record = json.loads(line)
    assert record["message"] == "With [key]"
    assert "RagError: [key] and [key]" in record["exception"]


# --- spans ----------------------------------------------------------------------------------------------------------


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """An OTLP collector that keeps what it gets."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.raw = b""

    def Export(self, request: Any, context: Any) -> Any:
        self.raw += request.SerializeToString()
        self.spans += [s for r in request.resource_spans for scope in r.scope_spans for s in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()

    def named(self, name: str) -> list[Any]:
        """The spans of this name, once some have come."""
        end = time.monotonic() + 20
        while time.monotonic() < end and not any(s.name == "ask" for s in self.spans):
            time.sleep(0.05)
        return [s for s in self.spans if s.name == name]


@pytest.fixture
def collector() -> Iterator[tuple[Collector, str]]:
    kept, server = Collector(), grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(kept, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield kept, f"http://127.0.0.1:{port}"
    server.stop(1).wait()


def values(span: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes}


def test_a_question_its_stages_and_the_calls_of_the_model_are_spans(
    collection: Rag, collector: tuple[Collector, str]
) -> None:
    kept, address = collector
    with EndpointServer(
        answer("Double quantization reduces the memory footprint of the constants in QLoRA.")
    ) as server:
        config = Config(
            home=collection.config.home, otel=address, model="m", base_url=server.url, api_key="sk-0123456789abcdef"
        )
        with build(config) as rag:
            rag.ask("What does double quantization save in QLoRA?")
        (asked,) = kept.named("ask")
    assert values(asked)["paper_rag.mode"] == "generating"
    (called, *_) = kept.named("chat m")
    assert called.trace_id == asked.trace_id
    assert called.parent_span_id == asked.span_id
    assert values(called)["gen_ai.request.model"] == "m"
    assert values(called)["gen_ai.usage.output_tokens"] > 0
    assert {"understand", "retrieve", "answer"} <= {s.name for s in kept.spans if s.parent_span_id == asked.span_id}
    assert b"quantization" not in kept.raw, "no question"
    assert b"0123456789abcdef" not in kept.raw


def test_questions_are_in_spans_where_that_is_wished_and_failures_by_their_kind(
    collection: Rag, collector: tuple[Collector, str]
) -> None:
    kept, address = collector
    with build(Config(home=collection.config.home, otel=address, otel_questions=True)) as rag:
        rag.ask("What is GPipe?")
        (asked,) = kept.named("ask")
    assert values(asked)["input.value"] == "What is GPipe?"
    assert "GPipe" in values(asked)["output.value"]
