"""Settings, read once from the environment and never changed afterwards."""

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

Value = TypeVar("Value")

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
SECRET_LENGTH = 32
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


class SettingsError(Exception):
    """The environment cannot be used; `problems` has one sentence for each missing or bad setting."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Settings:
    """All settings; a field's name in capitals is its name in the environment and in .env.example."""

    port: int
    host: str
    state_dir: Path
    database_url: str
    redis_url: str
    secret_key: str = field(repr=False)
    data_key: str = field(repr=False)
    public_url: str
    demo: bool
    demo_people: int
    web_workers: int
    log_level: str
    trusted_proxies: int
    keep_days: int

    def environ(self) -> dict[str, str]:
        """These settings as environment variables, so that a child process loads exactly the same."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name.upper(): _as_text(value) for name, value in values.items()}


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings and refuse unsafe ones (contract O5).

    In an embedded demo (no DATABASE_URL, DEMO not off) the two keys are made once and kept in STATE_DIR.
    Raises SettingsError with every missing or bad setting at once.
    """
    problems: list[str] = []

    def text(name: str, default: str = "") -> str:
        return environ.get(name, "").strip() or default

    def parsed(name: str, default: str, parse: Callable[[str], Value], fallback: Value) -> Value:
        try:
            return parse(text(name, default))
        except ValueError as error:
            problems.append(f"{name} {error}")
            return fallback

    database_url = parsed("DATABASE_URL", "", _database_url, "")
    demo = parsed("DEMO", "off" if text("DATABASE_URL") else "on", _switch, False)
    port = parsed("PORT", "8000", _whole(1, 65535), 8000)
    state_dir = Path(text("STATE_DIR", "state")).expanduser().absolute()
    public_url = parsed("PUBLIC_URL", f"http://localhost:{port}" if demo else "", _public_url(demo), "")

    keys = {"SECRET_KEY": text("SECRET_KEY"), "DATA_KEY": text("DATA_KEY")}
    for name, value in keys.items():
        if value:
            problems.extend(f"{name} {complaint}" for complaint in _weaknesses(value))
        elif not (demo and not text("DATABASE_URL")):
            problems.append(f"{name} is missing: make one with `openssl rand -base64 48`")
    if keys["SECRET_KEY"] and keys["SECRET_KEY"] == keys["DATA_KEY"]:
        problems.append("DATA_KEY must differ from SECRET_KEY: one can then be changed without the other")
    if not demo and text("FLASK_DEBUG").lower() not in ("", "0", "false", "no", "off"):
        problems.append("FLASK_DEBUG must be off outside the demo: its error pages show code and data")

    settings = Settings(
        port=port,
        host=text("HOST", "0.0.0.0"),  # noqa: S104 - phones in the same network must reach the demo
        state_dir=state_dir,
        database_url=database_url,
        redis_url=parsed("REDIS_URL", "", _redis_url, ""),
        secret_key=keys["SECRET_KEY"],
        data_key=keys["DATA_KEY"],
        public_url=public_url,
        demo=demo,
        demo_people=parsed("DEMO_PEOPLE", "500", _whole(1, 1_000_000), 500),
        web_workers=parsed("WEB_WORKERS", "2", _whole(1, 64), 2),
        log_level=parsed("LOG_LEVEL", "INFO", _one_of(LOG_LEVELS), "INFO"),
        trusted_proxies=parsed("TRUSTED_PROXIES", "0", _whole(0, 9), 0),
        keep_days=parsed("KEEP_DAYS", "90", _whole(1, 3650), 90),
    )
    if problems:
        raise SettingsError(problems)
    try:
        return replace(
            settings,
            secret_key=settings.secret_key or _kept_secret(state_dir, "secret_key"),
            data_key=settings.data_key or _kept_secret(state_dir, "data_key"),
        )
    except OSError as error:
        raise SettingsError([f"STATE_DIR {state_dir} cannot be used: {error.strerror}"]) from error


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _switch(value: str) -> bool:
    if value.lower() in ("1", "on", "true", "yes"):
        return True
    if value.lower() in ("0", "off", "false", "no"):
        return False
    raise ValueError(f"must be on or off, not {value!r}")


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}, not {value!r}")
        return int(value)

    return parse


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.upper() not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, not {value!r}")
        return value.upper()

    return parse


def _database_url(value: str) -> str:
    """The address with the driver SQLAlchemy shall use; passwords stay out of the complaint."""
    if not value:
        return ""
    scheme, separator, rest = value.partition("://")
    if not separator or scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise ValueError("must begin with postgresql://")
    return f"postgresql+psycopg://{rest}"


def _redis_url(value: str) -> str:
    if value and not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must begin with redis://, rediss:// or unix://")
    return value


def _public_url(demo: bool) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if not value:
            raise ValueError("is missing: the address that people type, such as https://biwu.example.org")
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"must be an address such as https://biwu.example.org, not {value!r}")
        if not demo and parts.scheme != "https" and parts.hostname not in LOCAL_HOSTS:
            raise ValueError("must begin with https:// outside the demo: passwords cross the network")
        return value.rstrip("/")

    return parse


def _weaknesses(value: str) -> list[str]:
    found = []
    if len(value) < SECRET_LENGTH:
        found.append(f"must have at least {SECRET_LENGTH} characters, it has {len(value)}")
    elif len(set(value)) < 10 or any(word in value.lower() for word in ("change", "example", "secret")):
        found.append("looks like a default: make one with `openssl rand -base64 48`")
    return found


def _kept_secret(state_dir: Path, name: str) -> str:
    """The secret in STATE_DIR/name, made on first use; of two processes that make it at once one wins."""
    path = state_dir / name
    if not path.exists():
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
        draft = state_dir / f".{name}.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
