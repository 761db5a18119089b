"""GIFT and Aiken as people and other systems really write them, fault by fault."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from questions.formats import FORMATS, guess
from questions.formats.neutral import Item, Reading, Refused
from questions.formats.sandbox import read_apart
from questions.formats.settle import Defaults, settle
from questions.services import question_faults
from tests.questions.formats.samples import TOPICS

PIXEL = "iVBORw0KGgpwaXh\\=lbA\\=\\="


def read(text: str | bytes, name: str = "q.txt") -> Reading:
    """Read a text in the format it is guessed to be in, and complete its questions."""
    body = textwrap.dedent(text).strip("\n").encode() if isinstance(text, str) else text
    reading = FORMATS[guess(name, body)].read(body, None)
    for item in reading.items:
        settle(item, TOPICS, Defaults("gas-2", 3, "another system"))
    return reading


def brief(item: Item) -> tuple[Any, ...]:
    """Type, key and stem of a question, or what is wrong with it."""
    if item.problems:
        return tuple(one.text % one.values for one in item.problems)
    if faults := question_faults(item.question, list(TOPICS)):
        return tuple(str(fault) for fault in faults)
    return item.question["type"], item.question["key"], item.question["stem"]["en"]


def briefs(text: str | bytes) -> list[tuple[Any, ...]]:
    return [brief(item) for item in read(text).items]


def warned(item: Item) -> str:
    return " ".join(one.text for one in item.warnings)


# ---------- GIFT ----------


def test_a_category_needs_no_empty_line_before_the_question_below_it() -> None:
    reading = read(
        """
        $CATEGORY: $course$ / top / Welding
        ::Q1::Argon burns.{F}
        ::Q2::Hydrogen burns.{T}
        // [id:h-3] [tag:difficulty:5]
        ::Q3::Which burns?{=hydrogen ~argon}
        $CATEGORY: $course$/top/Cylinders
        Oxygen is stored under pressure.{T}
        """
    )
    assert [brief(item)[:2] for item in reading.items] == [
        ("true_false", False),
        ("true_false", True),
        ("single", ["a"]),
        ("true_false", True),
    ]
    assert [item.topics for item in reading.items] == [["Welding"]] * 3 + [["Cylinders"]]
    assert [item.place.line for item in reading.items] == [2, 3, 5, 7]
    assert (reading.items[2].question["id"], reading.items[2].question["difficulty"]) == ("h-3", 5)


def test_empty_lines_among_answers_belong_to_the_question_and_a_missing_brace_harms_no_other() -> None:
    assert briefs(
        """
        Which gas shields?{
            =argon

            // a comment between

            ~air

        }

        No brace closes this {=a ~b

        Argon burns.{F}

        No brace closes this either {=a ~b
        ::Next::Helium burns.{F}
        """
    ) == [
        ("single", ["a"], "Which gas shields?"),
        ("A brace is missing. Answers stand between { and }; a brace that is text is written \\{.",),
        ("true_false", False, "Argon burns."),
        ("A brace is missing. Answers stand between { and }; a brace that is text is written \\{.",),
        ("true_false", False, "Helium burns."),
    ]


def test_code_with_braces_is_never_taken_for_answers() -> None:
    found = briefs(
        """
        What does it print?
        int main() { return 0; }
        {
            =nothing
            ~zero
        }

        Match the rule.{
            =the frame -> .box { border: 2px }
            =the footer -> footer { color: red }
        }

        The order?{
            =first -> 1{}//
            =second -> 2
        }
        """
    )
    assert [len(one) for one in found] == [1, 1, 1]
    assert "A second pair of braces follows" in found[0][0]
    assert "\\{ and \\}" in found[1][0]
    assert "A brace is missing" in found[2][0]


def test_a_sign_of_equality_amid_a_word_is_text_where_two_answers_would_be_right_else() -> None:
    reading = read(
        """
        Which option reads the heading?{
            =header=True, from the first line
            ~sep=";"
            ~https://example.org/?a=b
        }

        One of these?{=yes~no}

        Two of these?{=one =two ~three}

        Two, each worth a half?{=%50%one =%50%two ~three}
        """
    )
    assert [brief(item)[:2] for item in reading.items[:2]] == [("single", ["a"]), ("single", ["a"])]
    assert reading.items[0].question["options"][2]["en"] == "https://example.org/?a=b"
    assert "amid a word" in warned(reading.items[0])
    assert "amid a word" not in warned(reading.items[1])
    assert brief(reading.items[2]) == (
        "2 answers begin with =, so each alone is right, and only one may be. If all must be chosen, write a share "
        "before each, such as ~%50%; a sign = that is text is written \\=.",
    )
    assert brief(reading.items[3])[:2] == ("multiple", ["a", "b"])


def test_several_right_numbers_are_accepted_as_they_are_written_and_tolerances_are_not_lost() -> None:
    reading = read(
        """
        x squared is 16?{#
            =%100%-4:0#Yes, minus four.
            =%100%4:0#Yes, four.
            ~#Neither.
        }

        A number from 1 to 5, or 9?{#=1..5 =9:1}

        How much?{#=12,5}

        How far?{#-2..2#About zero.}
        """
    )
    assert brief(reading.items[0])[:2] == ("fill_in", ["-4", "4"])
    assert reading.items[0].question["explanation"]["en"] == "Yes, minus four.\nYes, four."
    assert "4 but not 4.0" in warned(reading.items[0])
    assert brief(reading.items[1]) == ("2 numbers are fully right; it must be exactly one.",)
    assert brief(reading.items[2]) == ("This is no number: 12,5",)
    assert brief(reading.items[3])[:2] == ("numeric", {"value": "0", "tolerance": "2"})


def test_images_embedded_in_gift_come_along_and_others_are_named() -> None:
    png = f'<img src\\="data\\:image/png;base64,{PIXEL}" alt\\="a joint">'
    reading = read(
        f"""
        [html]<p>Which joint?</p>{png}{{={png} ~[html]<img src\\="@@PLUGINFILE@@/lap.png" alt\\="lap"> butt}}
        """
    )
    question = reading.items[0].question
    assert reading.media[question["media"][0]["file"]].startswith(b"\x89PNG")
    assert question["media"][0]["alt"]["en"] == "a joint"
    assert question["options"][0]["image"]["file"] in reading.media
    assert [option["en"] for option in question["options"]] == ["a joint", "butt"]
    assert [one.values["name"] for one in reading.items[0].warnings if "image" in one.text] == ["lap.png"]


def test_answers_that_are_nothing_but_tags_are_text() -> None:
    reading = read("Match.{=opens -> <div>\n=closes -> </div>}\n\nWhich tag breaks a line?{=<br> ~<b></b>}")
    assert [option["en"] for option in reading.items[0].question["options"]] == ["<div>", "</div>"]
    assert [option["en"] for option in reading.items[1].question["options"]] == ["<br>", "<b></b>"]


def test_a_format_may_stand_before_the_name_and_before_each_answer() -> None:
    reading = read(
        """
        [html]::Links::Which <b>tag</b> links?{=[plain]<a> ~[moodle]<i>link</i> ~[markdown]**href**#[html]<p>No.</p>}
        """
    )
    question = reading.items[0].question
    assert question["stem"]["en"] == "Which tag links?"
    assert [option["en"] for option in question["options"]] == ["<a>", "link", "href"]
    assert question["explanation"]["en"] == "href: No."


def test_escapes_feedback_and_weights_are_read_as_moodle_reads_them() -> None:
    reading = read(
        """
        ::Name\\: one::What is \\{a\\} \\\\ b?\\nLook twice.{
            ~%33,33333%\\=1#half
            ~%33.33333%\\~2
            ~%33.33333%3 \\#4 #third\\: yes
            ~%-100%C\\:\\\\temp
            ####All\\nof it.
        }

        The sky is blue.{t#Wrong#Right #1####General.}
        """
    )
    first, second = reading.items
    assert brief(first) == ("multiple", ["a", "b", "c"], "What is {a} \\ b?\nLook twice.")
    assert [option["en"] for option in first.question["options"]] == ["=1", "~2", "3 #4", "C:\\temp"]
    assert first.question["explanation"]["en"] == "All\nof it.\nhalf\nthird: yes"
    assert (second.question["key"], second.question["explanation"]["en"]) == (True, "General.\nRight #1\nWrong")


def test_texts_without_answers_and_essays_are_named_one_by_one() -> None:
    reading = read(
        """
        Read the text first.

        Describe your first weld.{####Freely.}

        // only a comment

        Argon burns.{FALSE}
        """
    )
    assert [(one.text, one.place.line) for one in reading.notes] == [
        ("A text without answers was left out. If a question below it begins with it, close the gap.", 1)
    ]
    assert [(brief(item)[0], item.place.line) for item in reading.items] == [
        ("Essay questions are marked by people and cannot be taken in. Leave the question out.", 3),
        ("true_false", 7),
    ]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "gb18030"])
def test_gift_is_read_whatever_its_line_ends_and_encoding(ends: str, encoding: str) -> None:
    text = "氩气能燃烧。{F}\n\n氧气瓶是什么颜色？{=天蓝色 =淡蓝色}\n".replace("\n", ends)
    assert [brief(item)[:2] for item in read(text.encode(encoding)).items] == [
        ("true_false", False),
        ("fill_in", ["天蓝色", "淡蓝色"]),
    ]


def test_western_letters_in_an_old_encoding_are_not_taken_for_chinese_signs() -> None:
    text = "Für welche Größe gilt das?{=Länge ~Höhe}\n\nÉlève, où est-il ?{=à côté ~là-bas}\n"
    reading = read(text.encode("cp1252"))
    assert [item.question["stem"]["en"] for item in reading.items] == [
        "Für welche Größe gilt das?",
        "Élève, où est-il ?",
    ]
    assert [one.values for one in reading.notes] == [{"encoding": "Windows-1252"}]


# ---------- Aiken and its like ----------


def test_aiken_is_read_as_moodle_reads_it() -> None:
    reading = read(
        """
        Which gas shields?
        A)argon
        B)air
        ANSWER:A

        Which letter and text?
        a) first
        b) second
        Answer: b) second

        Only one option
        A) alone
        ANSWER: A

        ANSWER: nothing was asked

        Started but not finished
        A) one
        B) two

        E. coli lives where?
        A. in the gut,
        or nowhere
        B. in air
        ANSWER: C
        """
    )
    assert [brief(item) for item in reading.items] == [
        ("single", ["a"], "Which gas shields?"),
        ("single", ["b"], "Which letter and text?"),
        ("It needs 2 to 20 options, all of them different ones.",),
        ("The line ANSWER: X is missing.",),
        ("The answer names option C, which is not there.",),
    ]
    assert [item.question["options"][0] for item in reading.items[-1:]] == [
        {"id": "a", "zh": "in the gut,\nor nowhere", "en": "in the gut,\nor nowhere"}
    ]
    assert [(one.values, one.place.line) for one in reading.notes] == [({"text": "ANSWER: nothing was asked"}, 15)]


def test_questions_as_chinese_systems_write_them_in_text_are_read() -> None:
    reading = read(
        """
        一、选择题（每题 2 分）
        1、(单选) 氧气瓶是什么颜色？
        A、天蓝色
        B、白色
        答案：A
        解析：国家标准规定。
        1. 瓶身天蓝；
        2. 字样黑色。
        2、下列属于防护用品的有（  ）[多选题]
        A．面罩
        B．手套
        C．焊枪
        【答案】AB
        【解析】焊枪是工具。
        知识点：焊接安全
        难度：难

        3、乙炔瓶可以卧放。
        正确答案：×
        4、电压的单位是____，电流的单位是____。
        参考答案：伏特、安培
        5、简述焊接变形的原因。[简答题]
        答案：受热不均。
        解析：略。
        二、判断题（每题 1 分）
        6、氩气能燃烧。
        答案：错误
        """
    )
    assert [brief(item)[:2] for item in reading.items] == [
        ("single", ["a"]),
        ("multiple", ["a", "b"]),
        ("true_false", False),
        ("fill_in", [["伏特"], ["安培"]]),
        ("Questions marked by people (essays, short answers in sentences) cannot be taken in.",),
        ("true_false", False),
    ]
    assert [item.question["stem"]["zh"] for item in reading.items] == [
        "氧气瓶是什么颜色？",
        "下列属于防护用品的有（  ）",
        "乙炔瓶可以卧放。",
        "电压的单位是{{1}}，电流的单位是{{2}}。",
        "简述焊接变形的原因。",
        "氩气能燃烧。",
    ]
    assert reading.items[0].question["explanation"]["zh"] == "国家标准规定。\n1. 瓶身天蓝；\n2. 字样黑色。"
    assert (reading.items[1].question["topic"], reading.items[1].question["difficulty"]) == ("safety", 4)
    assert [one.values for one in reading.notes] == [
        {"text": "一、选择题（每题 2 分）"},
        {"text": "二、判断题（每题 1 分）"},
    ]


def test_answers_in_brackets_options_side_by_side_and_explanations_after_an_answer_are_read() -> None:
    reading = read(
        """
        一、单选题
        1. 氧气瓶的颜色是（ ）。
        A.天蓝 B.白 C.黄
        答案：A
        解析：国家标准。
        2、下列属于工具的是（AB）。
        A、锤
        B、钳
        C、水
        3. 钨极属于（ ）
        A. 电极
        B. 见 B. 项
        正确答案：A  解析：不熔化。
        二、判断题
        4. 氩气能燃烧。（×）
        5. 氧气助燃（√）
        6. 空气助燃
        答案：对
        """
    )
    assert [brief(item)[:2] for item in reading.items] == [
        ("single", ["a"]),
        ("multiple", ["a", "b"]),
        ("single", ["a"]),
        ("true_false", False),
        ("true_false", True),
        ("true_false", True),
    ]
    assert [option["zh"] for option in reading.items[0].question["options"]] == ["天蓝", "白", "黄"]
    assert [option["zh"] for option in reading.items[2].question["options"]] == ["电极", "见 B. 项"]
    assert [item.question["stem"]["zh"] for item in reading.items[1:4]] == [
        "下列属于工具的是（  ）。",
        "钨极属于（ ）",
        "氩气能燃烧。",
    ]
    assert [item.question["explanation"]["zh"] for item in (reading.items[0], reading.items[2])] == [
        "国家标准。",
        "不熔化。",
    ]
    taken = ["taken from the brackets" in warned(item) for item in reading.items]
    assert taken == [False, True, False, True, True, False]
    no_answer = "Which vitamin (C) is sour?\nA) one\nB) two\n\nAnd this?\nA) one\nB) two\nANSWER: A"
    assert briefs(no_answer)[0] == ("The line ANSWER: X is missing.",)


@pytest.mark.parametrize(
    "options",
    [
        "A：白\nB：天蓝\nC：黑",
        "A: 白\nB: 天蓝\nC: 黑",
        "[A] 白\n[B] 天蓝\n[C] 黑",
        "Ａ 白\nＢ 天蓝\nＣ 黑",
        "A白\nB天蓝\nC黑",
    ],
)
@pytest.mark.parametrize(
    "answer", ["答案：B", "答案 B", "[答案]Ｂ", "答案：选B", "正确答案：B  我的答案：A  得分：0", "答案：\nB"]
)
def test_options_are_known_by_their_row_whatever_stands_after_the_letter(options: str, answer: str) -> None:
    asked = f"氧气瓶是什么颜色（ ）\n{options}\n{answer}"
    first, second = read(f"1. {asked}\n2. {asked}\n").items
    assert brief(first) == brief(second) == ("single", ["b"], "氧气瓶是什么颜色（ ）")
    assert [option["zh"] for option in first.question["options"]] == ["白", "天蓝", "黑"]


def test_letters_that_name_no_row_of_options_stay_in_the_text() -> None:
    assert briefs(
        """
        A: Which gas burns?
        B: It is ____.
        ANSWER: argon

        Say it.
        A: Which gas?
        C: The one with a flame (____).
        ANSWER: B
        """
    ) == [
        ("fill_in", ["argon"], "A: Which gas burns?\nB: It is ____."),
        ("fill_in", ["B"], "Say it.\nA: Which gas?\nC: The one with a flame (____)."),
    ]


def test_a_judgement_with_empty_brackets_is_no_blank() -> None:
    reading = read(
        "1. 气瓶要直立（ ）\n答案：√\n2. 【判断题】氩气能燃烧（ ）\n答案：错\n"
        "3. 1+0=（ ）\n答案：1\n4. 门是____的\n答案：对\n"
    )
    assert [brief(item)[:2] for item in reading.items] == [
        ("true_false", True),
        ("true_false", False),
        ("fill_in", ["1"]),
        ("fill_in", ["对"]),
    ]


def test_questions_in_markdown_are_read() -> None:
    reading = read(
        """
        # Weld

        ## Single choices

        **1.** Which gas shields?
        - A. argon
        - B. oxygen

        **答案：** A
        **解析：** It does not burn.

        ---

        ### 2. Which burn?
        **A.** hydrogen
        **B.** acetylene
        **C.** argon

        ✅ 正确答案：A, B

        ---

        ### 3. What is 2 ** 3?
        A) 8
        B) 6

        **Answer:**
        A
        """
    )
    assert [brief(item) for item in reading.items] == [
        ("single", ["a"], "Which gas shields?"),
        ("multiple", ["a", "b"], "Which burn?"),
        ("single", ["a"], "What is 2 ** 3?"),
    ]
    assert [option["en"] for option in reading.items[1].question["options"]] == ["hydrogen", "acetylene", "argon"]
    assert reading.items[0].question["explanation"]["en"] == "It does not burn."
    assert [one.values["text"] for one in reading.notes] == ["# Weld", "## Single choices"]


def test_numbers_on_their_own_line_answers_in_the_plural_and_reasons_after_a_full_stop_are_read() -> None:
    reading = read(
        """
        Question 1
        Which are prime?
        a) 2
        b) 3
        c) 4
        Correct Answers: a, b

        Question 2
        下列属于劳保的是（ ）
        A.面罩B.凉鞋C.手套
        答案：AC。凉鞋不护脚。
        """
    )
    assert [brief(item) for item in reading.items] == [
        ("multiple", ["a", "b"], "Which are prime?"),
        ("multiple", ["a", "c"], "下列属于劳保的是（ ）"),
    ]
    assert [option["zh"] for option in reading.items[1].question["options"]] == ["面罩", "凉鞋", "手套"]
    assert reading.items[1].question["explanation"]["zh"] == "凉鞋不护脚。"


def test_a_list_of_answers_at_the_end_is_named_and_never_matched() -> None:
    reading = read("1. 题一（ ）\nA. 甲\nB. 乙\n2. 题二（ ）\nA. 甲\nB. 乙\n\n参考答案：\n1. B 2. A\n")
    assert {brief(item) for item in reading.items} == {("The line ANSWER: X is missing.",)}
    assert [one.place.line for one in reading.notes if "at the end is not read" in one.text] == [8]


@pytest.mark.parametrize(
    "text", ["1．（B）是天蓝色。\nＡ．氩气　Ｂ．氧气\n2．氩气能燃烧。（×）\n", "Q\rA. x\rB. y\rANSWER: B\r"]
)
def test_texts_are_known_without_a_labelled_answer_and_with_the_line_ends_of_old_macs(text: str) -> None:
    assert briefs(text.encode())[0][:2] == ("single", ["b"])


def test_code_in_a_text_without_gift_does_not_make_it_gift() -> None:
    assert briefs(
        """
        1.
        int main(void)
        {
            return 0;
        }

        What does it return?

        (a) 0
        (b) 1
        Answer: A

        2. And this?
        (a) nothing
        (b) one
        Answer: B
        """
    ) == [
        ("single", ["a"], "int main(void)\n{\nreturn 0;\n}\nWhat does it return?"),
        ("single", ["b"], "And this?"),
    ]


def test_text_whose_answer_says_nothing_that_can_be_kept_is_named() -> None:
    reading = read("What is a weld?\nANSWER: a joint\n\nWhich?\nA. one\nB. two\nANSWER: both\n")
    assert [brief(item) for item in reading.items] == [
        ("It has neither options (A., B.) nor a blank (____), and its answer is neither true nor false.",),
        ("The answer “both” is no letter of an option. Write B, or ACD.",),
    ]


def test_hostile_texts_are_read_or_refused_for_what_they_hold_within_the_limits() -> None:
    said = []
    for text in (
        "Q\n" + "A. x\n" * 200_000 + "ANSWER: A",
        "Q\nA. x\n" + "more\n" * 100_000 + "ANSWER: A",
        "_" * 1_000_000 + "\nANSWER: x",
        "[【(" * 300_000 + "\nANSWER: x",
        "::a\n" * 200_000 + "{T}",
        "{\n\n" * 100_000 + "}",
        "x{" + "=a " * 300_000 + "~b}",
        "//[id:" * 200_000 + "\nx{T}",
        "Q\nA. x\nB. y\nANSWER: " + "," * 500_000,
    ):
        try:
            read_apart("", "q.txt", text.encode())
        except Refused as refusal:
            said.append(str(refusal))
    assert not [one for one in said if "too long" in one or "memory" in one]
