"""Spans of OpenTelemetry: a question, its stages, and the calls of the model, where `RAG_OTEL` says where they go.

The names of attributes are those of the conventions for generative models
(https://opentelemetry.io/docs/specs/semconv/gen-ai/) and, for texts, of OpenInference. No key is in a
span, a question only where `RAG_OTEL_QUESTIONS` wishes it. Nothing of OpenTelemetry is loaded unless it is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rag.core.answer import Answer, Event, Step
from rag.core.config import Config
from rag.core.errors import ConfigError

_SECONDS = 5  # that a collector may take
Attributes = Mapping[str, str | int | float | bool | None]


class Span:
    """A stretch of work that may have parts; without a tracer it does nothing, and so do its parts."""

    def __init__(self, tracer: Any = None, span: Any = None) -> None:
        self._tracer, self._span = tracer, span

    def child(self, name: str, attributes: Attributes | None = None) -> Span:
        """A part of it that begins now."""
        if self._tracer is None:
            return self
        from opentelemetry.trace import set_span_in_context

        context = set_span_in_context(self._span) if self._span else None
        child = Span(self._tracer, self._tracer.start_span(name, context=context))
        child.set(attributes or {})
        return child

    def set(self, attributes: Attributes) -> None:
        """Say more about it; what is None is left out."""
        if self._span is not None:
            self._span.set_attributes({name: value for name, value in attributes.items() if value is not None})

    def fail(self, error: BaseException) -> None:
        """Say that it failed, and how: the kind alone, as a message may quote the question."""
        if self._span is not None:
            from opentelemetry.trace import StatusCode

            self._span.set_status(StatusCode.ERROR, type(error).__name__)
            self._span.set_attribute("error.type", type(error).__name__)

    def end(self) -> None:
        """It ends now."""
        if self._span is not None:
            self._span.end()


NOTHING = Span()
"""What records nothing."""


def tracer(config: Config) -> Span:
    """What the spans of a service begin from. ConfigError where OpenTelemetry is wanted and not installed."""
    if not config.otel:
        return NOTHING
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigError("RAG_OTEL needs OpenTelemetry: pip install 'paper-rag[otel]'.") from error
    provider = TracerProvider(resource=Resource.create({"service.name": "paper-rag"}))
    exporter = OTLPSpanExporter(endpoint=config.otel, insecure=config.otel.startswith("http:"), timeout=_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1_000))
    return Span(provider.get_tracer("paper-rag"))  # The provider sends what is left when the program ends.


def observed(span: Span, events: Iterator[Event], *, texts: bool) -> Iterator[Event]:
    """The events of one question; its stages are parts of `span`, and its answer is described there."""
    stage = NOTHING
    try:
        for event in events:
            if isinstance(event, Step):
                stage.end()
                stage = span.child(event.stage)
            elif isinstance(event, Answer):
                span.set(_described(event, texts=texts))
            yield event
    except Exception as error:
        span.fail(error)
        raise
    finally:
        stage.end()
        span.end()


def _described(answer: Answer, *, texts: bool) -> Attributes:
    said = {"input.value": answer.question, "output.value": answer.answer} if texts else {}
    return {
        "paper_rag.kind": answer.kind,
        "paper_rag.state": answer.state,
        "paper_rag.mode": answer.mode,
        "paper_rag.searched": answer.searched,
        "paper_rag.citations": len(answer.citations),
        "paper_rag.confidence": answer.confidence,
        "gen_ai.response.model": answer.model,
        "gen_ai.usage.input_tokens": answer.prompt_tokens,
        "gen_ai.usage.output_tokens": answer.completion_tokens,
        **said,
    }
