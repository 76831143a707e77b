"""Every route of the API that a key opens, found in its own description: a new one is attacked the day it appears."""

import re
from typing import NamedTuple

from fastapi import FastAPI

PARAMETER = re.compile(r"{[a-z_]+}")
METHODS = ("get", "post", "put", "patch", "delete")
#: Operators' keys, sessions and signatures open these: they have tests of their own.
ELSEWHERE = ("/session", "/hooks", "/payments", "/download")


class Door(NamedTuple):
    method: str
    path: str

    @property
    def takes_body(self) -> bool:
        return self.method in ("POST", "PUT", "PATCH")

    @property
    def is_about_one(self) -> bool:
        return "{" in self.path

    def at(self, value: str) -> str:
        """The path with this in the place of its parameters."""
        return PARAMETER.sub(lambda _: value, self.path)


def doors(api: FastAPI) -> list[Door]:
    """In the order they are declared."""
    paths = api.openapi()["paths"]
    found = [Door(method.upper(), path) for path, here in paths.items() for method in METHODS if method in here]
    return [door for door in found if not door.path.startswith(ELSEWHERE)]
