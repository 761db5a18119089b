"""Biwu as `make run` starts it, on a port and a STATE_DIR of its own, with players who retry and remember."""

from __future__ import annotations

import http.client
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, LiteralString

import msgspec
import psycopg

import config
from app import create_app
from core import clock
from core.database import db
from core.servers import Servers
from tests import factories as make
from tests.processes import ROOT, children, free_port, wait_until

START_SECONDS = 120.0
PATIENCE = 45.0
"""After so many seconds without an answer a player gives up, and the test fails."""
RETRY_SECONDS = 0.05


@dataclass(frozen=True)
class Ticket:
    """What one player needs: the bearer token of a session and the level to play."""

    bearer: str
    level_id: int


@dataclass(frozen=True)
class Stage:
    """A competition of one level with people who have joined and are signed in."""

    competition_id: int
    level_id: int
    tickets: list[Ticket]


class Rig:
    """The running program and an application of our own on its database, for putting people there."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.output = folder / "output"
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "STATE_DIR": str(folder / "state"),
            "PORT": str(self.port),
            "HOST": "127.0.0.1",
            "DEMO": "off",
            "LOG_LEVEL": "WARNING",
            "PUBLIC_URL": f"http://localhost:{self.port}",
            "SECRET_KEY": "kd83jfnv92hfpqlz01mcbvyeu47shgnt",
            "DATA_KEY": "pq93jfnv92hfdqlz01mcbvyeu47shgnz",
        }
        with self.output.open("wb") as output:
            self.launcher = subprocess.Popen(
                [sys.executable, "-m", "core.launch", "run"],
                cwd=ROOT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(
                lambda: "Biwu is ready" in self.said() or self.launcher.poll() is not None, START_SECONDS, "ready"
            )
            assert self.launcher.poll() is None, self.said()
            self.servers = Servers(folder / "state")
            endpoints = self.servers.start()  # attaches to the launcher's
        except BaseException:
            self.end()
            raise
        self.environ |= {"DATABASE_URL": endpoints.database_url, "REDIS_URL": endpoints.redis_url}
        self.app = create_app(config.load(self.environ))

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def end(self) -> None:
        if self.launcher.poll() is None:
            for pid in children(self.launcher.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            self.launcher.terminate()
            try:
                self.launcher.wait(60)
            except subprocess.TimeoutExpired:
                self.launcher.kill()
                self.launcher.wait()

    def close(self) -> None:
        """Let go of the application of our own."""
        with self.app.app_context():
            db.engine.dispose()
        self.app.extensions["valkey"].close()
        self.app.extensions["valkey_patient"].close()

    def rows(self, statement: LiteralString, **values: object) -> list[tuple[Any, ...]]:
        """Read from the database through a connection of its own."""
        address = self.environ["DATABASE_URL"].replace("+psycopg", "", 1)
        with psycopg.connect(address, autocommit=True, connect_timeout=10) as connection:
            return connection.execute(statement, values).fetchall()

    def pid(self, name: str) -> int:
        """The process number of a part: gunicorn, web process, job worker, postgres, backend or valkey."""
        if name == "web process":
            return random.choice(list(children(self.pid("gunicorn"))))
        if name == "backend":
            return next(pid for pid, words in children(self.pid("postgres")).items() if "biwu biwu" in words)
        word = {"gunicorn": "-m gunicorn", "job worker": "app worker", "postgres": "bin/postgres"}.get(name, name)
        return next(pid for pid, words in children(self.launcher.pid).items() if word in words)

    def find(self, name: str) -> int | None:
        """Like `pid`, None while there is none."""
        try:
            return self.pid(name)
        except (StopIteration, IndexError):
            return None

    def kill(self, name: str) -> float:
        """Kill -9 one part; return the moment, in seconds of the monotonic clock."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return time.monotonic()

    def workers(self) -> set[int]:
        """The ids under which job workers have registered since the start."""
        return {row[0] for row in self.rows("select id from procrastinate_workers")}

    def set_up(self, people: int, items: int = 24, closes_in: float = 3600.0) -> Stage:
        """Put a competition of one level and its signed-in players into the database.

        Args:
            people: how many players.
            items: single-choice items a paper, options a to d.
            closes_in: seconds from when all are there.
        """
        with self.app.app_context():
            try:
                if not self.rows("select from trades where code = 'faults'"):
                    make.make_bank(trade="faults", size=24)
                province = make.make_organization()
                competition = make.make_competition(province)
                level = make.make_level(
                    make.make_track(competition, trade_code="faults"), items=items, time_limit_s=3600, pass_points=10
                )
                tickets = []
                for number in range(people):
                    person = make.make_person(province)
                    bearer = f"player-{competition.id}-{number}"
                    make.make_session(person, token=bearer)
                    make.make_participation(competition, person, province.path)
                    tickets.append(Ticket(bearer, level.id))
                competition.closes_at = clock.now() + timedelta(seconds=closes_in)
                db.session.commit()
                return Stage(competition.id, level.id, tickets)
            finally:
                db.session.remove()
                db.engine.dispose()

    @contextmanager
    def playing(self, stage: Stage, port: int | None = None, pause: float = 0.1) -> Iterator[list[Player]]:
        """Let all play at once; when the block ends, each finishes the save under way."""
        players = [Player(port or self.port, ticket, pause) for ticket in stage.tickets]
        for player in players:
            player.start()
        try:
            wait_until(lambda: all(len(one.acknowledged) > 2 for one in players), PATIENCE, "everybody plays")
            yield players
        finally:
            for player in players:
                player.stop.set()
            for player in players:
                player.join()

    def stored(self, players: Iterable[Player]) -> Stored:
        """What PostgreSQL holds of these players' answers."""
        ids = [player.attempt_id for player in players]
        return {
            (attempt_id, position): (seq, value)
            for attempt_id, position, seq, value in self.rows(
                "select attempt_id, position, seq, value from answers where attempt_id = any(%(ids)s)", ids=ids
            )
        }


Stored = Mapping[tuple[int, int], tuple[int, Any]]


@dataclass(frozen=True)
class Sent:
    """One save: what was sent, when the first try went out and when it was acknowledged (monotonic seconds)."""

    attempt_id: int
    position: int
    seq: int
    value: list[str]
    sent_at: float
    acknowledged_at: float = 0.0


def find_lost(acknowledged: Iterable[Sent], sent: Iterable[Sent], stored: Stored) -> list[Sent]:
    """Return the acknowledged saves that are neither stored nor superseded by a later one of the same player (A1).

    Args:
        acknowledged: saves that were answered 2xx.
        sent: everything that was sent, whatever became of it.
        stored: the rows of the database, (seq, value) by (attempt, position).
    """
    known = {(one.attempt_id, one.position, one.seq): one.value for one in sent}
    lost = []
    for one in acknowledged:
        seq, value = stored.get((one.attempt_id, one.position), (0, None))
        if seq < one.seq or known.get((one.attempt_id, one.position, seq)) != value:
            lost.append(one)
    return lost


class Player(threading.Thread):
    """A client that starts an attempt and saves answers, each until it is told saved or refused."""

    def __init__(self, port: int, ticket: Ticket, pause: float) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.ticket = ticket
        self.pause = pause
        self.stop = threading.Event()
        self.chance = random.Random(ticket.bearer)
        self.sent: list[Sent] = []
        self.acknowledged: list[Sent] = []
        self.statuses: Counter[int] = Counter()
        self.bodies: Counter[bytes] = Counter()
        self.attempt_id = 0
        self.error: BaseException | None = None
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        try:
            status, attempt = self.insist("POST", f"/api/v1/levels/{self.ticket.level_id}/attempts", bearer=True)
            assert status == 200, attempt
            self.attempt_id = attempt["id"]
            items = len(attempt["items"])
            seq = 0
            while not self.stop.is_set():
                seq += 1
                self.save(seq % items + 1, seq, self.chance.choice("abcd"), attempt["token"])
                self.stop.wait(self.pause * self.chance.uniform(0.5, 1.5))
        except BaseException as error:
            self.error = error
        finally:
            self.hang_up()

    def save(self, position: int, seq: int, option: str, token: str) -> None:
        """Save one answer and remember that it was acknowledged."""
        one = Sent(self.attempt_id, position, seq, [option], time.monotonic())
        self.sent.append(one)
        status, _ = self.insist(
            "PUT",
            f"/api/v1/attempts/{self.attempt_id}/answers/{position}",
            msgspec.json.encode({"seq": seq, "value": [option]}),
            {"Authorization": f"Attempt {token}"},
        )
        if status == 200:
            self.acknowledged.append(replace(one, acknowledged_at=time.monotonic()))

    def submit(self) -> dict[str, Any]:
        """Hand the attempt in and return the result."""
        status, result = self.insist("POST", f"/api/v1/attempts/{self.attempt_id}/submission", bearer=True)
        assert status == 200, result
        return dict(result)

    def last_values(self) -> dict[int, Any]:
        """The last acknowledged value by position."""
        return {one.position: one.value for one in self.acknowledged}

    def insist(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, bearer: bool = False
    ) -> tuple[int, Any]:
        """Send until an answer is final (2xx or 4xx). Raises AssertionError after `PATIENCE` seconds."""
        deadline = time.monotonic() + PATIENCE
        wanted = dict(headers or {}) | ({"Authorization": f"Bearer {self.ticket.bearer}"} if bearer else {})
        while time.monotonic() < deadline:
            try:
                status, said = self.ask(method, path, body, wanted)
            except (OSError, http.client.HTTPException):
                self.hang_up()
                self.statuses[0] += 1
            else:
                if threading.current_thread() is not self:
                    self.hang_up()
                self.statuses[status] += 1
                if status < 500:
                    return status, msgspec.json.decode(said or b"null")
                self.bodies[said[:200]] += 1
            time.sleep(RETRY_SECONDS)
        raise AssertionError(f"no answer to {method} {path} for {PATIENCE} s; so far {self.statuses}")

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send once and return status and body. Raises OSError or HTTPException."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        self._connection.request(method, path, body or None, {"Content-Type": "application/json", **headers})
        reply = self._connection.getresponse()
        return reply.status, reply.read()

    def hang_up(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def statuses_of(players: Iterable[Player]) -> Counter[int]:
    """How often these players have got each status, 0 for no answer."""
    return sum((player.statuses.copy() for player in players), Counter[int]())


@contextmanager
def running() -> Iterator[Rig]:
    """The program, started in a new folder and stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="biwu-faults-"))
    folder.chmod(0o755)
    rig = Rig(folder)
    try:
        yield rig
    finally:
        rig.close()
        rig.end()
        rig.servers.remove()
        shutil.rmtree(folder, ignore_errors=True)
