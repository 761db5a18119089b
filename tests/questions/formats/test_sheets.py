"""Sheets as examination systems give them out to be filled in, and as people fill them in."""

from __future__ import annotations

import csv
import io
from typing import Any

import openpyxl
import pytest

from questions.formats import guess, sheets
from questions.formats.columns import guess_field, kind_of
from questions.formats.neutral import Item, Reading, Refused
from questions.formats.settle import Defaults, settle
from questions.services import question_faults
from tests.questions.formats.samples import TOPICS

Row = list[str]


def table(*rows: Row, delimiter: str = ",", encoding: str = "utf-8-sig") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode(encoding)


def settled(reading: Reading) -> Reading:
    for item in reading.items:
        settle(item, TOPICS, Defaults("gas-2", 3, "another system"))
    return reading


def read(*rows: Row, **how: str) -> Reading:
    return settled(sheets.read_csv(table(*rows, **how)))


def brief(item: Item) -> tuple[Any, ...]:
    """Type and key of a question, or what is wrong with it."""
    if item.problems:
        return tuple(one.text % one.values for one in item.problems)
    if faults := question_faults(item.question, list(TOPICS)):
        return tuple(str(fault) for fault in faults)
    return item.question["type"], item.question["key"]


def warned(item: Item) -> str:
    return " ".join(one.text % one.values for one in item.warnings)


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("题目（必填）", "stem"),
        ("*试题题干", "stem"),
        ("选项 A", "option_1"),
        ("选项A（必填）", "option_1"),
        ("A", "option_1"),
        ("(B) Option", "option_2"),
        ("选项C（英文）", "option_3_en"),
        ("正确选项（必填）", "answer"),
        ("答案C", "option_3"),
        ("答案（多选用英文逗号分隔，如：A,B）", "answer"),
        ("Correct answer(s) - choose at least one", "answer"),
        ("Correct_Answer", "answer"),
        ("Answer 3 - max 75 characters", "option_3"),
        ("choice_2_text", "option_2"),
        ("choice_2_is_correct", "correct_2"),
        ("isCorrect4", "correct_4"),
        ("题型（0单选，1判断，2多选）", "type"),
        ("难易度", "difficulty"),
        ("答案解析", "explanation"),
        ("Answer explanation", "explanation"),
        ("所属章节", "topic"),
        ("选项A解析", ""),
        ("分值", ""),
        ("Time limit (sec)", ""),
    ],
)
def test_headings_of_other_systems_are_known(heading: str, field: str) -> None:
    assert guess_field(heading) == field


def test_words_for_types_are_known_with_what_stands_around_them() -> None:
    said = ("单选题（每题2分）", "【多选】", "判断正误", "MCQ", "True/False", "Open-Ended", "?")
    meant = ["single", "multiple", "true_false", "choice", "true_false", "by hand", ""]
    assert [kind_of(one) for one in said] == meant


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ("B", ["b"]),
        ("b.", ["b"]),
        ("ABD", ["a", "b", "d"]),
        ("A、B", ["a", "b"]),
        ("A,B", ["a", "b"]),
        ("A|C", ["a", "c"]),
        ("(A)(C)", ["a", "c"]),
        ("D B", ["b", "d"]),
        ("选项B", ["b"]),
        ("A和C", ["a", "c"]),
        ('["A", "C"]', ["a", "c"]),
        ("B. 手套", ["b"]),
        ("A. 面罩,C. 焊枪", ["a", "c"]),
        ("1,3", ["a", "c"]),
        ("手套", ["b"]),
        ("面罩；手套", ["a", "b"]),
    ],
)
def test_answers_are_read_however_they_are_written(answer: str, key: list[str]) -> None:
    head = ["题目", "选项A", "选项B", "选项C", "选项D", "答案"]
    item = read(head, ["哪些是防护用品？", "面罩", "手套", "焊枪", "护目镜", answer]).items[0]
    assert brief(item) == ("single" if len(key) == 1 else "multiple", key)


def test_an_answer_that_may_mean_two_options_is_not_guessed() -> None:
    reading = read(
        ["Question", "Answer 1", "Answer 2", "Answer 3", "Correct"],
        ["1 + 1 = ?", "1", "2", "3", "2"],
        ["2 + 1 = ?", "2", "3", "4", "2"],
        ["How many?", "few", "some", "all", "2"],
        ["Which blood?", "A", "B", "AB", "AB"],
        ["Which language?", "Java", "C", "C#", "C#"],
        ["Which animal?", "cat", "dog", "cow", "cat"],
        ["Which animal?", "cat", "dog", "cow", "E"],
        ["Which animal?", "cat", "dog", "cow", "4"],
        ["Which share?", "1/2", "2/3", "3/1", "1.3"],
        ["Which animal?", "cat", "dog", "cow", "AAB"],
        ["Which animal?", "cat", "dog", "cow", "、"],
    )
    unclear = "The answer %s may be the text of an option or stand for others. Write the option's letter."
    assert [brief(item) for item in reading.items] == [
        ("single", ["b"]),
        (unclear % "2",),
        ("single", ["b"]),
        (unclear % "AB",),
        ("single", ["c"]),
        ("single", ["a"]),
        ("The answer names option E, which is not there.",),
        ("The answer “4” is no letter of an option. Write B, or ACD.",),
        ("The answer “1.3” is no letter of an option. Write B, or ACD.",),
        ("A multiple choice needs two or more right options, all of them listed.",),
        ("The answer “、” is no letter of an option. Write B, or ACD.",),
    ]


@pytest.mark.parametrize("said", ["对", "√", "正确", "T", "是", "✔️", "A", "TRUE", "正确的", "V"])
def test_what_people_write_for_true_is_true(said: str) -> None:
    for options in (["", ""], ["正确", "错误"]):
        item = read(["题型", "题干", "选项A", "选项B", "答案"], ["判断", "氢气能燃烧。", *options, said]).items[0]
        assert brief(item) == ("true_false", True)


@pytest.mark.parametrize("said", ["错", "×", "错误", "F", "否", "❌", "B", "False", "不正确", "X"])
def test_what_people_write_for_false_is_false(said: str) -> None:
    item = read(["题型", "题干", "答案"], ["判断题", "氩气能燃烧。", said]).items[0]
    assert brief(item) == ("true_false", False)
    assert ("taken for true" in warned(item)) == (said == "B")


def test_words_of_blanks_are_divided_by_whatever_gives_one_to_each() -> None:
    head = ["题型", "题干", "答案"]
    reading = read(
        head,
        ["填空题", "电压的单位是____，电流的单位是____。", "伏特|安培"],
        ["填空题", "电压的单位是____，电流的单位是____。", "伏特、安培"],
        ["填空题", "电压的单位是（ ），电流的单位是（　）。", "伏特|V\n安培|A"],
        ["填空题", "电阻的单位是____。", "欧姆；Ω|ohm"],
        ["填空题", "电压的单位是____，电流的单位是____。", "伏特"],
    )
    assert [brief(item) for item in reading.items] == [
        ("fill_in", [["伏特"], ["安培"]]),
        ("fill_in", [["伏特"], ["安培"]]),
        ("fill_in", [["伏特", "V"], ["安培", "A"]]),
        ("fill_in", ["欧姆", "Ω", "ohm"]),
        ("The text marks 2 blanks and the answer has 1 lines. Give each blank its own line.",),
    ]
    assert reading.items[2].question["stem"]["zh"] == "电压的单位是{{1}}，电流的单位是{{2}}。"


def test_blanks_in_any_brackets_are_blanks_and_answers_that_may_mean_something_else_are_doubted() -> None:
    reading = read(
        ["题型", "题干", "答案", "难度"],
        ["填空题", "电流是【】安，电压是【 】伏。", "10\n20", "★★"],
        ["填空题", "电流是{_}安，电压是{__}伏。", "10;20", "3"],
        ["填空题", "瓶的颜色是____。", "天蓝/淡蓝", "3"],
        ["填空题", "瓶的颜色是____。", "天蓝；淡蓝", "3"],
        ["填空题", "瓶的颜色和字样的颜色？", "天蓝；黑", "3"],
        ["填空题", "速度的单位是____。", "m/s", "3"],
    )
    assert [brief(item)[1] for item in reading.items] == [
        [["10"], ["20"]], [["10"], ["20"]], ["天蓝/淡蓝"], ["天蓝", "淡蓝"], ["天蓝", "黑"], ["m/s"],
    ]  # fmt: skip
    assert ["stroke (/)" in warned(item) for item in reading.items] == [False, False, True, False, False, False]
    assert ["no marked blank" in warned(item) for item in reading.items] == [False, False, False, False, True, False]
    assert reading.items[0].question["difficulty"] == 2


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ("1.氢\n2.氧", [["氢"], ["氧"]]),
        ("（1）氢 （2）氧", [["氢"], ["氧"]]),
        ("①氢②氧|O", [["氢"], ["氧", "O"]]),
        ("1.5；2.5", [["1.5"], ["2.5"]]),
        ("氢，氧|O", [["氢"], ["氧", "O"]]),
        ('["氢", "氧"]', [["氢"], ["氧"]]),
    ],
)
def test_words_of_blanks_may_be_numbered_or_a_list_of_a_program(answer: str, key: list[list[str]]) -> None:
    (item,) = read(["题型", "题干", "答案"], ["填空题", "水由___和____组成。", answer]).items
    assert brief(item) == ("fill_in", key)


@pytest.mark.parametrize(
    "cell",
    [
        "甲;乙；丙",
        "甲#乙#丙",
        "甲$$乙$$丙",
        "甲$;$乙$;$丙",
        "A:甲;B:乙;C:丙",
        "A 甲\nB 乙\nC 丙",
        "A-甲|B-乙|C-丙",
        "[A]甲 [B]乙 [C]丙",
        "(A)甲 (B)乙 (C)丙",
        '["甲","乙","丙"]',
        "['甲', '乙', '丙']",
        '{"A": "甲", "B": "乙", "C": "丙"}',
        '[{"label": "A", "text": "甲"}, {"label": "B", "text": "乙"}, {"label": "C", "text": "丙", "correct": false}]',
    ],
)
def test_options_in_one_cell_are_divided_by_whatever_divides_them(cell: str) -> None:
    (item,) = read(["题型", "题干", "选项", "答案"], ["单选题", "哪一个？", cell, "B"]).items
    assert brief(item) == ("single", ["b"])
    assert [option["zh"] for option in item.question["options"]] == ["甲", "乙", "丙"]


@pytest.mark.parametrize(
    "cell", ["甲、乙、丙", "甲,乙,丙", "甲", '{"B": "乙", "A": "甲"}', '[{"a": "甲", "b": "乙"}]', '[["甲"]]']
)
def test_options_in_one_cell_that_cannot_be_told_apart_are_named(cell: str) -> None:
    (item,) = read(["题型", "题干", "选项", "答案"], ["单选题", "哪一个？", cell, "B"]).items
    assert brief(item) == ("The options in the cell cannot be told apart. Write each on a line of its own.",)


@pytest.mark.parametrize(("cell", "key"), [("A.正确\nB.错误", False), ("A.错误\nB.正确", True), ("", False)])
def test_the_letter_of_a_judgement_means_the_option_in_its_cell(cell: str, key: bool) -> None:
    (item,) = read(["题型", "题干", "选项", "答案"], ["判断题", "氩气能燃烧。", cell, "B"]).items
    assert brief(item) == ("true_false", key)
    assert ("taken for true" in warned(item)) is (not cell)


def test_html_in_a_cell_is_kept_as_it_is_typed_and_said() -> None:
    reading = read(
        ["题目", "选项A", "选项B", "答案"], ["1&lt;2？<br/>", "对", "错", "A"], ["a < b > c？", "对", "错", "A"]
    )
    assert ["HTML" in warned(item) for item in reading.items] == [True, False]


def test_a_type_nobody_knows_is_told_by_options_and_answer_and_a_hard_word_costs_only_itself() -> None:
    head = ["题型（0单选，1判断，2多选）", "题目", "选项A", "选项B", "选项C", "答案", "难度"]
    reading = read(
        head,
        ["0", "甲题？", "一", "二", "三", "C", "星级"],
        ["1", "乙题。", "", "", "", "对", ""],
        ["2", "丙题？", "一", "二", "三", "A,B", ""],
        ["拼读练习", "丁题？", "ba", "ab", "", "A", ""],
        ["实训报告", "戊题？", "", "", "", "写一份报告", ""],
        ["选择题", "己题？", "一", "二", "三", "AC", "高级"],
        ["单选题", "庚题？", "一", "二", "三", "AC", ""],
        ["简答题", "辛题？", "", "", "", "略", ""],
    )
    assert [brief(item) for item in reading.items] == [
        ("single", ["c"]),
        ("true_false", True),
        ("multiple", ["a", "b"]),
        ("single", ["a"]),
        ("The type “实训报告” is not known.",),
        ("multiple", ["a", "c"]),
        ("A single choice needs exactly one right option, and it must be one of those listed.",),
        ("Questions marked by people (essays, short answers in sentences) cannot be taken in.",),
    ]
    assert "“星级” is not a number" in warned(reading.items[0])
    assert "told by options and answer" in warned(reading.items[3])
    assert reading.items[5].question["difficulty"] == 4


def test_columns_that_say_of_each_option_whether_it_is_right_are_the_answer() -> None:
    reading = read(
        ["content", "type", "option1", "option2", "option3", "isCorrect1", "isCorrect2", "isCorrect3"],
        ["Which burn?", "multiple", "propane", "argon", "acetylene", "true", "false", "TRUE"],
        ["Which shields?", "single", "propane", "argon", "acetylene", "0", "1", "0"],
        ["Which not?", "single", "propane", "argon", "acetylene", "", "", ""],
    )
    assert [brief(item) for item in reading.items] == [
        ("multiple", ["a", "c"]),
        ("single", ["b"]),
        ("The answer is missing.",),
    ]


@pytest.mark.parametrize(
    ("headings", "wrong"),
    [
        (["Wrong Answer 1", "Wrong Answer 2"], ["oxygen", "B"]),
        (["干扰项1", "干扰项2"], ["oxygen", "B"]),
        (["incorrect_answers"], ['["oxygen", "B"]']),
        (["Wrong answers"], ["oxygen|B"]),
    ],
)
def test_wrong_options_in_columns_of_their_own_stand_beside_the_answer(headings: Row, wrong: Row) -> None:
    (item,) = read(["Question", "Correct Answer", *headings], ["Which gas shields best?", "argon", *wrong]).items
    assert brief(item) == ("single", ["a"])
    assert [option["zh"] for option in item.question["options"]] == ["argon", "oxygen", "B"]


def test_a_multiple_choice_with_one_right_option_becomes_a_single_choice_and_says_so() -> None:
    item = read(["题型", "题目", "选项A", "选项B", "答案"], ["不定项选择题", "甲？", "一", "二", "B"]).items[0]
    assert brief(item) == ("single", ["b"])
    assert "became a single choice" in warned(item)


@pytest.mark.parametrize(
    ("answer", "value", "tolerance", "unit"),
    [
        ("12.5", "12.5", "0", None),
        ("12.5 千焦", "12.5", "0", "千焦"),
        ("-3±0.5", "-3", "0.5", None),
        ("1,200 ± 1% kJ/mm", "1200", "1%", "kJ/mm"),
        ("20℃", "20", "0", "℃"),
    ],
)
def test_a_number_may_come_with_its_tolerance_and_its_unit(
    answer: str, value: str, tolerance: str, unit: str | None
) -> None:
    item = read(["题型", "题目", "答案"], ["计算题", "多少？", answer]).items[0]
    kind, key = brief(item)
    assert (kind, key["value"], key["tolerance"]) == ("numeric", value, tolerance)
    assert key.get("unit", {}).get("zh") == unit


def test_a_quotation_mark_that_breaks_the_table_is_named_by_its_line() -> None:
    with pytest.raises(Refused, match="quotation mark") as refusal:
        sheets.read_csv('题目,答案\n甲？,对\n"乙" 和丙？,错\n'.encode())
    assert refusal.value.note.place.line == 3
    assert brief(settled(sheets.read_csv('题目,答案\r甲 "乙"？,对\r'.encode())).items[0]) == ("true_false", True)


def test_letters_repeated_in_the_options_go_and_texts_that_only_look_like_it_stay() -> None:
    head = ["题目", "选项A", "选项B", "选项C", "答案"]
    reading = read(head, ["甲？", "A. 一", "B、二", "（C）三", "B"], ["乙？", "A. 一", "D. 二", "三", "A"])
    assert [option["zh"] for option in reading.items[0].question["options"]] == ["一", "二", "三"]
    assert reading.items[1].question["options"][1]["en"] == "D. 二"
    head = ["题目", "选项A", "选项B", "答案"]
    reading = read(head, ["丁？", "[A] 一", "B 二", "B"], ["戊？", "A 类", "B 类", "B"])
    options = [[option["zh"] for option in item.question["options"]] for item in reading.items]
    assert options == [["一", "二"], ["A 类", "B 类"]]
    one_cell = read(["题目", "选项", "正确答案"], ["丙？", "A. 一,B. 二,C. 三", "A. 一,C. 三"]).items[0]
    assert [option["zh"] for option in one_cell.question["options"]] == ["一", "二", "三"]
    assert brief(one_cell) == ("multiple", ["a", "c"])


def test_topics_go_from_the_widest_column_to_the_narrowest_and_a_passage_begins_its_question() -> None:
    head = ["目录", "章节", "知识点", "材料", "题干", "选项A", "选项B", "答案"]
    reading = read(
        head,
        ["第一册", "焊接安全", "气瓶", "有一只气瓶。", "它是什么颜色？", "天蓝", "白", "A"],
        ["第一册", "焊接安全", "未知", "", "它安全吗？", "是", "否", "A"],
    )
    assert [item.question["topic"] for item in reading.items] == ["gas-2", "safety"]
    assert reading.items[0].question["stem"]["zh"] == "有一只气瓶。\n它是什么颜色？"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_a_table_is_read_whatever_separates_its_cells_and_however_it_is_encoded(delimiter: str, encoding: str) -> None:
    rows = [
        ["安全题库，第一册"],
        ["题干", "选项A", "选项B", "答案", "解析"],
        ["氩气，氦气；都是惰性气体吗？", "是，都是", "不；只有氩气", "A", "a, b, c; d"],
    ]
    body = table(*rows, delimiter=delimiter, encoding=encoding)
    assert guess("题库.csv", body) == "csv"
    item = settled(sheets.read_csv(body)).items[0]
    assert brief(item) == ("single", ["a"])
    assert item.place.line == 3
    noted = settled(
        sheets.read_csv(f"sep={delimiter}\r\n".encode() + table(*rows, delimiter=delimiter, encoding="utf-8"))
    )
    assert (brief(noted.items[0]), noted.items[0].place.line) == (("single", ["a"]), 4)


def test_the_name_of_a_sheet_is_the_type_of_its_questions() -> None:
    book = openpyxl.Workbook(write_only=True)
    sheets_of_types: dict[str, list[list[Any]]] = {
        "单选题": [
            ["题库"],
            [],
            ["题目（必填）", "选项A", "选项B", "正确选项（必填）"],
            ["甲？", "一", "二", "A"],
            ["乙？", "一", "二", "AB"],
        ],
        "判断题": [["题目", "答案"], ["丙。", "A"], ["丁。", True]],
        "简答题": [["题目", "答案"], ["戊？", "略"]],
        "说明": [["请从第二行开始填写"]],
    }
    for title, rows in sheets_of_types.items():
        page = book.create_sheet(title)
        for row in rows:
            page.append(row)
    out = io.BytesIO()
    book.save(out)
    reading = settled(sheets.read_xlsx(out.getvalue()))
    assert [(brief(item), item.place.sheet, item.place.row) for item in reading.items] == [
        (("single", ["a"]), "单选题", 4),
        (("A single choice needs exactly one right option, and it must be one of those listed.",), "单选题", 5),
        (("true_false", True), "判断题", 2),
        (("true_false", True), "判断题", 3),
        (("Questions marked by people (essays, short answers in sentences) cannot be taken in.",), "简答题", 2),
    ]
    assert [one.values for one in reading.notes] == [{"name": "说明"}]


def test_a_formula_costs_its_own_row_and_none_at_all_in_a_column_that_is_not_used() -> None:
    book = openpyxl.Workbook()
    book.create_sheet("判断题")
    page = book["判断题"]
    for row in (
        ["序号", "题目", "答案"],
        ["=ROW()-1", "甲。", "对"],
        ["=ROW()-1", '="乙"&"。"', "错"],
        ["=ROW()-1", "丙。", "错"],
    ):
        page.append(row)
    out = io.BytesIO()
    book.save(out)
    reading = settled(sheets.read_xlsx(out.getvalue()))
    assert [brief(item)[:2] for item in reading.items] == [
        ("true_false", True),
        ("The cell holds a formula. Replace it by its value (copy, paste values only).",),
        ("true_false", False),
    ]
    assert [(one.place.sheet, one.place.row, one.place.column) for one in reading.items[1].problems] == [
        ("判断题", 3, "B")
    ]
