"""A question as a page or the API shows it. Keys are shown: a card is made of questions of the practice bank alone."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from practice import queries, rules
from practice.models import PracticeAnswer, PracticeMock
from practice.queries import Asked, Learner
from questions.models import Topic
from questions.presenting import (
    Compared,
    MarkedItem,
    Shown,
    compare,
    kind_word,
    present_item,
    present_marked_item,
)
from questions.queries import get_versions
from questions.rules import PaperItem, Value, Version


@dataclass(frozen=True, slots=True)
class Card:
    """A question with its key.

    `client_id` is what the answer to it will be called; `place` is (number, of how many) in modes that have an order,
    `case_place` the same within its case.
    """

    shown: Shown
    marked: MarkedItem
    compared: list[Compared]
    question_id: int
    version_id: int
    seed: int
    client_id: str
    topic: Topic | None
    kind: str
    place: tuple[int, int] | None
    case_place: tuple[int, int] | None
    kept: bool

    @property
    def right(self) -> list[str]:
        """The key of a choice as the ids of option rows."""
        key = self.marked.key
        return ["true" if key else "false"] if isinstance(key, bool) else list(key)


def make_cards(learner: Learner, asked: Sequence[Asked], mode: str, now: datetime) -> list[Card]:
    """Make cards of questions that are to be asked.

    Args:
        learner: who practises what.
        asked: the questions.
        mode: "ordered" and "daily" number them.
        now: aware UTC.
    """
    kept = queries.kept_among(learner.person_id, [one.version.question_id for one in asked])
    topics = queries.list_topic_names(learner.trade.code)
    order: list[int] = []
    if mode == "ordered":
        order = sorted(learner.by_question)
    elif mode == "daily":
        order = [one.question_id for one in queries.daily_versions(learner, rules.day_of(now))]
    at = {question_id: (number, len(order)) for number, question_id in enumerate(order, 1)}
    return [
        _card(
            learner,
            one.version,
            rules.make_item(one.version, one.seed),
            None,
            seed=one.seed,
            topic=topics.get(one.version.topic),
            place=at.get(one.version.question_id),
            kept=one.version.question_id in kept,
        )
        for one in asked
    ]


def answered_card(learner: Learner, answer: PracticeAnswer, version: Version) -> Card:
    """Make the card of a question that was answered, with the answer."""
    seed = answer.seed or 0
    return _card(
        learner,
        version,
        rules.make_item(version, seed),
        answer.value,
        seed=seed,
        topic=queries.list_topic_names(learner.trade.code).get(version.topic),
        kept=version.question_id in queries.kept_among(learner.person_id, [version.question_id]),
    )


def mock_cards(learner: Learner, mock: PracticeMock) -> list[Card]:
    """Make the cards of a mock's paper, with the answers and marks once it is handed in."""
    paper = queries.mock_paper(mock)
    versions = get_versions([item.version for item in paper])
    topics = queries.list_topic_names(learner.trade.code)
    answers, marks = mock.answers or {}, mock.marks or [0] * len(paper)
    return [
        _card(
            learner,
            versions[item.version],
            item,
            answers.get(str(position)),
            topic=topics.get(versions[item.version].topic),
            position=position,
            mark=marks[position - 1],
        )
        for position, item in enumerate(paper, 1)
    ]


def _card(
    learner: Learner,
    version: Version,
    item: PaperItem,
    value: Value,
    *,
    topic: Topic | None,
    seed: int = 0,
    position: int = 1,
    mark: int = 0,
    place: tuple[int, int] | None = None,
    kept: bool = False,
) -> Card:
    asked = present_item(position, item, version)
    marked = present_marked_item(position, item, version, mark, value)
    return Card(
        shown=Shown(asked, value),
        marked=marked,
        compared=compare(asked, marked),
        question_id=version.question_id,
        version_id=version.id,
        seed=seed,
        client_id=secrets.token_urlsafe(12),
        topic=topic,
        kind=kind_word(version.type),
        place=place,
        case_place=learner.bank.place_in_case(version),
        kept=kept,
    )
