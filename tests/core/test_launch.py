"""The launcher with real servers, gunicorn and worker, around an application of a few lines.

What the launcher starts, watches and stops does not depend on what the application does, so these run in seconds.
"""

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import demo
from core.servers import Servers
from tests.processes import ROOT, best_of, children, free_port, is_running, wait_until

PARTS = ("config.py", "gunicorn.conf.py", "core/__init__.py", "core/launch.py", "core/processes.py", "core/servers.py")
SMALL_APP = """
import os, pathlib, signal, sys, time
import click
from flask import Flask
from flask.cli import AppGroup

def create_app():
    app = Flask(__name__)
    app.add_url_rule("/healthz", view_func=lambda: "ok", endpoint="healthz")
    app.add_url_rule("/database", view_func=lambda: os.environ["DATABASE_URL"], endpoint="database")

    @app.get("/slow")
    def slow():
        pathlib.Path("under-way").touch()
        time.sleep(2)
        return "finished"

    for words in (("db", "upgrade"), ("questions", "load"), ("demo",)):
        group = app.cli
        for word in words[:-1]:
            group = AppGroup(word)
            app.cli.add_command(group)

        @group.command(words[-1])
        @click.argument("rest", nargs=-1)
        def command(rest, words=words):
            print("did", *words, *rest, flush=True)
            if os.environ.get("FAILS") == words[0]:
                sys.exit(3)

    @app.cli.command()
    def worker():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        while True:
            time.sleep(60)

    return app
"""


def get(port: int, path: str = "/healthz") -> str:
    """The page's text, or "" when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


class Copy:
    """One copy of the program in a folder of its own, with a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.output = folder / "output"
        for part in PARTS:
            (folder / part).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / part, folder / part)
        (folder / "app.py").write_text(SMALL_APP)
        self.launcher: subprocess.Popen[bytes] | None = None

    def start(self, **environ: str) -> subprocess.Popen[bytes]:
        """Start the launcher without waiting for it."""
        clean = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}
        with self.output.open("wb") as output:
            self.launcher = subprocess.Popen(
                [sys.executable, "-m", "core.launch", "run"],
                cwd=self.folder,
                env=clean | {"PORT": str(self.port), "HOST": "127.0.0.1"} | environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self.launcher

    def run(self, **environ: str) -> subprocess.Popen[bytes]:
        """Start the launcher and wait for its welcome."""
        launcher = self.start(**environ)
        wait_until(lambda: "Biwu is ready" in self.said() or launcher.poll() is not None, 120)
        assert launcher.poll() is None, self.said()
        return launcher

    def said(self) -> str:
        return self.output.read_text()

    def end(self) -> None:
        """Stop it; nobody is under way here, so nothing may wait for gunicorn's graceful timeout of 15 s."""
        if self.launcher is not None:
            self.launcher.terminate()
            self.launcher.wait(12)


@pytest.fixture
def make_copy() -> Iterator[Callable[[], Copy]]:
    folder = Path(tempfile.mkdtemp(prefix="biwu-launch-"))
    folder.chmod(0o755)
    copies: list[Copy] = []

    def make() -> Copy:
        own = folder / str(len(copies))
        own.mkdir()
        copies.append(Copy(own))
        return copies[-1]

    yield make
    for copy in copies:
        copy.end()
    shutil.rmtree(folder)


def test_a_start_prepares_serves_and_says_where_and_the_stop_leaves_nothing_behind(
    make_copy: Callable[[], Copy],
) -> None:
    copy = make_copy()
    (copy.folder / "demo").mkdir()
    shutil.copy(ROOT / "demo/__init__.py", copy.folder / "demo")
    launcher = copy.run()
    assert get(copy.port) == "ok"
    said = copy.said()
    steps = [said.index(f"did {step}") for step in ("db upgrade", "questions load content", "demo")]
    assert steps == sorted(steps)
    assert f"http://localhost:{copy.port}" in said
    for one in demo.LOGINS:
        assert re.search(rf"{one.role} +{one.phone} +{one.password}", said)
    wait_until(lambda: any("worker" in words for words in children(launcher.pid, recursive=True).values()), 60)
    everything = children(launcher.pid, recursive=True)
    assert len(everything) >= 6, "two web processes, their master, the worker, PostgreSQL and Valkey"
    launcher.send_signal(signal.SIGINT)
    assert launcher.wait(60) == 0
    assert not [words for pid, words in everything.items() if is_running(pid)]


def test_a_second_start_answers_within_five_seconds(make_copy: Callable[[], Copy]) -> None:
    copy = make_copy()
    copy.run()

    def start_again() -> float:
        copy.end()
        began = time.monotonic()
        copy.run()
        taken = time.monotonic() - began
        assert get(copy.port) == "ok"
        return taken

    assert best_of(3, 5, start_again) < 5


def test_a_database_that_is_ready_is_prepared_again_only_when_something_changed(make_copy: Callable[[], Copy]) -> None:
    copy = make_copy()
    prepared = []
    for bank in ("one", "one", "two"):
        (copy.folder / "content").mkdir(exist_ok=True)
        (copy.folder / "content/bank.yaml").write_text(bank)
        copy.run()
        prepared.append("did questions load content" in copy.said())
        copy.end()
    copy.run(DEMO_PEOPLE="600")
    prepared.append("did demo" in copy.said())
    assert prepared == [True, False, True, True]


@pytest.mark.parametrize("victim", ["gunicorn", "worker", "postgres", "valkey"])
def test_any_one_process_killed_is_back_within_five_seconds(make_copy: Callable[[], Copy], victim: str) -> None:
    """Contract O1."""
    copy = make_copy()
    launcher = copy.run()

    def kill_and_wait() -> float:
        pid = next(pid for pid, words in children(launcher.pid).items() if victim in words)
        os.kill(pid, signal.SIGKILL)

        def is_back() -> bool:
            now = children(launcher.pid, recursive=True)
            return pid not in now and any(victim in words for words in now.values()) and get(copy.port) == "ok"

        return wait_until(is_back, 60)

    assert best_of(3, 5, kill_and_wait) <= 5


def test_a_killed_launcher_takes_everything_along_and_the_next_start_just_works(make_copy: Callable[[], Copy]) -> None:
    copy = make_copy()
    launcher = copy.run()
    everything = children(launcher.pid, recursive=True)
    launcher.kill()
    launcher.wait()
    wait_until(lambda: not any(is_running(pid) for pid in everything), 60)
    copy.run()
    assert get(copy.port) == "ok"


def test_everything_killed_at_once_is_no_obstacle_to_the_next_start(make_copy: Callable[[], Copy]) -> None:
    copy = make_copy()
    launcher = copy.run()
    for pid in (launcher.pid, *children(launcher.pid, recursive=True)):
        with contextlib.suppress(ProcessLookupError):  # whoever was killed first took others along
            os.kill(pid, signal.SIGKILL)
    launcher.wait()
    copy.run()
    assert get(copy.port) == "ok"


def test_two_copies_run_side_by_side_from_one_folder(make_copy: Callable[[], Copy]) -> None:
    one = make_copy()
    two = make_copy()
    two.folder = one.folder
    one.run(STATE_DIR="state-one")
    two.run(STATE_DIR="state-two")
    assert get(one.port, "/database") != get(two.port, "/database")
    two.end()
    assert get(one.port) == "ok"


def test_a_port_in_use_is_named_with_another_to_take(make_copy: Callable[[], Copy]) -> None:
    copy = make_copy()
    with socket.socket() as other:
        other.bind(("127.0.0.1", copy.port))
        other.listen()
        assert copy.start().wait(60) == 1
    assert f"Port {copy.port} is in use" in copy.said()
    suggested = int(copy.said().split("PORT=")[1].split()[0])
    assert suggested > copy.port
    assert not (copy.folder / "state/postgres").exists()


def test_settings_are_refused_before_anything_starts_and_all_at_once(make_copy: Callable[[], Copy]) -> None:
    copy = make_copy()
    assert copy.start(PORT="none", LOG_LEVEL="LOUD", DEMO="perhaps").wait(60) == 2
    assert all(name in copy.said() for name in ("PORT", "LOG_LEVEL", "DEMO"))
    assert not (copy.folder / "state").exists()


def test_a_step_that_fails_is_named_and_everything_is_stopped(make_copy: Callable[[], Copy]) -> None:
    copy = make_copy()
    assert copy.start(FAILS="questions").wait(60) == 1
    assert "`flask questions load content` failed." in copy.said()
    assert "did demo" not in copy.said()
    with Servers(copy.folder / "state"):
        pass  # nobody keeps its servers any more
    assert copy.start(FAILS="demo").wait(60) == 1
    assert "did questions load content" in copy.said(), "what failed is not taken for done"


def test_an_application_that_cannot_be_loaded_ends_the_start_with_a_sentence(make_copy: Callable[[], Copy]) -> None:
    copy = make_copy()
    broken = copy.folder / "app.py"
    broken.write_text(
        broken.read_text().replace("    return app\n", "    assert 'gunicorn' not in sys.argv[0]\n    return app\n")
    )
    assert copy.start().wait(60) == 1
    assert "The web server ended" in copy.said()


def test_a_request_that_is_under_way_is_finished_before_the_stop(make_copy: Callable[[], Copy]) -> None:
    copy = make_copy()
    launcher = copy.run()
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(get(copy.port, "/slow")))
    asking.start()
    wait_until((copy.folder / "under-way").exists, 60)
    launcher.terminate()
    asking.join()
    assert answers == ["finished"]
    assert launcher.wait(60) == 0


def test_servers_named_in_the_environment_are_used_and_none_are_started(make_copy: Callable[[], Copy]) -> None:
    copy = make_copy()
    with Servers(copy.folder / "own-servers") as own:
        launcher = copy.run(
            DATABASE_URL=own.database_url,
            REDIS_URL=own.redis_url,
            SECRET_KEY="q7Rk2v9Xw4Zb6Nc8Md1Lf3Jh5Gt0PsYa",
            DATA_KEY="Ub3Ec5Ra7Wd9Xf1Zg2Yh4Vi6Tj8Sk0Ql",
            PUBLIC_URL="https://biwu.example.org",
        )
        assert get(copy.port, "/database") == own.database_url
        assert not any(
            "pginstall" in words or "valkey-server" in words
            for words in children(launcher.pid, recursive=True).values()
        )
        assert "did demo" not in copy.said()
        copy.end()
