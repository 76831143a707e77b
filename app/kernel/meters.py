"""What is counted and timed in this process, for Prometheus. Labels are few and never a customer, a key or a path.

Figures that are facts of the database (what waits, what is held) are not kept here: they are asked when somebody looks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

HTTP_REQUESTS = Counter("farebox_http_requests_total", "Answers of the API.", ["method", "route", "status"])
HTTP_SECONDS = Histogram("farebox_http_request_seconds", "Until an answer began.", ["route"], buckets=SECONDS)
LEDGER_OPERATIONS = Counter(
    "farebox_ledger_operations_total", "Holds, settles and the rest, by how they ended.", ["operation", "outcome"]
)
LEDGER_BATCH = Histogram(
    "farebox_ledger_batch_size", "Operations that shared a commit.", buckets=(1, 2, 4, 8, 16, 32, 60)
)
LEDGER_COMMIT_SECONDS = Histogram("farebox_ledger_commit_seconds", "One batch, with its commit.", buckets=SECONDS)
LEDGER_WAITING = Gauge("farebox_ledger_waiting", "Operations that wait for the lane.", multiprocess_mode="livesum")
PROVIDER_CALLS = Counter(
    "farebox_provider_calls_total", "Paid calls to providers, by what they proved.", ["provider", "outcome"]
)
PROVIDER_SECONDS = Histogram(
    "farebox_provider_call_seconds", "Until a provider answered a paid call.", ["provider"], buckets=SECONDS
)
WEBHOOK_ATTEMPTS = Counter("farebox_webhook_attempts_total", "Attempts to deliver a webhook.", ["outcome"])


@contextmanager
def provider_call(provider: str) -> Iterator[None]:
    """Time a paid call and count how it ended: `ok`, or the name of the error (ProviderBusy, …)."""
    began, outcome = monotonic(), "ok"
    try:
        yield
    except BaseException as error:
        outcome = type(error).__name__
        raise
    finally:
        PROVIDER_CALLS.labels(provider, outcome).inc()
        PROVIDER_SECONDS.labels(provider).observe(monotonic() - began)
