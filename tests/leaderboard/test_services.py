"""Boards on real servers: projection, rebuild, reconcile, fallback, seal."""

from __future__ import annotations

from flask import Flask

from leaderboard import services
from tests.leaderboard.helpers import join, make_federation, read, stand


def test_a_rebuilt_board_shows_every_node_and_shares_ranks(app: Flask) -> None:
    federation = make_federation()
    moment = None
    first, second, third = join(federation), join(federation), join(federation, federation.other_enterprise)
    standing = stand(first, points=20)
    moment = standing.reached_at
    stand(second, points=20, reached_at=moment)
    stand(third, points=10)
    assert read(federation).source == "database"
    services.rebuild(federation.competition.id)
    whole = read(federation)
    assert whole.source == "live"
    assert [(row.rank, row.participation_id) for row in whole.rows] == [(1, first.id), (1, second.id), (3, third.id)]
    assert [row.participation_id for row in read(federation, node=federation.enterprise).rows] == [first.id, second.id]
    assert [row.rank for row in read(federation, node=federation.other_enterprise).rows] == [1]
