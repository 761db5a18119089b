"""Files as other systems write them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from questions.formats import FORMATS, guess
from questions.formats.neutral import Item, Reading, Refused
from questions.formats.settle import Defaults, settle
from questions.services import question_faults
from tests.questions.formats.samples import TOPICS

FIXTURES = Path(__file__).parent / "fixtures"
PNG = b"\x89PNG\r\n\x1a\npicture"


def package(folder: str, **more: bytes) -> bytes:
    """A zip of a folder of fixtures."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for path in sorted((FIXTURES / folder).rglob("*.xml")):
            file.writestr(path.relative_to(FIXTURES / folder).as_posix(), path.read_bytes())
        for name, content in more.items():
            file.writestr(name, content)
    return out.getvalue()


def read(name: str, body: bytes | None = None) -> tuple[str, Reading]:
    """Read a fixture in the format it is guessed to be in."""
    body = (FIXTURES / name).read_bytes() if body is None else body
    code = guess(name, body)
    reading = FORMATS[code].read(body, None)
    for item in reading.items:
        settle(item, TOPICS, Defaults("gas-2", 3, "another system"))
    return code, reading


def brief(item: Item) -> tuple[Any, ...]:
    """Type, key, credit and English stem of a question, or what is wrong with it."""
    if item.problems:
        return tuple(one.text % one.values for one in item.problems)
    assert question_faults(item.question, list(TOPICS)) == []
    question = item.question
    return question["type"], question["key"], question.get("credit", "all"), question["stem"]["en"]


def warned(item: Item) -> str:
    """What was said of a question."""
    return " ".join(one.text for one in item.warnings)


def test_gift_is_read_as_its_documentation_says() -> None:
    code, reading = read("gift.txt")
    assert code == "gift"
    assert [brief(item) for item in reading.items] == [
        ("single", ["a"], "all", "Which gas shields a TIG weld?"),
        ("single", ["b"], "all", "Grant's torch is lit _____ in the workshop."),
        ("true_false", True, "all", "The sun rises in the east."),
        ("true_false", False, "all", "Oil may touch an oxygen valve."),
        ("fill_in", ["four", "4"], "all", "Two plus two equals _____."),
        (
            "numeric",
            {"value": "3.1415", "tolerance": "0.0005"},
            "all",
            "What is the value of pi (to 3 decimal places)? _____.",
        ),
        ("numeric", {"value": "3", "tolerance": "2"}, "all", "A number from 1 to 5?"),
        ("numeric", {"value": "2011", "tolerance": "0"}, "all", "When was the code published?"),
        ("matching", {"p1": "a", "p2": "b", "p3": "c"}, "each", "Match the gas with its cylinder."),
        ("multiple", ["a", "b"], "partial", "Which two burn?"),
        ("single", ["b"], "all", "Which answer equals 5?"),
        ("ordering", ["a", "b", "c"], "each", "Put the steps in order."),
        ("Essay questions are marked by people and cannot be taken in. Leave the question out.",),
        ("A brace is missing. Answers stand between { and }; a brace that is text is written \\{.",),
        (
            "A second pair of braces follows. Between two questions stands an empty line; braces that are text are "
            "written \\{ and \\}.",
        ),
        (
            "2 answers begin with =, so each alone is right, and only one may be. If all must be chosen, write a share "
            "before each, such as ~%50%; a sign = that is text is written \\=.",
        ),
        ("An accepted answer holds *, which stands for anything. Write the accepted answers out.",),
        ("fill_in", ["天蓝色", "淡蓝色"], "all", "氧气瓶的颜色是什么？"),
    ]
    first, escapes = reading.items[0], reading.items[10]
    assert (first.question["id"], first.question["difficulty"], first.place.line) == ("arc-17", 2, 3)
    assert first.question["explanation"]["en"] == (
        "Argon is inert and heavier than air.\nRight: it is inert.\noxygen: It would burn the tungsten."
    )
    assert [option["en"] for option in escapes.question["options"]] == ["= 2 + 2", "= 2 + 3", "~#{}:\\"]
    assert reading.items[2].topics == ["Welding/cutting", "Safety"]
    assert len(reading.items[8].question["options"]) == 4
    assert "no longer accepted" in warned(reading.items[4])
    assert [(one.text, one.place.line) for one in reading.notes] == [
        ("A text without answers was left out. If a question below it begins with it, close the gap.", 57)
    ]


def test_aiken_is_read_with_both_ways_to_letter_an_option() -> None:
    code, reading = read("aiken.txt")
    assert code == "aiken"
    assert [brief(item) for item in reading.items] == [
        ("single", ["b"], "all", "What is the correct answer to this question?"),
        ("single", ["a"], "all", "焊接时应当\n穿戴什么？"),
        ("The line ANSWER: X is missing.",),
        ("The answer names option D, which is not there.",),
    ]
    assert [item.place.line for item in reading.items] == [1, 7, 13, 17]


def test_a_foreign_table_is_read_by_its_headings_and_its_faults_name_row_and_column() -> None:
    code, reading = read("foreign.csv")
    assert code == "csv"
    assert [brief(item)[:2] for item in reading.items[:4]] == [
        ("single", ["c"]),
        ("multiple", ["a", "b", "d"]),
        ("true_false", False),
        ("fill_in", [["伏特"], ["安培"]]),
    ]
    assert reading.items[3].question["stem"]["zh"] == "电弧电压的单位是{{1}}，电流的单位是{{2}}。"
    assert [item.question["difficulty"] for item in reading.items[:4]] == [3, 2, 2, 2]
    assert [item.question["topic"] for item in reading.items[:3]] == ["safety", "safety", "gas-2"]
    assert [
        (one.text % one.values, one.place.line, one.place.column) for item in reading.items for one in item.problems
    ] == [
        ("Questions marked by people (essays, short answers in sentences) cannot be taken in.", 6, "B"),
        ("An option is empty before one that is not. Close the gap.", 7, "H"),
        ("The answer names option E, which is not there.", 8, "H"),
    ]


def test_a_text_in_one_language_stands_for_both_and_says_so() -> None:
    chinese = read("foreign.csv")[1].items[0]
    assert chinese.question["stem"] == dict.fromkeys(("zh", "en"), "氧气瓶与明火的距离不应小于多少？")
    assert "Translation missing" in warned(chinese)
    english = read("gift.txt")[1].items[1]
    assert english.question["stem"]["zh"] == english.question["stem"]["en"]
    assert "Translation missing" in warned(english)
    both = read("moodle.xml")[1].items[-1]
    assert both.question["stem"] == {"zh": "哪种气体用于保护？", "en": "Which gas shields?"}
    assert both.question["options"][0] == {"id": "a", "zh": "氩气", "en": "argon"}
    assert "Translation missing" not in warned(both)


def test_a_table_in_gbk_is_converted_and_says_so() -> None:
    body = (FIXTURES / "foreign.csv").read_bytes().decode().encode("gbk")
    _, reading = read("foreign.csv", body)
    assert reading.items[0].question["stem"]["zh"] == "氧气瓶与明火的距离不应小于多少？"
    assert [one.text % one.values for one in reading.notes] == [
        "The text was not UTF-8 but GBK; it was converted. Look at the preview before you import."
    ]
    with pytest.raises(Refused, match="neither UTF-8 nor GBK"):
        read("foreign.csv", b"stem,answer\n\xff\x81\x8d not text,A\n")


def test_columns_are_named_by_whoever_imports() -> None:
    body = "甲栏,乙栏,丙栏\n氧气瓶是什么颜色？,天蓝|淡蓝,气瓶\n".encode()
    reading = FORMATS["csv"].read(body, None)
    assert [column.header for column in reading.columns] == ["甲栏", "乙栏", "丙栏"]
    assert reading.items == []
    mapping = {"甲栏": "stem_zh", "乙栏": "answer", "丙栏": "topic"}
    named = FORMATS["csv"].read(body, mapping)
    assert named.items[0].question["key"] == ["天蓝", "淡蓝"]
    assert [column.field for column in named.columns] == ["stem_zh", "answer", "topic"]


def test_moodle_xml_is_read_with_its_quirks() -> None:
    code, reading = read("moodle.xml")
    assert code == "moodle"
    assert [brief(item) for item in reading.items] == [
        ("single", ["b"], "all", "Which gas shields the weld in the picture?"),
        ("multiple", ["a", "b"], "each", "Which two burn?"),
        ("true_false", False, "all", "Oil may touch an oxygen valve."),
        ("fill_in", ["ohm", "Ω"], "all", "Unit of resistance?\nWrite the name."),
        (
            "numeric",
            {"value": "2.3", "tolerance": "0.05", "unit": {"zh": "kW", "en": "kW"}},
            "all",
            "230 V and 10 A: which power?",
        ),
        ("matching", {"p1": "a", "p2": "b"}, "each", "Match."),
        ("ordering", ["a", "b", "c"], "each", "Light the torch."),
        ("matching", {"p1": "a", "p2": "b"}, "each", "Oxygen is ____(1), acetylene is ____(2)."),
        (
            "numeric",
            {"expression": "(i * u) ** 2", "decimals": 2, "tolerance": "1%"},
            "all",
            "{i} A at {u} V: which power in W, squared?",
        ),
        ("Its gaps are of several kinds, or numbers with a tolerance. Divide it into single questions.",),
        ("Essay questions are marked by people and cannot be taken in. Leave the question out.",),
        ("single", ["a"], "all", "Which gas shields?"),
    ]
    first = reading.items[0].question
    assert first["id"] == "WELD-91"
    assert first["topic"] == "safety"
    assert first["options"][0]["en"] == "O₂"
    assert first["explanation"]["en"] == "Argon is inert.\nO₂: It burns tungsten."
    assert reading.media[first["media"][0]["file"]] == b"\x89PNG\r\n\x1a\npicture"
    assert first["media"][0]["alt"]["en"] == "A torch"
    drawn = reading.items[8].question
    assert drawn["variables"]["u"] == {"min": "20", "max": "24.5", "step": "0.1"}
    assert drawn["explanation"]["en"] == "It is {answer}."
    assert "Only one unit is kept" in warned(reading.items[4])


def test_html_leaves_no_script_behind() -> None:
    _, reading = read("moodle.xml")
    assert "alert" not in str(reading.items[0].question)


def test_a_quiz_of_canvas_is_read() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("imsmanifest.xml", "<manifest/>")
        file.writestr("g1/assessment_meta.xml", '<quiz xmlns="http://canvas.instructure.com/xsd/cccv1p0"/>')
        file.writestr("g1/g1.xml", (FIXTURES / "canvas.xml").read_bytes())
        file.writestr("Uploaded Media/torch.png", PNG)
    code, reading = read("canvas.zip", out.getvalue())
    assert code == "qti21"
    assert [brief(item) for item in reading.items] == [
        ("single", ["a"], "all", "Which gas shields a TIG weld?"),
        ("multiple", ["a", "c"], "all", "Which two burn?"),
        ("true_false", False, "all", "Oil may touch an oxygen valve."),
        ("fill_in", ["ohm", "Ω"], "all", "Unit of resistance?"),
        ("fill_in", [["ampere", "A"], ["volt"]], "each", "Current in {{1}}, voltage in {{2}}."),
        ("numeric", {"value": "2.3", "tolerance": "0.05"}, "all", "230 V and 10 A in kW?"),
        ("matching", {"p1": "a", "p2": "b"}, "each", "Match the cylinders."),
        (
            "numeric",
            {"expression": "i * u ** 2", "decimals": 1, "tolerance": "2%"},
            "all",
            "{i} A at {u} V: the power?",
        ),
        ("Essay questions are marked by people and cannot be taken in. Leave the question out.",),
    ]
    first = reading.items[0].question
    assert reading.media[first["media"][0]["file"]] == PNG
    assert first["explanation"]["en"] == "Argon is inert."
    assert reading.items[0].place.file == "g1/g1.xml"


def test_items_of_tao_are_read() -> None:
    _, reading = read("tao.zip", package("tao", **{"i1/torch.png": PNG}))
    assert [brief(item) for item in reading.items] == [
        ("single", ["b"], "all", "Which gas shields the weld?"),
        ("multiple", ["a", "c"], "each", "Two of these burn.\nWhich?"),
        ("ordering", ["b", "a", "c"], "all", "Light the torch."),
        ("matching", {"p1": "b", "p2": "a"}, "each", "Match the cylinders."),
        ("fill_in", ["ohm", "Ω"], "all", "The unit of resistance is ____."),
        ("numeric", {"value": "2.3", "tolerance": "2%"}, "all", "230 V and 10 A in kW?"),
        ("matching", {"p1": "a", "p2": "b"}, "all", "Which belong together?"),
        ("Interactions of the kind hotspotInteraction cannot be taken in.",),
    ]
    first = reading.items[0].question
    assert (first["difficulty"], first["topic"]) == (4, "safety")
    assert reading.media[first["media"][0]["file"]] == PNG
    assert [option["en"] for option in first["options"]] == ["oxygen", "argon", "air"]
    assert first["explanation"]["en"] == "Argon is inert.\noxygen: no!"


def test_items_of_qti_3_are_read() -> None:
    _, reading = read("qti3.zip", package("qti3"))
    assert sorted(brief(item) for item in reading.items) == [
        ("fill_in", [["ampere"], ["volt", "V"]], "each", "Current is measured in {{1}}, voltage in {{2}}."),
        ("single", ["a"], "all", "Look at the text in the sign.\nWhat does it say?"),
    ]


@pytest.mark.parametrize("code", FORMATS)
def test_each_format_is_known_again_by_what_it_writes(code: str) -> None:
    from questions.formats.neutral import WriteOptions

    question = {
        "id": "q-1",
        "type": "single",
        "topic": "safety",
        "difficulty": 3,
        "stem": {"zh": "题", "en": "Q"},
        "options": [{"id": "a", "zh": "甲", "en": "A"}, {"id": "b", "zh": "乙", "en": "B"}],
        "key": ["b"],
        "explanation": {"zh": "解", "en": "E"},
        "source": {"zh": "源", "en": "S"},
    }
    written = FORMATS[code].write([question], {}, WriteOptions())
    assert guess(f"file.{FORMATS[code].ending}", written.body) == code.replace("30", "21")
