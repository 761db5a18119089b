"""The JSON API: reading bodies strictly, writing replies, and describing both in one OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from flask import Blueprint, Response, render_template, request
from spectree import Response as Replies
from spectree import SecurityScheme, SpecTree
from spectree.model_adapter import get_msgspec_model_adapter
from spectree.models import InType, SecureType, SecuritySchemeData

from core.errors import Invalid

Model = TypeVar("Model")

BODY_LIMIT = 16 * 1024

_JSON = "application/json"
_encoder = msgspec.json.Encoder()


class Refused(msgspec.Struct):
    """Why a request was refused: a stable code, and what may be known about it."""

    error: str
    details: dict[str, Any]


_SCHEMES: dict[str, dict[str, Any]] = {
    "bearer": {
        "type": SecureType.HTTP,
        "scheme": "bearer",
        "description": "The token that POST /api/v1/sessions gives.",
    },
    "cookie": {
        "type": SecureType.API_KEY,
        "name": "session",
        "field_in": InType.COOKIE,
        "description": "The session of the pages; unsafe methods need the X-CSRFToken header as well.",
    },
    "attempt": {
        "type": SecureType.API_KEY,
        "name": "Authorization",
        "field_in": InType.HEADER,
        "description": "`Attempt <token>`: the token of one attempt on one device.",
    },
}


def _name(model: Any) -> str:
    """Name a schema: a struct by its class, a list (which is an annotated type) by its title."""
    titles = (note.title for note in getattr(model, "__metadata__", ()) if isinstance(note, msgspec.Meta))
    return next((title for title in titles if title), model.__name__)


spec = SpecTree(
    "flask",
    model_adapter=get_msgspec_model_adapter(),
    validation_error_model=Refused,
    title="Biwu API",
    version="v1",
    description=(
        "Sign in, see competitions, play levels and read boards. "
        "Every refusal is {error, details} with a stable error code; 2xx means that what was sent is committed."
    ),
    # Every route below this path is taken for one of its own pages and left out.
    path="api/v1/openapi",
    mode="strict",
    annotations=False,
    page_templates={},
    naming_strategy=_name,
    nested_naming_strategy=lambda _, child: child,
    security_schemes=[
        SecurityScheme(name=name, data=SecuritySchemeData(**scheme)) for name, scheme in _SCHEMES.items()
    ],
)

SIGNED_IN: list[dict[str, list[str]]] = [{"bearer": []}, {"cookie": []}]
ATTEMPT: list[dict[str, list[str]]] = [{"attempt": []}]
ANYONE: list[dict[str, list[str]]] = [{}]


def endpoint(
    tag: str,
    *,
    gives: type[Any] | None,
    status: int = 200,
    takes: type[Any] | None = None,
    query: type[Any] | None = None,
    refuses: tuple[int, ...] = (401, 404),
    security: list[dict[str, list[str]]] = SIGNED_IN,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Describe a view in the OpenAPI document; the view itself reads with `body` or `arguments`.

    Args:
        tag: the group it is listed in.
        gives: the struct of its reply; None for an empty one.
        status: the status of its reply.
        takes: the struct of its JSON body.
        query: the struct of its query string.
        refuses: the statuses of its refusals.
        security: how the caller is known.
    """
    replies = {f"HTTP_{code}": Refused for code in refuses} | {f"HTTP_{status}": gives}
    describe = spec.validate(
        json=takes, query=query, resp=Replies(**replies), tags=(tag,), security=security, skip_validation=True
    )

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        # The description is found through __wrapped__; requests run the bare view, for the wrapper cost them 90 us.
        view.__wrapped__ = describe(view)  # type: ignore[attr-defined]
        return view

    return decorate


def body(model: type[Model]) -> Model:
    """Read the JSON body as a struct, exactly: no unknown field, no other type.

    Raises: Invalid with the JSON path; werkzeug's RequestEntityTooLarge over `BODY_LIMIT` bytes.
    """
    return decode(sent(), model)


def sent() -> bytes:
    """Return the body of this request. Raises: werkzeug's RequestEntityTooLarge over `BODY_LIMIT` bytes."""
    request.max_content_length = BODY_LIMIT
    return request.get_data(cache=False)


def decode(raw: bytes, model: type[Model]) -> Model:
    """Read JSON as a struct, exactly: no unknown field, no other type. Raises: Invalid with the JSON path."""
    try:
        return msgspec.json.decode(raw, type=model)
    except msgspec.ValidationError as fault:
        reason, _, path = str(fault).partition(" - at `")
        raise Invalid(path=path.rstrip("`") or "$", reason=reason) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise Invalid(path="$", reason=f"not JSON: {fault}") from None


def arguments(model: type[Model]) -> Model:
    """Read the query string as a struct; `lang` is everyone's. Raises: Invalid with the path of what cannot be."""
    given = {name: value for name, value in request.args.items() if name != "lang"}
    try:
        return msgspec.convert(given, model, strict=False)
    except msgspec.ValidationError as fault:
        reason, _, path = str(fault).partition(" - at `")
        raise Invalid(path=path.rstrip("`") or "$", reason=reason) from None


def reply(value: Any, status: int = 200) -> Response:
    """Write a struct (or list of structs) as JSON."""
    return Response(_encoder.encode(value), status, mimetype=_JSON)


blueprint = Blueprint("api", __name__, url_prefix="/api/v1")


@blueprint.get("/openapi.json")
def document() -> Response:
    """The OpenAPI document of everything under /api/v1."""
    return reply(spec.spec)


@blueprint.get("/docs")
def docs() -> str:
    """The same document as a page to read, without a script or a server elsewhere."""
    return render_template("api/docs.html", document=spec.spec)
