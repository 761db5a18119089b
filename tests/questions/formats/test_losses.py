"""What a file says of a question and ours cannot hold: said of that question, never dropped in silence."""

from __future__ import annotations

import pytest

from questions.formats.neutral import Item
from questions.formats.shared import AS_WRITTEN, CASE_COUNTS, PARTLY, SHUFFLED, UNEVEN
from tests.questions.formats.test_foreign import brief, read, warned
from tests.questions.formats.test_foreign_xml import (
    answer,
    asked,
    choice,
    choices,
    declared,
    given,
    item2,
    item12,
    labels,
    material,
    moodle,
    qti,
    qti12,
    zipped,
)

SPELLING = "A spelling that earned a part of the points is no longer accepted."
OTHERS = "Other answers earn points by the response processing of the file; here only the right one does."


def gift(text: str) -> Item:
    """Read one question in GIFT."""
    return read("q.gift", text.encode())[1].items[0]


def mapped(*entries: tuple[str, object]) -> str:
    """A mapping of QTI 2."""
    found = "".join(f'<mapEntry mapKey="{key}" mappedValue="{share}"/>' for key, share in entries)
    return f'<mapping defaultValue="0">{found}</mapping>'


# ---------- Moodle ----------


def test_options_that_keep_their_order_hints_and_unlike_shares_are_said() -> None:
    fixed = "<shuffleanswers>false</shuffleanswers>" + answer(100, "all of these") + answer(0, "one")
    hint = "<shuffleanswers>1</shuffleanswers>" + answer(100, "a") + answer(0, "b") + "<hint><text>Look</text></hint>"
    unlike = "<single>false</single>" + answer(70, "a") + answer(30, "b") + answer(-100, "c")
    rounded = "<single>false</single>" + answer(33.3, "a") + answer(33.4, "b") + answer(33.3, "c") + answer(-50, "d")
    items = moodle(*(asked("multichoice", "Which?", one) for one in (fixed, hint, unlike, rounded))).items
    assert [SHUFFLED in warned(item) for item in items] == [True, False, False, False]
    assert ["Hints between attempts" in warned(item) for item in items] == [False, True, False, False]
    assert [UNEVEN in warned(item) for item in items] == [False, False, True, False]


def test_choices_each_of_which_alone_earned_all_are_said() -> None:
    whole = "<single>false</single>" + answer(100, "a") + answer(100, "b") + answer(-100, "c")
    for item in (moodle(asked("multichoice", "Which?", whole)).items[0], gift("Which? {~%100%a ~%100%b ~%-100%c}")):
        assert brief(item)[:2] == ("multiple", ["a", "b"])
        assert "alone earns all" in warned(item)


def test_an_ordering_scored_otherwise_or_asked_in_part_says_so() -> None:
    steps = "".join(answer(at, f"step {at}") for at in (1, 2, 3))
    ours = "<selecttype>ALL</selecttype><gradingtype>ABSOLUTE_POSITION</gradingtype>"
    theirs = "<selecttype>RANDOM</selecttype><gradingtype>RELATIVE_NEXT_EXCLUDE_LAST</gradingtype>"
    one, other = moodle(*(asked("ordering", "Order?", how + steps) for how in (ours, theirs))).items
    assert "scored" not in warned(one)
    assert "steps only" not in warned(one)
    assert "scored by their neighbours" in warned(other)
    assert "some of the steps only" in warned(other)


def test_a_calculated_answer_that_earned_a_part_is_said() -> None:
    variable = (
        "<dataset_definitions><dataset_definition><name><text>a</text></name><minimum><text>1</text></minimum>"
        "<maximum><text>9</text></maximum><decimals><text>0</text></decimals></dataset_definition>"
        "</dataset_definitions>"
    )
    item = moodle(asked("calculated", "Twice {a}?", answer(100, "2*{a}") + answer(50, "{a}") + variable)).items[0]
    assert brief(item)[0] == "numeric"
    assert "A number that earned a part of the points now earns none." in warned(item)


def test_numbers_with_a_decimal_comma_are_read_and_one_of_two_meanings_is_named() -> None:
    exact = "<tolerance>0,05</tolerance></answer>"
    reading = moodle(
        asked("numerical", "How long?", answer("100,00000", "3,14").replace("</answer>", exact)),
        asked("cloze", "It is {1:NM:=2,5:0,1} mm.", ""),
        asked("numerical", "How far?", answer(100, "1,234")),
        asked("numerical", "How near?", answer(100, "0,125")),
    )
    assert [item.question.get("key") for item in reading.items] == [
        {"value": "3.14", "tolerance": "0.05"},
        {"value": "2.5", "tolerance": "0.1"},
        None,
        {"value": "0.125", "tolerance": "0"},
    ]
    assert brief(reading.items[2]) == (
        "1,234 may be two numbers. Write it without a comma, with a point before decimals.",
    )


def test_points_and_what_is_said_to_any_right_or_wrong_answer_are_named_where_they_are_lost() -> None:
    said = "<incorrectfeedback><text>Read the chapter on gases again.</text></incorrectfeedback>"
    grade = "<defaultgrade>{}</defaultgrade>"
    pair = answer(100, "yes") + answer(0, "no")
    first, second = (asked("multichoice", text, pair + grade) for text in ("Is it?", "Was it?"))
    reading = moodle(first.format("1.0000000") + second.format("2.5"))
    assert [one.text for one in reading.notes] == [
        "Its questions carry different points in the file; here the rules for drawing papers set them."
    ]
    same = moodle(first.format("1.0000000") + second.format("1"), asked("multichoice", "Will it?", pair + said))
    assert same.notes == []
    lost = "What the file says to any right, partly right or wrong answer was left out."
    assert [lost in warned(item) for item in same.items] == [False, False, True]


@pytest.mark.parametrize(
    ("distribution", "values", "said"),
    [
        ("uniform", (2, "3.5"), False),
        ("loguniform", (2, 3), True),
        ("uniform", (2, 12), True),
        ("uniform", (2.25,), True),
    ],
)
def test_values_of_a_calculated_question_that_no_even_draw_gives_are_said(
    distribution: str, values: tuple[object, ...], said: bool
) -> None:
    listed = "".join(f"<dataset_item><number>1</number><value>{value}</value></dataset_item>" for value in values)
    dataset = (
        "<dataset_definitions><dataset_definition><name><text>a</text></name><distribution><text>"
        f"{distribution}</text></distribution><minimum><text>1</text></minimum><maximum><text>10</text></maximum>"
        f"<decimals><text>1</text></decimals><dataset_items>{listed}</dataset_items></dataset_definition>"
        "</dataset_definitions>"
    )
    text = "The file lists values of its own; here any are drawn within the bounds it names."
    item = moodle(asked("calculated", "Twice {a}?", answer(100, "2 * {a}") + dataset)).items[0]
    assert (text in warned(item)) == said


def test_what_gaps_of_a_cloze_lose_is_said() -> None:
    case, part, number = moodle(
        asked("cloze", "Water is {1:SHORTANSWER_C:=H2O}.", ""),
        asked("cloze", "A {1:MC:=a~%50%b} and {1:MC:=c~d}.", ""),
        asked("cloze", "A {1:SA:=a} and {1:NM:=2.50}.", ""),
    ).items
    assert CASE_COUNTS in warned(case)
    assert PARTLY in warned(part)
    assert AS_WRITTEN in warned(number)


def test_several_choices_in_a_gap_share_the_points_and_wrong_ones_take_them_as_in_moodle() -> None:
    plain, shares = moodle(
        asked("cloze", "Which? {1:MULTIRESPONSE:=a~=b~c}", ""),
        asked("cloze", "Which? {1:MULTIRESPONSE:%50%a~%50%b~%0%c}", ""),
    ).items
    assert brief(plain)[:3] == brief(shares)[:3] == ("multiple", ["a", "b"], "each")
    assert ["cost nothing" in warned(item) for item in (plain, shares)] == [False, True]
    assert "alone earns all" not in warned(plain)


def test_signs_of_a_gap_that_are_written_as_entities_or_with_a_backslash_are_text() -> None:
    item = moodle(
        asked("cloze", "{1:SA:=a&#126;b~=c\\}d~=&lt;e&gt; &amp; f} or {1:SA:=\\*~=H<sub>2</sub>O}", "")
    ).items[0]
    assert brief(item)[:2] == ("fill_in", [["a~b", "c}d", "<e> & f"], ["*", "H₂O"]])


# ---------- QTI 2 and 3 ----------


@pytest.mark.parametrize(
    ("shuffle", "fixed", "said"), [("true", "", False), ("false", "", True), ("true", ' fixed="true"', True)]
)
def test_options_that_keep_their_order_are_said(shuffle: str, fixed: str, said: bool) -> None:
    shown = choice(A="a", B="b").replace("maxChoices", f'shuffle="{shuffle}" maxChoices')
    shown = shown.replace('identifier="B"', f'identifier="B"{fixed}')
    item = qti(item2(declared("identifier", "A", cardinality="single"), shown))
    assert brief(item)[:2] == ("single", ["a"])
    assert (SHUFFLED in warned(item)) is said


def test_other_orders_and_other_choices_that_earn_points_by_the_processing_are_said() -> None:
    def scored(test: str, points: int) -> str:
        return f'<match><variable identifier="RESPONSE"/>{test}</match><setOutcomeValue identifier="SCORE">' + (
            f'<baseValue baseType="float">{points}</baseValue></setOutcomeValue>'
        )

    def processed(*branches: str) -> str:
        first, *rest = branches
        more = "".join(f"<responseElseIf>{one}</responseElseIf>" for one in rest)
        none = '<setOutcomeValue identifier="SCORE"><baseValue baseType="float">0</baseValue></setOutcomeValue>'
        return (
            f"<responseProcessing><responseCondition><responseIf>{first}</responseIf>{more}"
            f"<responseElse>{none}</responseElse></responseCondition></responseProcessing>"
        )

    order = choice(A="a", B="b", C="c").replace("choiceInteraction", "orderInteraction")
    right = declared("identifier", "A", "B", "C", cardinality="ordered")
    swapped = "".join(f'<baseValue baseType="identifier">{one}</baseValue>' for one in "ACB")
    whole = scored('<correct identifier="RESPONSE"/>', 2)
    alone = qti(item2(right, order, processed(whole)))
    partly = qti(item2(right, order, processed(whole, scored(f"<ordered>{swapped}</ordered>", 1))))
    assert brief(alone)[:2] == brief(partly)[:2] == ("ordering", ["a", "b", "c"])
    assert [OTHERS in warned(item) for item in (alone, partly)] == [False, True]


def test_a_mapping_whose_parts_count_differently_is_said() -> None:
    sets = "".join(
        f"<simpleMatchSet>{choices('simpleAssociableChoice', **texts)}</simpleMatchSet>"
        for texts in ({"a": "oxygen", "b": "air"}, {"c": "blue", "d": "grey"})
    )
    body = f'<matchInteraction responseIdentifier="RESPONSE"><prompt>Match</prompt>{sets}</matchInteraction>'
    for second, said in ((1, False), (3, True)):
        mapping = mapped(("a c", 1), ("b d", second))
        item = qti(item2(declared("directedPair", "a c", "b d", mapping=mapping), body, "map_response"))
        assert brief(item)[:3] == ("matching", {"p1": "a", "p2": "b"}, "each")
        assert (UNEVEN in warned(item)) is said
    water = declared("identifier", "H", "O", mapping=mapped(("H", 3), ("O", 1)))
    assert UNEVEN in warned(qti(item2(water, choice(H="h", O="o", N="n"), "map_response")))


def test_of_several_words_for_a_gap_the_best_is_right_and_two_alike_are_a_problem() -> None:
    words = choices("gapText", W="winter", S="summer", A="autumn")
    gaps = "<p>Now is <gap identifier='G1'/>, then <gap identifier='G2'/>.</p>"
    body = f'<gapMatchInteraction responseIdentifier="RESPONSE"><prompt>Fill.</prompt>{words}{gaps}'
    for share, found in ((0.5, ("matching", {"p1": "a", "p2": "b"}, "each")), (1, None)):
        mapping = mapped(("W G1", 1), ("S G2", 1), ("A G1", share))
        item = qti(
            item2(declared("directedPair", mapping=mapping), f"{body}</gapMatchInteraction>", "map_response").replace(
                "<correctResponse></correctResponse>", ""
            )
        )
        if found:
            assert brief(item)[:3] == found
            assert PARTLY in warned(item)
        else:
            assert brief(item) == ("Several words are fully right for one gap; it must be exactly one.",)


def test_the_best_word_of_a_list_in_the_text_is_right_wherever_the_mapping_names_it() -> None:
    listed = choices("inlineChoice", G="Gloucester", L="Lancaster", Y="York")
    body = f'<p>Sun of <inlineChoiceInteraction responseIdentifier="RESPONSE">{listed}</inlineChoiceInteraction></p>'
    said = declared("identifier", cardinality="single", mapping=mapped(("L", 0.5), ("Y", 1)))
    item = qti(item2(said.replace("<correctResponse></correctResponse>", ""), body, "map_response"))
    assert brief(item)[:2] == ("single", ["c"])
    assert PARTLY in warned(item)


def test_typed_answers_say_what_becomes_of_capitals_parts_and_numbers() -> None:
    entry = '<p>Who? <textEntryInteraction responseIdentifier="RESPONSE"/></p>'
    exact = qti(item2(declared("string", "York", cardinality="single"), entry))
    digits = qti(item2(declared("string", "1485", cardinality="single"), entry))
    half = declared("string", "York", cardinality="single", mapping=mapped(("York", 1), ("Yorck", 0.5)))
    part = qti(item2(half, entry, "map_response"))
    assert [CASE_COUNTS in warned(item) for item in (exact, digits, part)] == [True, False, False]
    assert [SPELLING in warned(item) for item in (exact, digits, part)] == [False, False, True]
    both = declared("string", "a", cardinality="single", name="R1", mapping=mapped(("a", 2)))
    both += declared("float", "2.50", cardinality="single", name="R2", mapping=mapped(("2.50", 1)))
    body = "".join(f'<p>x <textEntryInteraction responseIdentifier="R{at}"/></p>' for at in (1, 2))
    two = qti(item2(both, body, "map_response"))
    assert brief(two)[:3] == ("fill_in", [["a"], ["2.50"]], "each")
    assert AS_WRITTEN in warned(two)
    assert UNEVEN in warned(two)


# ---------- QTI 1.2 ----------


def test_feedback_set_by_an_outcome_of_its_own_and_that_on_what_was_not_chosen_are_told_apart() -> None:
    setters = "".join(
        f'<setOutcomeValue identifier="F{at}"><match><baseValue>{word}</baseValue><variable/></match></setOutcomeValue>'
        for at, word in enumerate(("correct", "incorrect"))
    )
    modal = "".join(
        f'<modalFeedback identifier="{name}" outcomeIdentifier="{outcome}" showHide="{shown}">{text}</modalFeedback>'
        for name, outcome, shown, text in (
            ("true", "F0", "show", "Argon is inert."),
            ("true", "F1", "show", "Pity."),
            ("A", "F2", "hide", "You missed this one."),
            ("incorrect", "F2", "hide", "Well done."),
        )
    )
    processing = f"<responseProcessing>{setters}</responseProcessing>"
    item = qti(item2(declared("identifier", "A", cardinality="single"), choice(A="one", B="two"), processing, modal))
    assert item.question["explanation"]["en"] == "Argon is inert.\nWell done."


def test_blocks_of_feedback_explain_where_they_are_on_the_right_answer_and_others_are_said() -> None:
    block = '<feedbackBlock identifier="{}" outcomeIdentifier="F" showHide="show"><p>{}</p></feedbackBlock>'
    body = choice(A="one", B="two")
    right = declared("identifier", "A", cardinality="single")
    kept = qti(item2(right, body + block.format("correct", "It is inert.") + block.format("incorrect", "No.")))
    assert kept.question["explanation"]["en"] == "It is inert."
    lost = "Feedback that neither explains the right answer nor is about a choice was left out."
    other = qti(item2(right, body + block.format("step2", "Look again.")))
    assert lost in warned(other)
    assert lost not in warned(kept)
    asks = '<p>Stuck? <endAttemptInteraction responseIdentifier="H" title="Hint"/></p>'
    assert "Hints between attempts were left out." in warned(qti(item2(right, body + asks)))


def test_a_multiple_choice_with_one_right_option_says_that_it_became_a_single_one() -> None:
    body, lost = choice(A="a", B="b"), "Any number of options may be chosen in the file; one is right, so here one is."
    assert lost in warned(qti(item2(declared("identifier", "A"), body)))
    assert lost not in warned(qti(item2(declared("identifier", "A", cardinality="single"), body)))
    pair = "<single>false</single>" + answer(100, "yes") + answer(0, "no")
    assert lost in warned(moodle(asked("multichoice", "Is it?", pair)).items[0])


def test_answers_that_nobody_declared_and_blanks_that_must_differ_are_named() -> None:
    entry = '<p>Seven halves: <textEntryInteraction responseIdentifier="RESPONSE"/></p>'
    compared = (
        '<responseProcessing><equal><variable identifier="RESPONSE"/><divide><baseValue>7</baseValue>'
        "<baseValue>2</baseValue></divide></equal></responseProcessing>"
    )
    only = "Its right answers stand in its response processing only, which is not read. Write it anew."
    assert brief(qti(item2(declared("float", cardinality="single"), entry, compared))) == (only,)
    assert brief(qti(item2(declared("identifier"), choice(A="often", B="never")))) == ("No answer is marked as right.",)
    towns = mapped(("Dresden", 1), ("Leipzig", 1))
    entries = "".join(f'<p>Town: <textEntryInteraction responseIdentifier="R{at}"/></p>' for at in (1, 2))
    differ = (
        '<responseProcessing><not><stringMatch><variable identifier="R1"/><variable identifier="R2"/></stringMatch>'
        '</not><sum><mapResponse identifier="R1"/><mapResponse identifier="R2"/></sum></responseProcessing>'
    )
    declarations = "".join(declared("string", cardinality="single", name=f"R{at}", mapping=towns) for at in (1, 2))
    said = "The file wants another answer in each blank; here the same one may stand in several."
    assert said in warned(qti(item2(declarations, entries, differ)))
    assert said not in warned(qti(item2(declarations, entries, "map_response")))


def test_points_that_differ_within_a_file_of_qti_are_said_once() -> None:
    lost = ["Its questions carry different points in the file; here the rules for drawing papers set them."]
    most = (
        '<outcomeDeclaration identifier="MAXSCORE"><defaultValue><value>{}</value></defaultValue></outcomeDeclaration>'
    )
    one, two = (
        item2(declared("identifier", "A", cardinality="single") + most.format(points), choice(A="a", B="b"))
        for points in ("1.0", "2")
    )
    assert [note.text for note in read("q.zip", zipped(a__xml=one, b__xml=two))[1].notes] == lost
    assert read("q.zip", zipped(a__xml=one, b__xml=one))[1].notes == []
    worth = "<qtimetadatafield><fieldlabel>points_possible</fieldlabel><fieldentry>{}</fieldentry></qtimetadatafield>"
    items = "".join(
        item12(
            "multiple_choice_question",
            material("Which?") + f'<response_lid ident="r">{labels(a="x", b="y")}</response_lid>',
            given("r", "a", score='<setvar varname="SCORE">100</setvar>'),
            fields=worth.format(points),
        )
        for points in ("1.0", "3.5")
    )
    reading = read("q.xml", f"<questestinterop>{items}</questestinterop>".encode())[1]
    assert [note.text for note in reading.notes] == lost


def test_a_quiz_that_draws_from_a_bank_says_so_also_where_it_holds_no_question() -> None:
    drawn = "<selection_ordering><selection><sourcebank_ref>b1</sourcebank_ref></selection></selection_ordering>"
    reading = read("q.xml", f"<questestinterop><section>{drawn}</section></questestinterop>".encode())[1]
    assert [note.text for note in reading.notes] == [
        "The quiz draws questions from a bank: they are taken in where the file holds it. Export it too."
    ]


@pytest.mark.parametrize(("way", "said"), [("TextContainsAnswer", True), ("TextCloseEnough", True), ("", False)])
def test_blanks_of_canvas_that_take_what_comes_close_say_so(way: str, said: bool) -> None:
    label = f'<response_label ident="a" answer_type="openEntry" scoring_algorithm="{way}">{material("red")}'
    response = (
        f'<response_lid ident="response_r"><render_choice>{label}</response_label></render_choice></response_lid>'
    )
    item = qti12(
        item12(
            "fill_in_multiple_blanks_question",
            material("Roses are [r].") + response,
            given("response_r", "a", score='<setvar varname="SCORE">100</setvar>'),
        )
    )[0]
    text = "The file accepts answers that hold the right one or come close to it; here only those it lists."
    assert (text in warned(item)) == said


def test_fixed_options_and_spellings_that_earned_a_part_are_said_of_qti_1_2_too() -> None:
    full, half = (f'<setvar action="Set" varname="SCORE">{share}</setvar>' for share in (100, 50))
    options = labels(a="all of these", b="one").replace("<render_choice>", "<render_choice shuffle='No'>")
    fixed = f'<response_lid ident="R" rcardinality="Single">{options}</response_lid>'
    typed = '<response_str ident="R"><render_fib/></response_str>'
    one, other = qti12(
        item12("", material("Which?") + fixed, given("R", "a", score=full)),
        item12("", material("Who?") + typed, given("R", "York", score=full), given("R", "Yorck", score=half)),
    )
    assert SHUFFLED in warned(one)
    assert brief(other)[:2] == ("fill_in", ["York"])
    assert SPELLING in warned(other)


def test_wrong_choices_that_cost_nothing_in_a_sum_of_right_ones_are_said() -> None:
    add, less = (f'<setvar action="Add" varname="SCORE">{share}</setvar>' for share in (50, -50))
    chosen = f'<response_lid ident="R" rcardinality="Multiple">{labels(a="a", b="b", c="c")}</response_lid>'
    right = [given("R", one, score=add) for one in "ab"]
    free, dear = qti12(
        item12("", material("Which?") + chosen, *right),
        item12("", material("Which?") + chosen, *right, given("R", "c", score=less)),
    )
    assert brief(free)[:3] == brief(dear)[:3] == ("multiple", ["a", "b"], "each")
    assert ["cost nothing" in warned(item) for item in (free, dear)] == [True, False]
