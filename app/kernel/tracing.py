"""Spans for OpenTelemetry, where an operator asked for them; otherwise nothing at all, not even the library.

    with tracing.span("hold", generation_id=…):

Attributes are ids and outcomes. Prompts, answers, keys and addresses never become one.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from app.kernel.errors import Broken

_NOTHING = nullcontext()
_tracer: Any = None


def span(name: str, **attributes: str | int | float | None) -> AbstractContextManager[None]:
    """A span around a block; what it raises is noted by the name of its type."""
    return _NOTHING if _tracer is None else _span(name, attributes)


@contextmanager
def _span(name: str, attributes: dict[str, Any]) -> Iterator[None]:
    known = {f"farebox.{key}": value for key, value in attributes.items() if value is not None}
    with _tracer.start_as_current_span(
        name, attributes=known, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            raise


def configure(endpoint: str, *, service: str = "farebox", exporter: Any = None) -> None:
    """Send spans to this OTLP address (http). `Broken` when the optional library is not installed."""
    global _tracer
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    except ImportError:
        raise Broken(
            "FAREBOX_OTEL_ENDPOINT is set, but OpenTelemetry is not installed: "
            "pip install -r requirements-otel.txt, or unset it."
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    if exporter is None:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    else:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    _tracer = provider.get_tracer("farebox")


def stop() -> None:
    """No more spans from this process."""
    global _tracer
    _tracer = None
