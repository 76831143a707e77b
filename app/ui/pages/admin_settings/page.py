"""`/admin/settings` drawn: a section at a time."""

from typing import Any, ClassVar

import reflex as rx

from app.kernel.text import t
from app.ui.components import column, segmented, var
from app.ui.guard import PageState
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_settings.fx_state import FxState
from app.ui.pages.admin_settings.fx_view import fx_dialog, fx_panel
from app.ui.pages.admin_settings.payments_state import PaymentsState
from app.ui.pages.admin_settings.payments_view import payments_section
from app.ui.pages.admin_settings.rates_view import rates_dialogs, rates_panel
from app.ui.pages.admin_settings.seller_state import SellerState
from app.ui.pages.admin_settings.seller_view import seller_section, tax_section
from app.ui.pages.admin_settings.terms_state import TermsState
from app.ui.pages.admin_settings.terms_view import terms_section
from app.ui.roles import Role
from app.ui.tabs import asked_tab, name_tab

SECTIONS = ("seller", "tax", "terms", "payments")


class SettingsState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR

    section: str = SECTIONS[0]

    @rx.event
    def load(self):
        """A visit; `?tab=` names the section."""
        self.section = asked_tab(self, SECTIONS)

    @rx.event
    def choose(self, section: str):
        """Show another section; drafts of the others stay."""
        if section not in SECTIONS:
            return None
        self.section = section
        return name_tab(section)


@page(
    "/admin/settings",
    title=t("admin_settings.title"),
    role=Role.OPERATOR,
    on_load=[SettingsState.load, SellerState.load, TermsState.load, PaymentsState.load, FxState.load],
)
def admin_settings() -> rx.Component:
    drawn: list[tuple[str, Any]] = [
        ("tax", rx.fragment(tax_section(), rates_panel(), fx_panel(), rates_dialogs(), fx_dialog())),
        ("terms", terms_section()),
        ("payments", payments_section()),
    ]
    return shell(
        column(
            rx.el.div(
                segmented(
                    [(name, t(f"admin_settings.section.{name}")) for name in SECTIONS],
                    value=SettingsState.section,
                    on_change=var(SettingsState.choose),
                    label=t("admin_settings.title"),
                    full=False,
                ),
                class_name="fb-scroll-x",
            ),
            rx.match(SettingsState.section, *drawn, seller_section()),
            class_name="fb-settings",
        ),
        here="settings",
        title=t("admin_settings.title"),
        area=Role.OPERATOR,
    )
