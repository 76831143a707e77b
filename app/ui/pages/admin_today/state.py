"""What `/admin` shows: the figures at once, then what takes longer (margins, the providers' answers, the audit)."""

import asyncio
from typing import ClassVar

import reflex as rx

from app import services
from app.catalogue.losses import Loss, losses
from app.generation.connection_check import Checked
from app.generation.provider_health import ProviderHealth, provider_health
from app.generation.today import Today, today
from app.generation.undecided import Undecided, undecided
from app.kernel.text import t
from app.reconcile.runs import Run
from app.services import Services
from app.ui import present
from app.ui.components import NOT_DRAWN, Drawing, drawing
from app.ui.guard import PageState
from app.ui.pages.admin_providers.checks import checks
from app.ui.pages.admin_today import facts
from app.ui.pages.admin_today.books import Books, books
from app.ui.pages.admin_today.facts import DecisionRow, HealthRow, HourRow, Kpi, ModelRowShown
from app.ui.pages.admin_today.money import money_rows, waiting
from app.ui.remember import PerServices, Remembered
from app.ui.roles import Role

LOSSES_KEPT_SECONDS = 60.0
AT_ONCE = frozenset({"unknown", "transfer", "unmatched", "dispute", "enquiry"})  # read with the figures


class TodayState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR

    ready: bool = False
    quiet: bool = False
    moment: str = ""
    figures: dict[str, Kpi] = dict.fromkeys(("revenue", "cost", "margin", "jobs", "failed"), facts.NO_KPI)
    figure: Drawing = NOT_DRAWN
    summary: str = ""
    hours: list[HourRow] = []
    providers: list[HealthRow] = []
    models: list[ModelRowShown] = []
    decisions: list[DecisionRow] = []
    decided: bool = False  # the list of decisions is complete
    audited: bool = False
    balanced: bool = True
    books_title: str = ""
    books_detail: str = ""

    @rx.event
    async def load(self):
        """A visit: the figures first."""
        house = services.current()
        day, health, open_ones = await asyncio.to_thread(_read, house)
        at = day.at
        self.moment = present.full_moment(at).rsplit(":", 1)[0] + " UTC"
        self.quiet = day.is_quiet
        self.figures = facts.kpis(day)
        self.figure, self.summary = drawing(facts.hour_figure(day)), facts.hour_summary(day)
        self.hours = facts.hour_rows(day)
        self.providers = [facts.health_row(one, at) for one in health]
        self.models = [facts.model_row(one) for one in day.models]
        asked = money_rows(await asyncio.to_thread(waiting, house), at)
        self.decisions = [*asked, *facts.unknown_rows(open_ones, at)]
        self.ready = True
        return TodayState.look_closer

    @rx.event(background=True)
    async def look_closer(self):
        """What takes longer than a page may take to open."""
        house = services.current()
        losing, health, models, checked, audit, compared = await asyncio.gather(
            _losses.get().get(),
            asyncio.to_thread(_health, house),
            asyncio.to_thread(house.editing.models),
            _checked(house),
            books(),
            asyncio.to_thread(_compared, house),
        )
        at = house.desk.clock()
        async with self:
            at_once = [row for row in self.decisions if row["icon"] in AT_ONCE]
            self.decisions = [
                *facts.reconcile_rows(compared, at),
                *facts.loss_rows(losing),
                *at_once,
                *facts.provider_rows(health, checked, at),
                *facts.unverified_rows(models),
            ]
            self.decided = self.audited = True
            self.balanced = not audit.breaches
            self.books_title, self.books_detail = _books_words(audit, present.age(audit.at, at))


def _books_words(audit: Books, age: str) -> tuple[str, str]:
    if audit.breaches:
        first = audit.breaches[0]
        more = len(audit.breaches) - 1
        title = t("admin_today.books.breach") if not more else t("admin_today.books.breaches", count=more + 1)
        return title, t("admin_today.books.broken", rule=first.sentence, name=first.name, rows=len(first.rows))
    return t("admin_today.books.balance"), t(
        "admin_today.books.checked",
        jobs=present.plural(audit.jobs, "job"),
        attempts=present.plural(audit.attempts, "attempt"),
        postings=present.plural(audit.postings, "posting"),
        ago=t("admin_today.books.ago", age=age) if not age.endswith(" s") else t("admin_today.books.just_now"),
    )


def _read(house: Services) -> tuple[Today, list[ProviderHealth], list[Undecided]]:
    at = house.desk.clock()
    with house.db.read() as connection:
        return (
            today(connection, at, house.editing.credit_value),
            provider_health(connection, at),
            undecided(connection, at),
        )


def _health(house: Services) -> list[ProviderHealth]:
    with house.db.read() as connection:
        return provider_health(connection, house.desk.clock())


def _compared(house: Services) -> Run | None:
    """What the comparisons of the books with the outside world found and remains."""
    return house.reconcile.runs.standing()


async def _checked(house: Services) -> dict[str, Checked]:
    """The answer of every provider that is on and has a key; asked at most every five minutes."""
    usable = [one.provider_id for one in await asyncio.to_thread(_health, house) if one.is_on and one.has_key]
    answers = await asyncio.gather(*(checks().recent(provider_id) for provider_id in usable))
    return dict(zip(usable, answers, strict=True))


def _losing(house: Services) -> list[Loss]:
    with house.db.reading() as session:
        return losses(session, house.editing.credit_value, house.desk.clock())


_losses: PerServices[Remembered[list[Loss]]] = PerServices(
    lambda house: Remembered(lambda: asyncio.to_thread(_losing, house), LOSSES_KEPT_SECONDS)
)
