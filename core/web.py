"""What every page and endpoint shares: languages, filters, refusals as replies, security headers."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec
import psycopg
import structlog
from flask import Flask, Request, Response, current_app, g, has_request_context, render_template, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_babel import Babel, get_locale
from flask_login import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from core.errors import Refusal
from core.money import format_yuan
from core.zone import SHANGHAI

log = structlog.get_logger(__name__)
csrf = CSRFProtect()
babel = Babel()

LOCALES = ("zh_CN", "en")
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)
NO_SNIFF = ("X-Content-Type-Options", "nosniff")
NO_STORE = ("Cache-Control", "no-store")
HTTPS_ONLY = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
PAGE_HEADERS = (
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)


def attachment(body: bytes, filename: str, media_type: str) -> Response:
    """Answer with a file to keep, of any name; nobody caches it on the way.

    Args:
        body: its bytes.
        filename: its name, in any script.
        media_type: its media type.
    """
    disposition = f"attachment; filename*=UTF-8''{quote(filename)}"
    return Response(
        body, mimetype=media_type, headers={"Content-Disposition": disposition, "Cache-Control": "no-store"}
    )


def choose_locale() -> str:
    """Return the locale of this request: `?lang`, then the person's own, then the cookie, then Accept-Language."""
    if not has_request_context():
        return LOCALES[0]
    asked = request.args.get("lang", "").replace("-", "_")
    own = getattr(current_user, "locale", None) if not request.path.startswith("/static") else None
    for wish in (asked, request.cookies.get("lang"), own):
        if wish in LOCALES:
            return str(wish)
    best = request.accept_languages.best_match(["zh-CN", "zh", "en"], default="zh-CN")
    return "en" if best == "en" else LOCALES[0]


def choose_catalogue() -> str:
    """Return the language of this request by the name its catalogues have, ours and the form library's."""
    return choose_locale().partition("_")[0]


def language() -> str:
    """Return 'zh' or 'en': the suffix of bilingual columns and the key of bilingual texts."""
    return "en" if str(get_locale()).startswith("en") else "zh"


def tr(thing: Any, field: str = "name") -> str:
    """Read a bilingual column (`name_zh`, `name_en`) in the reader's language, the other one when empty."""
    first, second = ("en", "zh") if language() == "en" else ("zh", "en")
    read = thing.get if isinstance(thing, dict) else lambda name: getattr(thing, name)
    return str(read(f"{field}_{first}") or read(f"{field}_{second}") or "")


def tr_text(text: dict[str, str]) -> str:
    """Read a {zh, en} text in the reader's language, the other one when empty."""
    first, second = ("en", "zh") if language() == "en" else ("zh", "en")
    return text.get(first) or text.get(second) or ""


def format_datetime(moment: datetime | None) -> str:
    """Write aware UTC as Shanghai time, e.g. 2026-11-23 14:05; empty for None."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M") if moment else ""


def format_date(moment: datetime | None) -> str:
    """Write aware UTC as a Shanghai date; empty for None."""
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d") if moment else ""


def format_duration(milliseconds: int) -> str:
    """Write a duration as 3:05 or 1:02:03 (rounded down to the second)."""
    seconds = milliseconds // 1000
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def format_percent(share: float) -> str:
    """Write a share between 0 and 1 as a percentage with one digit."""
    return f"{share * 100:.1f}%"


def wants_json() -> bool:
    """Say whether the reply must be JSON: everything under /api."""
    return request.path.startswith("/api/")


def refuse(status: int, code: str, **details: object) -> Any:
    """Build the reply to a refusal: JSON {error, details} under /api, else the error's own page.

    Args:
        status: the HTTP status.
        code: the stable code.
        details: what may be shown.
    """
    if wants_json():
        said = msgspec.json.encode({"error": code, "details": details}, enc_hook=str)
        return Response(said, status, mimetype="application/json")
    template = f"errors/{status}.html" if status in (403, 404, 413, 429, 500, 503) else "errors/refused.html"
    return render_template(template, status=status, code=code, details=details), status


def _on_refusal(refusal: Refusal) -> Any:
    if refusal.status == 401 and not wants_json():
        return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
    return refuse(refusal.status, refusal.code, **refusal.details)


def _on_http(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:
        return error
    return refuse(error.code, (error.name or "error").lower().replace(" ", "_"))


def _on_database(error: DBAPIError | psycopg.Error) -> Any:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.DataError):
        return refuse(400, "bad_request")  # a text with NUL, a number no column holds
    log.error("database_error", kind=type(cause).__name__)
    lost = isinstance(cause, psycopg.OperationalError) or getattr(error, "connection_invalidated", False)
    return refuse(503 if lost else 500, "unknown_retry" if lost else "internal_error")


def _on_crash(error: Exception) -> Any:
    log.exception("unhandled", path=request.path)
    return refuse(500, "internal_error")


def csp_nonce() -> str:
    """Return this request's nonce, which every script element of its page carries."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def plain_headers(app: Flask) -> list[tuple[str, str]]:
    """Return the headers of every reply that is no page."""
    return [NO_SNIFF, NO_STORE, *([HTTPS_ONLY] if app.config["SESSION_COOKIE_SECURE"] else [])]


def _headers(response: Response) -> Response:
    asking = request._get_current_object()  # type: ignore[attr-defined]
    headers = response.headers
    headers.add(*NO_SNIFF)
    if "Cache-Control" not in headers and asking.endpoint != "static":
        headers.add(*NO_STORE)
    if response.mimetype == "text/html":
        headers["Content-Security-Policy"] = f"{CONTENT_SECURITY_POLICY}; script-src 'self' 'nonce-{csp_nonce()}'"
        for name, value in PAGE_HEADERS:
            headers[name] = value
    if current_app.config["SESSION_COOKIE_SECURE"]:
        headers.add(*HTTPS_ONLY)
    asked = asking.args.get("lang", "").replace("-", "_") if asking.query_string else ""
    if asked in LOCALES:
        response.set_cookie("lang", asked, max_age=31_536_000, samesite="Lax", httponly=True)
    return response


class _Sessions(SecureCookieSessionInterface):
    """Flask's own sessions, opened only where a cookie came along: programs and saves of answers bring none."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if session.accessed or session.modified:
            super().save_session(app, session, response)


def prepare(app: Flask) -> None:
    """Fit the application with languages, template helpers, error pages, CSRF protection and security headers.

    Args:
        app: the application.
    """
    babel.init_app(app, locale_selector=choose_catalogue, default_timezone="Asia/Shanghai")
    csrf.init_app(app)
    app.session_interface = _Sessions()
    app.config.update(
        SESSION_COOKIE_SECURE=app.config["PUBLIC_URL"].startswith("https://"), SESSION_COOKIE_SAMESITE="Lax"
    )
    app.jinja_env.globals.update(tr=tr, csp_nonce=csp_nonce)
    app.jinja_env.filters.update(
        tr=tr_text,
        yuan=format_yuan,
        datetime=format_datetime,
        date=format_date,
        duration=format_duration,
        percent=format_percent,
    )
    app.context_processor(lambda: {"locale": "en" if language() == "en" else "zh-CN"})
    app.register_error_handler(Refusal, _on_refusal)
    app.register_error_handler(CSRFError, lambda error: refuse(400, "csrf_failed"))
    app.register_error_handler(HTTPException, _on_http)
    app.register_error_handler(DBAPIError, _on_database)
    app.register_error_handler(psycopg.Error, _on_database)
    app.register_error_handler(Exception, _on_crash)
    app.after_request(_headers)
