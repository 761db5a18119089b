"""Questions on their way through review: two drafts, one waiting for a reviewer, one sent back with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import demo
from questions import authoring
from questions.authoring import Actor
from questions.queries import list_leaves

TRADE = "computing"

RETURNED_WHY = (
    "正确选项明显最长，一看便知；请把四个选项写得一样长。\n"
    "The right option is by far the longest and gives itself away: please make all four alike."
)


def _text(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


def _parts(*texts: tuple[str, str], prefix: str = "") -> list[dict[str, str]]:
    return [
        {"id": f"{prefix}{number}" if prefix else "abcdefgh"[number - 1], **_text(*both)}
        for number, both in enumerate(texts, 1)
    ]


DRAWN: dict[str, Any] = {
    "type": "numeric",
    "topic": "hw_data",
    "difficulty": 3,
    "stem": _text(
        "一张 {w} × {h} 像素的未压缩图像，每个像素用 {b} 位表示。它占多少兆字节（1 MB = 1 000 000 字节）？",
        "An uncompressed image has {w} × {h} pixels of {b} bits each. How many megabytes does it take "
        "(1 MB = 1,000,000 bytes)?",
    ),
    "variables": {
        "w": {"min": "1000", "max": "4000", "step": "500"},
        "h": {"min": "1000", "max": "3000", "step": "500"},
        "b": {"min": "8", "max": "32", "step": "8"},
    },
    "key": {
        "expression": "w * h * b / 8 / 1000000",
        "decimals": 2,
        "tolerance": "1%",
        "unit": _text("兆字节", "MB"),
    },
    "explanation": _text(
        "像素数乘以每像素位数，除以 8 得字节数，再除以 1 000 000：{w} × {h} × {b} ÷ 8 ÷ 1 000 000 = {answer}。",
        "Pixels times bits per pixel, divided by 8 for bytes, then by 1,000,000: "
        "{w} × {h} × {b} / 8 / 1,000,000 = {answer}.",
    ),
    "source": _text("教科书事实：位图的数据量", "Textbook fact: data volume of bitmap images"),
}
ORDERED: dict[str, Any] = {
    "type": "ordering",
    "topic": "hw_data",
    "difficulty": 1,
    "stem": _text("把这些数据量从小到大排列。", "Put these amounts of data in order, the smallest first."),
    "options": _parts(
        ("1 KiB", "1 KiB"), ("1 位", "1 bit"), ("1 GiB", "1 GiB"), ("1 字节", "1 byte"), ("1 MiB", "1 MiB")
    ),
    "key": ["b", "d", "a", "e", "c"],
    "credit": "each",
    "explanation": _text(
        "8 位为 1 字节，1024 字节为 1 KiB，此后每一级都是前一级的 1024 倍。",
        "8 bits make a byte, 1024 bytes a KiB, and each further unit is 1024 times the one before.",
    ),
    "source": _text("IEC 80000-13，二进制词头", "IEC 80000-13, binary prefixes"),
}
MATCHED: dict[str, Any] = {
    "type": "matching",
    "topic": "hw_components",
    "difficulty": 2,
    "stem": _text("每种接口通常用来连接什么？", "What is each port usually used to connect?"),
    "prompts": _parts(("RJ-45", "RJ-45"), ("HDMI", "HDMI"), ("SATA", "SATA"), prefix="p"),
    "options": _parts(
        ("机箱内的硬盘", "A disk inside the case"),
        ("显示器", "A monitor"),
        ("有线网络", "A wired network"),
        ("无线耳机", "Wireless headphones"),
    ),
    "key": {"p1": "c", "p2": "b", "p3": "a"},
    "credit": "each",
    "explanation": _text(
        "RJ-45 接双绞线网络，HDMI 传送图像和声音到显示器，SATA 连接机箱内的硬盘和光驱；无线耳机不用这三种接口。",
        "RJ-45 takes a twisted-pair network cable, HDMI carries picture and sound to a monitor, SATA connects disks "
        "and optical drives inside the case; wireless headphones use none of the three.",
    ),
    "source": _text("教科书事实：计算机外部接口", "Textbook fact: computer ports and connectors"),
}
RETURNED: dict[str, Any] = {
    "type": "single",
    "topic": "hw_storage",
    "difficulty": 3,
    "stem": _text("两块硬盘组成 RAID 1 时，数据怎样存放？", "How are data kept on two disks in RAID 1?"),
    "options": _parts(
        ("轮流分条", "In stripes"),
        (
            "每块硬盘都保存一份完全相同的数据，一块损坏时另一块仍可继续使用",
            "Each disk keeps an identical copy of all data, so that when one fails the other one still serves",
        ),
        ("只存校验", "As parity only"),
        ("先后写满", "One after the other"),
    ),
    "key": ["b"],
    "explanation": _text(
        "RAID 1 是镜像：两块硬盘内容相同，坏一块不丢数据；轮流分条是 RAID 0。",
        "RAID 1 mirrors: both disks hold the same, and one may fail without loss. Striping is RAID 0.",
    ),
    "source": _text("教科书事实：RAID 级别", "Textbook fact: RAID levels"),
}


def write(province_id: int, log_in_ids: Sequence[int], anchor: datetime) -> None:
    """Write the questions in the caller's transaction.

    Args:
        province_id: the root of the tree, at which the demo's author and reviewer hold their roles.
        log_in_ids: the people of `demo.LOGINS`.
        anchor: the moment everything in the demo counts from, aware UTC.
    """
    author, reviewer = (Actor(log_in_ids[who], province_id) for who in (demo.AUTHOR, demo.REVIEWER))
    leaves = list(list_leaves(TRADE))
    ids = []
    for days, question in enumerate((RETURNED, MATCHED, ORDERED, DRAWN)):
        topic = question["topic"] if question["topic"] in leaves else leaves[0]
        made = authoring.add(TRADE, None, question | {"topic": topic}, author, anchor - timedelta(days=6 - days))
        ids.append(made.id)
    returned, waiting = ids[:2]
    authoring.take(returned, "submit", "", author, anchor - timedelta(days=5))
    authoring.take(returned, "return", RETURNED_WHY, reviewer, anchor - timedelta(days=2))
    authoring.take(
        waiting, "submit", "请看干扰项是否合适。 Are the wrong options good enough?", author, anchor - timedelta(days=1)
    )
