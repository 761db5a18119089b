"""Questions to write and read back: strategies over every type of item, and the form in which two are compared."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from questions.formats.neutral import Reading, WriteOptions, tidy
from questions.formats.settle import Defaults, settle
from questions.rules import TYPES, normalise
from questions.services import question_faults

TOPICS = {"safety": {"zh": "焊接安全", "en": "Welding safety"}, "gas-2": {"zh": "气瓶", "en": "Cylinders"}}
PICTURES = {
    "0" * 8 + ".png": b"\x89PNG\r\n\x1a\n" + b"picture",
    "1" * 8 + ".jpg": b"\xff\xd8\xff" + b"photo",
    "2" * 8 + ".mp3": b"\xff\xfb\x90\x00" + b"sound",
}
OPTIONS = WriteOptions(trade="welding", topics=TOPICS)

_SIGNS = st.sampled_from("安全焊接氧气 abcXYZ019.,;:!?(){}[]<>&\"'#=~%$@+-*/\\|_^`→℃²，。；：？“”（）\n")
raw = st.text(_SIGNS, min_size=1, max_size=40)


def text(language: str, one_line: bool = False) -> st.SearchStrategy[str]:
    """Texts as people write them, with every sign that some format gives a meaning."""
    start = "题" if language == "zh" else "Q"

    def mend(said: str) -> str:
        said = tidy(start + said.replace("{{", "").replace("}}", "").replace("{mlang", ""))
        return " ".join(said.split()) if one_line else said

    return raw.map(mend)


@st.composite
def both(draw: st.DrawFn, one_line: bool = False) -> dict[str, str]:
    """A text in both languages."""
    return {"zh": draw(text("zh", one_line)), "en": draw(text("en", one_line))}


spelling = st.text(_SIGNS, min_size=1, max_size=12).map(lambda said: " ".join(said.split())).filter(normalise)
decimals = st.decimals(-10_000, 10_000, places=2, allow_nan=False).map(lambda found: f"{found.normalize():f}")
tolerances = st.sampled_from(["0", "0.5", "0.01", "1%", "2.5%"])
units = st.sampled_from([{"zh": "", "en": ""}, {"zh": "千焦", "en": "kJ"}, {"zh": "m/s", "en": "m/s"}])


def _parts(draw: st.DrawFn, count: int, prefix: str, one_line: bool) -> list[dict[str, Any]]:
    """Options or prompts, no two of which have the same words."""
    texts = draw(
        st.lists(
            both(one_line), min_size=count, max_size=count, unique_by=(lambda one: one["zh"], lambda one: one["en"])
        )
    )
    return [{"id": f"{prefix}{at + 1}" if prefix else "abcdefghij"[at], **one} for at, one in enumerate(texts)]


@st.composite
def questions(draw: st.DrawFn, types: tuple[str, ...] = tuple(TYPES), *, plain: bool = False) -> dict[str, Any]:
    """A question of one of the types that a bank can keep; plain ones have texts of one line and the simplest keys."""
    kind = draw(st.sampled_from(types))
    question: dict[str, Any] = {
        "id": f"welding-{draw(st.integers(1, 999)):03d}",
        "type": kind,
        "topic": draw(st.sampled_from(sorted(TOPICS))),
        "difficulty": draw(st.integers(1, 5)),
        "stem": draw(both(plain)),
        "explanation": draw(both(plain)),
        "source": draw(both(plain)),
    }
    count = draw(st.integers(3 if kind == "ordering" else 2, 6))
    ids = "abcdef"[:count]
    credits = ["all", *(["each"] if kind in ("multiple", "ordering", "matching") else [])]
    if kind in ("single", "multiple", "ordering", "matching"):
        question["options"] = _parts(draw, count, "", plain)
    match kind:
        case "single":
            question["key"] = [draw(st.sampled_from(ids))]
        case "multiple":
            question["key"] = sorted(draw(st.sets(st.sampled_from(ids), min_size=2)))
            credits = ["all", "each", "partial"]
        case "true_false":
            question["key"] = draw(st.booleans())
        case "ordering":
            question["key"] = draw(st.permutations(ids))
        case "matching":
            question["prompts"] = _parts(draw, draw(st.integers(2, 4)), "p", plain)
            question["key"] = {one["id"]: draw(st.sampled_from(ids)) for one in question["prompts"]}
        case "fill_in":
            question["key"] = draw(st.lists(spelling, min_size=1, max_size=3, unique=True))
            if draw(st.booleans()) and not plain:
                blanks = draw(st.integers(1, 3))
                question["key"] = [draw(st.lists(spelling, min_size=1, max_size=3, unique=True)) for _ in range(blanks)]
                for language in ("zh", "en"):
                    question["stem"][language] += "".join(f" {{{{{at}}}}}," for at in range(1, blanks + 1))
                credits = ["all", "each"]
        case "numeric":
            question["key"] = {"value": draw(decimals), "tolerance": draw(tolerances), "unit": dict(draw(units))}
    if (credit := draw(st.sampled_from(credits))) != "all":
        question["credit"] = credit
    return question


@st.composite
def drawn(draw: st.DrawFn) -> dict[str, Any]:
    """A parametrised question."""
    low = draw(st.integers(1, 20))
    return {
        "id": "welding-900",
        "type": "numeric",
        "topic": "safety",
        "difficulty": draw(st.integers(1, 5)),
        "stem": {"zh": "电流 {i}，电压 {u}，求积", "en": "Current {i}, voltage {u}: the product?"},
        "explanation": {"zh": "{i} × {u} = {answer}", "en": "{i} times {u} is {answer}"},
        "source": draw(both(True)),
        "variables": {
            "i": {"min": str(low), "max": str(low + draw(st.integers(1, 9)) * 5), "step": "5"},
            "u": {"min": "2.5", "max": "7.5", "step": draw(st.sampled_from(["0.5", "2.5"]))},
        },
        **({"where": "i > u"} if low > 8 else {}),
        "key": {
            "expression": draw(st.sampled_from(["i * u", "round(i / u, 2) + sqrt(u)", "-(i ** 2) + max(u, 3)"])),
            "decimals": draw(st.integers(0, 4)),
            "tolerance": draw(tolerances),
            "unit": dict(draw(units)),
        },
    }


def with_pictures(question: dict[str, Any]) -> dict[str, Any]:
    """The same question with an image and a sound, and an image in its first option."""
    names = sorted(PICTURES)
    shown = copy.deepcopy(question)
    shown["media"] = [
        {"file": names[0], "alt": {"zh": "接头", "en": "A joint"}},
        {"file": names[2], "alt": {"zh": "听", "en": "Listen"}},
    ]
    if shown.get("options"):
        shown["options"][0]["image"] = {"file": names[1], "alt": {"zh": "焊缝", "en": "A weld"}}
    return shown


def settled(reading: Reading) -> list[dict[str, Any]]:
    """The questions of a reading as a bank would take them; none may have a problem."""
    for item in reading.items:
        settle(item, TOPICS, Defaults())
        assert item.problems == [], (item.problems, item.question)
        assert [str(fault) for fault in question_faults(item.question, list(TOPICS))] == [], item.question
    return [item.question for item in reading.items]


def canonical(question: dict[str, Any], media: Mapping[str, bytes] = PICTURES) -> dict[str, Any]:
    """A question in the form in which two are compared: option ids by place, an ordering listed in its right order,
    the options of a matching in the order in which its prompts need them, numbers and defaults written one way."""
    found = copy.deepcopy({name: value for name, value in question.items() if name not in ("id", "case")})
    if question.get("case"):
        found["case"] = True
    options, key = found.get("options", []), found["key"]
    for shown in [*found.get("media", []), *(part["image"] for part in options if "image" in part)]:
        shown["file"] = media[shown["file"]]
    if found["type"] == "ordering":
        options.sort(key=lambda one: key.index(one["id"]))
    if found["type"] == "matching":
        prompts = [prompt["id"] for prompt in found["prompts"]]
        needed = list(dict.fromkeys(key[one] for one in prompts))
        options.sort(key=lambda one: (needed.index(one["id"]) if one["id"] in needed else 99, one["zh"], one["en"]))
    renamed = {option["id"]: f"o{at}" for at, option in enumerate(options)}
    for at, prompt in enumerate(found.get("prompts", [])):
        renamed[prompt["id"]] = f"p{at}"
    for part in [*options, *found.get("prompts", [])]:
        part["id"] = renamed[part["id"]]
    if isinstance(key, list) and key and isinstance(key[0], str) and found["type"] != "fill_in":
        found["key"] = [renamed[one] for one in key]
    elif found["type"] == "matching":
        found["key"] = {renamed[one]: renamed[other] for one, other in key.items()}
    elif found["type"] == "numeric":
        tolerance = key["tolerance"]
        key["tolerance"] = f"{Decimal(tolerance.rstrip('%')).normalize():f}" + "%" * tolerance.endswith("%")
        key.setdefault("unit", {"zh": "", "en": ""})
    if "variables" in found:
        key["expression"] = ast.unparse(ast.parse(key["expression"]))
    for bounds in found.get("variables", {}).values():
        for part, value in bounds.items():
            bounds[part] = f"{Decimal(str(value)).normalize():f}"
    if found.get("credit") == "partial" and len(key) == len(options):
        found["credit"] = "each"  # nothing wrong can be chosen, so the two rules are one
    if found.get("credit") == "all":
        del found["credit"]
    return found
