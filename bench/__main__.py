"""`make bench`: how fast the hot paths are, as ratios to a bare Flask route in the same run.

Everything runs on this machine: embedded PostgreSQL with fsync on, Valkey, gunicorn with the settings of `make run`,
and wrk. Prints a table; `--write` puts it into docs/performance.md with the machine and the date.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import msgspec
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import text

import config
from app import create_app
from competitions import services
from competitions.models import Attempt
from core.database import db, transaction
from core.servers import Servers
from leaderboard import services as boards
from questions.services import load_banks

ROOT = Path(__file__).parent.parent
THREADS = 2
PLAYERS = 12_000
SAVERS = 512
SIZES = (1_000, 25_133, 1_000_000)

BARE, APPLICATION = 8898, 8899
"""The ports."""

GOALS = {"save answer": 0.40, "board page": 0.60, "board 304": 0.70, "my rank": 0.30, "start": 0.07, "submit": 0.07}
"""The least ratio to bare that each must reach."""


@dataclass(frozen=True)
class Figure:
    """One measurement, each value the median over its rounds; `ratio` is to the bare route, round by round."""

    name: str
    per_second: float
    p50_ms: float
    p99_ms: float
    ratio: float
    note: str = ""


def main(words: list[str]) -> int:
    """Measure and print; returns 1 when a goal is missed or a reply was an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=2, help="length of one round of one measurement")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, each after a round of the bare route")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="entrants of the boards measured")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    options = parser.parse_args(words)
    sizes = [int(size) for size in options.sizes.split(",")]
    if not shutil.which("wrk"):
        print("make bench needs wrk: sudo apt-get install wrk")
        return 2
    with tempfile.TemporaryDirectory(prefix="biwu-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        servers = Servers(Path(folder) / "state")
        endpoints = servers.start()
        try:
            environ = os.environ | {
                "STATE_DIR": str(Path(folder) / "state"),
                "DATABASE_URL": endpoints.database_url,
                "REDIS_URL": endpoints.redis_url,
                "DEMO": "on",
                "SECRET_KEY": "bench-k3jf83hfnv92hfpqlz01mcbvyeu47",
                "DATA_KEY": "bench-9fk2jf83hfnv92hfpqlz01mcbvyeu4",
                "HOST": "127.0.0.1",
            }
            app = create_app(config.load(environ))
            with app.app_context():
                figures = list(measure(app, environ, Path(folder), options, sizes))
        finally:
            servers.remove()
    table = render(figures)
    print(table)
    if options.write:
        write(table, options)
    return report_goals(figures)


def measure(
    app: Flask, environ: dict[str, str], folder: Path, options: argparse.Namespace, sizes: list[int]
) -> Iterator[Figure]:
    """Yield every figure in turn, the bare route first and once more at the end."""
    upgrade(str(ROOT / "migrations"))
    load_banks(ROOT / "content")
    say("filling")
    level_id = fill_players()
    competitions = {size: fill_board(size) for size in sizes}
    for competition_id in competitions.values():
        boards.rebuild(competition_id)
    analyse()
    db.session.remove()
    db.engine.dispose()

    def fire(name: str, pool: Iterable[str], once: bool = False, note: str = "") -> Figure:
        lines = list(pool)
        share = len(lines) // options.rounds
        measured = []
        for number in range(options.rounds):
            bare = run_wrk(folder, BARE, ["GET\t/\t-\t-\t-"], "again", options)
            part = lines[number * share : (number + 1) * share] if once else lines
            measured.append((bare, run_wrk(folder, APPLICATION, part, "once" if once else "again", options)))
        figure = condense(name, measured, note)
        say(f"{name} {note}: {figure.per_second:,.0f}/s, {figure.ratio:.2f} of bare")
        return figure

    with served("bench.bare:app", environ, BARE), served("app:create_app()", environ, APPLICATION):
        bare = run_wrk(folder, BARE, ["GET\t/\t-\t-\t-"], "again", options)
        yield condense("bare", [(bare, bare)])
        savers = [services.start_attempt(person, level_id) for person in range(1, SAVERS + 1)]
        yield fire("save answer", save_lines(savers))
        starting = range(SAVERS + 1, PLAYERS + 1)
        yield fire(
            "start", (f"POST\t/api/v1/levels/{level_id}/attempts\tBearer {token(i)}\t-\t-" for i in starting), True
        )
        started = db.session.execute(
            text("select id, person_id from attempts where person_id > :savers"), {"savers": SAVERS}
        ).all()
        answer_all([row.id for row in started])
        submissions = (
            f"POST\t/api/v1/attempts/{row.id}/submission\tBearer {token(row.person_id)}\t-\t-" for row in started
        )
        yield fire("submit", submissions, True)
        for size, competition_id in competitions.items():
            note = f"{size:,} entrants"
            path = f"/api/v1/competitions/{competition_id}/board?page=1"
            yield fire("board page", [f"GET\t{path}\tBearer {token(1)}\t-\t-"], note=note)
            etag = ask(path, token(1))
            yield fire("board 304", [f"GET\t{path}\tBearer {token(1)}\t{etag}\t-"], note=note)
            ranks = (
                f"GET\t/api/v1/competitions/{competition_id}/me/rank\tBearer {token(i)}\t-\t-" for i in range(1, 1001)
            )
            yield fire("my rank", ranks, note=note)


def condense(name: str, measured: list[tuple[dict[str, int], dict[str, int]]], note: str = "") -> Figure:
    """Make one figure of the rounds. Raises SystemExit when a reply was an error: such a figure means nothing."""
    bad = sum(result["bad"] + result["socket_errors"] for _, result in measured)
    if bad:
        raise SystemExit(f"{name}: {bad} errors")
    return Figure(
        name,
        median(speed(result) for _, result in measured),
        median(result["p50_us"] / 1000 for _, result in measured),
        median(result["p99_us"] / 1000 for _, result in measured),
        median(speed(result) / speed(bare) for bare, result in measured),
        note,
    )


def speed(result: dict[str, int]) -> float:
    """Requests a second."""
    return result["requests"] / (result["duration_us"] / 1e6)


def analyse() -> None:
    """Let the planner know the tables, as autovacuum would have by the time of a competition."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))


def say(words: str) -> None:
    """Tell whoever waits how far it is."""
    print(f"  {words}", file=sys.stderr, flush=True)


def token(number: int) -> str:
    """The bearer token of the bench's person of this number."""
    return f"bench-token-{number}"


def run_all(script: str, **values: int) -> None:
    """Run SQL statements separated by semicolons, each with those of the values that it names."""
    for statement in script.split(";"):
        named = {name: value for name, value in values.items() if f":{name}" in statement}
        db.session.execute(text(statement), named)


def fill_players() -> int:
    """Make people with sessions who have joined a competition of one level; returns the level's id.

    The first thousand people are also the ones who look at boards.
    """
    with transaction():
        run_all(
            """
                insert into organizations (kind, name_zh, name_en, path, created_at)
                values ('province', '省总工会', 'Province', '{1}', now());
                insert into people (phone_index, phone_sealed, phone_tail, password_hash, name, locale, created_at)
                select 'bench-' || i, '', '0000', '!', '测试' || i, 'zh_CN', now() from generate_series(1, :players) i;
                insert into memberships (person_id, organization_id, began_at)
                select id, 1, now() from people;
                insert into login_sessions (token_digest, person_id, kind, device, created_at, last_seen_at, expires_at)
                select encode(sha256(('bench-token-' || id)::bytea), 'hex'), id, 'bearer', '', now(), now(),
                    now() + interval '1 day'
                from people
            """,
            players=PLAYERS,
        )
        competition = make_competition("答题")
        track = db.session.execute(
            text(
                "insert into tracks (competition_id, trade_code, position, name_zh, name_en) "
                "values (:competition, 'welding', 1, '焊工', 'Welding') returning id"
            ),
            {"competition": competition},
        ).scalar_one()
        level = db.session.execute(
            text(
                "insert into levels "
                "(track_id, position, name_zh, name_en, blueprint, time_limit_s, pass_points, reveal) "
                "values (:track, 1, '第一关', 'Level 1', :blueprint, 3600, 60, 'after_submit') returning id"
            ),
            {
                "track": track,
                "blueprint": '[{"topic":null,"type":"single","difficulty":null,"count":20,"points":5}]',
            },
        ).scalar_one()
        db.session.execute(
            text(
                "insert into participations (competition_id, person_id, name, path, joined_at, eligible) "
                "select :competition, id, name, '{1}', now(), true from people"
            ),
            {"competition": competition},
        )
    return int(level)


def make_competition(name: str) -> int:
    """An open competition of the province."""
    return int(
        db.session.execute(
            text(
                "insert into competitions "
                "(organization_id, name_zh, name_en, summary_zh, summary_en, rules_zh, rules_en, state, opens_at, "
                "closes_at, mask_names, created_at) values (1, :name, :name, '', '', '', '', 'open', "
                "now() - interval '1 day', now() + interval '1 day', true, now()) returning id"
            ),
            {"name": name},
        ).scalar_one()
    )


def fill_board(size: int) -> int:
    """Make a competition with standings for so many entrants, of whom the bench's people are some."""
    say(f"a board of {size:,}")
    with transaction():
        competition = make_competition(f"榜单 {size}")
        run_all(
            """
                insert into people (phone_index, phone_sealed, phone_tail, password_hash, name, locale, created_at)
                select 'board-' || :competition || '-' || i, '', '0000', '!', '选手' || i, 'zh_CN', now()
                from generate_series(1, :others) i;
                insert into participations (competition_id, person_id, name, path, joined_at, eligible)
                select :competition, id, name, '{1}', now(), true from people
                where id <= 1000 or phone_index like 'board-' || :competition || '-%';
                insert into standings
                    (competition_id, participation_id, track_id, levels_cleared, points, elapsed_ms, reached_at,
                     changed_at, version)
                select :competition, id, null, id % 6, (id * 7919) % 501, 60000 + (id * 104729) % 3000000,
                    now() - (id % 86400) * interval '1 second', now() - interval '1 day', 1
                from participations where competition_id = :competition
            """,
            competition=competition,
            others=size - 1000,
        )
    return competition


def save_lines(attempts: list[Attempt]) -> Iterator[str]:
    """One line an item of every attempt: a save with a growing sequence number."""
    sessions: dict[int, int] = dict(
        db.session.execute(text("select person_id, id from login_sessions where person_id <= :n"), {"n": SAVERS}).all()
    )
    for position in range(1, 21):
        for attempt in attempts:
            option = attempt.paper[position - 1]["options"][0]
            key = services.attempt_token(attempt.id, sessions[attempt.person_id])
            path = f"/api/v1/attempts/{attempt.id}/answers/{position}"
            yield f'PUT\t{path}\tAttempt {key}\t-\t{{"seq":%d,"value":["{option}"]}}'


def answer_all(attempt_ids: list[int]) -> None:
    """Give every attempt twenty saved answers, so that scoring has what to score."""
    with transaction():
        db.session.execute(
            text(
                "insert into answers (attempt_id, position, seq, value, flagged, received_at) "
                "select a, p, 1, '[\"a\"]', false, now() from unnest(:ids) a cross join generate_series(1, 20) p"
            ),
            {"ids": attempt_ids},
        )


@contextmanager
def served(application: str, environ: dict[str, str], port: int) -> Iterator[None]:
    """Serve an application with gunicorn.conf.py until the block ends."""
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", application],
        env=environ | {"PORT": str(port)},
        cwd=ROOT,
    )
    try:
        for _ in range(100):
            time.sleep(0.1)
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
        time.sleep(2.0)
        yield
    finally:
        server.terminate()
        server.wait(20)


def ask(path: str, bearer: str) -> str:
    """The ETag of a reply."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{APPLICATION}{path}", headers={"Authorization": f"Bearer {bearer}"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - the address is this file's own
        return str(reply.headers["ETag"])


def run_wrk(folder: Path, port: int, lines: list[str], mode: str, options: argparse.Namespace) -> dict[str, int]:
    """Run wrk over a pool of requests and return what its script printed."""
    pool = folder / "pool"
    pool.write_text("\n".join(lines) + "\n")
    output = subprocess.run(
        ["wrk", f"-t{THREADS}", f"-c{options.connections}", f"-d{options.seconds}s", "-s", str(ROOT / "bench/load.lua"),
         f"http://127.0.0.1:{port}", "--", str(pool), mode, str(THREADS)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    [line] = [line for line in output.splitlines() if line.startswith("RESULT ")]
    return msgspec.json.decode(line[7:], type=dict[str, int])


def render(figures: list[Figure]) -> str:
    """The figures as a Markdown table."""
    lines = ["| what | requests/s | p50 ms | p99 ms | ratio to bare | goal |", "|---|---:|---:|---:|---:|---:|"]
    for one in figures:
        what = f"{one.name} ({one.note})" if one.note else one.name
        goal = f"{GOALS[one.name]:.2f}" if one.name in GOALS else ""
        lines.append(
            f"| {what} | {one.per_second:,.0f} | {one.p50_ms:.1f} | {one.p99_ms:.1f} | {one.ratio:.2f} | {goal} |"
        )
    return "\n".join(lines)


def report_goals(figures: list[Figure]) -> int:
    """Say which goals were missed; 1 when any was."""
    missed = [
        f"{one.name} {one.note}: {one.ratio:.2f} < {GOALS[one.name]:.2f}"
        for one in figures
        if one.name in GOALS and one.ratio < GOALS[one.name]
    ]
    missed += [
        f"save answer: p99 {one.p99_ms:.1f} ms" for one in figures if one.name == "save answer" and one.p99_ms > 20
    ]
    for name in ("board page", "my rank"):
        speeds = [one.per_second for one in figures if one.name == name]
        if max(speeds) > 1.5 * min(speeds):
            missed.append(f"{name}: {max(speeds) / min(speeds):.2f}x apart over the sizes")
    print("\n".join(f"missed: {one}" for one in missed) if missed else "every goal reached")
    return 1 if missed else 0


def write(table: str, options: argparse.Namespace) -> None:
    """Put the table into docs/performance.md with the machine, the date and the command."""
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    (ROOT / "docs/performance.md").write_text(
        f"""# Performance

One run of `make bench` on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} cores ({processor}), Python
{platform.python_version()}, wrk with {options.connections} connections; load generator, two gunicorn gevent workers,
PostgreSQL (fsync on) and Valkey all on that machine. Each figure is the median of {options.rounds} rounds of
{options.seconds} s. The ratio compares each round with a round of a bare Flask route that returns a constant, right
before it, with the same gunicorn settings: single figures on shared machines are noisy, the ratios are what to compare.

{table}

`save answer` is a 2xx, so the answer is committed: saves that arrive together share one commit. `start` draws a paper
of twenty, `submit` closes, scores, folds the standings and projects them onto the boards. Board page and my rank must
cost the same, within 1.5x, at every size.
"""
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
