"""The columns of a sheet of questions: what they are headed, and what other people's headings and words mean."""

from __future__ import annotations

import re
from collections.abc import Iterator

from questions.formats.neutral import letter
from questions.rules import MOST_PARTS, normalise

OWN_SHEETS = {"notes": ("填写说明", "Notes"), "topics": ("知识点", "Topics"), "questions": ("题目", "Questions")}
FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How a text begins that a spreadsheet could take for a formula, with apostrophes that were put before it."""

_WORD = {"zh": "中文", "en": "英文"}
HEADINGS: dict[str, tuple[str, str]] = {
    "id": ("编号", "ID"),
    "type": ("题型", "Type"),
    "topic": ("知识点", "Topic"),
    "difficulty": ("难度", "Difficulty"),
    "stem": ("题干", "Question"),
    "option": ("选项", "Option"),
    "prompt": ("左项", "Left item"),
    "answer": ("答案", "Answer"),
    "credit": ("计分", "Credit"),
    "tolerance": ("误差", "Tolerance"),
    "unit": ("单位", "Unit"),
    "variables": ("变量", "Variables"),
    "where": ("条件", "Condition"),
    "decimals": ("小数位", "Decimals"),
    "explanation": ("解析", "Explanation"),
    "source": ("出处", "Source"),
    "case": ("案例编号", "Case"),
    "case_stem": ("案例", "Case text"),
}
BILINGUAL = ("stem", "option", "prompt", "unit", "explanation", "source", "case_stem")
_ALIASES: dict[str, str] = {
    alias: name
    for name, aliases in {
        "id": "编号 序号 题号 试题编号 id no number questionid",
        "type": "题型 类型 试题类型 题目类型 题型名称 type questiontype kind",
        "topic": "知识点 考点 章节 分类 鉴定点 知识点名称 topic category chapter section",
        "difficulty": "难度 难度系数 难易度 难易程度 试题难度 difficulty level",
        "stem": "题干 题目 试题 问题 题目内容 试题内容 题干内容 试题题干 question stem questiontext text",
        "options": "选项 备选项 备选答案 可选项 试题选项 options choices answers",
        "answer": "答案 正确答案 标准答案 参考答案 试题答案 answer key correctanswer correct rightanswer",
        "credit": "计分 计分方式 得分方式 credit scoring",
        "tolerance": "误差 允许误差 容差 tolerance margin error",
        "unit": "单位 unit",
        "variables": "变量 参数 variables parameters",
        "where": "条件 condition where",
        "decimals": "小数位 小数位数 decimals",
        "explanation": "解析 试题解析 答案解析 题目解析 说明 explanation feedback rationale comment",
        "source": "出处 来源 依据 命题依据 参考依据 source reference",
        "case": "案例编号 案例号 case caseid",
        "case_stem": "案例 案例内容 案例题干 材料 casetext scenario",
    }.items()
    for alias in aliases.split()
}
_OPTION = re.compile(r"(?:选项|备选项|备选答案|答案选项|option|choice|answer)?([a-t])|(?:选项|option|choice)(\d{1,2})")
_PROMPT = re.compile(r"(?:左项|左侧|左|题项|leftitem|left|prompt)(\d{1,2})")
_LANGUAGE = re.compile(r"(中文|汉语|chinese|zh|cn|英文|英语|english|en)$")

TYPE_WORDS: dict[str, str] = {
    alias: name
    for name, aliases in {
        "single": "单选题 单选 单项选择题 单项选择 选择题 single singlechoice multiplechoice mc singleanswer",
        "multiple": "多选题 多选 多项选择题 多项选择 不定项选择题 multiple multipleanswers multipleresponse",
        "true_false": "判断题 判断 是非题 对错题 truefalse trueorfalse tf judge",
        "fill_in": "填空题 填空 fillin fillintheblank blank shortanswer 简答填空",
        "numeric": "数值题 数值 计算题 计算 numeric numerical number calculation",
        "ordering": "排序题 排序 ordering order sequence",
        "matching": "匹配题 匹配 连线题 连线 配对题 配对 matching match",
    }.items()
    for alias in aliases.split()
}
BY_HAND = {"简答题", "简答", "论述题", "论述", "问答题", "问答", "操作题", "实操题", "作文题", "essay", "主观题"}
TYPE_NAMES = {
    "single": ("单选题", "Single choice"),
    "multiple": ("多选题", "Multiple choice"),
    "true_false": ("判断题", "True or false"),
    "fill_in": ("填空题", "Fill in"),
    "numeric": ("数值题", "Numeric"),
    "ordering": ("排序题", "Ordering"),
    "matching": ("匹配题", "Matching"),
}
CREDIT_NAMES = {
    "all": ("全对得分", "All or nothing"),
    "each": ("按项得分", "Each part"),
    "partial": ("少选得分", "Partial"),
}
DIFFICULTY_WORDS = {
    word: degree
    for degree, said in enumerate(
        (
            "很易 很容易 veryeasy",
            "容易 易 较易 简单 easy",
            "中 中等 适中 一般 medium normal",
            "较难 难 困难 hard difficult",
            "很难 极难 veryhard verydifficult",
        ),
        1,
    )
    for word in said.split()
}
TRUE = {"对", "正确", "√", "✓", "✔", "是", "true", "t", "yes", "y", "1", "r", "right"}
FALSE = {"错", "错误", "×", "✗", "✘", "x", "否", "不正确", "false", "f", "no", "n", "0", "w", "wrong"}


def guess_field(heading: str) -> str:
    """Return the field that a heading means, e.g. "option_1_en" for "选项A（英文）"; "" when it means none."""
    plain = re.sub(r"[\s()（）\[\]【】:：*_\-.、/]", "", normalise(heading[:60]))
    for candidate, language in _readings(plain):
        if candidate in _ALIASES:
            name = _ALIASES[candidate]
            return f"{name}_{language}" if language and (name in BILINGUAL or name == "options") else name
        for pattern, kind in ((_OPTION, "option"), (_PROMPT, "prompt")):
            found = pattern.fullmatch(candidate)
            if found:
                said = next(group for group in found.groups() if group)
                at = int(said) if said.isdigit() else ord(said) - ord("a") + 1
                if 1 <= at <= MOST_PARTS:
                    return f"{kind}_{at}_{language}" if language else f"{kind}_{at}"
    return ""


def _readings(plain: str) -> Iterator[tuple[str, str]]:
    yield plain, ""
    found = _LANGUAGE.search(plain)
    if found and found.start() > 0:
        yield plain[: found.start()], "en" if found[1][:1] in "e英" else "zh"


def heading(name: str, language: str) -> str:
    """Return the heading of a column in a language, e.g. "选项A（英文）" for "option_1_en"."""
    root, _, said = name.rpartition("_") if name.endswith(("_zh", "_en")) else (name, "", "")
    kind, _, at = root.rpartition("_") if root.rpartition("_")[2].isdigit() else (root, "", "")
    title = HEADINGS[kind or root][0 if language == "zh" else 1]
    if at:
        shown = letter(int(at) - 1).upper() if kind == "option" else at
        title = f"{title}{shown}" if language == "zh" else f"{title} {shown}"
    if said:
        title += f"（{_WORD[said]}）" if language == "zh" else f" ({'Chinese' if said == 'zh' else 'English'})"
    return title
