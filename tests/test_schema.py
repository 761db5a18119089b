"""The database keeps its promises by itself."""

import pytest
from flask import Flask
from sqlalchemy.exc import DBAPIError

from core import audit
from core.database import db
from tests.factories import make_organization


def test_an_audit_entry_can_be_neither_changed_nor_removed(app: Flask) -> None:
    audit.record("test.act", "organization", make_organization().id, person_id=None)
    db.session.commit()
    for statement in ("update audit_entries set why = 'x'", "delete from audit_entries", "truncate audit_entries"):
        with pytest.raises(DBAPIError, match="append-only"):
            db.session.execute(db.text(statement))
        db.session.rollback()
