"""Two APIs over one database, asked at the same time."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from app.generation.text import plan_chat
from app.kernel.money import Money
from tests.support.api_server import running_api
from tests.support.house import House

CHAT = "gpt-4o-mini"
MESSAGES = [{"role": "user", "content": "[[fault:hang=25]] Hello"}]


@pytest.mark.anyio
@pytest.mark.long
async def test_bug_a1_a6_across_two_processes(home: House, tmp_path: Path) -> None:
    """64 requests to two APIs over one database; every answer takes longer than asking all of them."""
    content = json.dumps({"model": CHAT, "messages": MESSAGES, "max_tokens": 40}).encode()
    plan = plan_chat(home.services.desk.offers.find(CHAT), json.loads(content), len(content))
    poor = await asyncio.to_thread(home.newcomer)
    ten = Money(plan.hold.micros * 10)
    await home.services.ledger.grant(poor.workspace_id, ten, kind="promo", label="Ten", ref="ten", actor="test")
    url = home.services.db.engine.url.render_as_string(hide_password=False)
    headers = {"Authorization": f"Bearer {await asyncio.to_thread(poor.key)}", "content-type": "application/json"}
    with (
        running_api(tmp_path / "one", url, home.sandbox_url) as one,
        running_api(tmp_path / "two", url, home.sandbox_url) as two,
    ):
        async with httpx.AsyncClient(headers=headers, timeout=120, limits=httpx.Limits(max_connections=64)) as client:
            addresses = [f"{(one, two)[number % 2].url}/v1/chat/completions" for number in range(64)]
            asked = (client.post(address, content=content) for address in addresses)
            statuses = [answer.status_code for answer in await asyncio.gather(*asked)]

    assert sorted(statuses) == [200] * 10 + [402] * 54
    home.assert_books_balance()
