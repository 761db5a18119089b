"""Who is asking: read from the session row at every request, once (P8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, current_app, g, redirect, request, session, url_for
from flask_login import LoginManager, current_user
from werkzeug.wrappers import Response as BaseResponse

from accounts import sessions
from core import web
from core.errors import NotSignedIn


@dataclass(frozen=True)
class Identity:
    """The signed-in person and the session they are signed in with."""

    person_id: int
    name: str
    locale: str
    session_id: int
    kind: str = "cookie"

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Return the session's id, as flask-login asks; the cookie holds the token instead."""
        return str(self.session_id)


def require() -> Identity:
    """Return who is signed in. Raises: NotSignedIn."""
    user = current_user._get_current_object()
    if not isinstance(user, Identity):
        raise NotSignedIn
    return user


def remember(token: str) -> None:
    """Begin a fresh cookie session that holds a token; nothing set before log-in survives it (session fixation).

    Args:
        token: what `services.open_session` gave.
    """
    session.clear()
    session.permanent = True
    session["_user_id"] = token
    forget_cached()


def forget() -> None:
    """Empty the cookie session."""
    session.clear()
    forget_cached()


def forget_cached() -> None:
    """Drop what this request knows about who asks."""
    g.pop("_login_user", None)


def prepare(app: Flask) -> None:
    """Connect flask-login with the session rows.

    Args:
        app: the application.
    """
    sessions.prepare(app)
    manager = _Manager()
    manager.unauthorized_handler(_ask_to_sign_in)
    manager.init_app(app)


def bearer_token() -> str | None:
    """Return the bearer token of this request, if it carries one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class _Manager(LoginManager):  # type: ignore[misc]
    """flask-login, except how it finds the user: our rows decide, its remember cookie and session protection do not.

    A phone changes its address on the way home, so a session is not bound to one.
    """

    def _load_user(self) -> None:
        # A request with that header passes without a CSRF token, so its cookie must not count.
        if "Authorization" in request.headers:
            token, kind = bearer_token(), "bearer"
        else:
            token, kind = session.get("_user_id"), "cookie"
        self._update_request_context_with_user(_identify(token, kind) if token else None)

    def _update_remember_cookie(self, response: Response) -> Response:
        return response


def _identify(token: str, kind: str) -> Identity | None:
    if "identity_failed" in g:
        return None  # the error page must not ask the lost database again
    try:
        live = sessions.find_live_session(token, kind)
    except Exception:
        g.identity_failed = True
        raise
    if live is None:
        return None
    return Identity(live.person_id, live.name, live.locale, live.id, kind)


def _ask_to_sign_in() -> BaseResponse | Any:
    if web.wants_json():
        return web.refuse(401, NotSignedIn.code)
    here = request.full_path.rstrip("?") if request.method == "GET" else None
    return current_app.make_response(redirect(url_for("accounts.sign_in", next=here), 303))
