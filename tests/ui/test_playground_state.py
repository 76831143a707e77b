"""The playground's handlers over real services: the form follows the schema, the price follows the form, and Run runs
at the price that is shown and no other."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from app.catalogue.offers import MODEL
from app.kernel.money import Money
from app.ui import present
from app.ui.guard import acting_as
from app.ui.pages.playground import listening
from app.ui.pages.playground.fields import NOTHING
from app.ui.pages.playground.form_state import FormState
from app.ui.pages.playground.work_state import WorkState
from tests.files.samples import picture_bytes
from tests.ui.playground_home import Visit, finish, publish_price, visiting

pytestmark = pytest.mark.anyio
TRAM = "A red tram"


@pytest.fixture
def visit(seeded_sqlite: Path, sandbox_url: str, tmp_path: Path) -> Iterator[Visit]:
    with visiting(seeded_sqlite, sandbox_url, tmp_path) as made:
        yield made


@pytest.fixture
def form(visit: Visit):
    return visit.state(FormState)


@pytest.fixture
def work(visit: Visit):
    return visit.state(WorkState)


async def opened(visit: Visit, **query: str):
    """The form after a visit."""
    visit.open(**query)
    form, work = visit.state(FormState), visit.state(WorkState)
    await form.load()
    await work.load()
    return form


def names(form) -> list[str]:
    return [row["name"] for row in [*form.fields, *form.advanced]]


# --- opening


async def test_a_first_visit_opens_the_first_model_with_its_defaults_and_a_price(visit):
    form = await opened(visit)
    assert form.alias == form.models[0]["alias"] == "flux-schnell"
    assert form.values["image_size"] == "landscape_4_3"
    assert form.slip["button"] == "Run · 10 credits"
    assert form.hints["image_size"] == "1024 × 768"


async def test_the_address_may_name_the_model(visit):
    assert (await opened(visit, model="veo3.1")).alias == "veo3.1"


async def test_an_unknown_model_in_the_address_is_said_and_another_opened(visit):
    form = await opened(visit, model="no-such")
    assert "no-such" in form.notice
    assert form.alias == "flux-schnell"


async def test_the_picker_says_what_each_model_costs_at_least(visit):
    form = await opened(visit)
    rows = {row["alias"]: row for row in form.models}
    assert rows["flux-schnell"]["price"] == "from 10"
    assert rows["veo3.1"]["price"] == "from 1,120"
    assert rows["flux-schnell"]["detail"] == "flux-schnell · image · fal"


async def test_a_reload_keeps_what_was_typed_and_a_link_does_not(visit):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    await form.choose("veo3.1")
    visit.open(socket="s2", model="flux-schnell")
    await form.load()
    assert (form.alias, form.values["prompt"]) == ("veo3.1", TRAM)
    visit.open(socket="s2", model="flux-schnell")
    await form.load()
    assert form.alias == "flux-schnell"


async def test_a_starter_fills_the_form(visit):
    form = await opened(visit, start="leaves")
    assert form.values["image_size"] == "square_hd"
    assert form.values["prompt"].startswith("Seamless")


# --- changing


async def test_values_stay_where_the_next_model_has_the_same_parameter(visit):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    await form.set_value("num_images", "4")
    await form.set_value("output_format", "png")
    await form.choose("nano-banana")
    assert (form.values["prompt"], form.values["num_images"], form.values["output_format"]) == (TRAM, "4", "png")
    await form.choose("veo3.1")
    assert "num_images" not in form.values
    await form.choose("flux-schnell")
    assert form.values["num_images"] == "4"


async def test_a_default_is_not_a_choice_and_does_not_travel(visit):
    form = await opened(visit, model="nano-banana")  # 1:1 unless told
    await form.choose("veo3.1")
    assert form.values["aspect_ratio"] == "16:9"


async def test_every_change_is_priced(visit):
    form = await opened(visit, model="veo3.1")
    assert form.slip["total"] == "4,480"
    await form.set_switch("generate_audio", False)
    assert form.slip["total"] == "2,240"
    await form.set_value("duration", "4s")
    assert form.slip["total"] == "1,120"
    assert form.prices["resolution"] == {"720p": "280", "1080p": "280", "4k": "560"}
    assert form.asides["resolution"] == "credits per second"
    assert form.prices["duration"] == {"4s": "1,120", "6s": "1,680", "8s": "2,240"}


async def test_an_optional_choice_can_be_taken_back(visit):
    form = await opened(visit, model="minimax-speech-02-hd")
    await form.set_value("language_boost", "German")
    await form.set_value("language_boost", NOTHING)
    assert form.values["language_boost"] == ""
    assert "language_boost" not in form._given


async def test_a_wrong_value_is_marked_at_its_field_and_there_is_no_price(visit):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("num_images", "9")
    assert form.errors["num_images"] == "9 is too large: 1 to 4 is allowed."
    assert form.slip["status"] == "cannot"
    assert not form.slip["can_run"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("no_such", "x"), ("_kept", "x"), ("alias", "x"), ("image_url", "file_x"), ("", "")],
)
async def test_names_that_are_no_parameters_change_nothing(visit, name, value):
    form = await opened(visit, model="hailuo-02")
    before = (dict(form.values), dict(form.files))
    await form.set_value(name, value)
    await form.add_file(name if name != "image_url" else "prompt", value, "x")
    assert (dict(form.values), dict(form.files)) == before


async def test_an_unknown_model_cannot_be_chosen(visit):
    form = await opened(visit)
    await form.choose("no-such")
    assert form.alias == "flux-schnell"


# --- files


def upload(visit: Visit, tmp_path: Path, workspace_id: str | None = None) -> str:
    path = tmp_path / "picture.png"
    path.write_bytes(picture_bytes())
    files = visit.house.services.files
    return files.keep_upload(path, workspace_id=workspace_id or visit.house.workspace_id).id


async def test_an_uploaded_file_is_shown_with_its_size(visit, tmp_path):
    form = await opened(visit, model="hailuo-02")
    file_id = upload(visit, tmp_path)
    await form.add_file("image_url", file_id, "harbour.png")
    assert form.files["image_url"][0]["label"] == "harbour.png"
    assert form.files["image_url"][0]["detail"].startswith("64 × 48 · ")
    assert form._given["image_url"] == file_id
    await form.remove_file("image_url", file_id)
    assert form.files["image_url"] == []


async def test_somebody_else_s_file_does_not_exist(visit, tmp_path):
    people = visit.house.services.accounts.people
    person = people.create_user("lea@kestrel.test", "Lea", "correct horse battery")
    other = upload(visit, tmp_path, people.create_workspace("Kestrel", owner_id=person.id).id)
    form = await opened(visit, model="hailuo-02")
    for file_id in (other, "file_01M7YBYVZK5EXXKKSDXEV59K2E"):
        await form.add_file("image_url", file_id, "x")
        assert form.errors["image_url"] == "The file is no longer here. Upload it again."
        assert form.files["image_url"] == []


@pytest.mark.parametrize("address", ["http://example.com/a.png", "javascript:alert(1)", "nonsense"])
async def test_only_https_addresses_are_taken(visit, address):
    form = await opened(visit, model="hailuo-02")
    await form.add_file("image_url", address, "")
    assert form.errors["image_url"]
    assert form.files["image_url"] == []


async def test_a_list_takes_several_files_and_no_more_than_it_may(visit):
    form = await opened(visit, model="nano-banana-edit")
    for number in range(12):
        await form.add_file("image_urls", f"https://example.com/{number}.png", "")
    assert len(form.files["image_urls"]) == 10
    assert form._given["image_urls"][-1] == "https://example.com/11.png"


# --- running


async def run(form) -> list:
    """Press the button as it is shown."""
    return await press(form, form.slip["ticket"])


async def press(form, ticket) -> list:
    """Press a button that bears this ticket."""
    work = await form.get_state(WorkState)
    return await finish(work.run(ticket))


async def test_run_starts_a_generation_at_the_shown_price(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    await form.set_value("num_images", "2")
    await run(form)
    seen = visit.house.seen(work.jobs[0]["id"])
    assert seen.row["params"]["num_images"] == 2
    assert seen.row["hold_micros"] == 20_000_000
    assert seen.row["origin"] == "playground"
    assert seen.row["user_id"] == visit.who.user_id
    assert work.jobs[0]["money"] == "20 credits held"
    assert form.slip["after"] == "9,980 → 9,960"


async def test_run_without_a_prompt_marks_the_field_and_starts_nothing(visit, work):
    form = await opened(visit, model="flux-schnell")
    events = await run(form)
    assert form.errors["prompt"] == "This is needed."
    assert "param-prompt" in str(events)
    assert work.jobs == []
    await form.set_value("prompt", TRAM)
    assert form.errors["prompt"] == ""


async def test_run_unfolds_what_hides_a_mistake(visit):
    form = await opened(visit, model="flux-dev")
    await form.set_value("prompt", TRAM)
    await form.set_value("seed", "-5")
    assert form.slip["status"] == "cannot"
    await run(form)
    assert not form.unfolded  # nothing may run without a price, and the button says so


# --- asking before something costly

COSTLY = {"prompt": "A heron", "resolution": "4k", "duration": "8s"}


async def costly(visit, work):
    """A form whose run comes to 6,720 credits."""
    await spend(visit, -20_000)
    form = await opened(visit, model="veo3.1")
    for name, value in COSTLY.items():
        await form.set_value(name, value)
    return form


async def test_a_costly_run_is_asked_about_first(visit, work):
    form = await costly(visit, work)
    await run(form)
    assert form.question["text"] == "This Veo 3.1 request is estimated at 6,720 credits ($6.72). Continue?"
    assert not work.jobs
    form.answer_no()
    assert await work.run_confirmed(form.slip["ticket"]) is None
    await run(form)
    assert await work.run_confirmed("something else") is None
    assert await work.run_confirmed(form.question["ticket"]) is not None
    await run(form)
    assert (form.question["ticket"], len(work.jobs)) == ("", 1)


async def test_a_question_does_not_outlive_the_page_that_asked_it(visit, work):
    form = await costly(visit, work)
    await run(form)
    assert form.question["ticket"]
    visit.open(socket="s2", model="flux-schnell")
    await form.load()
    assert (form.alias, form.question["ticket"]) == ("flux-schnell", "")


@pytest.mark.parametrize(
    ("choice", "model", "is_asked"),
    [("never", "veo3.1", False), ("always", "flux-schnell", True), ("usual", "flux-schnell", False)],
)
async def test_how_often_is_a_person_s_own_choice(visit, work, choice, model, is_asked):
    form = await costly(visit, work)
    form.choose_confirm(choice)
    form.choose_confirm("something else")
    await form.choose(model)
    await run(form)
    assert (form.question["ticket"] != "") is is_asked


async def spend(visit: Visit, credits: int) -> None:
    """So many credits are gone, without this tab knowing."""
    amount = -Money.from_exact(credits)
    workspace_id = visit.house.workspace_id
    await visit.house.services.ledger.adjust(workspace_id, amount, ref="adj-1", actor="test", reason="spent")


async def test_too_few_credits_refuse_the_run(visit, work):
    await spend(visit, 9_985)
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    await form.set_value("num_images", "4")
    assert form.slip["message"] == "You need 25 more credits"
    await run(form)
    assert work.jobs == []


async def test_credits_spent_elsewhere_meanwhile_are_noticed(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    await spend(visit, 9_995)
    await run(form)
    assert form.slip["status"] == "short"
    assert form.slip["message"] == "You need 5 more credits"
    assert work.jobs == []


async def test_a_price_changed_meanwhile_is_shown_and_asked_again(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    publish_price(visit, "flux-schnell", 13)
    await run(form)
    assert work.jobs == []
    assert form.slip["status"] == "stale"
    assert form.slip["message"] == "The price is now 13 credits; it was 10"
    assert form.slip["button"] == "Run at 13 credits"
    await run(form)
    assert visit.house.seen(work.jobs[0]["id"]).row["hold_micros"] == 13_000_000


async def test_a_new_version_at_the_same_price_asks_nothing(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    publish_price(visit, "flux-schnell", 10, png_adds=3)
    await run(form)
    assert visit.house.seen(work.jobs[0]["id"]).row["hold_micros"] == 10_000_000


async def test_a_limit_is_said_in_a_notice(visit, work):
    with visit.house.services.db.write() as connection:
        connection.execute(update(MODEL).where(MODEL.c.alias == "flux-schnell").values(concurrent_jobs=1))
    visit.house.services.offers.forget()
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    await run(form)
    await run(form)
    assert "Wait for one to finish" in form.notice
    assert len(work.jobs) == 1


async def test_a_model_disabled_meanwhile_says_so_at_the_next_change(visit):
    form = await opened(visit, model="flux-schnell")
    services = visit.house.services
    services.editing.disable(services.offers.find("flux-schnell").model_id, "usr_operator")
    await form.set_value("prompt", TRAM)
    assert form.slip["status"] == "cannot"
    assert "not offered" in form.slip["message"]
    assert not form.slip["can_run"]


async def test_a_model_disabled_meanwhile_does_not_run(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    services = visit.house.services
    services.editing.disable(services.offers.find("flux-schnell").model_id, "usr_operator")
    await run(form)
    assert "not offered" in form.notice
    assert work.jobs == []


async def test_a_price_that_changed_under_the_finger_is_not_agreed_to(visit, work):
    """Another tab's news had the price drawn anew between the look and the press: the press still means the old one."""
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    seen = form.slip["ticket"]
    publish_price(visit, "flux-schnell", 13)
    await form._quote()
    assert form.slip["button"] == "Run · 13 credits"
    await press(form, seen)
    assert work.jobs == []
    assert form.slip["message"] == "The price is now 13 credits; it was 10"


@pytest.mark.parametrize("ticket", ["", "x", "ver_x:1", "ver_01M7YBYVZK5EXXKKSDXEV59K2E:-1", None, {"a": 1}, "9" * 200])
async def test_what_was_never_a_ticket_starts_nothing(visit, work, ticket):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    await press(form, ticket)
    assert work.jobs == []
    assert not form.notice


async def test_a_suspended_workspace_may_not_run(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    with acting_as(replace(visit.who, is_suspended=True)):
        await run(form)
    assert work.jobs == []


# --- watching


async def test_a_job_that_ends_brings_its_result_into_view(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    await run(form)
    generation_id = work.jobs[0]["id"]
    await visit.house.carry(generation_id)
    await work.refresh()
    assert work.jobs == []
    assert work.result["id"] == generation_id
    assert work.result["charged"] == "10"
    assert [chip["label"] for chip in work.result["verdicts"]] == ["Exact"]
    assert work.again_label == "Run again · 10"
    assert work.history[0]["figure"] == "10"


async def test_a_job_under_way_is_there_after_a_reload_and_in_another_tab(visit):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    await run(form)
    second = Visit(visit.house, visit.who)
    await opened(second)
    assert [job["id"] for job in second.state(WorkState).jobs] == [visit.state(WorkState).jobs[0]["id"]]


async def test_a_failure_says_why_and_what_came_back(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", f"{TRAM} [[fault:fail]]")
    await run(form)
    await visit.house.carry(work.jobs[0]["id"])
    await work.refresh()
    card = work.jobs[0]
    assert (card["state"], card["money"], card["has_ended"]) == ("failed", "0 charged, 10 back", True)
    assert card["note"]
    assert work.history[0]["figure"] == "0 · 10 back"
    await work.put_away(card["id"])
    assert work.jobs == []


async def test_a_partial_delivery_says_how_much_came_back(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", f"{TRAM} [[fault:fewer]]")
    await form.set_value("num_images", "4")
    await run(form)
    await visit.house.carry(work.jobs[0]["id"])
    await work.refresh()
    assert [chip["label"] for chip in work.result["verdicts"]] == ["3 of 4 delivered", "10 returned"]
    assert work.result["download_label"] == "Download 3"
    assert work.history[0]["figure"] == "30 of 40"


async def test_cancel_gives_everything_back(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", f"{TRAM} [[fault:slow=60]]")
    await run(form)
    generation_id = work.jobs[0]["id"]
    await visit.house.step_until(generation_id, "running")
    await work.refresh()
    await work.cancel(generation_id)
    assert work.jobs[0]["word"] == "Canceling"
    await visit.house.carry(generation_id)
    await work.refresh()
    assert (work.jobs[0]["word"], work.jobs[0]["money"]) == ("Canceled", "0 charged, 10 back")
    visit.house.assert_books_balance()


async def test_a_stranger_s_generation_cannot_be_shown_nor_canceled(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    await run(form)
    generation_id = work.jobs[0]["id"]
    stranger = replace(visit.who, workspace_id="ws_01M7YBYVZK5EXXKKSDXEV59K2E")
    with acting_as(stranger):
        other = Visit(visit.house, stranger).state(WorkState)
        await other.show(generation_id)
        await other.cancel(generation_id)
        assert other.result["id"] == ""
    assert visit.house.seen(generation_id).row["cancel_requested_at"] is None


async def test_a_line_of_history_loads_its_result_and_its_parameters(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    await form.set_value("num_images", "3")
    await run(form)
    first = work.jobs[0]["id"]
    await visit.house.carry(first)
    await work.refresh()
    await form.choose("veo3.1")
    await form.set_value("prompt", "Something else")
    await work.show(first)
    assert (form.alias, form.values["prompt"], form.values["num_images"]) == ("flux-schnell", TRAM, "3")
    assert work.result["id"] == first
    second = await opened(Visit(visit.house, visit.who), **{"from": first})
    assert second.values["num_images"] == "3"


async def test_run_again_starts_the_same_at_the_price_on_its_button(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    await run(form)
    await visit.house.carry(work.jobs[0]["id"])
    await work.refresh()
    await form.set_value("prompt", "Something else")
    await finish(work.run_again(work.again_ticket))
    assert visit.house.seen(work.jobs[0]["id"]).row["params"]["prompt"] == TRAM


async def test_run_again_at_another_price_asks_first(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    await run(form)
    await visit.house.carry(work.jobs[0]["id"])
    await work.refresh()
    publish_price(visit, "flux-schnell", 13)
    await finish(work.run_again(work.again_ticket))
    assert work.jobs == []
    assert form.slip["message"] == "The price is now 13 credits; it was 10"


async def test_no_var_of_the_page_holds_our_cost(visit, work):
    form = await opened(visit, model="flux-schnell")
    await form.set_value("prompt", TRAM)
    await run(form)
    await visit.house.carry(work.jobs[0]["id"])
    await work.refresh()
    sent = str(form.dict()) + str(work.dict())
    assert "margin" not in sent
    assert "cost_micros" not in sent


# --- text


class Tab:
    """What Reflex gives a handler that runs beside others: the state, entered for each change."""

    def __init__(self, state: Any) -> None:
        self.state, self.texts = state, []

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.texts.append(self.state.live_text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.state, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("state", "texts"):
            object.__setattr__(self, name, value)
        else:
            setattr(self.state, name, value)


async def test_a_text_model_is_asked_shows_its_answer_while_it_comes_and_keeps_it(visit, work):
    form = await opened(visit, model="gpt-4o-mini")
    before = visit.house.available
    assert form.values["max_tokens"] == "300"  # as in the model's example, not the most it can write
    empty = form.slip["button"]
    await form.set_value("prompt", "Three harbours [[fault:stall=1]]")
    await form.set_value("system", "Be brief.")
    await form.set_value("max_tokens", "60")
    assert empty != form.slip["button"]
    assert form.slip["status"] == "priced"
    assert "/v1/chat/completions" in form.code_text
    assert '"role": "system"' in form.code_text

    (_listen,) = await finish(work.run(form.slip["ticket"]))
    assert len(work.jobs) == 1
    tab = Tab(work)
    await WorkState.listen.fn(tab, work._open_ids[0])

    seen = visit.house.seen(work.result["id"])
    assert (seen.status, work.jobs, work.live_id) == ("completed", [], "")
    assert work.result["media"] == "text"
    assert work.result["words"].strip()
    assert all(work.result["words"].startswith(text) for text in tab.texts)
    assert before - visit.house.available == Money(seen.row["charged_micros"]) > Money.zero()
    assert work.history[0]["title"].startswith("Three harbours")
    assert work.again_label
    await work.show(seen.id)
    assert (form.values["system"], form.values["max_tokens"]) == ("Be brief.", "60")
    visit.house.assert_books_balance()


async def test_an_answer_that_breaks_off_is_shown_and_charged_as_far_as_it_came(visit, work):
    form = await opened(visit, model="gpt-4o-mini")
    await form.set_value("prompt", "Harbours [[fault:cut=6]]")
    await finish(work.run(form.slip["ticket"]))
    await WorkState.listen.fn(Tab(work), work._open_ids[0])
    await work.show(work.history[0]["id"])
    assert "broke off" in work.result["cause"]
    assert (work.result["media"], bool(work.result["words"])) == ("text", True)
    charged = visit.house.seen(work.result["id"]).row["charged_micros"]
    assert work.result["money"].startswith(f"{present.credits(Money(charged))} charged, ")
    assert work.history[0]["figure"].startswith(present.credits(Money(charged)))


async def test_what_a_text_is_held_for_does_not_change_with_every_word(visit, work):
    form = await opened(visit, model="gpt-4o-mini")
    await form.set_value("prompt", "Three harbours")
    ticket = form.slip["ticket"]
    await form.set_value("prompt", "Three harbours in the Baltic")
    assert form.slip["ticket"] == ticket
    await form.set_value("prompt", "Three harbours in the Baltic. " * 100)
    assert form.slip["ticket"] != ticket


async def test_the_price_of_a_text_that_changed_meanwhile_is_asked_again(visit, work):
    form = await opened(visit, model="gpt-4o-mini")
    await form.set_value("prompt", TRAM)
    ticket = form.slip["ticket"]
    services = visit.house.services
    offer = services.offers.find("gpt-4o-mini")
    dearer = {"type": "formula", "unit": "token", "price": {"per1kInputTokens": 5, "per1kOutputTokens": 20}}
    draft = replace(services.editing.read_draft(offer.model_id), pricing_rule=dearer)
    services.editing.publish(offer.model_id, draft, "For a test", "usr_operator")
    before = visit.house.available

    await finish(work.run(ticket))

    assert (form.slip["status"], visit.house.available) == ("stale", before)


async def test_an_answer_of_another_workspace_is_not_listened_to_and_its_end_is_news_in_its_own(visit, work):
    told: list[str] = []
    visit.house.services.news.listen(told.append)
    form = await opened(visit, model="gpt-4o-mini")
    await form.set_value("prompt", "Three harbours [[fault:stall=1]]")
    await finish(work.run(form.slip["ticket"]))
    mine = work._open_ids[0]
    assert listening.of(mine, "ws_other") is None
    answer = listening.of(mine, visit.who.workspace_id)
    told.clear()
    while answer is not None and not answer.is_over:
        await answer.more()
    assert told == [visit.who.workspace_id]
