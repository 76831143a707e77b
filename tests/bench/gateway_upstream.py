"""The provider both gateways are measured against: one process that answers everything at once from memory.

It parses no more of a request than its length and its path, so that it is never what is measured.

`python -m tests.bench.gateway_upstream PORT`
"""

import asyncio
import json
import sys

USAGE = {"prompt_tokens": 19, "completion_tokens": 24, "total_tokens": 43}
SAID = "The harbour lies still, the boats are tied up, and the gulls have gone inland for the night."
CHAT = {
    "id": "chatcmpl-bench",
    "object": "chat.completion",
    "created": 1_764_000_000,
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": SAID}, "finish_reason": "stop"}],
    "usage": USAGE,
}
#: A picture of 8 × 8 white dots.
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAD0lEQVR4nGP4jwMwDC0JALoev0Ewkwr8AAAAAElFTkSuQmCC"
IMAGE = {
    "created": 1_764_000_000,
    "data": [{"b64_json": DOT}],
    "usage": {"input_tokens": 9, "output_tokens": 272, "total_tokens": 281},
}


def _answer(body: object) -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    return head.encode() + content


CHAT_ANSWER, IMAGE_ANSWER = _answer(CHAT), _answer(IMAGE)


class Upstream(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, requests one after the other."""

    transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._waiting = b""

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            head = self._waiting[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._waiting) < end + 4 + length:
                return
            self._waiting = self._waiting[end + 4 + length :]
            self.transport.write(IMAGE_ANSWER if b"/images/" in head.split(b"\r\n", 1)[0] else CHAT_ANSWER)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
