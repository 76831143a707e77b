"""News inside one process: whoever changes something says so, whoever shows it listens. Never money's only record."""

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)


class News:
    """Listeners are called with a topic, such as a workspace's id; one that fails does not stop the others."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[str], None]] = []

    def listen(self, listener: Callable[[str], None]) -> None:
        self._listeners.append(listener)

    def publish(self, topic: str) -> None:
        """Tell everyone; may be called from any thread."""
        for listener in self._listeners:
            try:
                listener(topic)
            except Exception:
                log.exception("a listener for %s failed", topic)
