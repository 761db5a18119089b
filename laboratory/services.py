"""Computing the figures of items and levels, and simulating papers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import structlog
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.tasks import Task
from sqlalchemy import delete, text, update
from sqlalchemy.dialects.postgresql import insert

from competitions.queries import get_competition, get_level_place, get_official_bank
from competitions.rules import blueprint_rows
from core import clock
from core.database import db, transaction
from core.jobs import defer
from laboratory import irt, queries, rules
from laboratory.models import ItemParameters, ItemStatistic, LevelStatistic, Simulation
from questions.queries import get_versions
from questions.rules import Version

log = structlog.get_logger(__name__)

PAPERS = 10_000
STEP = 500

_ATTEMPTS = """
    select p.competition_id, a.level_id, a.paper, a.marks, a.points, a.max_points, a.started_at, a.finished_at,
        (select jsonb_agg(jsonb_build_array(n.position, n.value, extract(epoch from n.received_at))
            order by n.received_at) from answers n where n.attempt_id = a.id) as given
    from attempts a join participations p on p.id = a.participation_id
    where a.state = 'scored' and a.number = 1
"""


_TRADES = """
    select t.trade_code, p.id as participation_id, a.paper, a.marks
    from attempts a join participations p on p.id = a.participation_id join levels l on l.id = a.level_id
        join tracks t on t.id = l.track_id
    where a.state = 'scored' and a.number = 1 and p.competition_id = :competition_id
    order by a.id
"""


@dataclass(frozen=True, slots=True)
class Computed:
    """How many items and levels got figures, and from how many first attempts."""

    items: int
    levels: int
    attempts: int


@dataclass(slots=True)
class _Scope:
    """What is counted of one competition, or of all together."""

    items: dict[int, rules.ItemTally] = field(default_factory=lambda: defaultdict(rules.ItemTally))
    levels: dict[int, rules.LevelTally] = field(default_factory=lambda: defaultdict(rules.LevelTally))
    attempts: int = 0


def compute(competition_ids: Collection[int]) -> Computed:
    """Compute the figures of the items of competitions, and of all competitions together, from first attempts.

    Args:
        competition_ids: whose figures are replaced beside those of all together, all in one transaction.

    Returns: how many items got figures in all together, how many levels, from how many attempts.
    """
    now = clock.now()
    types = queries.types()
    everything = _Scope()
    scopes = {competition_id: _Scope() for competition_id in competition_ids}
    for row in db.session.execute(text(_ATTEMPTS), execution_options={"yield_per": STEP}):
        concerned = [everything]
        if row.competition_id in scopes:
            concerned.append(scopes[row.competition_id])
            scopes[row.competition_id].levels[row.level_id].add([float(mark) for mark in row.marks])
        for scope in concerned:
            scope.attempts += 1
        for version_id, response in _responses(row, types):
            for scope in concerned:
                scope.items[version_id].add(response)
    versions = get_versions(list(everything.items))
    with transaction():
        for competition_id, scope in (*scopes.items(), (None, everything)):
            _store(competition_id, scope, versions, now)
    levels = sum(len(scope.levels) for scope in scopes.values())
    log.info("statistics_computed", items=len(everything.items), levels=levels, attempts=everything.attempts)
    return Computed(len(everything.items), levels, everything.attempts)


def _store(competition_id: int | None, scope: _Scope, versions: dict[int, Version], now: datetime) -> None:
    db.session.execute(delete(ItemStatistic).where(ItemStatistic.competition_id.is_not_distinct_from(competition_id)))
    columns = [
        _columns(versions[version_id], competition_id, scope.attempts, tally, now)
        for version_id, tally in scope.items.items()
    ]
    for start in range(0, len(columns), STEP):
        db.session.execute(insert(ItemStatistic), columns[start : start + STEP])
    for level_id, tally in scope.levels.items():
        _store_level(level_id, tally.figures(), now)


def _responses(row: Any, types: Mapping[int, str]) -> Iterator[tuple[int, rules.Response]]:
    """Yield one attempt's items by version. One took as long as since the answer before it, or since the start."""
    values: dict[int, Any] = {}
    spent: dict[int, int] = {}
    before = row.started_at.timestamp()
    for position, value, at in row.given or []:
        values[position] = value
        spent[position] = max(0, round((float(at) - before) * 1000))
        before = float(at)
    scale = 100 / row.max_points if row.max_points else 0.0
    total = row.points * scale
    for position, (item, mark) in enumerate(zip(row.paper, row.marks, strict=True), 1):
        yield (
            item["version"],
            rules.Response(
                share=mark / item["points"] if item["points"] else 0.0,
                mark=mark * scale,
                total=total,
                value=values.get(position),
                ms=spent.get(position),
                at=row.finished_at,
                type=types[item["version"]],
            ),
        )


def _columns(
    version: Version, competition_id: int | None, attempts: int, tally: rules.ItemTally, now: datetime
) -> dict[str, Any]:
    figures = tally.figures(_right_entries(version))
    return {
        "version_id": version.id,
        "competition_id": competition_id,
        "n": figures.n,
        "papers": attempts,
        "facility": figures.facility,
        "deviation": figures.deviation,
        "discrimination": figures.discrimination,
        "efficiency": figures.efficiency,
        "seconds": figures.seconds,
        "light": figures.light,
        "reason": figures.reason,
        "detail": rules.figures_json(figures),
        "computed_at": now,
    }


def _right_entries(version: Version) -> list[str]:
    """The right answers as the table of answers spells them; none where every paper has its own."""
    key = version.key
    if version.type in ("single", "multiple"):
        return list(key["options"])
    if version.type == "true_false":
        return ["true" if key["truth"] else "false"]
    if version.type == "ordering":
        return [" ".join(key["order"])]
    if version.type == "matching":
        return [f"{place}:{key['pairs'][prompt['id']]}" for place, prompt in enumerate(version.prompts, 1)]
    if version.type == "fill_in" and "blanks" in key:
        return [f"{place}:{one}" for place, accepted in enumerate(key["blanks"], 1) for one in accepted]
    if version.type == "numeric" and "value" in key:
        return [key["value"]]
    return list(key["accepted"]) if "accepted" in key else []


def _store_level(level_id: int, figures: rules.LevelFigures, now: datetime) -> None:
    columns = {
        "n": figures.n,
        "mean": figures.mean,
        "deviation": figures.deviation,
        "alpha": figures.alpha,
        "error_ratio": figures.error_ratio,
        "standard_error": figures.standard_error,
        "computed_at": now,
    }
    db.session.execute(
        insert(LevelStatistic)
        .values(level_id=level_id, **columns)
        .on_conflict_do_update(index_elements=["level_id"], set_=columns)
    )


def compute_due() -> list[int]:
    """Compute anew whatever has scored first attempts that its figures do not count yet; the job's work.

    Returns: the competitions of which figures were computed, besides those of all together.
    """
    due = queries.list_due()
    if due:
        compute(due)
    return due


def fit(competition_id: int) -> int:
    """Estimate the two-parameter model for the items of a competition, each trade by itself, from first attempts.

    Args:
        competition_id: whose parameters are replaced, all in one transaction.

    Returns: how many items got parameters; none under `irt.LEAST_PEOPLE` entrants a trade.
    """
    trades: dict[str, dict[int, dict[int, bool]]] = defaultdict(lambda: defaultdict(dict))
    rows = db.session.execute(text(_TRADES), {"competition_id": competition_id}, execution_options={"yield_per": STEP})
    for row in rows:
        seen = trades[row.trade_code][row.participation_id]
        for item, mark in zip(row.paper, row.marks, strict=True):
            seen.setdefault(item["version"], mark == item["points"])
    now = clock.now()
    found = [
        {"competition_id": competition_id, "version_id": version_id, "computed_at": now, **asdict(parameters)}
        for people in trades.values()
        for version_id, parameters in irt.fit(list(people.values())).items()
    ]
    with transaction():
        db.session.execute(delete(ItemParameters).where(ItemParameters.competition_id == competition_id))
        if found:
            db.session.execute(insert(ItemParameters), found)
    log.info("parameters_fitted", competition_id=competition_id, items=len(found))
    return len(found)


def request_fit(competition_id: int, job: Task[Any, Any, Any]) -> bool:
    """Ask for the two-parameter model of a competition; False when it was asked for already and is still waiting.

    Args:
        competition_id: whose items.
        job: the job that fits it, by `competition_id`.
    """
    try:
        with transaction():
            defer(job, lock=f"{job.name}:{competition_id}", competition_id=competition_id)
    except AlreadyEnqueued:
        return False
    return True


def request_simulation(level_id: int, person_id: int, job: Task[Any, Any, Any], papers: int = PAPERS) -> Simulation:
    """Ask for a simulation of a level; the row and the job come into being together.

    Args:
        level_id: whose papers.
        person_id: who asks.
        job: the job that runs it, by `simulation_id`.
        papers: how many to draw.

    Raises: NotFound when there is no such level.
    """
    get_level_place(level_id)
    with transaction():
        asked = Simulation(
            level_id=level_id,
            requested_by=person_id,
            requested_at=clock.now(),
            state="waiting",
            total=papers,
            result={},
        )
        db.session.add(asked)
        db.session.flush()
        defer(job, simulation_id=asked.id)
    return asked


def run_simulation(simulation_id: int) -> None:
    """Draw the papers of a simulation and store what they showed, telling how far it is.

    Args:
        simulation_id: what `request_simulation` made.
    """
    asked = db.session.get_one(Simulation, simulation_id)
    place = get_level_place(asked.level_id)
    competition = get_competition(place.competition.id)
    bank = get_official_bank(competition, place.track.trade_code)
    rows = blueprint_rows(place.level.blueprint)
    difficulty = {version.id: version.difficulty for version in bank.versions}
    facility = queries.facilities(list(difficulty))
    found = rules.Simulation()
    found.exposure.update({item.id: 0 for row in rows for unit in bank.matching(row) for item in unit})
    total = asked.total
    for start in range(0, total, STEP):
        found.add(
            rows, bank, difficulty, facility, (f"{simulation_id}:{n}" for n in range(start, min(start + STEP, total)))
        )
        with transaction():
            db.session.execute(
                update(Simulation).where(Simulation.id == simulation_id).values(state="running", done=found.papers)
            )
    result = {
        "blueprint": place.level.blueprint,
        "unfillable": found.shortfalls.total(),
        "shortfalls": sorted(found.shortfalls.items()),
        "difficulties": sorted(found.difficulties.items()),
        "expected": sorted(found.expected.items()),
        "exposure": found.exposure.most_common(),
    }
    with transaction():
        db.session.execute(
            update(Simulation)
            .where(Simulation.id == simulation_id)
            .values(state="done", done=found.papers, result=result)
        )


def fail_simulation(simulation_id: int) -> None:
    """Write down that a simulation broke off."""
    with transaction():
        db.session.execute(update(Simulation).where(Simulation.id == simulation_id).values(state="failed"))
