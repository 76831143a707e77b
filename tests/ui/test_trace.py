"""A request's trace: the answer, why, and what only operators may see."""

import json
from dataclasses import replace

import pytest

from app.api.assemble import wire_of
from app.api.gateway import present as wire
from app.generation.start import start
from app.kernel.money import Money
from app.ui import wiring
from app.ui.pages.request_trace.state import TraceState, reach
from app.ui.pages.request_trace.telling import what_came
from tests.support.house import House
from tests.ui.people import BOTH, HOMELESS, OPERATOR, OWNER
from tests.ui.screens import Screen, operator, stranger

pytestmark = pytest.mark.anyio

PROMPT = "A red tram on a viaduct"


async def trace_of(screen: Screen, generation_id: str) -> TraceState:
    return await screen.open(TraceState, f"/logs/{generation_id}")


def shown(state: TraceState) -> str:
    """Everything the browser is sent, as text."""
    return json.dumps(state.dict(), default=str)


async def test_the_headline_is_the_answer_and_the_slip_says_why(screen: Screen, home: House) -> None:
    seen = await home.run("flux-schnell", prompt=f"{PROMPT} [[fault:fewer=1]]", num_images=4, image_size="square_hd")

    state = await trace_of(screen, seen.id)

    facts = state.facts
    assert facts["headline"] == "36 credits for 3 images"
    assert (facts["estimate"], facts["held"], facts["charged"], facts["returned"]) == ("48", "48", "36", "12")
    assert facts["why"] == "You asked for 4 images. 3 arrived. Each costs 12 because size is square_hd."
    assert [(line["label"], line["figure"]) for line in state.slip] == [
        ("3 images × (10 + 2)", "36"),
        ("Not delivered, 1 × 12", "0"),
    ]
    assert (facts["asked"], facts["delivered"], facts["missing"]) == ("4", "3", "1")
    assert [bool(tile["href"]) for tile in state.files] == [True, True, True, False]
    assert facts["held_words"] == "Available 10,000 → 9,952. Nothing is spent yet."
    assert [(lot["label"], lot["amount"], lot["change"]) for lot in state.paid] == [
        ("Test credits", "36", "10,000 → 9,964 left")
    ]
    notes = {param["name"]: param["note"] for param in state.params}
    assert (notes["num_images"], notes["output_format"]) == ("", "default")


async def test_the_operator_sees_cost_margin_and_both_sides_of_the_books(home: House) -> None:
    seen = await home.run("flux-schnell", prompt=PROMPT, num_images=2)
    state = await trace_of(Screen(home, operator()), seen.id)

    assert state.may_switch
    cost = Money(int(seen.row["cost_micros"]), "USD").amount
    assert state.facts["cost"] == f"${cost.normalize():f}"
    assert state.facts["margin"].endswith("%")
    assert [(leg["name"], leg["amount"]) for leg in state.postings] == [
        ("Halfmoon Studio, prepaid", "−20.000000 cr"),
        ("Usage revenue", "+20.000000 cr"),
        ("fal, cost of this job", f"+${cost:.6f}"),
        ("fal, owed", f"−${cost:.6f}"),
    ]
    assert "Halfmoon Studio" in state.facts["customer"]
    assert {row["label"] for row in state.ids} >= {"Workspace", "Journal", "Attempt 1"}


async def test_the_customer_sees_their_own_side_and_nothing_of_ours(screen: Screen, home: House) -> None:
    seen = await home.run("flux-schnell", prompt=PROMPT, num_images=2)

    state = await trace_of(screen, seen.id)

    assert not state.may_switch
    assert (state.facts["cost"], state.facts["margin"], state.facts["billed"]) == ("", "", "")
    assert [leg["name"] for leg in state.postings] == ["Halfmoon Studio, prepaid"]
    assert [(row["provider"], row["number"], row["words"]) for row in state.attempts] == [("fal", "", "")]
    for secret in ("expense:", "payable:", "revenue:", "$0."):
        assert secret not in shown(state), secret


async def test_what_providers_refused_us_is_for_operators(screen: Screen, home: House) -> None:
    seen = await home.run("flux-schnell", prompt=f"{PROMPT} [[fault:refuse-429]]")
    operators = await trace_of(Screen(home, operator()), seen.id)
    assert len(operators.attempts) == 3
    refusals = {row["words"].partition(" · ")[0] for row in operators.attempts}
    assert all(refusals)

    state = await trace_of(screen, seen.id)

    assert [(row["state"], row["words"]) for row in state.attempts] == [("Refused", "")]
    assert state.facts["why"] == "The provider is busy or cannot be reached. Nothing was charged; try again shortly."
    for refusal in refusals:
        assert refusal not in shown(state)


async def test_an_operator_can_look_with_the_customers_eyes(screen: Screen, home: House) -> None:
    seen = await home.run("flux-schnell", prompt=PROMPT)
    state = await trace_of(operators := Screen(home, operator()), seen.id)
    await operators.act(state.look_as("customer"))
    theirs = await trace_of(screen, seen.id)

    assert state.facts == theirs.facts
    assert (state.postings, state.ids, state.attempts) == (theirs.postings, theirs.ids, theirs.attempts)
    await operators.act(state.look_as("owner of everything"))
    assert state.seen_as == "customer"


async def test_a_customer_cannot_look_as_an_operator(screen: Screen, home: House) -> None:
    seen = await home.run("flux-schnell", prompt=PROMPT)
    state = await trace_of(screen, seen.id)
    await screen.act(state.look_as("operator"))
    assert state.facts["cost"] == ""


async def test_somebody_elses_request_is_as_if_it_were_not_there(home: House) -> None:
    seen = await home.run("flux-schnell", prompt=PROMPT)
    theirs = Screen(home, stranger(home.newcomer().workspace_id))
    for wanted in (seen.id, "gen_00000000000000000000000000", "gen_1", "%2e%2e", seen.row["request_id"]):
        state = await trace_of(theirs, wanted)
        assert state.missing, wanted
        assert state.facts["id"] == ""
    await theirs.act(state.show_json(True))
    assert state.api_json == ""


async def test_nothing_of_one_request_stays_when_the_next_is_missing(screen: Screen, home: House) -> None:
    seen = await home.run("flux-schnell", prompt=PROMPT)
    state = await trace_of(screen, seen.id)
    assert state.facts["id"] == seen.id
    state = await trace_of(screen, "gen_00000000000000000000000000")
    assert state.missing
    assert PROMPT not in shown(state)


@pytest.mark.parametrize(
    ("person", "workspace"),
    [(OWNER, "ws_1"), (OPERATOR, None), (BOTH, None), (HOMELESS, "")],
    ids=lambda x: str(x)[:20],
)
def test_who_reaches_which_requests(person, workspace) -> None:
    assert reach(person) == workspace


async def test_a_failure_says_that_nothing_was_charged(screen: Screen, home: House) -> None:
    seen = await home.run("flux-schnell", prompt=f"{PROMPT} [[fault:completed-with-error]]", num_images=3)
    state = await trace_of(screen, seen.id)

    assert state.facts["headline"] == "Nothing charged, 30 credits back"
    assert state.facts["closed"] == "released"
    assert state.facts["why"] == seen.row["error_message"]
    assert state.postings == []
    assert state.facts["postings_note"].startswith("A hold that is given back")
    assert state.facts["paid_note"] == "Nothing was taken from any lot."


async def test_a_running_request_fills_in_as_it_goes(screen: Screen, home: House) -> None:
    started = await home.start("flux-schnell", prompt=PROMPT, num_images=2)
    state = await trace_of(screen, started.generation_id)
    facts = state.facts
    assert facts["headline"] == "20 credits held for 2 images"
    assert (facts["charged"], facts["returned"], facts["closed"]) == ("not yet", "", "")
    assert facts["why"] == "You asked for 2 images. Each costs 10."
    assert state.attempts[0]["state"] == "Waiting"

    await home.carry(started.generation_id)
    await screen.act(state.refresh())
    assert state.facts["headline"] == "20 credits for 2 images"


async def test_a_price_by_the_request_needs_no_count(screen: Screen, home: House) -> None:
    seen = await home.run("imagen4-fast", prompt=PROMPT)
    state = await trace_of(screen, seen.id)
    assert state.facts["headline"] == "30 credits for 1 image"
    assert state.facts["why"] == "A request costs 30 credits."


async def test_a_price_of_several_lines_gives_its_reason(screen: Screen, home: House) -> None:
    seen = await home.run("flux-2-pro", prompt=PROMPT, image_size="1536x1536")
    state = await trace_of(screen, seen.id)
    assert "Priced as 45 for the first megapixel" in state.facts["why"]
    assert len(state.slip) == 2


async def test_the_key_and_the_person_are_named(screen: Screen, home: House) -> None:
    key = home.services.accounts.keys.create(home.workspace_id, "web-prod", actor=screen.person.user_id).info
    ask = replace(home.ask("flux-schnell", prompt=PROMPT), api_key_id=key.id, user_id=screen.person.user_id)
    started = await start(home.services.desk, ask)
    state = await trace_of(Screen(home, operator()), started.generation_id)
    assert any(row["value"] == key.id and "web-prod" in row["short"] for row in state.ids)
    assert state.facts["customer"] == "Halfmoon Studio, Mara"


async def test_json_shows_what_the_api_answers(screen: Screen, home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = wire_of(home.services)
    wired = replace(wiring.current(), api_generation=lambda seen: wire.generation(seen, writes))
    monkeypatch.setattr(wiring, "_current", wired)
    seen = await home.run("flux-schnell", prompt=PROMPT)
    state = await trace_of(screen, seen.id)
    await screen.act(state.show_json(True))
    answer = json.loads(state.api_json)
    assert (answer["id"], answer["status"], answer["metadata"]["credits"]) == (seen.id, "completed", 10)


def a_file(kind: str, seconds: int = 0) -> dict[str, object]:
    return {"kind": kind, "duration_micros": seconds * 1_000_000 or None}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([a_file("image")], "1 image"),
        ([a_file("image")] * 3, "3 images"),
        ([a_file("video", 8)], "8.0 s of video"),
        ([a_file("video", 8)] * 2, "2 videos, 16 s"),
        ([a_file("audio", 31)], "31 s of audio"),
        ([a_file("image"), a_file("audio", 2)], "2 files"),
    ],
)
def test_what_came_is_said_by_the_files(files, words) -> None:
    assert what_came(files) == words


async def test_the_page_says_that_its_files_are_gone(screen: Screen, home: House) -> None:
    seen = await home.run("flux-schnell", prompt=PROMPT, num_images=2)
    for file in seen.files:
        home.services.files.expire(file["id"], "age")

    state = await trace_of(screen, seen.id)

    assert [tile["href"] for tile in state.files] == ["", ""]
    assert state.facts["thumb"] == ""
    assert state.facts["files_gone"].startswith("2 files were kept until ")
    assert state.facts["headline"] == "20 credits for 2 images"


async def test_what_happens_while_the_page_is_opened_is_not_missed(
    screen: Screen, home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends after it was read and before the page follows its news: nobody tells the page."""
    started = await start(home.services.desk, home.ask("flux-schnell", prompt="A red tram"))
    order: list[str] = []
    told = TraceState._put
    monkeypatch.setattr(wiring, "follow", lambda *_: order.append("follow"))
    monkeypatch.setattr(TraceState, "_put", lambda self, what: (order.append("read"), told(self, what))[1])
    await trace_of(screen, started.generation_id)
    await home.carry(started.generation_id)
    assert order[-2:] == ["follow", "read"]
