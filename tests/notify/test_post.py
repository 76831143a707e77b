"""A mail's whole way, to a real mail server that accepts, refuses, stalls and hangs up. On both databases."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import text

from app.accounts.identity import Role
from app.invoicing.profiles import Profiles
from app.invoicing.seed import BUYER
from app.kernel.db import Database
from app.kernel.errors import Conflict, NotFound
from app.notify.postman import GIVE_UP_AFTER, HIDE
from app.notify.smtp import parse
from tests.notify.conftest import PDF, Office
from tests.support.mailbox import Mailbox, free_port, running_mailbox

pytestmark = pytest.mark.one_engine

# --- what arrives


def test_an_owner_gets_the_mail_in_both_forms(office: Office, mailbox: Mailbox) -> None:
    office.promise("low_balance")
    office.carry()
    (mail,) = mailbox.arrived
    assert (str(mail["From"]), str(mail["To"])) == ("Farebox <billing@example.com>", "ada@example.com")
    assert mail["Subject"] == "96.5 credits left at Farebox"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    text = mail.get_body(("plain",))
    assert text is not None
    assert "Ada & Co has 96.5 credits left" in text.get_content()
    assert mailbox.envelopes == [("billing@example.com", ["ada@example.com"])]
    (row,) = office.mails.page()
    assert (row.state, row.sent_at, mail["Message-ID"]) == ("sent", office.watch.now, f"<{row.id}@example.com>")


def test_an_invoice_comes_with_its_pdf(office: Office, mailbox: Mailbox) -> None:
    file = {"kind": "invoice", "id": "inv_1", "name": "FB-2026-000417.pdf"}
    office.promise("invoice", attachments=[file])
    office.carry()
    (mail,) = mailbox.arrived
    (attached,) = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("FB-2026-000417.pdf", "application/pdf")
    assert attached.get_content() == PDF
    text = mail.get_body(("plain",))
    assert text is not None
    assert "Attached: FB-2026-000417.pdf" in text.get_content()


def test_every_owner_gets_one_and_nobody_else(office: Office, mailbox: Mailbox) -> None:
    people = office.accounts.people
    for name, role in (("grace", Role.OWNER), ("eve", Role.MEMBER)):
        person = people.create_user(f"{name}@example.com", name, "correct horse battery")
        people.add_member(office.workspace_id, person.id, role)
    office.promise()
    office.carry()
    assert sorted(str(mail["To"]) for mail in mailbox.arrived) == ["ada@example.com", "grace@example.com"]


@pytest.mark.parametrize(
    ("template", "books"),
    [("invoice", "books@example.com"), ("order_received", "ADA@example.com"), ("low_balance", "books@example.com")],
)
def test_bookkeeping_gets_what_belongs_into_the_books(
    office: Office, mailbox: Mailbox, template: str, books: str
) -> None:
    profiles = Profiles(office.database, office.watch)
    profiles.save(office.workspace_id, replace(BUYER, email=books), actor="test")
    office.promise(template)
    office.carry()
    besides = [books] if (template, books) == ("invoice", "books@example.com") else []
    assert sorted(str(mail["To"]) for mail in mailbox.arrived) == ["ada@example.com", *besides]


def test_operators_are_told_what_concerns_them(office: Office, mailbox: Mailbox) -> None:
    office.promise("dispute_notice", operators=True)
    office.carry()
    assert [str(mail["To"]) for mail in mailbox.arrived] == ["olga@example.com"]


def test_operators_read_a_workspaces_name_not_its_id(office: Office, mailbox: Mailbox) -> None:
    office.promise("order_waiting", operators=True, params={"workspace": office.workspace_id})
    office.carry()
    assert [str(mail["Subject"]) for mail in mailbox.arrived] == ["Ada & Co ordered for €65.45: decide"]


def test_a_promise_made_twice_is_one_mail(office: Office, mailbox: Mailbox) -> None:
    for _ in range(3):
        office.promise(key="low_balance:ws:2026-11-21")
        office.carry()
    assert len(mailbox.arrived) == 1


def test_many_mails_share_a_connection(office: Office, mailbox: Mailbox) -> None:
    for _ in range(20):
        office.promise("mail_test", to="ada@example.com")
    office.carry()
    assert (len(mailbox.arrived), mailbox.connections) == (20, 1)


def test_two_processes_send_each_mail_once(office: Office, mailbox: Mailbox) -> None:
    for _ in range(45):
        office.promise("mail_test", to="ada@example.com")
    office.write()
    other = Office(office.database, office.watch, office.server, office.workspace_id, office.accounts)

    async def both() -> None:
        await asyncio.gather(office.postman.run(), other.postman.run())

    asyncio.run(both())
    assert len({mail["Message-ID"] for mail in mailbox.arrived}) == len(mailbox.arrived) == 45


# --- header injection


def test_case_40_a_company_name_cannot_write_headers(office: Office, mailbox: Mailbox) -> None:
    evil = "Evil\r\nBcc: victim@example.com\r\n\r\nBuy now"
    office.promise("dispute_notice", operators=True, params={"workspace": evil})
    office.carry()
    (mail,) = mailbox.arrived
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Dispute over €65.45: Evil Bcc: victim@example.com Buy now"
    assert mailbox.envelopes == [("billing@example.com", ["olga@example.com"])]


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("ada@example.com\r\nBcc: victim@example.com", id="a line break"),
        pytest.param("ada@example.com, victim@example.com", id="a list"),
        pytest.param("Ada <ada@example.com>", id="a name"),
        pytest.param("ada@example.com\x00", id="a zero byte"),
        pytest.param("nobody", id="no domain"),
    ],
)
def test_case_40_an_address_is_one_address(office: Office, mailbox: Mailbox, address: str) -> None:
    office.promise("mail_test", to=address)
    office.carry()
    assert (mailbox.arrived, mailbox.envelopes) == ([], [])
    (broken,) = office.mails.broken_promises()
    assert (broken.state, "is not a mail address" in str(broken.error)) == ("failed", True)


def test_one_address_that_is_none_keeps_nobody_elses_mail_back(office: Office, mailbox: Mailbox) -> None:
    """Accounts of earlier versions may have any."""
    _, workspace = office.accounts.people.create_customer("bo@example.com", "Bo", "correct horse battery", "Bo")
    other = office.accounts.people.create_user("cy@example.com", "Cy", "correct horse battery")
    office.accounts.people.add_member(workspace.id, other.id, Role.OWNER)
    with office.database.write() as connection:
        odd = {"odd": "a..c@example.com", "plain": "cy@example.com"}
        connection.execute(text("UPDATE user_account SET email = :odd WHERE email = :plain"), odd)
    office.promise("low_balance", workspace_id=workspace.id)
    office.carry()
    assert [to for _, to in mailbox.envelopes] == [["bo@example.com"]]
    failed = [row for row in office.mails.page() if row.state == "failed"]
    assert [(row.address, "is not a mail address" in str(row.error)) for row in failed] == [("a..c@example.com", True)]


def test_a_domain_of_any_script_is_written_as_mail_servers_read_it(office: Office, mailbox: Mailbox) -> None:
    office.promise("mail_test", to="ada@exämple.de")
    office.carry()
    assert [to for _, to in mailbox.envelopes] == [["ada@xn--exmple-cua.de"]]
    (mail,) = mailbox.arrived
    assert mail["To"] == "ada@xn--exmple-cua.de"


def test_a_slow_server_gets_no_mail_twice(office: Office, mailbox: Mailbox) -> None:
    """It takes a minute over each: by the end of a batch others would take its mails for a dead process's."""
    other = Office(office.database, office.watch, office.server, office.workspace_id, office.accounts)
    mailbox.slow = lambda: office.watch.forward(seconds=61)
    for _ in range(20):
        office.promise("mail_test", to="ada@example.com")
    office.write()

    async def both() -> None:
        await asyncio.gather(office.postman.run(), _now_and_then(other.postman.run, mailbox))

    asyncio.run(both())
    assert len({mail["Message-ID"] for mail in mailbox.arrived}) == len(mailbox.arrived) == 20
    assert set(office.states()) == {"sent"}


async def _now_and_then(run: Callable[[], Awaitable[int]], mailbox: Mailbox) -> None:
    while len(mailbox.arrived) < 20:  # each turn hands over what is due, or lets the other go on
        await run()
        await asyncio.sleep(0.01)


# --- a server that refuses


def test_a_refused_address_gets_no_more_mail_until_it_is_forgiven(office: Office, mailbox: Mailbox) -> None:
    mailbox.recipients["ada@example.com"] = "550 5.1.1 no such user"
    for _ in range(2):
        office.promise()
        office.carry()
    assert office.states() == ["refused", "suppressed"]
    (refusal,) = office.mails.refusals()
    assert (refusal.address, refusal.reason) == ("ada@example.com", "550 5.1.1 no such user")

    mailbox.recipients.clear()
    office.mails.forgive("Ada@example.com")
    office.promise()
    office.carry()
    assert (office.states()[-1], len(mailbox.arrived)) == ("sent", 1)


def test_later_means_later_and_the_repetition_has_the_same_message_id(office: Office, mailbox: Mailbox) -> None:
    mailbox.recipients["ada@example.com"] = "451 4.7.1 greylisted"
    office.promise()
    office.carry()
    (row,) = office.mails.page()
    assert (row.state, row.error, row.attempts) == ("waiting", "451 4.7.1 greylisted", 1)
    assert office.send() == 0

    mailbox.recipients.clear()
    office.watch.forward(minutes=1)
    office.send()
    (mail,) = mailbox.arrived
    assert mail["Message-ID"] == f"<{row.id}@example.com>"


def test_refused_content_does_not_blame_the_address(office: Office, mailbox: Mailbox) -> None:
    mailbox.data["credits left"] = "554 5.7.1 looks like spam"
    office.promise()
    office.carry()
    assert (office.states(), office.mails.refusals()) == (["refused"], [])


def test_a_mail_that_makes_the_server_hang_up_does_not_hold_up_the_others(office: Office, mailbox: Mailbox) -> None:
    mailbox.data["credits left"] = "hang up"
    office.promise("low_balance")
    office.promise("mail_test", to="ada@example.com")
    office.write()
    office.send()
    office.send()
    assert office.states() == ["waiting", "sent"]
    assert [row.attempts for row in office.mails.page()] == [1, 1]


def test_what_nobody_accepts_is_given_up(office: Office, mailbox: Mailbox) -> None:
    mailbox.recipients["ada@example.com"] = "450 try later"
    office.promise()
    office.write()
    for _ in range(GIVE_UP_AFTER + 2):
        office.send()
        office.watch.forward(days=1)
    (row,) = office.mails.page()
    assert (row.state, row.attempts) == ("failed", GIVE_UP_AFTER)


# --- a server that is not there


def test_a_server_that_is_away_is_not_hammered(
    database: Database, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = replace(parse(f"smtp://127.0.0.1:{free_port()}", "billing@example.com"), timeout_seconds=2)
    out = Office(database, office.watch, away, office.workspace_id, office.accounts)
    out.promise()
    out.promise()
    out.carry()
    assert out.states() == ["waiting", "waiting"]
    asked: list[object] = []
    monkeypatch.setattr(type(away), "client", asked.append)
    out.watch.forward(seconds=59)
    out.send()
    assert asked == []


def test_mails_wait_for_a_server_to_come_back(office: Office, database: Database) -> None:
    port = free_port()
    server = parse(f"smtp://127.0.0.1:{port}", "billing@example.com")
    out = Office(database, office.watch, server, office.workspace_id, office.accounts)
    out.promise()
    out.carry()
    out.watch.forward(minutes=2)
    with running_mailbox(port) as box:
        out.send()
        assert len(box.arrived) == 1


def test_a_server_that_says_nothing_is_left(office: Office, database: Database) -> None:
    with silent_server() as port:
        silent = replace(parse(f"smtp://127.0.0.1:{port}", "billing@example.com"), timeout_seconds=0.5)
        out = Office(database, office.watch, silent, office.workspace_id, office.accounts)
        out.promise()
        out.carry()
    (row,) = out.mails.page()
    assert (row.state, "Timeout" in str(row.error)) == ("waiting", True)


def test_a_mail_in_the_hands_of_a_process_that_died_is_sent_by_the_next(
    office: Office, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.promise()
    office.write()
    with monkeypatch.context() as dying:
        dying.setattr(type(office.postman), "_judge", _die)
        with pytest.raises(KeyboardInterrupt):
            office.send()
    assert office.send() == 0
    office.watch.forward(seconds=HIDE.total_seconds())
    assert office.send() == 1
    first, second = mailbox.arrived
    assert first["Message-ID"] == second["Message-ID"]


def test_a_server_without_tls_never_hears_the_password(office: Office, database: Database, mailbox: Mailbox) -> None:
    server = replace(parse(f"smtps://user:secret@127.0.0.1:{mailbox.port}", "b@example.com"), tls="starttls")
    out = Office(database, office.watch, server, office.workspace_id, office.accounts)
    out.promise()
    out.carry()
    assert (out.states(), mailbox.arrived) == (["waiting"], [])


# --- attachments


def test_a_file_that_nobody_can_make_fails_the_mail_alone(office: Office, mailbox: Mailbox) -> None:
    for file in ({"kind": "statement", "id": "1"}, {"kind": "invoice", "id": "inv_unknown"}):
        office.promise("invoice", attachments=[file])
    office.promise("low_balance")
    office.carry()
    assert office.states() == ["failed", "failed", "sent"]
    assert len(mailbox.arrived) == 1


# --- no mail server at all


def test_without_a_server_mails_are_kept_for_the_operator(quiet_office: Office) -> None:
    quiet_office.promise("order_received")
    quiet_office.carry()
    (row,) = quiet_office.mails.page()
    assert (row.state, row.address, row.template) == ("kept", "ada@example.com", "order_received")
    shown = quiet_office.mails.find(row.id)
    assert "DE89 3704 0044 0532 0130 00" in shown.text
    assert "DE89 3704 0044 0532 0130 00" in shown.html
    with pytest.raises(Conflict, match="no mail server"):
        quiet_office.mails.resend(row.id)


def test_a_kept_mail_is_sent_once_there_is_a_server(quiet_office: Office, office: Office, mailbox: Mailbox) -> None:
    quiet_office.promise()
    quiet_office.carry()
    (row,) = quiet_office.mails.page()
    assert office.send() == 0
    office.mails.resend(row.id)
    office.send()
    assert [str(mail["To"]) for mail in mailbox.arrived] == ["ada@example.com"]


# --- the operator's list


def test_the_list_is_searched_filtered_and_turned_like_pages(quiet_office: Office) -> None:
    for _ in range(3):
        quiet_office.promise("low_balance")
    quiet_office.promise("invoice")
    quiet_office.carry()
    mails = quiet_office.mails
    assert [row.template for row in mails.page(search="invoice FB")] == ["invoice"]
    assert len(mails.page(search="ADA@")) == 4
    assert mails.page(search="100%") == []
    assert mails.page(state="sent") == []
    first = mails.page(limit=3)
    assert len(mails.page(after=first[-1].id)) == 1
    assert mails.counts()["kept"] == 4
    with pytest.raises(NotFound):
        mails.find("mail_unknown")


def test_a_promise_that_could_not_be_written_can_be_tried_again(office: Office, mailbox: Mailbox) -> None:
    office.promise("low_balance", params={"colour": "red"})
    office.carry()
    (broken,) = office.mails.broken_promises()
    assert (broken.topic, broken.error) == ("mail", "The mail low_balance does not know colour.")
    office.mails.try_again(broken.id)
    with pytest.raises(NotFound):
        office.mails.try_again(broken.id)


def test_an_operator_can_see_that_mail_works(office: Office, mailbox: Mailbox) -> None:
    office.mails.test("olga@example.com")
    office.carry()
    assert [str(mail["Subject"]) for mail in mailbox.arrived] == ["Mail from Farebox works"]


def test_old_mails_are_forgotten(office: Office) -> None:
    office.promise()
    office.carry()
    office.watch.forward(days=399)
    assert office.mails.forget() == 0
    office.watch.forward(days=2)
    assert office.mails.forget() == 2
    assert office.mails.page() == []


def _die(*_given: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def silent_server() -> Iterator[int]:
    """Takes the call and never speaks."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken: list[socket.socket] = []
        thread = threading.Thread(target=lambda: taken.append(listener.accept()[0]), daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        for caller in taken:
            caller.close()
