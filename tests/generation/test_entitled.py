"""What a customer's plan covers is asked before anything is held; a change of a plan is seen by the next request."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from app.api.gateway import present
from app.billing import agreeing, subscriptions, turns
from app.generation.entitled import Entitled
from app.generation.inline.hold import Job, begin
from app.generation.preview import preview
from app.generation.price import price
from app.generation.start import Ask
from app.generation.text import plan_chat
from app.kernel import versions
from app.kernel.clock import now
from app.kernel.errors import NotAllowed
from app.kernel.given import Given
from app.kernel.ids import new_id
from app.plans import catalog, customers, entitlements, features
from app.plans.allowed import Quota, Terms
from tests.support.house import House
from tests.support.threads import at_once

VEO = {"prompt": "A tram", "resolution": "1080p", "duration": "4s"}


class Sold:
    """Plans, and what they promise."""

    def __init__(self, home: House) -> None:
        self.home, self.db = home, home.services.db
        self.features: dict[str, str] = {}

    def plan(self, name: str) -> str:
        with self.db.write() as connection:
            return str(catalog.create_plan(connection, Given({"name": name}), actor="test", now=now())["id"])

    def promise(self, plan: str, key: str, **said: Any) -> str:
        meter = {
            "meter": {
                "name": key,
                "event_name": said.pop("event", "image_generated"),
                "aggregation": said.pop("counts", {"type": "COUNT"}),
            }
        }
        kind = {"model": "boolean", "limit": "config", "quota": "metered"}[key.partition(":")[0]]
        with self.db.write() as connection:
            if key not in self.features:
                asked = {"name": key, "lookup_key": key, "type": kind, **(meter if kind == "metered" else {})}
                made = features.create(connection, Given(asked), actor="test", now=now())
                self.features[key] = str(made["id"])
            asked = {
                "plan_id": plan,
                "feature_id": self.features[key],
                "feature_type": kind,
                "is_enabled": True,
                **said,
            }
            return str(entitlements.create(connection, Given(asked), actor="test", now=now())["id"])

    def subscribe(self, plan: str, **more: Any) -> str:
        with self.db.write() as connection:
            who = customers.of_workspace(connection, self.home.workspace_id, now=now())
            asked = {"customer_id": who.id, "plan_id": plan, "currency": "USD", "billing_period": "MONTHLY", **more}
            wanted = agreeing.read(connection, Given(asked), now())
            return subscriptions.create(connection, wanted, actor="test", now=now())

    def looked_again(self) -> None:
        """As after the second for which another process may not have looked."""
        entitled = self.home.services.desk.entitled
        assert entitled is not None
        entitled._looked_at = None


@pytest.fixture
def sold(home: House) -> Iterator[Sold]:
    yield Sold(home)
    home.assert_books_balance()


def ask(sold: Sold, model: str, **given: Any) -> Any:
    return price(sold.home.services.desk, model, given, sold.home.workspace_id)


@pytest.mark.one_engine
def test_without_a_plan_nothing_is_restricted(sold: Sold) -> None:
    assert ask(sold, "veo3.1", **VEO).less == ()


@pytest.mark.one_engine
def test_a_model_of_another_plan_is_refused_and_that_plan_named(sold: Sold) -> None:
    starter, pro = sold.plan("Starter"), sold.plan("Pro")
    sold.promise(starter, "model:flux-schnell")
    sold.promise(pro, "model:veo3.1")
    sold.subscribe(starter)
    assert ask(sold, "flux-schnell", prompt="A tram").less == ()
    with pytest.raises(NotAllowed, match=r"Starter does not include veo3\.1\. It is part of Pro\.") as refused:
        ask(sold, "veo3.1", **VEO)
    assert refused.value.stable_code == "not_in_plan"
    sold.promise(starter, "model:veo3.1")
    sold.looked_again()
    assert ask(sold, "veo3.1", **VEO).less == ()


@pytest.mark.one_engine
def test_more_than_the_plan_allows_is_made_less_and_said(sold: Sold) -> None:
    starter = sold.plan("Starter")
    sold.promise(starter, "limit:resolution", config_value={"most": "720p", "otherwise": "downgrade"})
    sold.subscribe(starter)
    priced = ask(sold, "veo3.1", **VEO)
    assert (priced.params["resolution"], [one.given for one in priced.less]) == ("720p", ["720p"])
    shown = preview(sold.home.services.desk, "veo3.1", VEO, sold.home.workspace_id)
    assert shown.quote == priced.quote
    assert "720p is made instead of 1080p" in shown.less[0].sentence
    started = asyncio.run(sold.home.start("veo3.1", **VEO))
    seen = asyncio.run(sold.home.carry(started.generation_id))
    assert seen.row["params"]["resolution"] == "720p"
    assert seen.row["estimate"]["less"][0]["asked"] == "1080p"
    assert present.metadata(seen, _Wire())["downgraded"] == seen.row["estimate"]["less"]  # type: ignore[arg-type]


@pytest.mark.one_engine
def test_a_subscription_that_is_activated_unlocks_its_models(sold: Sold) -> None:
    starter, pro = sold.plan("Starter"), sold.plan("Pro")
    sold.promise(starter, "model:flux-schnell")
    sold.promise(pro, "model:veo3.1")
    sold.subscribe(starter)
    drafted = sold.subscribe(pro, subscription_status="draft")
    with pytest.raises(NotAllowed):
        ask(sold, "veo3.1", **VEO)
    with sold.db.write() as connection:
        turns.activate(connection, drafted, start_at=now(), now=now())
    sold.looked_again()
    assert ask(sold, "veo3.1", **VEO).less == ()


@pytest.mark.one_engine
def test_a_paused_subscription_pauses_the_models(sold: Sold) -> None:
    starter = sold.plan("Starter")
    sold.promise(starter, "model:flux-schnell")
    subscription = sold.subscribe(starter)
    assert ask(sold, "flux-schnell", prompt="A tram").less == ()
    with sold.db.write() as connection:
        row = subscriptions.find(connection, subscription, lock=True)
        subscriptions.change(connection, row, now(), state="paused")
    sold.looked_again()
    with pytest.raises(NotAllowed) as refused:
        ask(sold, "flux-schnell", prompt="A tram")
    assert refused.value.stable_code == "subscription_paused"


def test_changes_at_the_same_moment_are_all_counted_and_seen(sold: Sold) -> None:
    """Every change moves one mark: none is lost, and none waits for another for ever."""
    plans = [sold.plan(f"Plan {number}") for number in range(4)]
    for plan, model in zip(plans, ("flux-schnell", "veo3.1", "flux-schnell", "veo3.1"), strict=True):
        sold.promise(plan, f"model:{model}")
    with sold.db.read() as connection:
        before = versions.read(connection, versions.ENTITLEMENTS)
    at_once(*(lambda plan=plan: sold.subscribe(plan) for plan in plans))
    with sold.db.read() as connection:
        assert versions.read(connection, versions.ENTITLEMENTS) == before + len(plans)
    sold.looked_again()
    for model, given in (("flux-schnell", {"prompt": "A tram"}), ("veo3.1", VEO)):
        assert ask(sold, model, **given).less == ()


class _Wire:
    def provider_name(self, provider_id: str) -> str:
        return provider_id

    def currency(self, amount: Any) -> str:
        return str(amount)


def test_of_a_quota_that_is_used_up_only_a_plan_with_more_is_named(home: House) -> None:
    """What was used counts in every plan: the customer's own is no way out."""

    def videos(plan: str, limit: int, used: int = 0) -> Terms:
        return Terms((plan,), quotas=(Quota("videos", limit, Decimal(used), "", plan),))

    offered = {"Starter": videos("Starter", 10), "Same": videos("Same", 10), "Studio": videos("Studio", 50)}
    entitled = Entitled(
        home.services.db,
        now,
        lambda _connection, _workspace, _now: videos("Starter", 10, used=10),
        lambda _connection, allows: [name for name, terms in offered.items() if allows(terms)],
    )
    with pytest.raises(NotAllowed, match=r"used up.* It is part of Studio\.$") as refused:
        entitled.decide(home.workspace_id, home.services.offers.find("flux-schnell"), {})
    assert refused.value.stable_code == "plan_quota_used"


def refused(outcomes: list[Any]) -> list[NotAllowed]:
    return [one for one in outcomes if isinstance(one, NotAllowed) and one.stable_code == "plan_quota_used"]


async def all_at_once(home: House, many: int, **given: Any) -> list[Any]:
    asked = (home.start("flux-schnell", prompt="A tram", **given) for _ in range(many))
    return await asyncio.gather(*asked, return_exceptions=True)


@pytest.mark.parametrize(
    ("counts", "given", "limit", "fit"),
    [
        pytest.param({"type": "COUNT"}, {}, 5, 5, id="requests"),
        pytest.param({"type": "SUM", "field": "image_count"}, {"num_images": 2}, 5, 3, id="pictures"),
        pytest.param(
            {"type": "SUM_WITH_MULTIPLIER", "field": "image_count", "multiplier": "2"}, {}, 6, 3, id="times two"
        ),
    ],
)
def test_of_many_at_once_only_as_many_begin_as_a_quota_has_room_for(
    sold: Sold, counts: dict[str, Any], given: dict[str, Any], limit: int, fit: int
) -> None:
    """What is under way counts, and so does what is settled while its event is still to be written."""
    starter = sold.plan("Starter")
    sold.promise(starter, "quota:images", usage_limit=limit, is_soft_limit=False, counts=counts)
    sold.subscribe(starter)

    async def scenario() -> list[Any]:
        first = await all_at_once(sold.home, 20, **given)
        begun = [one for one in first if not isinstance(one, BaseException)]
        for one in begun:
            await sold.home.carry(one.generation_id)
        return [*first, *await all_at_once(sold.home, 3, **given)]

    outcomes = asyncio.run(scenario())
    assert (len(refused(outcomes)), len(outcomes)) == (23 - fit, 23)
    sold.home.services.emitting.emit()
    assert len(refused(asyncio.run(all_at_once(sold.home, 3, **given)))) == 3


def test_what_comes_to_nothing_makes_room_in_a_quota_again(sold: Sold) -> None:
    starter = sold.plan("Starter")
    sold.promise(starter, "quota:images", usage_limit=1, is_soft_limit=False)
    sold.subscribe(starter)

    async def scenario() -> list[Any]:
        begun = await sold.home.start("flux-schnell", prompt="A tram [[fault:fail]]")
        turned_away = await all_at_once(sold.home, 1)
        assert (await sold.home.carry(begun.generation_id)).status != "succeeded"
        return [*turned_away, *await all_at_once(sold.home, 1)]

    first, second = asyncio.run(scenario())
    assert refused([first])
    assert not isinstance(second, BaseException)


def test_one_key_twice_where_a_quota_has_room_for_one_gets_one_answer(sold: Sold) -> None:
    starter = sold.plan("Starter")
    sold.promise(starter, "quota:images", usage_limit=1, is_soft_limit=False)
    sold.subscribe(starter)

    outcomes = asyncio.run(all_at_once(sold.home, 4, idempotency_key="same"))
    assert {one.generation_id for one in outcomes} == {outcomes[0].generation_id}


@pytest.mark.one_engine
def test_chats_at_once_are_counted_as_they_begin(sold: Sold) -> None:
    starter = sold.plan("Starter")
    sold.promise(starter, "quota:chats", usage_limit=4, is_soft_limit=False, event="text_generated")
    sold.subscribe(starter)
    desk = sold.home.services.desk
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "A tram"}], "max_tokens": 40}
    plan = plan_chat(desk.offers.find("gpt-4o-mini"), body, len(str(body)))

    async def scenario() -> list[Any]:
        asks = (Ask(sold.home.workspace_id, "gpt-4o-mini", body, "chat", new_id("req")) for _ in range(12))
        begun = await asyncio.gather(*(begin(desk, ask, plan) for ask in asks), return_exceptions=True)
        await desk.providers.close()
        return list(begun)

    outcomes = asyncio.run(scenario())
    assert (sum(isinstance(one, Job) for one in outcomes), len(refused(outcomes))) == (4, 8)
