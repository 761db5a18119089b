"""The life of a question: what may be done with it when, and by whom. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

STATES = ("draft", "submitted", "approved", "retired")

STEPS: dict[str, frozenset[str]] = {
    "submit": frozenset({"draft", "retired"}),
    "withdraw": frozenset({"submitted"}),
    "return": frozenset({"submitted"}),
    "approve": frozenset({"submitted"}),
    "retire": frozenset({"draft", "submitted", "approved"}),
    "offer": frozenset({"approved"}),
    "decline": frozenset({"approved"}),
    "adopt": frozenset({"approved"}),
}
"""In which states each step may be taken. Writing a new version may be done in all of them and makes a draft."""


def may_take(step: str, state: str) -> bool:
    """Say whether a step may be taken in a state; what is not listed may be done in every one."""
    return state in STEPS.get(step, STATES)


def may_judge(person_id: int, author_id: int | None, writers: Collection[int | None]) -> bool:
    """Say whether somebody may approve a question: never their own, nor a wording they had a hand in.

    Args:
        person_id: who wants to.
        author_id: whose question it is.
        writers: who wrote the versions since the last one that was approved.
    """
    return person_id != author_id and person_id not in writers


def bad_weights(topics: Iterable[tuple[str | None, int | None]]) -> list[str | None]:
    """Return the parents, None for the trade itself, whose topics have weights that do not sum to 100 percent.

    Args:
        topics: the parent and the weight of each; a level without any weight is a level without weights.
    """
    sums: dict[str | None, list[int | None]] = {}
    for parent, weight in topics:
        sums.setdefault(parent, []).append(weight)
    return [
        parent
        for parent, weights in sums.items()
        if any(weight is not None for weight in weights) and sum(weight or 0 for weight in weights) != 100
    ]


def share_of_whole(code: str, parents: Mapping[str, str | None], weights: Mapping[str, int | None]) -> float | None:
    """Return what share of its trade a topic should have, 0 to 1: the product of the weights on the way to it.

    Args:
        code: the topic.
        parents: the topic above each; None at the top.
        weights: of each among its siblings, in percent.

    Returns: None where a weight on the way is not set.
    """
    share, at = 1.0, code if code in parents else None
    while at is not None:
        weight = weights.get(at)
        if weight is None:
            return None
        share, at = share * weight / 100, parents.get(at)
    return share


def tree_order(topics: Sequence[tuple[str, str | None]]) -> list[tuple[str, int]]:
    """Return topics as a reader sees a tree, each before those under it, with its depth from 0.

    Args:
        topics: code and parent of each, siblings in the order in which they are shown.
    """
    under: dict[str | None, list[str]] = {}
    for code, parent in topics:
        under.setdefault(parent, []).append(code)
    found: list[tuple[str, int]] = []

    def walk(parent: str | None, depth: int) -> None:
        for code in under.get(parent, ()):
            found.append((code, depth))
            walk(code, depth + 1)

    walk(None, 0)
    return found
