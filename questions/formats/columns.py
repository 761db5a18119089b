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
        "id": "编号 序号 题号 试题编号 题目编号 原题号 id no number questionid",
        "type": "题型 类型 试题类型 题目类型 题型名称 试题题型 题目题型 大题题型 小题题型 type questiontype kind",
        "topic": "知识点 考点 章节 分类 鉴定点 知识点名称 知识标签 所属章节 所属知识点 章节名称 目录 课题 领域 标签 "
        "题目分类 试题分类 topic category chapter section domain skill tags",
        "difficulty": "难度 难度系数 难易度 难易程度 试题难度 题目难度 难度等级 难度级别 difficulty "
        "difficultylevel level",
        "stem": "题干 题目 试题 问题 题面 考题 题目内容 试题内容 题干内容 试题题干 题目名称 题目标题 大题题干 小题题干 "
        "question stem questiontext questioncontent text content",
        "options": "选项 备选项 备选答案 可选项 试题选项 选项内容 options choices answers answeroptions",
        "wrongs": "错误答案 错误选项 干扰项 incorrectanswers wronganswers distractors",
        "answer": "答案 正确答案 标准答案 参考答案 试题答案 题目答案 正确选项 答案选项 answer key correctanswer "
        "correctanswers correct rightanswer correctoption correctchoice",
        "credit": "计分 计分方式 得分方式 credit scoring",
        "tolerance": "误差 允许误差 容差 tolerance margin error",
        "unit": "单位 unit",
        "variables": "变量 参数 variables parameters",
        "where": "条件 condition where",
        "decimals": "小数位 小数位数 decimals",
        "explanation": "解析 试题解析 答案解析 题目解析 整体解析 题解 说明 答案说明 解题思路 explanation "
        "answerexplanation feedback rationale comment analysis",
        "source": "出处 来源 题目来源 试题来源 依据 命题依据 参考依据 source reference references referencelinks",
        "case": "案例编号 案例号 case caseid",
        "case_stem": "案例 案例内容 案例题干 材料 阅读材料 casetext scenario passage",
    }.items()
    for alias in aliases.split()
}
_NTH = r"([a-t]|\d{1,2})"
_NUMBERED = (
    (
        "correct",
        re.compile(rf"(?:is)?(?:correct|正确){_NTH}|(?:选项|option|choice|answer){_NTH}(?:is)?(?:correct|是否正确)"),
    ),
    (
        "option",
        re.compile(
            rf"(?:选项|备选项|备选答案|候选项|答案选项|option|choice|answeroption){_NTH}(?:text)?|([a-t])(?:选项|option)?"
            r"|answer(\d{1,2})|答案([a-t])"
        ),
    ),
    (
        "wrong",
        re.compile(r"(?:错误答案|错误选项|干扰项|(?:wrong|incorrect)(?:answer|option)?|distractor)(\d{1,2})"),
    ),
    ("prompt", re.compile(r"(?:左项|左侧|左|题项|leftitem|left|prompt)(\d{1,2})")),
)
_ASIDE = re.compile(r"[(（\[【][^)）\]】]*[)）\]】]|\s[-–—]\s.*", re.DOTALL)
"""What a heading explains of itself: "答案（多选用逗号分隔）", "Answer 1 - max 75 characters"."""
_MUST = re.compile(r"(?:必填|选填|可选|required|optional)$")
_LANGUAGE = re.compile(r"(中文|汉语|chinese|zh|cn|英文|英语|english|en)$")

_TYPE_WORDS: dict[str, str] = {
    alias: name
    for name, aliases in {
        "single": "单选题 单选 单项选择题 单项选择 single singlechoice singleanswer singleselect radio dropdown",
        "multiple": "多选题 多选 多项选择题 多项选择 不定项选择题 不定项选择 不定项 multiple multipleanswers "
        "multipleresponse multipleselect multiselect checkbox checkboxes",
        "true_false": "判断题 判断 是非题 对错题 正误题 判断正误 判断正误题 truefalse trueorfalse tf judge "
        "judgement judgment boolean",
        "fill_in": "填空题 填空 填充题 完形填空 fillin fillintheblank fillintheblanks blank cloze shortanswer 简答填空",
        "numeric": "数值题 数值 计算题 计算 numeric numerical number calculation",
        "ordering": "排序题 排序 ordering order sequence",
        "matching": "匹配题 匹配 连线题 连线 配对题 配对 matching match",
        "choice": "选择题 选择 客观题 multiplechoice multiplechoicequestion mcq mc choice quiz",
        "by hand": "简答题 简答 论述题 论述 问答题 问答 操作题 实操题 实训题 作文题 写作题 名词解释 编程题 编程 翻译题 "
        "口语题 录音题 作图题 主观题 essay openended open poll draw longanswer paragraph",
    }.items()
    for alias in aliases.split()
}
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
            "很易 很容易 ★ veryeasy",
            "容易 易 较易 简单 基础 初级 入门 ★★ easy beginner basic",
            "中 中等 适中 一般 中级 ★★★ medium normal intermediate",
            "较难 难 困难 高级 ★★★★ hard difficult advanced",
            "很难 极难 ★★★★★ veryhard verydifficult expert",
        ),
        1,
    )
    for word in said.split()
}
_TRUTHS = (
    "对 对的 正确 正确的 √ ✓ ✔ ✔️ ✅ 是 true t yes y 1 r right v richtig wahr vrai verdadero",
    "错 错的 错误 错误的 × ✗ ✘ ✖ ❌ ╳ x 否 不对 不正确 false f no n 0 w wrong falsch faux falso",
)
TRUE, FALSE = (frozenset(said.split()) for said in _TRUTHS)


def guess_field(heading: str) -> str:
    """Return the field that a heading means, e.g. "option_1_en" for "选项A（英文）"; "" when it means none."""
    for said in (heading[:120], _ASIDE.sub("", heading[:120])):
        plain = _MUST.sub("", re.sub(r"[\s()（）\[\]【】:：*_\-.、/]", "", normalise(said)))
        for candidate, language in _readings(plain):
            if candidate in _ALIASES:
                name = _ALIASES[candidate]
                return f"{name}_{language}" if language and (name in BILINGUAL or name == "options") else name
            for kind, pattern in _NUMBERED:
                found = pattern.fullmatch(candidate)
                if found:
                    nth = next(group for group in found.groups() if group)
                    at = int(nth) if nth.isdigit() else ord(nth) - ord("a") + 1
                    if 1 <= at <= MOST_PARTS:
                        return f"{kind}_{at}_{language}" if language else f"{kind}_{at}"
    return ""


def _readings(plain: str) -> Iterator[tuple[str, str]]:
    yield plain, ""
    found = _LANGUAGE.search(plain)
    if found and found.start() > 0:
        yield plain[: found.start()], "en" if found[1][:1] in "e英" else "zh"


def kind_of(said: str) -> str:
    """Return the type that a word means: one of `TYPES`, "choice" when it may be single or multiple, "by hand" when
    people mark it, "" when it is not known."""
    for text in (said, _ASIDE.sub("", said)):
        if kind := _TYPE_WORDS.get(re.sub(r"[\W_]", "", normalise(text)), ""):
            return kind
    return ""


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
