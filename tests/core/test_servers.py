"""The supervisor of the embedded servers, on the real programs."""

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from core import servers as module
from core.servers import Servers, ServersError
from tests.processes import ROOT, best_of, is_running, wait_until

AS_ROOT = os.getuid() == 0


def ask(database_url: str, question: str) -> str:
    """One value from the database, as text."""
    address = database_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(address, autocommit=True) as session:
        row = session.execute(question).fetchone()
    assert row is not None
    return str(row[0])


def write(database_url: str, statement: str) -> None:
    address = database_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(address, autocommit=True) as session:
        session.execute(statement)


@contextlib.contextmanager
def public_folder() -> Iterator[Path]:
    """A folder that every account may enter, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="biwu-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def copy_wheels(target: Path) -> None:
    """Copy the programs of both wheels, laid out as in site-packages."""
    for server in (module._Postgres, module._Valkey):
        wheel = server.program.parts[0]
        for part in (str(server.program), f"{wheel}.libs"):
            if (source := module._site_packages(wheel) / part).exists():
                shutil.copytree(source, target / part, symlinks=True)


@pytest.fixture
def state() -> Iterator[Path]:
    with public_folder() as folder:
        yield folder / "state"


@pytest.fixture
def other_process() -> Iterator[Callable[[Path], subprocess.Popen[str]]]:
    """Start the servers of a folder in another process, which then waits; it is killed in the end."""
    started: list[subprocess.Popen[str]] = []

    def start(state: Path) -> subprocess.Popen[str]:
        program = (
            "import sys, pathlib; from core.servers import Servers;"
            "servers = Servers(pathlib.Path(sys.argv[1])); servers.start();"
            "print(servers.owned, *servers.pids.values(), flush=True); sys.stdin.read(); servers.stop()"
        )
        one = subprocess.Popen(
            [sys.executable, "-c", program, str(state)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(one)
        return one

    yield start
    for one in started:
        with one:
            one.kill()


def test_both_servers_answer_with_the_settings_that_keep_what_was_acknowledged(state: Path) -> None:
    """Contract A1 and O5."""
    with Servers(state) as endpoints:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert ask(endpoints.database_url, f"show {name}") == "on"
        assert ask(endpoints.database_url, "show listen_addresses") == ""
        assert ask(endpoints.database_url, "select rolsuper from pg_roles where rolname = current_user") == "False"
        assert ask(endpoints.database_url, "select upper('äß') || length('焊工')") == "Äß2"
        with redis.Redis.from_url(endpoints.redis_url, decode_responses=True) as client:
            assert client.config_get("appendonly") == {"appendonly": "yes"}
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert client.config_get("port") == {"port": "0"}


def test_no_setting_kept_in_the_data_can_switch_durability_off(state: Path) -> None:
    servers = Servers(state)
    try:
        servers.start()
        (state / "postgres/postgresql.auto.conf").write_text("fsync = off\nsynchronous_commit = off\n")
        servers.stop()
        endpoints = servers.start()
        assert ask(endpoints.database_url, "show fsync") == "on"
        assert ask(endpoints.database_url, "show synchronous_commit") == "on"
    finally:
        servers.stop()


def test_sockets_and_data_are_closed_to_other_accounts(state: Path) -> None:
    with Servers(state):
        for folder in (state / "sockets", state / "postgres", state / "valkey"):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_data_is_there_again_after_stop_and_start(state: Path) -> None:
    with Servers(state) as endpoints:
        write(endpoints.database_url, "create table kept as select 7 as seven")
    with Servers(state) as endpoints:
        assert ask(endpoints.database_url, "select seven from kept") == "7"


def test_stopping_leaves_no_process_behind(state: Path) -> None:
    servers = Servers(state)
    servers.start()
    pids = list(servers.pids.values())
    servers.stop()
    assert len(pids) == 2
    assert not any(is_running(pid) for pid in pids)


def test_a_warm_start_takes_less_than_two_seconds(state: Path) -> None:
    def start() -> float:
        began = time.monotonic()
        with Servers(state):
            return time.monotonic() - began

    start()
    assert best_of(3, 2, start) < 2


def test_two_copies_run_side_by_side_and_share_nothing(state: Path) -> None:
    with Servers(state) as one, Servers(state.with_name("second")) as two:
        assert one != two
        write(one.database_url, "create table only_here (x int)")
        assert ask(two.database_url, "select count(*) from pg_tables where tablename = 'only_here'") == "0"


def test_a_second_process_attaches_and_stops_nothing_when_it_ends(
    state: Path, other_process: Callable[[Path], subprocess.Popen[str]]
) -> None:
    with Servers(state) as endpoints:
        second = other_process(state)
        assert second.stdout is not None
        assert second.stdout.readline().split() == ["False"]
        second.communicate("")
        assert ask(endpoints.database_url, "select 1") == "1"


def test_who_attached_takes_over_when_the_owner_is_killed(
    state: Path, other_process: Callable[[Path], subprocess.Popen[str]]
) -> None:
    owner = other_process(state)
    assert owner.stdout is not None
    owner.stdout.readline()
    attached = Servers(state)
    endpoints = attached.start()
    try:
        assert attached.pids == {}
        owner.kill()
        wait_until(lambda: attached.watch() == ["postgres", "valkey"], 60)
        assert set(attached.pids) == {"postgres", "valkey"}
        assert ask(endpoints.database_url, "select 1") == "1"
    finally:
        attached.stop()


def test_the_servers_end_with_an_owner_that_is_killed_and_the_next_start_works_at_once(
    state: Path, other_process: Callable[[Path], subprocess.Popen[str]]
) -> None:
    owner = other_process(state)
    assert owner.stdout is not None
    pids = [int(word) for word in owner.stdout.readline().split()[1:]]
    assert all(is_running(pid) for pid in pids)
    owner.kill()
    owner.wait()  # until it is gone it still keeps the servers, and one who starts attaches to them
    with Servers(state) as endpoints:
        assert ask(endpoints.database_url, "select 1") == "1"
        assert not any(is_running(pid) for pid in pids)


def test_an_earlier_server_that_does_not_end_is_killed_before_its_data_is_used_again(
    state: Path, other_process: Callable[[Path], subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two PostgreSQL on one folder would destroy it: the new one waits for the lock that the old one inherited."""
    owner = other_process(state)
    assert owner.stdout is not None
    pids = [int(word) for word in owner.stdout.readline().split()[1:]]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    owner.kill()
    owner.wait()
    monkeypatch.setattr(module, "STOP_SECONDS", 2.0)
    with Servers(state) as endpoints:
        assert not any(is_running(pid) for pid in pids)
        assert ask(endpoints.database_url, "select 1") == "1"


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_killed_server_is_back_within_five_seconds_with_its_data(state: Path, name: str) -> None:
    """Contract A1 and O1."""
    servers = Servers(state)
    endpoints = servers.start()
    try:
        write(endpoints.database_url, "create table kept as select 7 as seven")

        def kill_and_wait() -> float:
            os.kill(servers.pids[name], signal.SIGKILL)
            return wait_until(lambda: servers.watch() == [name], 60)

        assert best_of(3, 5, kill_and_wait) <= 5
        assert ask(endpoints.database_url, "select seven from kept") == "7"
        with redis.Redis.from_url(endpoints.redis_url) as client:
            assert client.ping()
    finally:
        servers.stop()


def test_files_left_by_killed_servers_are_not_believed_even_when_their_process_number_lives(state: Path) -> None:
    """The number in postmaster.pid and in the socket's lock may by now be another program's of the same account."""
    servers = Servers(state)
    servers.start()
    owner = (state / "postgres").stat()
    left = {
        path: path.read_text() for path in (state / "postgres/postmaster.pid", state / "sockets/.s.PGSQL.5432.lock")
    }
    for pid in servers.pids.values():
        os.kill(pid, signal.SIGKILL)
    servers.stop()
    assert (state / "sockets/valkey.sock").exists()
    with subprocess.Popen(["sleep", "60"], user=owner.st_uid) as other:
        try:
            for path, text in left.items():
                path.write_text(text.replace(text.split()[0], str(other.pid), 1))
                os.chown(path, owner.st_uid, owner.st_gid)
            with Servers(state) as endpoints:
                assert ask(endpoints.database_url, "select 1") == "1"
                with redis.Redis.from_url(endpoints.redis_url) as client:
                    assert client.ping()
            assert is_running(other.pid)
        finally:
            other.kill()


def test_a_first_start_that_was_killed_halfway_is_begun_again(state: Path) -> None:
    half = state / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with Servers(state) as endpoints:
        assert ask(endpoints.database_url, "select 1") == "1"


def test_an_unreadable_valkey_log_is_put_aside_for_it_holds_only_pictures_of_facts(state: Path) -> None:
    with Servers(state):
        pass
    for path in (state / "valkey/appendonlydir").iterdir():
        path.write_bytes(b"not a log at all")
    with Servers(state) as endpoints, redis.Redis.from_url(endpoints.redis_url) as client:
        assert client.dbsize() == 0
        assert client.set("works", 1)


def test_a_deep_state_folder_still_gets_sockets_with_a_short_path(state: Path) -> None:
    deep = state.joinpath(*["a-folder-with-a-long-name"] * 6)
    servers = Servers(deep)
    try:
        endpoints = servers.start()
        assert len(endpoints.redis_url.removeprefix("unix://")) < 107
        assert ask(endpoints.database_url, "select 1") == "1"
    finally:
        servers.remove()


def test_a_socket_folder_open_to_others_is_refused(state: Path) -> None:
    (state / "sockets").mkdir(parents=True)
    (state / "sockets").chmod(0o777)
    with pytest.raises(ServersError, match="not a private folder"):
        Servers(state).start()


def test_a_server_that_cannot_start_says_so_with_its_own_words(state: Path) -> None:
    with Servers(state):
        pass
    (state / "postgres/global/pg_control").unlink()
    began = time.monotonic()
    with pytest.raises(ServersError, match="pg_control"):
        Servers(state).start()
    assert time.monotonic() - began < module.START_SECONDS / 2


def test_settings_of_other_databases_in_the_environment_do_no_harm(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGPORT": "5999", "PGDATA": "/nowhere", "PGHOST": "db.invalid", "LC_ALL": "xx_XX"}.items():
        monkeypatch.setenv(name, value)
    with Servers(state) as endpoints:
        assert ask(endpoints.database_url, "select 1") == "1"


def test_it_works_in_a_folder_that_only_its_owner_may_enter(state: Path) -> None:
    """As root the servers run as another account, which cannot enter: their data then lies elsewhere."""
    state.parent.chmod(0o700)
    servers = Servers(state)
    try:
        endpoints = servers.start()
        write(endpoints.database_url, "create table kept as select 7 as seven")
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in servers.pids.values()}
        assert (0 not in owners) if AS_ROOT else (owners == {os.getuid()})
        assert (state / "postgres").exists() is not AS_ROOT
        assert stat.S_IMODE(state.parent.stat().st_mode) == 0o700
        servers.stop()
        assert ask(servers.start().database_url, "select seven from kept") == "7"
    finally:
        servers.remove()


def test_wheels_that_only_their_owner_may_read_still_run(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root their programs are copied once to where the servers' account may read them."""
    with public_folder() as wheels:
        copy_wheels(wheels)
        wheels.chmod(0o700)
        monkeypatch.setattr(module, "_site_packages", lambda wheel: wheels)
        with Servers(state) as endpoints:
            assert ask(endpoints.database_url, "select 1") == "1"
        assert bool(list(state.glob("postgres-*"))) is AS_ROOT


def test_it_works_for_an_account_without_rights(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run by root, a child process becomes that account first; run by another account, this process is it already."""

    def story() -> None:
        with Servers(state) as endpoints:
            assert ask(endpoints.database_url, "select current_user") == "biwu"
            assert (state / "postgres").stat().st_uid == os.getuid()

    if not AS_ROOT:
        story()
        return
    account = pwd.getpwnam("daemon")
    os.chown(state.parent, account.pw_uid, account.pw_gid)
    with public_folder() as wheels:
        # The wheels may lie where only root may enter; an account of its own has wheels of its own.
        copy_wheels(wheels)
        subprocess.run(["chmod", "-R", "a+rX", str(wheels)], check=True)
        monkeypatch.setattr(module, "_site_packages", lambda wheel: wheels)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.setgroups([])
                os.setgid(account.pw_gid)
                os.setuid(account.pw_uid)
                story()
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_copied_state_folder_is_refused_rather_than_shared(state: Path) -> None:
    """Only as root can data lie outside STATE_DIR; otherwise a copy of the folder is a copy of the data."""
    state.parent.chmod(0o700)
    servers = Servers(state)
    servers.start()
    try:
        write(Servers(state).start().database_url, "create table kept as select 7 as seven")
        servers.stop()
        copy = state.with_name("copy")
        shutil.copytree(state, copy, ignore=shutil.ignore_patterns("sockets"))
        if AS_ROOT:
            with pytest.raises(ServersError, match="is a copy of"):
                Servers(copy).start()
        else:
            with Servers(copy) as endpoints:
                assert ask(endpoints.database_url, "select seven from kept") == "7"
    finally:
        servers.start()
        servers.remove()
