"""The short way for saves: thousands send them at once, so they are answered before Flask begins.

Only a success is answered here. A refusal goes on to Flask with the request, and the endpoint raises it: every error is
said in one place. See docs/adr/0008.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING

import msgspec
from flask import Flask

from competitions import api
from core.api import BODY_LIMIT
from core.web import plain_headers

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PATH = re.compile(r"/api/v1/attempts/(\d{1,15})/answers/(\d{1,4})", re.ASCII)
_encode = msgspec.json.Encoder().encode


class Shortcut:
    """A WSGI application in front of another.

    Args:
        app: the Flask application it saves for, whose present `wsgi_app` gets everything else.
    """

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.behind: WSGIApplication = app.wsgi_app
        self.headers = [("Content-Type", "application/json"), *plain_headers(app)]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a save that succeeds; pass everything else on."""
        if environ["REQUEST_METHOD"] == "PUT" and (found := _PATH.fullmatch(environ["PATH_INFO"])):
            length = environ.get("CONTENT_LENGTH") or ""
            if length.isascii() and length.isdigit() and int(length) <= BODY_LIMIT:
                sent = environ["wsgi.input"].read(int(length))
                try:
                    with self.app.app_context():
                        saved = api.save(environ.get("HTTP_AUTHORIZATION", ""), int(found[1]), int(found[2]), sent)
                except Exception as error:
                    environ[api.REFUSED] = error
                    environ["wsgi.input"] = BytesIO(sent)
                else:
                    reply = _encode(saved)
                    start_response("200 OK", [*self.headers, ("Content-Length", str(len(reply)))])
                    return [reply]
        return self.behind(environ, start_response)
