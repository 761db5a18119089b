"""The yardstick: a bare Flask route that returns a constant."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def constant() -> str:
    """Return a constant."""
    return "ok"
