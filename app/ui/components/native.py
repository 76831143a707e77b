"""Forms the browser posts by itself.

`rx.form` and `rx.el.form` always cancel the submit, so a native POST through them silently does nothing. Signing in
must be a native POST: only an HTTP answer can set an httpOnly cookie.
"""

from typing import Any

import reflex as rx
from reflex_base.components.component import field as prop
from reflex_components_core.el.elements.base import BaseHTML


class NativeForm(BaseHTML):
    tag = "form"

    action: rx.Var[str] = prop(doc="Where the browser posts to.")
    method: rx.Var[str] = prop(doc="post or get.")
    enc_type: rx.Var[str] = prop(doc="multipart/form-data for files.")
    auto_complete: rx.Var[str] = prop(doc="on or off.")


def native_form(*children: Any, action: str, method: str = "post", **props: Any) -> rx.Component:
    """A form that the browser submits itself; its fields need `name`s. Answered by a redirect (303)."""
    return NativeForm.create(*children, action=action, method=method, **props)


def hidden(name: str, value: Any) -> rx.Component:
    """A value a native form carries along."""
    return rx.el.input(type="hidden", name=name, value=value, read_only=True)
