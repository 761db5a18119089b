"""Taking files of questions into a bank and giving them out: services, pages and commands on a real database."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from accounts.models import Person
from core import clock, exports
from core.database import db
from core.errors import NotFound
from core.models import AuditEntry, Export
from organizations.models import Organization
from questions import examining, imports
from questions.authoring import Actor
from questions.errors import ImportInUse, ImportNotNow
from questions.examining import Plan, Settings, examine
from questions.formats import FORMATS
from questions.formats.neutral import LARGEST_FILE, WriteOptions
from questions.models import Media, Question, QuestionImport, QuestionNote, QuestionVersion, Topic, Trade
from tests.factories import grant, make_organization, make_person, sign_in
from tests.queue import work_off

HEAD = (
    "题型,知识点,难度,题干（中文）,题干（英文）,选项A（中文）,选项A（英文）,选项B（中文）,选项B（英文）,答案,"
    "解析（中文）,解析（英文）,出处（中文）,出处（英文）\n"
)
CHOSEN = {"trade": "welding", "bank": "shared", "words": ""}
FIXTURES = Path(__file__).parent / "formats" / "fixtures"


def row(number: int, answer: str = "B", topic: str = "safety") -> str:
    return (
        f"单选题,{topic},2,第{number}题？,Question {number}?,甲{number},A{number},乙{number},B{number},{answer},"
        f"解{number},Why {number},源,Source\n"
    )


def table(*rows: str) -> bytes:
    return (HEAD + "".join(rows)).encode("utf-8-sig")


@dataclass
class World:
    """A province and an enterprise under it, an author of the shared bank, an administrator of the enterprise."""

    app: Flask
    province: Organization
    plant: Organization
    author: Person
    admin: Person

    def browser(self, person: Person) -> FlaskClient:
        return sign_in(self.app.test_client(), person)

    def begin(self, body: bytes, name: str = "q.csv", settings: Settings | None = None) -> int:
        """Upload into the shared bank as its author, and have it checked."""
        by = Actor(self.author.id, self.province.id)
        import_ = imports.begin(name, body, "welding", None, by, clock.now(), settings or Settings())
        imports.check(import_.id)
        return import_.id

    def take_in(self, import_id: int) -> QuestionImport:
        imports.take_in(import_id)
        imports.run(import_id)
        return fresh(import_id)


def fresh(import_id: int) -> QuestionImport:
    db.session.expire_all()
    return imports.get_import(import_id)


@pytest.fixture
def world(app: Flask) -> World:
    db.session.add(Trade(code="welding", name_zh="焊工", name_en="Welding", position=1))
    db.session.flush()
    for position, (code, zh, en) in enumerate((("safety", "安全", "Safety"), ("gas", "气瓶", "Cylinders")), 1):
        db.session.add(Topic(trade_code="welding", code=code, name_zh=zh, name_en=en, position=position))
    db.session.commit()
    province = make_organization()
    plant = make_organization(make_organization(province, "city"), "enterprise")
    author, admin = make_person(plant, name="吴思远"), make_person(plant, name="周敏")
    grant(author, "question_author", province)
    grant(admin, "enterprise_admin", plant)
    return World(app, province, plant, author, admin)


def count_questions() -> int:
    return db.session.scalar(select(func.count()).select_from(Question)) or 0


def acts() -> list[tuple[str, int | None, int | None]]:
    entries = db.session.scalars(
        select(AuditEntry).where(AuditEntry.action.startswith("questions.")).order_by(AuditEntry.id)
    )
    return [(one.action, one.person_id, one.organization_id) for one in entries]


def test_a_file_is_checked_first_and_then_imported_whole_as_drafts_of_its_author(world: World) -> None:
    import_id = world.begin(table(row(1), row(2), row(3)))
    import_ = fresh(import_id)
    report = imports.get_report(import_)
    assert (import_.state, report.found, report.ready, report.faulty) == ("checked", 3, 3, 0)
    assert count_questions() == 0, "a check changes nothing"
    import_ = world.take_in(import_id)
    assert (import_.state, import_.imported, import_.body) == ("done", 3, None)
    questions = list(db.session.scalars(select(Question).order_by(Question.id)))
    assert {(one.state, one.author_id, one.organization_id, one.current_version_id) for one in questions} == {
        ("draft", world.author.id, None, None)
    }
    version = db.session.get_one(QuestionVersion, questions[0].latest_version_id)
    assert (version.stem["zh"], version.key, version.difficulty) == ("第1题？", {"options": ["b"]}, 2)
    assert (version.number, version.created_by, len(version.content_hash)) == (1, world.author.id, 64)
    assert acts() == [("questions.import", world.author.id, world.province.id)]


def test_one_faulty_question_keeps_all_of_them_out_until_it_is_left_out_on_purpose(world: World) -> None:
    import_id = world.begin(table(row(1), row(2, answer="E"), row(3)))
    report = imports.get_report(fresh(import_id))
    (problem,) = report.problems
    assert problem.text == "The answer names option %(letter)s, which is not there."
    assert [(spot.place.line, spot.place.column) for spot in problem.spots] == [(3, "J")]
    with pytest.raises(ImportNotNow):
        imports.take_in(import_id)
    db.session.rollback()
    imports.check_again(import_id, Settings(leave_out=True))
    imports.check(import_id)
    assert world.take_in(import_id).imported == 2
    assert count_questions() == 2


def test_an_import_that_breaks_midway_leaves_nothing_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import_id = world.begin(table(*(row(number) for number in range(examining.STEP + 5))))
    imports.take_in(import_id)

    def break_down(*args: object, **kwargs: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr("questions.imports.audit.record", break_down)
    imports.run(import_id)
    import_ = fresh(import_id)
    assert (import_.state, count_questions()) == ("failed", 0)
    error = imports.get_error(import_)
    assert error is not None
    assert error.text.startswith("Something went wrong on our side.")


def test_what_the_bank_or_the_file_has_already_is_found_whatever_its_spaces_and_capitals(world: World) -> None:
    world.take_in(world.begin(table(row(1), row(2))))
    again = row(1).replace("第1题？", "第 １ 题").replace("Question 1?", "QUESTION 1")
    import_id = world.begin(table(again, row(2), row(3), row(3)))
    report = imports.get_report(fresh(import_id))
    assert (report.ready, report.twins) == (1, 3)
    assert [twin.code.startswith("welding-q") for twin in report.twin_list] == [True, True, False]
    assert report.twin_list[2].other is not None
    assert report.twin_list[2].other.line == 4
    imports.check_again(import_id, Settings(duplicates=True))
    imports.check(import_id)
    assert imports.get_report(fresh(import_id)).ready == 4


def test_an_enterprise_does_not_learn_what_the_shared_bank_has(world: World) -> None:
    world.take_in(world.begin(table(row(1))))
    by = Actor(world.admin.id, world.plant.id)
    import_ = imports.begin("q.csv", table(row(1)), "welding", world.plant.id, by, clock.now(), Settings())
    imports.check(import_.id)
    assert imports.get_report(fresh(import_.id)).twins == 0
    assert world.take_in(import_.id).imported == 1
    own = db.session.scalar(select(Question).where(Question.organization_id == world.plant.id))
    assert own is not None
    assert own.author_id == world.admin.id


def test_an_import_is_undone_while_none_of_it_is_approved_and_the_file_may_come_again(world: World) -> None:
    import_id = world.begin(table(row(1), row(2)))
    world.take_in(import_id)
    assert imports.find_use(import_id).undoable
    by = Actor(world.author.id, world.province.id)
    assert imports.undo(import_id, by, clock.now()) == 2
    assert fresh(import_id).state == "undone"
    assert set(db.session.scalars(select(Question.state))) == {"retired"}
    assert db.session.scalar(select(func.count()).select_from(QuestionNote).where(QuestionNote.kind == "retired")) == 2
    assert acts()[-1] == ("questions.import_undo", world.author.id, world.province.id)
    with pytest.raises(ImportNotNow):
        imports.undo(import_id, by, clock.now())
    db.session.rollback()
    assert imports.get_report(fresh(world.begin(table(row(1), row(2))))).ready == 2


def test_all_drafts_of_an_import_are_submitted_at_once_by_an_author(world: World) -> None:
    import_id = world.begin(table(row(1), row(2)))
    world.take_in(import_id)
    assert imports.submit_all(import_id, Actor(world.author.id, world.province.id), clock.now()) == 2
    assert set(db.session.scalars(select(Question.state))) == {"submitted"}
    notes = list(db.session.scalars(select(QuestionNote)))
    assert {(one.kind, one.person_id) for one in notes} == {("submitted", world.author.id)}
    assert imports.find_use(import_id).undoable, "nothing is approved yet"
    by = Actor(world.admin.id, world.plant.id)
    own = imports.begin("q.csv", table(row(1)), "welding", world.plant.id, by, clock.now(), Settings())
    imports.check(own.id)
    world.take_in(own.id)
    address = f"/questions/imports/{own.id}"
    assert world.browser(world.admin).post(f"{address}/submit").status_code == 404, "an administrator is no author"
    assert "for review" not in world.browser(world.admin).get(f"{address}?lang=en").text


def test_what_differs_among_problems_of_one_kind_stands_beside_its_place(world: World) -> None:
    import_id = world.begin(table(row(1, topic="甲"), row(2, topic="乙"), row(3, topic="乙")))
    (group,) = imports.get_report(fresh(import_id)).problems
    assert group.values == {"topic": "…"}
    assert [spot.said for spot in group.spots] == ["甲", "乙", "乙"]


def test_an_import_of_which_one_question_was_approved_cannot_be_undone(world: World) -> None:
    import_id = world.begin(table(row(1), row(2)))
    world.take_in(import_id)
    question = db.session.scalars(select(Question).order_by(Question.id)).first()
    assert question is not None
    question.state, question.current_version_id = "approved", question.latest_version_id
    db.session.commit()
    assert not imports.find_use(import_id).undoable
    with pytest.raises(ImportInUse) as refusal:
        imports.undo(import_id, Actor(world.author.id, world.province.id), clock.now())
    assert refusal.value.details == {"count": 1}
    assert set(db.session.scalars(select(Question.state))) == {"approved", "draft"}


def test_questions_without_a_topic_need_one_and_those_of_a_category_find_theirs(world: World) -> None:
    import_id = world.begin(table(row(1, topic="Cylinders"), row(2, topic="未知"), row(3, topic="")))
    report = imports.get_report(fresh(import_id))
    assert [(group.count, [spot.said for spot in group.spots]) for group in report.problems] == [(1, [""]), (1, [""])]
    imports.check_again(import_id, Settings(topic="gas"))
    imports.check(import_id)
    assert imports.get_report(fresh(import_id)).topics == {"gas": 3}


def test_images_come_along_and_are_kept_once_for_both_of_their_questions(world: World) -> None:
    import_id = world.begin((FIXTURES / "moodle.xml").read_bytes(), "moodle.xml", Settings(topic="gas", leave_out=True))
    report = imports.get_report(fresh(import_id))
    assert (fresh(import_id).format, report.found, report.faulty) == ("moodle", 12, 2)
    world.take_in(import_id)
    media = list(db.session.scalars(select(Media)))
    assert [(one.mime, one.created_by) for one in media] == [("image/png", world.author.id)]
    version = db.session.scalars(select(QuestionVersion).order_by(QuestionVersion.id)).first()
    assert version is not None
    assert version.media == [
        {"alt": {"en": "A torch", "zh": "A torch"}, "mime": "image/png", "sha256": media[0].sha256}
    ]


def test_an_image_embedded_in_gift_is_kept_with_its_question(world: World) -> None:
    png = base64.b64encode(b"\x89PNG\r\n\x1a\npicture").decode().replace("=", "\\=")
    image = f'<img src\\="data\\:image/png;base64,{png}" alt\\="a joint">'
    text = f"[html]<p>Which joint?</p>{image}{{=butt ~lap}}\n\nWhy?{{}}"
    import_id = world.begin(text.encode(), "joints.gift", Settings(topic="gas", leave_out=True))
    report = imports.get_report(fresh(import_id))
    assert (report.ready, [(one.text[:15], one.count) for one in report.problems]) == (1, [("Essay questions", 1)])
    world.take_in(import_id)
    kept = db.session.scalars(select(Media)).one()
    version = db.session.scalars(select(QuestionVersion)).one()
    assert version.media == [{"alt": {"en": "a joint", "zh": "a joint"}, "mime": "image/png", "sha256": kept.sha256}]


def test_notes_on_a_file_that_are_too_many_to_show_are_counted(world: World) -> None:
    body = "\n\n".join([*(f"Part {at}" for at in range(25)), "Argon burns.{F}"]).encode()
    report = imports.get_report(fresh(world.begin(body, "q.gift", Settings(topic="gas"))))
    assert (report.ready, len(report.notes)) == (1, 21)
    assert report.notes[-1].text % report.notes[-1].values == "There are 5 more notes like these."


def test_a_case_is_imported_as_one_and_torn_apart_by_one_fault(world: World) -> None:
    head = HEAD.rstrip("\n") + ",案例编号,案例（中文）,案例（英文）\n"
    rows = [row(number).rstrip("\n") + f",c1,{'案例,The case' if number == 1 else ','}\n" for number in (1, 2, 3)]
    import_id = world.begin((head + "".join(rows)).encode())
    world.take_in(import_id)
    cases = list(db.session.scalars(select(QuestionVersion.case_group)))
    assert cases == [{"code": f"i{import_id}-c1", "stem": {"zh": "案例", "en": "The case"}, "media": []}] * 3
    torn = world.begin((head + "".join([*rows[:2], rows[2].replace(",B,", ",E,")])).encode())
    report = imports.get_report(fresh(torn))
    assert report.faulty == 3
    assert {group.text: group.count for group in report.problems} == {
        "Another question of its case has a problem.": 2,
        "The answer names option %(letter)s, which is not there.": 1,
    }


def test_a_file_that_cannot_be_read_says_why(world: World) -> None:
    import_id = world.begin(b"MZ\x90\x00" + bytes(100), "virus.exe")
    import_ = fresh(import_id)
    error = imports.get_error(import_)
    assert error is not None
    assert import_.state == "failed"
    assert error.text.startswith("The file is in none of the formats")


def test_a_discarded_file_is_dropped_and_never_checked(world: World) -> None:
    by = Actor(world.author.id, world.province.id)
    import_ = imports.begin("q.csv", table(row(1)), "welding", None, by, clock.now(), Settings())
    imports.discard(import_.id, clock.now())
    imports.check(import_.id)
    assert (fresh(import_.id).state, fresh(import_.id).body) == ("discarded", None)
    old = imports.begin("old.csv", table(row(1)), "welding", None, by, clock.now() - timedelta(days=8), Settings())
    imports.begin("new.csv", table(row(1)), "welding", None, by, clock.now(), Settings())
    assert (fresh(old.id).state, fresh(old.id).body) == ("discarded", None)


def test_a_check_that_is_discarded_meanwhile_stops(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    by = Actor(world.author.id, world.province.id)
    import_ = imports.begin("q.csv", table(row(1)), "welding", None, by, clock.now(), Settings())
    examined: Callable[..., Any] = examine

    def discard_first(plan: Plan, progress: Any) -> Any:
        imports.discard(import_.id, clock.now())
        return examined(plan, progress)

    monkeypatch.setattr(imports, "examine", discard_first)
    imports.check(import_.id)
    assert (fresh(import_.id).state, fresh(import_.id).report) == ("discarded", {})


def test_what_the_bank_got_meanwhile_is_found_when_the_import_runs(world: World) -> None:
    import_id = world.begin(table(row(1)))
    world.take_in(world.begin(table(row(1))))
    imports.take_in(import_id)
    imports.run(import_id)
    import_ = fresh(import_id)
    error = imports.get_error(import_)
    assert error is not None
    assert (import_.state, count_questions()) == ("checked", 1)
    assert error.text.startswith("The bank has changed")


def upload(world: World, person: Person, body: bytes, name: str = "题库.csv", bank: str = "shared") -> Any:
    return world.browser(person).post(
        "/questions/imports/new",
        data={"file": (io.BytesIO(body), name), "trade": "welding", "bank": bank},
        content_type="multipart/form-data",
    )


def test_the_wizard_leads_from_the_upload_to_the_report_and_back(world: World) -> None:
    reply = upload(world, world.author, table(row(1), row(2, answer="E")))
    assert reply.status_code == 303
    address = reply.headers["Location"]
    browser = world.browser(world.author)
    assert "data-refresh" in browser.get(address).text
    work_off(world.app)
    page = browser.get(f"{address}?lang=en").text
    assert "The answer names option E, which is not there." in page
    assert "line 3, column J" in page
    assert "Nothing can be imported yet" in page
    problems = browser.get(f"{address}/problems")
    assert problems.text.startswith("\ufeff")
    assert "line 3" not in problems.text
    assert "Question 2?" in problems.text or "第2题" in problems.text
    assert "Leave out 1 question with a problem" in page
    settings = {"topic": "", "difficulty": "3", "source": "", "leave_out": "y"}
    assert browser.post(f"{address}/settings", data=settings).status_code == 303
    work_off(world.app)
    page = browser.get(f"{address}?lang=en").text
    assert "Import 1 question as a draft" in page
    assert "1 question with a problem is left out; it is named below." in page
    assert "The answer names option E, which is not there." in page
    assert browser.post(f"{address}/take_in").status_code == 303
    work_off(world.app)
    page = browser.get(f"{address}?lang=en").text
    assert "1 question was imported as a draft." in page
    assert "题库.csv" in browser.get("/questions/imports").text
    assert browser.post(f"{address}/undo").status_code == 303
    assert "was taken back on" in browser.get(f"{address}?lang=en").text
    assert count_questions() == 1
    assert set(db.session.scalars(select(Question.state))) == {"retired"}


def test_a_column_is_taken_for_what_the_page_says(world: World) -> None:
    body = "问法,标准答案,章节\n氧气瓶是什么颜色？,天蓝|淡蓝,气瓶\n".encode()
    address = upload(world, world.author, body).headers["Location"]
    work_off(world.app)
    browser = world.browser(world.author)
    assert "No column headed Question or Answer was found." in browser.get(f"{address}?lang=en").text
    browser.post(
        f"{address}/settings",
        data={"topic": "", "difficulty": "3", "column-0": "stem_zh", "column-1": "answer", "column-2": "topic"},
    )
    work_off(world.app)
    import_ = fresh(int(address.rpartition("/")[2]))
    assert imports.get_report(import_).types == {"fill_in": 1}
    assert imports.get_settings(import_).mapping == {"问法": "stem_zh"}


def test_a_column_that_the_template_does_not_have_stays_what_it_was_guessed_to_be(world: World) -> None:
    body = b"content,option1,option2,isCorrect1,isCorrect2,topic\nWhich burns?,argon,propane,false,true,gas\n"
    address = upload(world, world.author, body).headers["Location"]
    work_off(world.app)
    browser = world.browser(world.author)
    page = browser.get(f"{address}?lang=en").text
    assert '<option value="correct_2" selected>Whether option 2 is right</option>' in page
    taken = ["stem", "option_1", "option_2", "correct_1", "correct_2", "topic"]
    columns = {f"column-{at}": name for at, name in enumerate(taken)}
    browser.post(f"{address}/settings", data={"topic": "", "difficulty": "3", **columns})
    work_off(world.app)
    report = imports.get_report(fresh(int(address.rpartition("/")[2])))
    assert (report.ready, [column.field for column in report.columns]) == (1, taken)


def test_p2_p3_an_import_is_seen_by_those_whose_bank_it_is_and_by_nobody_else(world: World) -> None:
    address = upload(world, world.author, table(row(1))).headers["Location"]
    assert world.browser(world.author).get(address).status_code == 200
    for step in ("", "/problems"):
        assert world.browser(world.admin).get(f"{address}{step}").status_code == 404
    for step in ("settings", "take_in", "discard", "undo"):
        assert world.browser(world.admin).post(f"{address}/{step}").status_code == 404
    assert "题库.csv" not in world.browser(world.admin).get("/questions/imports").text
    assert upload(world, world.admin, table(row(1))).status_code == 422, "the shared bank is not theirs"
    assert upload(world, world.admin, table(row(1)), bank=str(world.plant.id)).status_code == 303
    worker = make_person(world.plant)
    assert world.browser(worker).get("/questions/imports").status_code == 404


def test_an_upload_over_the_limit_is_refused_and_other_forms_stay_small(world: World) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="q.csv"\r\n\r\n' + b"x" * LARGEST_FILE
    reply = world.browser(world.author).post(
        "/questions/imports/new", data=body + b" " * 100_000, content_type="multipart/form-data; boundary=x"
    )
    assert reply.status_code == 413
    big = {"body": "x" * 300_000}
    assert world.browser(world.author).post("/questions/export", data=big).status_code == 413


def test_the_template_has_the_topics_of_its_trade_in_the_language_of_the_page(world: World) -> None:
    browser = world.browser(world.author)
    chinese = browser.get("/questions/imports/template/welding.csv?lang=zh-CN")
    assert "题干（中文）" in chinese.text
    assert "Question (Chinese)" in browser.get("/questions/imports/template/welding.csv?lang=en").text
    assert browser.get("/questions/imports/template/welding.xlsx").data.startswith(b"PK")
    assert browser.get("/questions/imports/template/unknown.xlsx").status_code == 404


def test_an_export_comes_back_as_the_same_questions(world: World, tmp_path: Path) -> None:
    body = (FIXTURES / "moodle.xml").read_bytes()
    world.take_in(world.begin(body, "m.xml", Settings(topic="gas", leave_out=True)))
    before = {one.stem["en"]: (one.type, one.key) for one in db.session.scalars(select(QuestionVersion))}
    browser = world.browser(world.author)
    assert "10 questions" in browser.get("/questions/export?trade=welding&lang=en").text
    reply = browser.post("/questions/export?lang=en", data=CHOSEN | {"format": "moodle"})
    assert reply.status_code == 303
    work_off(world.app)
    export = db.session.scalar(select(Export))
    assert export is not None
    assert (export.state, export.done, export.filename) == ("done", 10, "Questions Welding.xml")
    download = browser.get(f"{reply.headers['Location']}/download")
    assert [action for action, _, _ in acts()][-2:] == ["questions.export", "questions.download"]
    plan = Plan("m.xml", download.data, "welding", None, frozenset(), Settings())
    found = examine(plan)
    assert found.report.faulty == 0
    assert {one["stem"]["en"]: (one["type"], one["key"]) for one in found.contents} == before
    assert found.media


def test_what_an_export_cannot_hold_is_said_on_its_page(world: World) -> None:
    world.take_in(world.begin((FIXTURES / "moodle.xml").read_bytes(), "m.xml", Settings(topic="gas", leave_out=True)))
    browser = world.browser(world.author)
    reply = browser.post("/questions/export", data=CHOSEN | {"format": "gift"})
    work_off(world.app)
    page = browser.get(f"{reply.headers['Location']}?lang=en").text
    assert "What the file does not hold" in page
    assert "GIFT cannot hold images or sounds; choose Moodle XML or QTI." in page
    assert "Values drawn for each paper: sheets and Moodle XML hold them, this format does not." in page


def test_p2_an_enterprise_exports_its_own_bank_and_not_the_shared_one(world: World) -> None:
    world.take_in(world.begin(table(row(1))))
    browser = world.browser(world.admin)
    page = browser.get("/questions/export?trade=welding&bank=shared&lang=en").text
    assert "No question matches" in page, "the bank that is not theirs is not chosen"
    params = {"bank": None, "trade": "welding", "format": "csv"}
    with pytest.raises(NotFound):
        exports.request_export("questions", params, world.admin.id)


def test_the_commands_say_what_they_do_and_a_dry_run_does_nothing(world: World, tmp_path: Path) -> None:
    runner = world.app.test_cli_runner()
    path = tmp_path / "q.csv"
    path.write_bytes(table(row(1), row(2), row(3, answer="E")))
    arguments = ["questions", "import", str(path), "--trade", "welding"]
    refused = runner.invoke(args=arguments)
    assert refused.exit_code == 1
    assert "PROBLEM x 1: The answer names option E, which is not there." in refused.output
    assert "line 4 column J" in refused.output
    assert "leave these 1 out with --leave-out" in refused.output
    dry = runner.invoke(args=[*arguments, "--leave-out", "--dry-run"])
    assert dry.exit_code == 0
    assert "3 questions (csv): 2 to import, 1 with problems, 0 there already" in dry.output
    assert "Left out: 1 with problems." in dry.output
    assert count_questions() == 0
    done = runner.invoke(args=[*arguments, "--leave-out"])
    assert done.exit_code == 0, done.output
    assert "Imported 2 drafts" in done.output
    assert count_questions() == 2
    assert acts() == [("questions.import", None, None)]
    for code, format_ in FORMATS.items():
        target = tmp_path / f"out.{format_.ending}"
        reply = runner.invoke(args=["questions", "export", str(target), "--trade", "welding", "--format", code])
        assert reply.exit_code == 0, reply.output
        assert f"2 questions to {target} ({code}), 0 left out" in reply.output
        found = examine(Plan(target.name, target.read_bytes(), "welding", None, frozenset(), Settings("safety")))
        assert (found.report.ready, found.report.faulty) == (2, 0), code
    assert runner.invoke(args=["questions", "import", str(path), "--trade", "unknown"]).exit_code == 2


def test_five_thousand_rows_are_imported_by_the_command_which_says_how_long_it_took(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "q.csv"
    path.write_bytes(table(*(row(number) for number in range(5_000))))
    reply = world.app.test_cli_runner().invoke(args=["questions", "import", str(path), "--trade", "welding"])
    assert reply.exit_code == 0, reply.output
    assert "Imported 5000 drafts" in reply.output
    assert " s." in reply.output.splitlines()[-1]
    assert count_questions() == 5_000
    assert db.session.scalar(select(func.count()).where(Question.latest_version_id.is_(None))) == 0


def test_a_report_of_an_earlier_release_does_not_break_its_page(world: World) -> None:
    import_id = world.begin(table(row(1)))
    import_ = fresh(import_id)
    import_.report = {"found": 1, "problems": [{"text": "old", "values": {}, "count": 1, "places": []}]}
    db.session.commit()
    page = world.browser(world.author).get(f"/questions/imports/{import_id}?lang=en")
    assert page.status_code == 200
    assert "Check again" in page.text


def test_an_empty_template_holds_nothing_to_import(world: World) -> None:
    import_id = world.begin(FORMATS["xlsx"].write([], {}, WriteOptions()).body, "empty.xlsx")
    import_ = fresh(import_id)
    assert (import_.state, imports.get_report(import_).found) == ("checked", 0)
    with pytest.raises(ImportNotNow):
        imports.take_in(import_id)
