"""`make run`: everything from empty folder to printed address, and everything stopped again at Ctrl-C."""

import errno
import hashlib
import http.client
import importlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType

import flask.cli
import psycopg
from psycopg import sql

from config import Settings, SettingsError, load
from core.processes import die_with_parent, dies_with
from core.servers import Servers, ServersError

ROOT = Path(__file__).resolve().parent.parent
PREPARE_LOCK = 0x62697775  # "biwu": any number will do that no other advisory lock of this database uses
PREPARED_FROM = ("migrations", "content", "questions", "demo")
TICK_SECONDS = 0.2
STOP_SECONDS = 20.0  # longer than gunicorn's graceful timeout, so that open requests end first
READY_SECONDS = 60.0


class LaunchError(Exception):
    """The start cannot go on; the text says why and what to do."""


class Child:
    """A program that runs as long as the launcher does and is started again when it ends."""

    def __init__(self, name: str, words: list[str], environ: Mapping[str, str]) -> None:
        self.name = name
        self.words = words
        self.environ = environ
        self.start()

    def start(self) -> None:
        """Start the program in a session of its own: Ctrl-C is for the launcher, which stops things in order."""
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self.words,
            cwd=ROOT,
            env=dict(self.environ),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=dies_with(signal.SIGKILL),  # a slow farewell would keep the port from the next start
        )

    def ended(self) -> bool:
        """Whether the program is no longer running."""
        return self.process.poll() is not None

    def watch(self) -> None:
        """Start the program again if it ended, at most once a second when it keeps ending."""
        if self.ended() and time.monotonic() - self.started >= 1.0:
            say(f"{self.name} ended ({_ending(self.process.returncode)}); starting it again.")
            self.start()


def main(words: list[str]) -> int:
    """Run the command line `python -m core.launch run` (or `prepare`, its own helper); return the exit status."""
    if words not in (["run"], ["prepare"]):
        print("Use: python -m core.launch run", file=sys.stderr)
        return 2
    try:
        settings = load(os.environ)
    except SettingsError as error:
        print("These settings must be mended first (.env.example explains each):", file=sys.stderr)
        for problem in error.problems:
            print(f"  - {problem}", file=sys.stderr)
        return 2
    if words == ["prepare"]:
        return prepare(settings)
    try:
        run(settings)
    except (LaunchError, ServersError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except Stopped:
        pass
    return 0


class Stopped(Exception):
    """Someone asked the launcher to end."""


def run(settings: Settings) -> None:
    """Start everything, say where it answers, and keep it running until SIGINT or SIGTERM.

    Raises LaunchError or ServersError; whatever was started is stopped before.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    if "MAKELEVEL" in os.environ:
        die_with_parent(signal.SIGTERM)  # make itself killed: the terminal has nothing left that could stop us
    _refuse_a_taken_port(settings)
    began = time.monotonic()
    with _servers(settings) as (servers, ready):
        environ = os.environ | ready.environ() | {"PYTHONUNBUFFERED": "1"}
        _prepare(ready, environ)
        python = sys.executable
        children: list[Child] = []
        try:
            web = Child("web", [python, "-m", "gunicorn", "-c", "gunicorn.conf.py", "app:create_app()"], environ)
            children.append(web)
            _wait_for_an_answer(ready, web)  # first, for the worker's own start would take the processor from it
            children.append(Child("worker", [python, "-m", "flask", "--app", "app", "worker"], environ))
            _welcome(ready, time.monotonic() - began)
            while True:
                time.sleep(TICK_SECONDS)
                _keep(servers)
                for child in children:
                    child.watch()
        finally:
            _end(children)


def _keep(servers: Servers) -> None:
    """Restart servers that died; one that cannot start, say on a full disk, is tried again for as long as it takes."""
    try:
        for name in servers.watch():
            say(f"{name} ended; it was started again.")
    except ServersError as error:
        say(str(error))
        time.sleep(1)


@contextmanager
def _servers(settings: Settings) -> Iterator[tuple[Servers, Settings]]:
    """The servers that the environment does not name, and the settings with their addresses filled in."""
    servers = Servers(settings.state_dir, postgres=not settings.database_url, valkey=not settings.redis_url)
    try:
        endpoints = servers.start()
        yield (
            servers,
            replace(
                settings,
                database_url=settings.database_url or endpoints.database_url,
                redis_url=settings.redis_url or endpoints.redis_url,
            ),
        )
    finally:
        servers.stop()


def _prepare(settings: Settings, environ: Mapping[str, str]) -> None:
    """Migrate, load the question banks and the demo, unless that is done; a second launcher waits its turn."""
    address = settings.database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        session = psycopg.connect(address, autocommit=True, connect_timeout=10)
    except psycopg.Error as error:
        raise LaunchError(f"The database at DATABASE_URL does not answer: {error}") from error
    with session:
        session.execute("select pg_advisory_lock(%s)", (PREPARE_LOCK,))
        wanted = f"prepared {_fingerprint(settings)}"
        if session.execute("select obj_description('public'::regnamespace)").fetchone() == (wanted,):
            return
        done = subprocess.run(
            [sys.executable, "-m", "core.launch", "prepare"],
            cwd=ROOT,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=dies_with(signal.SIGTERM),
        )
        if done.returncode != 0:
            raise LaunchError(f"The preparation ended {_ending(done.returncode)}; its words are above.")
        with suppress(psycopg.errors.InsufficientPrivilege):  # then every start prepares, which is only slower
            session.execute(sql.SQL("comment on schema public is {}").format(sql.Literal(wanted)))


def _fingerprint(settings: Settings) -> str:
    """A digest of all that the preparation depends on; kept in the database as the comment on its schema.

    Loading the application only to find nothing to do would take half of a second start.
    """
    digest = hashlib.sha256(f"{settings.demo} {settings.demo_people}".encode())
    for folder in PREPARED_FROM:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT)} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()


def prepare(settings: Settings) -> int:
    """Run the commands that make a database ready, in one process: loading the application takes the most time.

    Returns the exit status: that of the first command which failed.
    """
    commands = [["db", "upgrade"], ["questions", "load", "content"]]
    if settings.demo:
        commands.append(["demo"])
    application = flask.cli.ScriptInfo(app_import_path="app")
    for words in commands:
        try:
            flask.cli.cli.main(words, prog_name="flask", obj=application)
        except SystemExit as end:
            if end.code:
                print(f"`flask {' '.join(words)}` failed.", file=sys.stderr)
                return end.code if isinstance(end.code, int) else 1
    return 0


def _refuse_a_taken_port(settings: Settings) -> None:
    """Raises LaunchError when HOST and PORT cannot be had: gunicorn's reuse_port would share the port silently."""
    try:
        _bind(settings.host, settings.port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            free = next((port for port in range(settings.port + 1, 65536) if _is_free(settings.host, port)), 0)
            raise LaunchError(
                f"Port {settings.port} is in use by another program, perhaps by another copy of Biwu. "
                f"Stop that one, or choose another port:\n  PORT={free} make run"
            ) from error
        if error.errno == errno.EACCES:
            raise LaunchError(
                f"Port {settings.port} needs more rights than this account has. Choose another port:\n"
                f"  PORT=8000 make run"
            ) from error
        raise LaunchError(f"HOST={settings.host} cannot be used on this machine: {error.strerror}.") from error


def _bind(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((host, port))


def _is_free(host: str, port: int) -> bool:
    try:
        _bind(host, port)
    except OSError:
        return False
    return True


def _wait_for_an_answer(settings: Settings, web: Child) -> None:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if web.ended():
            raise LaunchError(f"The web server ended ({_ending(web.process.returncode)}); its words are above.")
        connection = http.client.HTTPConnection(host, settings.port, timeout=5)
        with suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        connection.close()
        time.sleep(0.05)
    raise LaunchError(f"The web server does not answer /healthz within {READY_SECONDS:.0f} s.")


def _welcome(settings: Settings, seconds: float) -> None:
    lines = [f"Biwu is ready after {seconds:.1f} s.", "", f"  on this machine   http://localhost:{settings.port}"]
    lan = _lan_address()
    if settings.host in ("0.0.0.0", "::") and lan:  # noqa: S104
        lines.append(f"  on a phone here   http://{lan}:{settings.port}")
    if settings.demo:
        lines.extend(_log_ins())
    lines.extend(["", "Ctrl-C stops everything."])
    say("\n".join(lines))


def _log_ins() -> list[str]:
    """One log-in each as the demo package names them; none while that package is absent."""
    try:
        log_ins = importlib.import_module("demo").LOGINS
    except (ModuleNotFoundError, AttributeError):
        return []
    return ["", *(f"  {one.role:<17} {one.phone}   {one.password}" for one in log_ins)]


def _lan_address() -> str | None:
    """The address that others in the network see; connecting a UDP socket chooses a route and sends nothing."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("192.0.2.1", 9))  # TEST-NET-1, RFC 5737
        address = str(one.getsockname()[0])
        return None if address.startswith("127.") else address
    return None


def _end(children: list[Child]) -> None:
    """Ask all to stop, web first to be told; whoever does not is killed with all its own children."""
    for child in children:
        with suppress(ProcessLookupError):
            child.process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()


def _stop(number: int, frame: FrameType | None) -> None:
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    say("Stopping ...")
    raise Stopped


def _ending(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"


def say(text: str) -> None:
    """Print for the person at the terminal, at once even into a file."""
    print(f"\n{text}" if "\n" in text else text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
