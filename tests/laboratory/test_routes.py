"""The laboratory's pages: who sees them, and that they show what was computed."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from core import clock
from core.database import db
from laboratory import exports, services
from laboratory.models import ItemParameters, ItemStatistic
from tests import factories as make
from tests.laboratory.test_services import stage  # noqa: F401 - a fixture


def signed_in(app: Flask, role: str | None, node: object) -> FlaskClient:
    """A browser of somebody with a role at a node, or with none."""
    person = make.make_person(node)  # type: ignore[arg-type]
    if role:
        make.grant(person, role, node)  # type: ignore[arg-type]
    return make.sign_in(app.test_client(), person)


def test_an_organizer_reads_items_one_item_and_the_levels(app: Flask, stage) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    competition, level, province = stage
    services.compute_due()
    browser = signed_in(app, "organizer", province)
    page = browser.get("/laboratory?lang=en").text
    assert "First attempts" in page
    item = db.session.scalar(text("select min(id) from item_statistics"))
    assert "Best third" in browser.get(f"/laboratory/items/{item}?lang=en").text
    assert "Alpha" in browser.get(f"/laboratory/competitions/{competition.id}?lang=en").text
    assert "What each row draws" in browser.get(f"/laboratory/levels/{level.id}?lang=en").text
    assert browser.post(f"/laboratory/levels/{level.id}/simulations").status_code == 303
    waiting = browser.get(f"/laboratory/levels/{level.id}?lang=en").text
    assert "Papers drawn" in waiting
    services.run_simulation(db.session.scalar(text("select max(id) from simulations")) or 0)
    assert "The items that appear most often" in browser.get(f"/laboratory/levels/{level.id}?lang=en").text
    assert browser.post("/laboratory/export", data={"trade": "welding"}).status_code == 303


def test_the_exposure_of_every_item_is_a_file_and_a_changed_level_asks_for_a_new_simulation(app: Flask, stage) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    _competition, level, province = stage
    browser = signed_in(app, "organizer", province)
    page = f"/laboratory/levels/{level.id}?lang=en"
    browser.post(f"/laboratory/levels/{level.id}/simulations")
    services.run_simulation(db.session.scalar(text("select max(id) from simulations")) or 0)
    assert browser.post(f"/laboratory/levels/{level.id}/exposure").status_code == 303
    with app.test_request_context():
        sheet = exports.exposure({"level": level.id})
        rows = list(sheet.rows)
    assert len(rows) == sheet.total > 0
    assert sum(int(str(row[5])) for row in rows) == 4 * services.PAPERS
    assert exports.may_see_level({"level": level.id}, make.make_person(province).id) is False
    assert "have changed since" not in browser.get(page).text
    level.blueprint = [*level.blueprint, level.blueprint[0]]
    db.session.commit()
    assert "have changed since" in browser.get(page).text


def test_an_organizer_asks_for_the_two_parameter_model_and_sees_an_item_s_curve(app: Flask, stage) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    competition, _level, province = stage
    services.compute_due()
    browser = signed_in(app, "organizer", province)
    page = f"/laboratory/competitions/{competition.id}?lang=en"
    assert "Not estimated yet." in browser.get(page).text
    assert browser.post(f"/laboratory/competitions/{competition.id}/fit").status_code == 303
    assert "The model is being estimated." in browser.get(page).text
    item = db.session.query(ItemStatistic).filter_by(competition_id=competition.id).order_by(ItemStatistic.id).first()
    assert item is not None
    db.session.add(
        ItemParameters(
            competition_id=competition.id,
            version_id=item.version_id,
            slope=1.3,
            location=-0.5,
            n=812,
            computed_at=clock.now(),
        )
    )
    db.session.commit()
    assert "for 1 item." in browser.get(page).text
    shown = browser.get(f"/laboratory/items/{item.id}?lang=en").text
    assert "-0.50" in shown
    assert "812" in shown
    assert '<th scope="row">-0.50</th><td class="n">50.0%</td>' in shown


def test_p3_a_stranger_finds_nothing(app: Flask, stage) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    competition, level, _province = stage
    services.compute_due()
    item = db.session.scalar(text("select min(id) from item_statistics"))
    elsewhere = make.make_organization()
    enterprise = make.make_organization(elsewhere, "enterprise")
    for browser in (signed_in(app, None, elsewhere), signed_in(app, "enterprise_admin", enterprise)):
        for path in (
            "/laboratory",
            f"/laboratory?competition={competition.id}",
            f"/laboratory/items/{item}",
            f"/laboratory/competitions/{competition.id}",
            f"/laboratory/levels/{level.id}",
        ):
            assert browser.get(path).status_code == 404, path
        assert browser.post(f"/laboratory/levels/{level.id}/simulations").status_code == 404


def test_a_row_without_any_question_is_named(app: Flask, stage) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    _competition, level, province = stage
    row = {"topic": None, "type": "ordering", "difficulty": None, "count": 1, "points": 10}
    level.blueprint = [*level.blueprint, row]
    db.session.commit()
    page = signed_in(app, "organizer", province).get(f"/laboratory/levels/{level.id}?lang=en").text
    assert "has no question for row 2 (Ordering)" in page
    assert "has no question for row 1" not in page
