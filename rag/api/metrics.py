"""What a server tells Prometheus about itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rag.core.answer import Answer

if TYPE_CHECKING:
    from prometheus_client import Counter

NOT_INSTALLED = "Metrics need the client of Prometheus: pip install 'paper-rag[metrics]'."
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """Counts requests and answers. ImportError where the client of Prometheus is not installed."""

    def __init__(self, waiting: Callable[[], int], papers: Callable[[], int]) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self._registry = CollectorRegistry()

        def counter(name: str, about: str, labels: tuple[str, ...]) -> Counter:
            return Counter(name, about, labels, registry=self._registry)

        self._requests = counter("rag_requests", "Requests of programs.", ("endpoint", "status"))
        self._answers = counter("rag_answers", "Answers to programs.", ("kind", "state", "mode"))
        self._tokens = counter("rag_tokens", "Tokens of the language model.", ("direction",))
        self._seconds = Histogram(
            "rag_request_seconds", "Seconds of a request.", ("endpoint",), buckets=_SECONDS, registry=self._registry
        )
        Gauge("rag_calls_waiting", "Calls that wait for their turn.", registry=self._registry).set_function(waiting)
        Gauge("rag_papers", "Papers of the usual collection.", registry=self._registry).set_function(papers)

    def requested(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request; `endpoint` is a pattern, as /api/v1/papers/{id}."""
        self._requests.labels(endpoint, str(status)).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def answered(self, answer: Answer) -> None:
        """Count an answer, and the tokens that it took."""
        self._answers.labels(answer.kind, answer.state, answer.mode).inc()
        self._tokens.labels("prompt").inc(answer.prompt_tokens)
        self._tokens.labels("completion").inc(answer.completion_tokens)

    def text(self) -> bytes:
        """All of it in the text format of Prometheus."""
        from prometheus_client import generate_latest

        return bytes(generate_latest(self._registry))
