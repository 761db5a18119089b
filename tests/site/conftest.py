"""The filled site, once for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask

from core.database import db
from tests.conftest import _EMPTY
from tests.site.demo_site import filled


@pytest.fixture(scope="module")
def site(application: Flask, superuser: psycopg.Connection[Any]) -> Iterator[Flask]:
    """The application on the demo event with sixty people; tests only read, or ask for what is refused."""
    superuser.execute(_EMPTY)
    with filled(application) as app:
        yield app
        db.session.remove()
