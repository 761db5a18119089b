"""The competitions of the demo: their words, levels, prizes and bonuses."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from questions.rules import BlueprintRow

TRADES = (
    ("computing", "计算机", "Computing"),
    ("nursing", "医学护理", "Nursing"),
    ("accounting", "会计", "Accounting"),
    ("work_safety", "安全生产", "Work safety"),
    ("welding", "焊工", "Welding"),
)
PASS_POINTS = 60


class LevelPlan(NamedTuple):
    """A level every trade has: ten items of ten points."""

    name_zh: str
    name_en: str
    time_limit_s: int
    reveal: str
    blueprint: tuple[BlueprintRow, ...]


def _row(count: int, difficulty: int | None = None, type_: str | None = None) -> BlueprintRow:
    return BlueprintRow(count=count, points=10, difficulty=difficulty, type=type_)


LEVELS = (
    LevelPlan(
        "第一关 入门",
        "Level 1: Entry",
        600,
        "after_submit",
        (
            *(_row(2, 1, "single"), _row(1, 1, "true_false"), _row(2, 1)),
            *(_row(2, 2, "single"), _row(2, 2, "true_false"), _row(1, 2)),
        ),
    ),
    LevelPlan(
        "第二关 基础",
        "Level 2: Basics",
        600,
        "after_submit",
        (_row(2, 1), _row(2, 2, "single"), _row(1, 2, "true_false"), _row(2, 2), _row(3, 3, "single")),
    ),
    LevelPlan(
        "第三关 进阶",
        "Level 3: Advanced",
        720,
        "after_close",
        (
            *(_row(2, 2), _row(3, 3, "single"), _row(1, 3, "multiple"), _row(2, 3)),
            *(_row(1, None, "multiple"), _row(1, None, "numeric")),
        ),
    ),
    LevelPlan(
        "第四关 精通",
        "Level 4: Proficient",
        840,
        "after_close",
        (_row(3, 3), _row(2, 4, "single"), _row(2, 4, "multiple"), _row(2, 4), _row(1, None, "fill_in")),
    ),
    LevelPlan(
        "第五关 巅峰",
        "Level 5: Summit",
        900,
        "after_close",
        (_row(4, 4), _row(4, 5), _row(1, None, "numeric"), _row(1, None, "multiple")),
    ),
)  # fmt: skip


class Plan(NamedTuple):
    """A competition of the demo; `opens` and `closes` count from the moment the demo was made."""

    key: str
    owner: str
    state: str
    name_zh: str
    name_en: str
    summary_zh: str
    summary_en: str
    rules_zh: str
    rules_en: str
    opens: timedelta
    closes: timedelta
    trades: tuple[str, ...]
    levels: int
    tries_total: int | None
    tries_per_day: int | None


OPEN, FINISHED, INTERNAL, DRAFT = range(4)

_RULES_ZH = """## 参赛办法
- 每个工种设若干关，**通过上一关才能进入下一关**；每关 10 题，每题 10 分，60 分过关。
- 每关限时作答，时间从看到第一题起算，到点自动交卷，已保存的答案照常计分。
- {tries}，取最好成绩。

## 排名
依次比较：通过关数、总分、计分作答的总用时、先达到者先。

## 纪律
独立作答。计时与评分以服务器为准。"""
_RULES_EN = """## How to take part
- Each trade has levels in order; **clearing one opens the next**. A level has 10 items of 10 points; 60 clear it.
- Each level is timed from the first item shown. When time is up it is handed in by itself, and saved answers count.
- {tries}; the best one counts.

## Ranking
Compared in this order: levels cleared, points, total time of the counted tries, who got there first.

## Conduct
Answer on your own. The server's clock and scoring decide."""

PLANS = (
    Plan(
        "open",
        "province",
        "open",
        "2026 全省职工网络技能大赛",
        "2026 Provincial Workers' Online Skills Competition",
        "五个工种，每个工种五关。全省职工均可参加，奖金池 ¥140,000。",
        "Five trades of five levels each, for every worker of the province, with a prize pool of ¥140,000.",
        _RULES_ZH.format(tries="每关每天可试 3 次"),
        _RULES_EN.format(tries="Each level may be tried three times a day"),
        timedelta(days=-7),
        timedelta(days=10),
        tuple(code for code, _, _ in TRADES),
        5,
        None,
        3,
    ),
    Plan(
        "finished",
        "province",
        "open",
        "2026 全省职工秋季技能练兵赛",
        "2026 Provincial Workers' Autumn Skills Round",
        "三个工种，每个工种三关，奖金池 ¥140,000。比赛已结束，成绩已封存。",
        "Three trades of three levels each and a prize pool of ¥140,000. The round is over, its results are sealed.",
        _RULES_ZH.format(tries="每关共可试 5 次，每天 3 次"),
        _RULES_EN.format(tries="Each level may be tried five times in all, three times a day"),
        timedelta(days=-60),
        timedelta(days=-46),
        ("nursing", "work_safety", "welding"),
        3,
        5,
        3,
    ),
    Plan(
        "internal",
        "enterprise",
        "open",
        "沧澜船舶安全生产月内部竞赛",
        "Canglan Shipbuilding Safety Month Competition",
        "仅限本企业职工参加，巩固安全生产知识。",
        "For this enterprise's own people, to keep safety knowledge fresh.",
        _RULES_ZH.format(tries="每关每天可试 3 次"),
        _RULES_EN.format(tries="Each level may be tried three times a day"),
        timedelta(days=-4),
        timedelta(days=20),
        ("work_safety",),
        3,
        None,
        3,
    ),
    Plan(
        "draft",
        "province",
        "draft",
        "2027 全省职工冬季技能大赛（筹备）",
        "2027 Provincial Workers' Winter Skills Competition (in preparation)",
        "筹备中：工种与关卡已设，规则待定。",
        "In preparation: trades and levels are set, the rules are still to be written.",
        "",
        "",
        timedelta(days=40),
        timedelta(days=60),
        ("computing", "welding"),
        5,
        None,
        3,
    ),
)

POOL_FEN = 14_000_000
BANDS = {
    OPEN: ((1, 1, 500_000), (2, 3, 300_000), (4, 10, 100_000)),
    FINISHED: ((1, 1, 800_000), (2, 3, 500_000), (4, 10, 200_000)),
}
"""Prizes in fen by place on each track's board: (first place, last place, each)."""
SPLIT_FEN = {OPEN: 5_000_000, FINISHED: 4_400_000}
"""What all who cleared every level of a track share equally."""

BONUS_BUDGET_FEN = 20_000_000
BONUS_TIERS = (("per_level", 2_000, None), ("all_levels", 20_000, None), ("top_n", 50_000, 10))
"""What the demo enterprise adds: (kind, fen each, how many of its people)."""


def window(plan: Plan, anchor: datetime) -> tuple[datetime, datetime]:
    """Return when a competition opens and closes, aware UTC.

    Args:
        plan: which competition.
        anchor: the moment the demo was made, aware UTC.
    """
    return anchor + plan.opens, anchor + plan.closes
