"""Rows for tests: plain functions with sensible defaults, each committed when it returns."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient

from accounts.models import LoginSession, Person
from competitions.models import Competition, Level, Participation, Track
from core import clock, secrets
from core.database import db
from organizations.models import Membership, Organization, RoleGrant
from questions.media import keep
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


def sign_in(client: FlaskClient, person: Person, **changes: Any) -> FlaskClient:
    """The same browser, with a session of a person from now on."""
    token = f"cookie-{next(_count)}"
    make_session(person, "cookie", token, **changes)
    with client.session_transaction() as session:
        session["_user_id"] = token
    return client


def grant(person: Person, role: str, organization: Organization) -> RoleGrant:
    """A role at a node."""
    return _keep(  # type: ignore[no-any-return]
        RoleGrant(person_id=person.id, role=role, organization_id=organization.id, granted_at=clock.now())
    )


_LETTERS: list[Any] = [{"id": one, "zh": f"选项{one}", "en": f"Option {one}"} for one in "abcd"]
_KINDS: dict[str, dict[str, Any]] = {
    "single": {"options": _LETTERS, "key": {"options": ["a"]}},
    "multiple": {"options": _LETTERS, "key": {"options": ["a", "b"]}},
    "true_false": {"key": {"truth": True}},
    "fill_in": {"key": {"accepted": ["氩气", "argon"]}},
    "blanks": {
        "type": "fill_in",
        "stem": {"zh": "保护气是{{1}}，电流是{{2}}安。", "en": "At {{2}} amperes the gas is {{1}}."},
        "key": {"blanks": [["氩气", "argon"], ["120"]]},
    },
    "numeric": {"key": {"value": "120", "tolerance": "0.5", "unit": {"zh": "A", "en": "A"}}},
    "parametrised": {
        "type": "numeric",
        "stem": {"zh": "{i} 安、{u} 伏，功率多少？", "en": "{i} amperes at {u} volts: what power?"},
        "key": {"expression": "i * u / 1000", "decimals": 2, "tolerance": "1%", "unit": {"zh": "千瓦", "en": "kW"}},
        "explanation": {"zh": "{i} × {u} ÷ 1000 = {answer}", "en": "{i} × {u} / 1000 = {answer}"},
        "variables": {"i": {"min": 100, "max": 200, "step": 10}, "u": {"min": "20", "max": "30", "step": "0.5"}},
    },
    "ordering": {"options": _LETTERS, "key": {"order": ["a", "b", "c", "d"]}},
    "matching": {
        "options": _LETTERS,
        "prompts": [{"id": f"p{number}", "zh": f"提示{number}", "en": f"Prompt {number}"} for number in (1, 2, 3)],
        "key": {"pairs": {"p1": "a", "p2": "b", "p3": "c"}},
    },
    "case": {"type": "single", "options": _LETTERS, "key": {"options": ["a"]}},
}


def make_bank(
    trade: str = "welding", size: int = 10, type_: str = "single", credit: str = "all", **changes: Any
) -> list[QuestionVersion]:
    """A trade with approved questions whose right answer is a, true, 氩气 and 120, the letters by the alphabet.

    Args:
        trade: its code.
        size: how many questions; of the kind "case" how many groups of three.
        type_: a type, or "blanks", "parametrised" or "case".
        credit: the credit rule.
        changes: other columns of the versions.
    """
    db.session.merge(Trade(code=trade, name_zh="焊工", name_en="Welding", position=1))
    db.session.flush()
    db.session.merge(Topic(trade_code=trade, code="safety", name_zh="安全", name_en="Safety", position=1))
    versions = []
    kind = _KINDS[type_]
    for at in range(size * (3 if type_ == "case" else 1)):
        number = next(_count)
        question = Question(code=f"{trade}-{number}", trade_code=trade, state="approved")
        db.session.add(question)
        db.session.flush()
        values: dict[str, Any] = {
            "type": type_,
            "topic_code": "safety",
            "stem": {"zh": f"题目{number}", "en": f"Question {number}"},
            "options": [],
            "explanation": {"zh": "因为所以", "en": "Because"},
        }
        if type_ == "case":
            stem = {"zh": f"案例{number - at % 3}", "en": f"Case {number - at % 3}"}
            values["case_group"] = {"code": f"{trade}-case-{number - at % 3}", "stem": stem, "media": []}
        values |= kind | {"key": kind["key"] | ({} if credit == "all" else {"credit": credit})} | changes
        version = QuestionVersion(
            question_id=question.id,
            number=1,
            difficulty=number % 5 + 1,
            source={"zh": "教科书事实", "en": "Textbook fact"},
            content_hash=f"{number:064d}",
            created_at=clock.now(),
            **values,
        )
        db.session.add(version)
        db.session.flush()
        question.current_version_id = question.latest_version_id = version.id
        versions.append(version)
    db.session.commit()
    return versions


PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55"
    "0000000a49444154789c636000000002000148afa4710000000049454e44ae426082"
)
"""A PNG of one black pixel."""


def make_media(content: bytes = PIXEL, zh: str = "一个黑点", en: str = "A black dot") -> dict[str, Any]:
    """An image as a version names it."""
    kept = keep(content)
    db.session.commit()
    return kept | {"alt": {"zh": zh, "en": en}}


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
