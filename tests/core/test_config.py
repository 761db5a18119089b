"""Settings: what is refused, what is said about it, and what the demo makes by itself."""

import re
import stat
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest

from config import Settings, SettingsError, load

ROOT = Path(__file__).resolve().parents[2]
SIGNING = "q7Rk2v9Xw4Zb6Nc8Md1Lf3Jh5Gt0PsYa"
SEALING = "Ub3Ec5Ra7Wd9Xf1Zg2Yh4Vi6Tj8Sk0Ql"


def outside_the_demo(**changes: str) -> dict[str, str]:
    """A complete environment of a real event, with changes; an empty value leaves a setting out."""
    return {
        "DATABASE_URL": "postgresql://biwu:pw@db/biwu",
        "REDIS_URL": "redis://cache:6379/0",
        "SECRET_KEY": SIGNING,
        "DATA_KEY": SEALING,
        "PUBLIC_URL": "https://biwu.example.org",
    } | changes


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as refusal:
        load(environ)
    return refusal.value.problems


def test_an_empty_environment_is_a_complete_embedded_demo(tmp_path: Path) -> None:
    settings = load({"STATE_DIR": str(tmp_path / "state")})
    assert (settings.port, settings.demo, settings.demo_people, settings.web_workers) == (8000, True, 500, 2)
    assert (settings.database_url, settings.redis_url) == ("", "")
    assert settings.public_url == "http://localhost:8000"


def test_the_demo_makes_two_keys_once_and_keeps_them_from_others(tmp_path: Path) -> None:
    first, second = (load({"STATE_DIR": str(tmp_path)}) for _ in range(2))
    assert first.secret_key != first.data_key
    assert min(len(first.secret_key), len(first.data_key)) >= 32
    assert (first.secret_key, first.data_key) == (second.secret_key, second.data_key)
    for name in ("secret_key", "data_key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_keys_are_not_shown_when_settings_are_printed(tmp_path: Path) -> None:
    settings = load({"STATE_DIR": str(tmp_path)})
    assert settings.secret_key not in repr(settings)
    assert settings.data_key not in repr(settings)


def test_every_error_is_reported_at_once() -> None:
    found = problems(
        {
            "PORT": "80a",
            "DATABASE_URL": "mysql://db",
            "REDIS_URL": "memcached://x",
            "SECRET_KEY": "short",
            "PUBLIC_URL": "biwu.example.org",
            "DEMO": "perhaps",
            "DEMO_PEOPLE": "0",
            "WEB_WORKERS": "-1",
            "LOG_LEVEL": "LOUD",
            "FLASK_DEBUG": "1",
        }
    )
    names = {
        "PORT", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DATA_KEY", "PUBLIC_URL", "DEMO", "DEMO_PEOPLE",
        "WEB_WORKERS", "LOG_LEVEL", "FLASK_DEBUG",
    }  # fmt: skip
    assert {sentence.split()[0] for sentence in found} == names


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is missing"),
        ({"DATA_KEY": ""}, "DATA_KEY is missing"),
        ({"SECRET_KEY": "x" * 40}, "SECRET_KEY looks like a default"),
        ({"SECRET_KEY": "please-CHANGE-me-0123456789abcdefgh"}, "SECRET_KEY looks like a default"),
        ({"DATA_KEY": SEALING[:31]}, "DATA_KEY must have at least 32 characters, it has 31"),
        ({"DATA_KEY": SIGNING}, "DATA_KEY must differ from SECRET_KEY"),
        ({"FLASK_DEBUG": "1"}, "FLASK_DEBUG must be off"),
        ({"PUBLIC_URL": ""}, "PUBLIC_URL is missing"),
        ({"PUBLIC_URL": "http://biwu.example.org"}, "PUBLIC_URL must begin with https://"),
        ({"PORT": "65536"}, "PORT must be a whole number from 1 to 65535"),
    ],
)
def test_an_unsafe_setting_is_refused_outside_the_demo(changes: dict[str, str], named: str) -> None:
    """Contract O5; each row is wrong in exactly one way."""
    found = problems(outside_the_demo(**changes))
    assert len(found) == 1
    assert found[0].startswith(named)


def test_an_embedded_event_that_is_no_demo_needs_its_own_keys(tmp_path: Path) -> None:
    found = problems({"DEMO": "off", "STATE_DIR": str(tmp_path), "PUBLIC_URL": "https://biwu.example.org"})
    assert [sentence.split()[0] for sentence in found] == ["SECRET_KEY", "DATA_KEY"]
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_ones_own_switches_the_demo_off_unless_asked_for() -> None:
    assert load(outside_the_demo()).demo is False
    assert load(outside_the_demo(DEMO="on")).demo is True


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_each_usual_spelling_of_a_database_address_gets_the_driver_we_ship(scheme: str) -> None:
    address = load(outside_the_demo(DATABASE_URL=f"{scheme}://u:p@db:5433/biwu")).database_url
    assert address == "postgresql+psycopg://u:p@db:5433/biwu"


def test_a_password_in_a_refused_address_is_not_repeated() -> None:
    assert "hunter2" not in " ".join(problems(outside_the_demo(DATABASE_URL="mysql://u:hunter2@db/x")))


def test_a_child_process_loads_exactly_the_same_settings(tmp_path: Path) -> None:
    for settings in (load({"STATE_DIR": str(tmp_path)}), load(outside_the_demo())):
        assert load(settings.environ()) == settings


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert problems({"STATE_DIR": str(tmp_path / "file" / "state")})[0].startswith("STATE_DIR ")


def test_the_example_file_names_each_setting_with_a_sentence() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    listed = [(line.split("=")[0], before) for before, line in pairwise(lines) if "=" in line]
    settings = [(name, before) for name, before in listed if re.fullmatch("[A-Z_]+", name)]
    assert {name for name, _ in settings} == {one.name.upper() for one in fields(Settings)}
    assert all(before.startswith("# ") and before.endswith(".") for _, before in settings)


def test_the_example_file_as_it_stands_starts_the_demo(tmp_path: Path) -> None:
    pairs = re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert load(dict(pairs) | {"STATE_DIR": str(tmp_path)}) == load({"STATE_DIR": str(tmp_path)})
