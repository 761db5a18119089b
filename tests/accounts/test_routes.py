from __future__ import annotations

from flask.testing import FlaskClient

from accounts import services
from core.database import transaction
from tests.factories import make_organization

PHONE, PASSWORD = "+8613800001234", "焊花很美 2026"


def make_account() -> int:
    with transaction():
        person_id: int = services.create_person(PHONE, PASSWORD, "王小明").id
    return person_id


def log_in(client: FlaskClient, password: str = PASSWORD, onward: str = "/me/account") -> object:
    return client.post("/login", data={"phone": "138 0000 1234", "password": password, "next": onward})


def test_the_right_phone_and_password_lead_to_the_page_asked_for(client: FlaskClient) -> None:
    make_account()
    reply = log_in(client)
    assert (reply.status_code, reply.location) == (303, "/me/account")
    page = client.get("/me/account")
    assert page.status_code == 200
    assert "1234" in page.text
    assert "13800001234" not in page.text


def test_a_person_signs_up_down_the_tree_without_a_script(client: FlaskClient) -> None:
    province = make_organization()
    city = make_organization(province, "city")
    plant = make_organization(city, "enterprise", join_code="ABCD2345")
    assert f'name="node" value="{province.id}"' in client.get("/sign-up").text
    assert f'name="node" value="{city.id}"' in client.get(f"/sign-up?node={province.id}").text
    assert f'name="employer" value="{plant.id}"' in client.get(f"/sign-up?node={city.id}").text
    assert client.get("/sign-up?code=abcd-2345").location == f"/sign-up?employer={plant.id}"
    assert client.get(f"/sign-up?employer={plant.id}").status_code == 200
    details = {"phone": "13800001234", "password": PASSWORD, "name": "王小明", "consent": "y"}
    assert client.post(f"/sign-up/{plant.id}", data=details).status_code == 303
    assert "王小明" in client.get("/me/account").text
