"""Images and sounds: how they come in with a bank, and how they are sent."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from core.database import db
from questions.errors import BadMedia, BankInvalid
from questions.media import keep
from questions.models import Media, QuestionVersion
from questions.services import check_banks, load_banks
from tests.factories import PIXEL, make_media, make_person, sign_in

FRAME = b"\xff\xfb\x90\x64" + bytes(413)
ALT = {"zh": "接头", "en": "A joint"}
TEXT = {"zh": "文", "en": "text"}


def a_bank(**parts: Any) -> dict[str, Any]:
    """A bank of one single choice and one matching item of a case, with these media."""
    options: list[dict[str, Any]] = [{"id": one, **TEXT} for one in "ab"]
    common = {"topic": "t", "difficulty": 1, "stem": TEXT, "explanation": TEXT, "source": TEXT}
    questions: list[dict[str, Any]] = [
        {"id": f"q{number}", "type": "single", "options": options, "key": ["a"], **common} for number in range(4)
    ]
    for question in questions[1:]:
        question["case"] = "c"
    questions[0] |= {"media": parts.get("media", [])}
    questions[0]["options"] = [{**options[0], **parts.get("option", {})}, options[1]]
    prompts = [{"id": "p", **TEXT, **parts.get("prompt", {})}, {"id": "q", **TEXT}]
    questions[1] |= {"type": "matching", "prompts": prompts, "key": {"p": "a", "q": "b"}}
    case = {"id": "c", "stem": TEXT, "media": parts.get("case", [])}
    return {"trade": "welding", "topics": [{"code": "t", **TEXT}], "cases": [case], "questions": questions}


def a_folder(path: Path, bank: dict[str, Any], **files: bytes) -> Path:
    """A folder of banks as docs/bank-format.md has it."""
    (path / "trades.yaml").write_text(yaml.safe_dump({"trades": [{"code": "welding", **TEXT}]}))
    (path / "welding.yaml").write_text(yaml.safe_dump(bank, allow_unicode=True))
    (path / "media/welding").mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (path / "media/welding" / name.replace("_", ".")).write_bytes(content)
    return path


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.usefixtures("app")
def test_files_that_a_bank_names_are_kept_once_and_stand_in_its_versions_by_their_hash(tmp_path: Path) -> None:
    image = {"file": "joint.png", "alt": ALT}
    sound = {"file": "arc.mp3", "alt": ALT}
    bank = a_bank(media=[image, sound], option={"image": image}, prompt={"image": image}, case=[image])
    folder = a_folder(tmp_path, bank, joint_png=PIXEL, arc_mp3=FRAME)
    assert load_banks(folder).new == 4
    kept = {"sha256": sha(PIXEL), "mime": "image/png", "alt": ALT}
    first, second, third, _ = db.session.query(QuestionVersion).order_by(QuestionVersion.id)
    assert first.media == [kept, {"sha256": sha(FRAME), "mime": "audio/mpeg", "alt": ALT}]
    assert [option.get("image") for option in first.options] == [kept, None]
    assert second.prompts[0]["image"] == kept
    assert third.case_group is not None
    assert third.case_group["media"] == [kept]
    assert {row.sha256: row.content for row in db.session.query(Media)} == {sha(PIXEL): PIXEL, sha(FRAME): FRAME}
    assert load_banks(folder).unchanged == 4
    other = PIXEL + b"\0"
    assert load_banks(a_folder(tmp_path, bank, joint_png=other)).changed == 4, "another picture, another version"
    assert db.session.query(Media).count() == 3


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"media": [{"file": "absent.png", "alt": ALT}]}, "q0: absent.png is not in"),
        ({"media": [{"file": "fake.png", "alt": ALT}]}, "q0: fake.png is no PNG, JPEG, WebP or MP3"),
        ({"case": [{"file": "large.png", "alt": ALT}]}, "c: large.png is larger than 500 kB"),
        ({"option": {"image": {"file": "arc.mp3", "alt": ALT}}}, "q0: arc.mp3 is no image"),
        ({"prompt": {"image": {"file": "joint.png"}}}, "q1: joint.png lacks its words (alt) in zh or en"),
        ({"media": [{"file": "joint.png", "alt": {"zh": "接头"}}]}, "q0: joint.png lacks its words (alt) in zh or en"),
        ({"media": [{"file": "../../trades.yaml", "alt": ALT}]}, "q0: an image or sound names no file"),
        ({"media": [{"sha256": "0" * 64, "mime": "image/png", "alt": ALT}]}, "q0: an image or sound names no file"),
        ({"media": ["joint.png"]}, "q0: an image or sound names no file"),
    ],
)
def test_a_missing_or_bad_file_is_a_problem_of_the_bank_and_nothing_is_loaded(
    tmp_path: Path, parts: dict[str, Any], said: str
) -> None:
    large = PIXEL.ljust(500_001, b"\0")
    folder = a_folder(tmp_path, a_bank(**parts), joint_png=PIXEL, fake_png=b"<svg/>", large_png=large, arc_mp3=FRAME)
    with pytest.raises(BankInvalid) as refused:
        load_banks(folder)
    assert [problem.startswith(f"welding.yaml: {said}") for problem in refused.value.problems] == [True]
    assert refused.value.problems[0] in check_banks(folder)
    assert db.session.query(Media).count() == db.session.query(QuestionVersion).count() == 0


def test_what_is_no_image_or_sound_is_never_kept(app: Flask) -> None:
    with pytest.raises(BadMedia):
        keep(b"<html><script>alert(1)</script>")
    assert db.session.query(Media).count() == 0


def test_an_image_is_kept_without_the_place_where_it_was_made(app: Flask) -> None:
    place = bytes.fromhex("00000003") + b"eXIfGPS" + bytes(4)
    assert keep(PIXEL[:33] + place + PIXEL[33:])["sha256"] == sha(PIXEL)
    assert db.session.scalars(select(Media.content)).one() == PIXEL


@pytest.fixture
def reader(client: FlaskClient) -> FlaskClient:
    """The browser of somebody who is signed in."""
    return sign_in(client, make_person())


def test_an_image_is_sent_with_its_type_for_good_and_never_guessed_at(reader: FlaskClient) -> None:
    address = f"/media/{make_media()['sha256']}"
    reply = reader.get(address)
    assert (reply.status_code, reply.data, reply.mimetype) == (200, PIXEL, "image/png")
    assert reply.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    again = reader.get(address, headers={"If-None-Match": reply.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_a_sound_can_be_fetched_piece_by_piece(reader: FlaskClient) -> None:
    reply = reader.get(f"/media/{make_media(FRAME)['sha256']}", headers={"Range": "bytes=0-1"})
    assert (reply.status_code, reply.data, reply.mimetype) == (206, b"\xff\xfb", "audio/mpeg")
    assert reply.headers["Content-Range"] == f"bytes 0-1/{len(FRAME)}"


@pytest.mark.parametrize("name", ["0" * 64, "%00" * 64, "x", "0" * 65, "../etc/passwd", "ä" * 64])
def test_what_is_not_kept_is_not_found(reader: FlaskClient, name: str) -> None:
    reply = reader.get(f"/media/{name}")
    assert reply.status_code == 404
    assert "immutable" not in reply.headers.get("Cache-Control", "")


def test_a_stranger_is_asked_to_sign_in(client: FlaskClient) -> None:
    address = f"/media/{make_media()['sha256']}"
    reply = client.get(address)
    assert (reply.status_code, reply.location) == (303, f"/login?next={address}")
