"""What of a paper may be seen: the items while playing, marks and keys only once the level allows it (A11)."""

from questions.presenting import Item, MarkedItem, present, present_marked

__all__ = ["Item", "MarkedItem", "may_reveal", "present", "present_marked"]


def may_reveal(reveal: str, attempt_state: str, competition_state: str) -> bool:
    """Say whether keys, marks and explanations of an attempt may be seen now.

    Args:
        reveal: the level's rule: "never", "after_submit" or "after_close".
        attempt_state: only a scored attempt reveals anything.
        competition_state: "closed" and "sealed" are after the close.
    """
    if attempt_state != "scored" or reveal == "never":
        return False
    return reveal == "after_submit" or competition_state in ("closed", "sealed")
