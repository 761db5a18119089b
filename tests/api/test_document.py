"""The OpenAPI document says of every route what it takes and gives, and the page shows the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

OWN_PAGES = {"/api/v1/openapi.json", "/api/v1/docs"}


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    read: dict[str, Any] = app.test_client().get("/api/v1/openapi.json").get_json()
    return read


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_every_route_of_the_api_is_in_the_document(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (method, re.sub(r"<(?:[^<>:]*:)?([^<>]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and rule.rule not in OWN_PAGES
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert len(routes) > 10
    assert {(method, path) for method, path, _ in operations(document)} == routes


def test_every_reply_names_a_schema_that_is_there_and_every_refusal_is_the_same_one(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert "Annotated" not in schemas
    for method, path, operation in operations(document):
        assert operation["summary"], path
        assert operation["tags"][0] in {tag["name"] for tag in document["tags"]}
        for status, answer in operation["responses"].items():
            if status == "204":
                assert "content" not in answer, (method, path)
                continue
            (content,) = answer["content"].values()
            name = content["schema"]["$ref"].rpartition("/")[2]
            assert name in schemas, (method, path, status)
            assert (name == "Refused") == (status >= "400"), (method, path, status, name)


def test_every_reference_in_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    pending: list[Any] = [document]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if isinstance(reference := value.get("$ref"), str):
                assert reference.rpartition("/")[2] in schemas, reference
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def test_a_list_is_named_after_what_it_lists(document: dict[str, Any]) -> None:
    for path, name, one in (
        ("/api/v1/competitions", "CompetitionSummaryList", "CompetitionSummary"),
        ("/api/v1/practice/{trade_code}/questions", "PracticeQuestionList", "PracticeQuestion"),
    ):
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{name}"}
        listed = document["components"]["schemas"][name]
        assert (listed["type"], listed["items"]) == ("array", {"$ref": f"#/components/schemas/{one}"})


def test_the_page_shows_every_operation_and_schema(app: Flask, document: dict[str, Any]) -> None:
    browser: FlaskClient = app.test_client()
    page = browser.get("/api/v1/docs").text
    for method, path, _ in operations(document):
        assert f"<code>{method} {path}</code>" in page
    for name in document["components"]["schemas"]:
        assert f"<summary><code>{name}</code></summary>" in page
