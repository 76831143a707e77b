"""The look in Python: the Radix theme, what goes into every page's head, and the series colours of charts.

Every other token is a `--fb-*` variable in `assets/farebox.css`, for light and dark.
"""

import reflex as rx

THEME = rx.theme(
    accent_color="indigo",
    gray_color="slate",
    radius="large",
    scaling="95%",
    panel_background="solid",
    has_background=False,
)

STYLESHEETS = [
    "/farebox.css",
    "/farebox-shell.css",
    "/farebox-components.css",
    "/farebox-front.css",
    "/farebox-admin.css",
    "/farebox-customer.css",
    "/farebox-playground.css",
    "/farebox-editor.css",
]

#: Chart series in order, as in the light theme; `farebox.css` repaints them in the dark one. The last is "others".
SERIES = ("#3E63DD", "#60B3D7", "#CF91D8", "#C2A499", "#CDCED6")
#: Cost and the past are slate, whatever their position.
PAST = "#CDCED6"


def head() -> list[rx.Component]:
    """What every page's head carries."""
    return [
        rx.el.link(rel="icon", href="/favicon.svg", type="image/svg+xml"),
        rx.el.link(
            rel="preload",
            href="/fonts/inter-latin-opsz-normal.woff2",
            custom_attrs={"as": "font", "type": "font/woff2", "crossOrigin": "anonymous"},
        ),
        rx.el.meta(name="color-scheme", content="light dark"),
        rx.el.script(src="/farebox.js", defer=True),
    ]
