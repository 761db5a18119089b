"""An ended session is ended in every web process at the next request, whatever each of them remembers (P8)."""

from __future__ import annotations

from tests.faults.rig import Player, Rig


def test_p8_a_session_ended_in_one_web_process_is_ended_in_all(rig: Rig) -> None:
    stage = rig.set_up(5)
    for ticket in stage.tickets:
        player = Player(rig.port, ticket, 0.1)
        asked = [player.insist("GET", "/api/v1/me", bearer=True)[0] for _ in range(12)]
        assert asked == [200] * 12
        assert player.insist("DELETE", "/api/v1/sessions/current", bearer=True)[0] in (204, 401)
        after = [player.insist("GET", "/api/v1/me", bearer=True)[0] for _ in range(12)]
        assert after == [401] * 12, "each request is a connection of its own and may reach another process"
