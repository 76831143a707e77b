"""The interface's tests compile no bundle and build no services: the app is imported as `reflex export` does."""

import importlib
import os
from unittest import mock

with mock.patch.dict(os.environ, {"FAREBOX_BUILD": "1"}):
    importlib.import_module("app.app")
