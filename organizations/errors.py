"""Refusals of organizations."""

from core.errors import Invalid, Refusal


class BadPlace(Invalid):
    """This kind of node cannot stand there in the tree."""

    code = "bad_place"


class NotJoinable(Invalid):
    """People belong to enterprises and teams, not to federations."""

    code = "not_joinable"


class OwnRole(Refusal):
    """Nobody grants or revokes a role of their own."""

    code = "own_role"
