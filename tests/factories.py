"""Rows for tests: plain functions with sensible defaults, each committed when it returns."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from accounts.models import LoginSession, Person
from competitions.models import Competition, Level, Participation, Track
from core import clock, secrets
from core.database import db
from organizations.models import Membership, Organization, RoleGrant
from questions.models import Question, QuestionVersion, Topic, Trade

_count = itertools.count(1)


def _keep(row: Any) -> Any:
    db.session.add(row)
    db.session.commit()
    return row


def make_organization(parent: Organization | None = None, kind: str = "province", **changes: Any) -> Organization:
    """A node of the tree; a province when it has no parent."""
    number = next(_count)
    values: dict[str, Any] = {
        "parent_id": parent.id if parent else None,
        "kind": kind,
        "name_zh": f"单位{number}",
        "name_en": f"Unit {number}",
        "path": [],
        "created_at": clock.now(),
    }
    node = Organization(**values | changes)
    db.session.add(node)
    db.session.flush()
    node.path = [*(parent.path if parent else []), node.id]
    return _keep(node)  # type: ignore[no-any-return]


def make_person(organization: Organization | None = None, **changes: Any) -> Person:
    """A person whose password is never right; a member of `organization` when given."""
    phone = changes.pop("phone", f"+8613{next(_count):09d}")
    values: dict[str, Any] = {
        "phone_index": secrets.blind_index(phone),
        "phone_sealed": secrets.seal(phone),
        "phone_tail": phone[-4:],
        "password_hash": "!",
        "name": "王小明",
        "created_at": clock.now(),
    }
    person: Person = _keep(Person(**values | changes))
    if organization is not None:
        _keep(Membership(person_id=person.id, organization_id=organization.id, began_at=clock.now()))
    return person


def make_session(person: Person, kind: str = "bearer", token: str | None = None, **changes: Any) -> LoginSession:
    """A signed-in device of a person."""
    now = clock.now()
    values: dict[str, Any] = {
        "token_digest": secrets.token_digest(token or f"token-{next(_count)}"),
        "person_id": person.id,
        "kind": kind,
        "created_at": now,
        "last_seen_at": now,
        "expires_at": now + timedelta(days=1),
    }
    return _keep(LoginSession(**values | changes))  # type: ignore[no-any-return]


def grant(person: Person, role: str, organization: Organization) -> RoleGrant:
    """A role at a node."""
    return _keep(  # type: ignore[no-any-return]
        RoleGrant(person_id=person.id, role=role, organization_id=organization.id, granted_at=clock.now())
    )


def make_bank(trade: str = "welding", size: int = 10, type_: str = "single") -> list[QuestionVersion]:
    """A trade with published questions whose right answer is option a (or true, 氩气, 120)."""
    db.session.merge(Trade(code=trade, name_zh="焊工", name_en="Welding", position=1))
    db.session.flush()
    db.session.merge(Topic(trade_code=trade, code="safety", name_zh="安全", name_en="Safety", position=1))
    versions = []
    keys: dict[str, dict[str, Any]] = {
        "single": {"options": ["a"]},
        "multiple": {"options": ["a", "b"]},
        "true_false": {"truth": True},
        "fill_in": {"accepted": ["氩气", "argon"]},
        "numeric": {"value": "120", "tolerance": "0.5", "unit": {"zh": "A", "en": "A"}},
    }
    for _ in range(size):
        number = next(_count)
        question = Question(code=f"{trade}-{number}", trade_code=trade, state="approved")
        db.session.add(question)
        db.session.flush()
        version = QuestionVersion(
            question_id=question.id,
            number=1,
            type=type_,
            topic_code="safety",
            difficulty=number % 5 + 1,
            stem={"zh": f"题目{number}", "en": f"Question {number}"},
            options=[{"id": one, "zh": f"选项{one}", "en": f"Option {one}"} for one in "abcd"]
            if type_ in ("single", "multiple")
            else [],
            key=keys[type_],
            explanation={"zh": "因为所以", "en": "Because"},
            source={"zh": "教科书事实", "en": "Textbook fact"},
            content_hash=f"{number:064d}",
            created_at=clock.now(),
        )
        db.session.add(version)
        db.session.flush()
        question.current_version_id = version.id
        versions.append(version)
    db.session.commit()
    return versions


def make_competition(organization: Organization, **changes: Any) -> Competition:
    """An open competition from an hour ago until tomorrow."""
    now = clock.now()
    values: dict[str, Any] = {
        "organization_id": organization.id,
        "name_zh": "技能比武",
        "name_en": "Skills competition",
        "state": "open",
        "opens_at": now - timedelta(hours=1),
        "closes_at": now + timedelta(days=1),
        "created_at": now,
    }
    return _keep(Competition(**values | changes))  # type: ignore[no-any-return]


def make_track(competition: Competition, **changes: Any) -> Track:
    """A welding track; its bank must exist."""
    values: dict[str, Any] = {
        "competition_id": competition.id,
        "trade_code": "welding",
        "position": 1,
        "name_zh": "焊工",
        "name_en": "Welding",
    }
    return _keep(Track(**values | changes))  # type: ignore[no-any-return]


def make_level(track: Track, position: int = 1, items: int = 3, **changes: Any) -> Level:
    """A level of single items worth 10 points each, five minutes, two right of three to clear, no limit of tries."""
    values: dict[str, Any] = {
        "track_id": track.id,
        "position": position,
        "name_zh": f"第{position}关",
        "name_en": f"Level {position}",
        "blueprint": [{"topic": None, "type": None, "difficulty": None, "count": items, "points": 10}],
        "time_limit_s": 300,
        "pass_points": 20,
    }
    return _keep(Level(**values | changes))  # type: ignore[no-any-return]


def make_participation(competition: Competition, person: Person, path: list[int], **changes: Any) -> Participation:
    """A person who has joined."""
    values: dict[str, Any] = {
        "competition_id": competition.id,
        "person_id": person.id,
        "name": person.name,
        "path": path,
        "joined_at": clock.now(),
    }
    return _keep(Participation(**values | changes))  # type: ignore[no-any-return]
