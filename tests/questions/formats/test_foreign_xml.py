"""What Moodle, Canvas, Blackboard, Brightspace, TAO and ONYX write into their XML, each fault and feature once."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest

from questions.formats.neutral import Item, Reading, Refused
from tests.questions.formats.test_foreign import PNG, brief, read, warned

GAPS = "Gaps to be filled with given words became a matching of gaps and words."


def moodle(*questions: str) -> Reading:
    """Read a file of Moodle's with these questions."""
    return read("q.xml", f"<quiz>{''.join(questions)}</quiz>".encode())[1]


def asked(kind: str, text: str, answers: str, *, attributes: str = ' format="html"', files: str = "") -> str:
    """A question of Moodle's."""
    return (
        f'<question type="{kind}"><name><text>name</text></name>'
        f"<questiontext{attributes}><text><![CDATA[{text}]]></text>{files}</questiontext>{answers}</question>"
    )


def answer(share: object, text: str, feedback: str = "") -> str:
    """An answer of Moodle's, in the format of its question."""
    remark = f"<feedback><text>{feedback}</text></feedback>"
    return f'<answer fraction="{share}"><text><![CDATA[{text}]]></text>{remark}</answer>'


def picture(name: str, path: str = "/") -> str:
    """A file that Moodle carries."""
    return f'<file name="{name}" path="{path}" encoding="base64">{base64.b64encode(PNG).decode()}</file>'


def zipped(**members: str | bytes) -> bytes:
    """A package; two underscores in a name stand for the dot."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("imsmanifest.xml", "<manifest/>")
        for name, content in members.items():
            file.writestr(name.replace("__", "."), content)
    return out.getvalue()


def explained(item: Item) -> str:
    """The explanation in English."""
    return str(item.question["explanation"]["en"])


# ---------- Moodle ----------


def test_a_choice_that_does_not_say_how_many_may_be_chosen_is_a_single_one() -> None:
    one, several = moodle(
        asked("multichoice", "Which gas?", answer(100, "argon") + answer(-25, "air")),
        asked("multichoice", "Which two?", "<single></single>" + answer(50, "a") + answer(50, "b") + answer(-50, "c")),
    ).items
    assert brief(one) == ("single", ["a"], "all", "Which gas?")
    assert brief(several) == ("multiple", ["a", "b"], "each", "Which two?")


def test_true_and_false_in_words_of_any_language_stand_in_their_old_order() -> None:
    named, old, neither = moodle(
        asked("truefalse", "A", answer(0, "true") + answer(100, "false")),
        asked("truefalse", "B", answer(100, "Verdadero") + answer(0, "Falso")),
        asked("truefalse", "C", answer(0, "true") + answer(0, "false")),
    ).items
    assert brief(named)[1] is False
    assert brief(old)[1] is True
    assert brief(neither) == ("The answer must be true or false.",)


def test_answers_that_name_no_format_have_that_of_the_text() -> None:
    plain, markdown = moodle(
        asked("multichoice", "a < b", answer(100, "x<y & *z*") + answer(0, "no"), attributes=' format="plain_text"'),
        asked("multichoice", "A *word*", answer(100, "*yes*") + answer(0, "no"), attributes=' format="markdown"'),
    ).items
    assert [option["en"] for option in plain.question["options"]] == ["x<y & *z*", "no"]
    assert [option["en"] for option in markdown.question["options"]] == ["yes", "no"]


def test_line_breaks_of_html_are_spaces_and_those_of_moodles_own_format_are_lines() -> None:
    html, own = moodle(
        asked("truefalse", "One\n  sentence.", answer(100, "true")),
        asked("truefalse", "One\nTwo", answer(100, "true"), attributes=' format="moodle_auto_format"'),
    ).items
    assert html.question["stem"]["en"] == "One sentence."
    assert own.question["stem"]["en"] == "One\nTwo"


def test_markup_that_nobody_escaped_is_still_markup() -> None:
    text = "<questiontext format='html'><text><p>Is H<sub>2</sub>O water?</p></text></questiontext>"
    item = moodle(f'<question type="truefalse">{text}{answer(100, "true")}</question>').items[0]
    assert item.question["stem"]["en"] == "Is H₂O water?"


def test_files_in_folders_files_asked_for_with_a_time_and_images_of_old_are_found() -> None:
    folder, old = moodle(
        asked(
            "truefalse",
            '<img src="@@PLUGINFILE@@/img/my%20torch.png?time=12" alt="A torch"> Lit?',
            answer(100, "true"),
            files=picture("my torch.png", "/img/"),
        ),
        asked(
            "truefalse",
            "Of 1.9?",
            f"<image>torch.png</image><image_base64>{base64.b64encode(PNG).decode()}</image_base64>"
            + answer(100, "true"),
        ),
    ).items
    assert len(folder.question["media"]) == len(old.question["media"]) == 1
    assert "left out" not in warned(folder) + warned(old)


def test_words_typed_into_a_text_become_blanks_and_words_chosen_there_a_matching() -> None:
    typed, chosen, mixed, none = moodle(
        asked("cloze", "Current in {1:SHORTANSWER:=ampere#Yes~%100%A~%50%amp}, two is {1:NM:=2}.", ""),
        asked("cloze", "La {1:MC:=mitocondria~ribosoma} es del {2:MCV:núcleo#no~=citoplasma}.", ""),
        asked("cloze", "pH {1:NUMERICAL:=7:0.5} in {1:MULTICHOICE:=soil~dust}.", ""),
        asked("cloze", "Nothing.", ""),
    ).items
    assert brief(typed) == ("fill_in", [["ampere", "A"], ["2"]], "each", "Current in {{1}}, two is {{2}}.")
    assert explained(typed) == "Yes"
    assert brief(chosen) == ("matching", {"p1": "a", "p2": "b"}, "each", "La ____(1) es del ____(2).")
    assert [option["en"] for option in chosen.question["options"]] == [
        "mitocondria", "citoplasma", "ribosoma", "núcleo",
    ]  # fmt: skip
    assert GAPS in warned(chosen)
    assert "count alike here" in warned(chosen)
    assert explained(chosen) == "núcleo: no"
    assert brief(mixed)[0].startswith("Its gaps are of several kinds")
    assert brief(none) == ("There is nothing to answer in it.",)


def test_a_text_with_one_answer_embedded_is_a_question_of_that_kind() -> None:
    items = moodle(
        asked("cloze", "pH {1:NUMERICAL:=7:0.5#ok~%50%8:1}", ""),
        asked("cloze", "Gas {1:MULTICHOICE_H:=argon~air}", ""),
        asked("cloze", "Fuels {1:MULTIRESPONSE:=propane~=acetylene~%-100%argon}", ""),
        asked("cloze", r"Signs {:SA:=a\~b\}~c\#d#no}", ""),
    ).items
    assert [brief(item) for item in items] == [
        ("numeric", {"value": "7", "tolerance": "0.5"}, "all", "pH ____"),
        ("single", ["a"], "all", "Gas ____"),
        ("multiple", ["a", "b"], "partial", "Fuels ____"),
        ("fill_in", ["a~b}"], "all", "Signs ____"),
    ]


def test_a_gap_offers_the_words_of_its_own_group_and_one_gap_is_a_single_choice() -> None:
    boxes = "".join(
        f"<selectoption><text>{text}</text><group>{group}</group></selectoption>"
        for text, group in (("dog", 1), ("chair", 1), ("legs", 2), ("wings", 2))
    )
    both, one = moodle(
        asked("gapselect", "A [[1]] has [[3]]", boxes), asked("gapselect", "A [[2]] has four", boxes)
    ).items
    assert brief(both) == ("matching", {"p1": "a", "p2": "b"}, "each", "A ____(1) has ____(2)")
    assert brief(one) == ("single", ["b"], "all", "A ____ has four")
    assert [option["en"] for option in one.question["options"]] == ["dog", "chair"]


def test_images_may_stand_on_either_side_of_a_matching() -> None:
    pairs = (
        f'<subquestion format="html"><text><![CDATA[<img src="@@PLUGINFILE@@/a.png" alt="a torch">]]></text>'
        f"{picture('a.png')}<answer format='html'><text><![CDATA[<p>torch</p>]]></text></answer></subquestion>"
        "<subquestion><text>gas</text><answer><text>argon</text></answer></subquestion>"
    )
    item = moodle(asked("ddmatch", "Match.", pairs)).items[0]
    assert brief(item)[:2] == ("matching", {"p1": "a", "p2": "b"})
    assert "image" in item.question["prompts"][0]


def test_what_makes_answers_looser_or_stricter_than_ours_is_said() -> None:
    loose, wild, wanted = moodle(
        asked("shortanswer", "Unit?", "<usecase>1</usecase>" + answer(100, "Ohm") + answer(100, "*ohm*")),
        asked("shortanswer", "Unit?", answer(100, "*ohm*")),
        asked("oumultiresponse", "Two?", answer(100, "a") + answer(100, "b") + answer(0, "c")),
    ).items
    assert brief(loose)[1] == ["Ohm"]
    assert "tells upper from lower case" in warned(loose)
    assert "which stands for anything, was left out" in warned(loose)
    assert brief(wild)[0].startswith("An accepted answer holds *")
    assert brief(wanted) == ("multiple", ["a", "b"], "each", "Two?")


def test_several_exact_numbers_are_spellings_and_several_with_tolerances_are_named() -> None:
    def number(value: str, tolerance: str) -> str:
        return f'<answer fraction="100"><text>{value}</text><tolerance>{tolerance}</tolerance></answer>'

    exact, rough = moodle(
        asked("numerical", "Roots of 4?", number("2.0", "0") + number("-2", "0")),
        asked("numerical", "About?", number("2", "0.1") + number("5", "0.1")),
    ).items
    assert brief(exact)[:2] == ("fill_in", ["2.0", "2", "-2"])
    assert brief(rough) == ("2 numbers are fully right; it must be exactly one.",)


def test_a_formula_with_pi_is_read_and_a_text_that_computes_is_named() -> None:
    data = (
        "<dataset_definitions><dataset_definition><name><text>r</text></name><minimum><text>1</text></minimum>"
        "<maximum><text>2</text></maximum><decimals><text>1</text></decimals></dataset_definition></dataset_definitions>"
    )
    formula = (
        '<answer fraction="100"><text>2*pi()*{r}</text><tolerance>0.01</tolerance><tolerancetype>1</tolerancetype>'
        f"<correctanswerlength>2</correctanswerlength></answer>{data}"
    )
    read_, computed = moodle(
        asked("calculated", "Round {r}?", formula), asked("calculated", "Of {={r}*2} and {r}?", formula)
    ).items
    assert brief(read_)[1]["expression"] == "2 * 3.141592653589793 * r"
    assert brief(computed)[0].startswith("The text computes a value")


def test_lists_and_cells_of_paragraphs_stay_on_their_lines_and_formulas_are_written_out() -> None:
    lines = (
        "<ol><li>\n<p>open</p></li><li><p>light</p></li></ol><table><tr><td><p>0.35 m</p></td><td>1 m</td></tr></table>"
        "<math><mfrac><mn>1</mn><mn>2</mn></mfrac><mo>=</mo><msup><mi>x</mi><mrow><mi>n</mi><mo>+</mo><mn>1</mn></mrow>"
        "</msup><annotation encoding='TeX'>hidden</annotation></math>"
        '<img class="equation_image" data-equation-content="x^2" src="/equation_images/x">'
    )
    item = moodle(asked("truefalse", lines, answer(100, "true"))).items[0]
    assert item.question["stem"]["en"] == "1. open\n2. light\n0.35 m | 1 m\n1/2 = x^(n+1)\\(x^2\\)"
    assert "formula in TeX" in warned(item)


def test_an_option_that_is_an_image_of_a_kind_not_kept_names_the_image() -> None:
    options = answer(100, '<img src="@@PLUGINFILE@@/joint.svg" alt="">') + answer(0, "none")
    assert brief(moodle(asked("multichoice", "Which?", options)).items[0]) == (
        "An option is nothing but the image joint.svg, which cannot be kept.",
    )


# ---------- QTI 2 and 3 ----------


def item2(declarations: str, body: str, processing: str = "match_correct", more: str = "") -> str:
    """An item of QTI 2; `processing` is a template or the whole."""
    said = processing if "<" in processing else f'<responseProcessing template="http://x/rptemplates/{processing}"/>'
    return (
        f'<assessmentItem xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1" identifier="i" title="t">{declarations}'
        f"<itemBody>{body}</itemBody>{said}{more}</assessmentItem>"
    )


def declared(kind: str, *right: str, cardinality: str = "multiple", name: str = "RESPONSE", mapping: str = "") -> str:
    """A response declaration."""
    values = "".join(f"<value>{one}</value>" for one in right)
    return (
        f'<responseDeclaration identifier="{name}" cardinality="{cardinality}" baseType="{kind}">'
        f"<correctResponse>{values}</correctResponse>{mapping}</responseDeclaration>"
    )


def choices(tag: str, **texts: str) -> str:
    """Choices by their ids."""
    return "".join(f'<{tag} identifier="{id_}">{text}</{tag}>' for id_, text in texts.items())


def qti(text: str) -> Item:
    """Read one item."""
    return read("i.xml", text.encode())[1].items[0]


def test_words_put_into_gaps_chosen_in_lists_or_in_the_text_itself_are_read() -> None:
    words = choices("gapText", W="winter", S="summer", A="autumn")
    gaps = "<p>Now is <gap identifier='G1'/>, then <gap identifier='G2'/>.</p>"
    match = f'<gapMatchInteraction responseIdentifier="RESPONSE"><prompt>Fill in.</prompt>{words}{gaps}'
    assert brief(qti(item2(declared("directedPair", "W G1", "S G2"), f"{match}</gapMatchInteraction>"))) == (
        "matching", {"p1": "a", "p2": "b"}, "all", "Fill in.\nNow is ____(1), then ____(2).",
    )  # fmt: skip
    inline = '<p>Sun of <inlineChoiceInteraction responseIdentifier="{}">{}</inlineChoiceInteraction>;</p>'
    one = inline.format("RESPONSE", choices("inlineChoice", G="Gloucester", Y="York"))
    assert brief(qti(item2(declared("identifier", "Y", cardinality="single"), one))) == (
        "single", ["b"], "all", "Sun of ____;",
    )  # fmt: skip
    two = one + inline.format("R2", choices("inlineChoice", L="Lancaster", G="Gloucester"))
    both = declared("identifier", "Y", cardinality="single") + declared("identifier", "L", name="R2")
    assert brief(qti(item2(both, two)))[:3] == ("matching", {"p1": "a", "p2": "b"}, "each")
    hot = '<p>Sponsors <hottext identifier="A">who</hottext> <hottext identifier="B">has</hottext> paid.</p>'
    hottext = f'<hottextInteraction responseIdentifier="RESPONSE"><prompt>The error?</prompt>{hot}</hottextInteraction>'
    assert brief(qti(item2(declared("identifier", "B", cardinality="single"), hottext))) == (
        "single", ["b"], "all", "The error?\nSponsors who has paid.",
    )  # fmt: skip


def choice(**texts: str) -> str:
    """A choice with a prompt."""
    return (
        '<choiceInteraction responseIdentifier="RESPONSE" maxChoices="0"><prompt>Which?</prompt>'
        f"{choices('simpleChoice', **texts)}</choiceInteraction>"
    )


def test_a_mapping_says_what_each_choice_earns_also_one_it_does_not_list() -> None:
    entries = "".join(f'<mapEntry mapKey="{id_}" mappedValue="1"/>' for id_ in "HO")
    mapping = f'<mapping defaultValue="-1">{entries}</mapping>'
    water = qti(item2(declared("identifier", "H", "O", mapping=mapping), choice(H="h", O="o", N="n"), "map_response"))
    assert brief(water)[:3] == ("multiple", ["a", "b"], "each")
    assert "cost nothing" not in warned(water)
    half = '<mapping><mapEntry mapKey="A" mappedValue="2"/><mapEntry mapKey="B" mappedValue="1"/></mapping>'
    best = qti(
        item2(declared("identifier", "A", cardinality="single", mapping=half), choice(A="a", B="b"), "map_response")
    )
    assert brief(best)[:2] == ("single", ["a"])
    assert "earned a part of the points" in warned(best)


def test_a_mapping_that_is_only_compared_with_its_whole_earns_all_or_nothing() -> None:
    whole = (
        "<responseProcessing><responseCondition><responseIf><match><mapResponse identifier='RESPONSE'/>"
        "<baseValue>2</baseValue></match></responseIf></responseCondition></responseProcessing>"
    )
    mapping = '<mapping><mapEntry mapKey="a c" mappedValue="1"/><mapEntry mapKey="b d" mappedValue="1"/></mapping>'
    sets = "".join(
        f"<simpleMatchSet>{choices('simpleAssociableChoice', **texts)}</simpleMatchSet>"
        for texts in ({"a": "oxygen", "b": "air"}, {"c": "blue", "d": "grey"})
    )
    body = f'<matchInteraction responseIdentifier="RESPONSE"><prompt>Match</prompt>{sets}</matchInteraction>'
    assert brief(qti(item2(declared("directedPair", "a c", "b d", mapping=mapping), body, whole)))[2] == "all"


def test_feedback_on_the_right_answer_explains_and_that_on_a_wrong_one_is_left_unless_it_is_about_a_choice() -> None:
    setters = "".join(
        f"<responseCondition><responseIf><match><baseValue>{word}</baseValue><variable identifier='BASIC'/></match>"
        f"<setOutcomeValue identifier='F'><baseValue>FB{at}</baseValue></setOutcomeValue></responseIf>"
        "</responseCondition>"
        for at, word in enumerate(("correct", "incorrect"))
    )
    modal = "".join(
        f'<modalFeedback identifier="{name}" outcomeIdentifier="F" showHide="show">{text}</modalFeedback>'
        for name, text in (("FB0", "Argon is inert."), ("FB1", "Pity."), ("incorrect", "No."), ("B", "It burns."))
    )
    inline = 'two<feedbackInline identifier="x" outcomeIdentifier="F" showHide="show">Too many.</feedbackInline>'
    body = (
        '<feedbackBlock identifier="SOLUTION" outcomeIdentifier="F" showHide="show">Look at the table.</feedbackBlock>'
        '<feedbackBlock identifier="ask" outcomeIdentifier="F" showHide="show">'
        '<endAttemptInteraction responseIdentifier="S" title="Show"/></feedbackBlock>' + choice(A="one", B=inline)
    )
    item = qti(
        item2(
            declared("identifier", "A", cardinality="single"),
            body,
            f"<responseProcessing>{setters}</responseProcessing>",
            modal,
        )
    )
    assert brief(item) == ("single", ["a"], "all", "Which?")
    assert explained(item) == "Argon is inert.\ntwo: It burns.\nLook at the table.\ntwo: Too many."


def test_a_text_for_candidates_is_shown_and_one_for_scorers_is_not() -> None:
    rubrics = (
        '<rubricBlock view="candidate tutor"><p>Bread costs 2.</p></rubricBlock>'
        '<rubricBlock view="scorer"><p>Secret.</p></rubricBlock>'
    )
    item = qti(item2(declared("identifier", "A", cardinality="single"), rubrics + choice(A="a", B="b")))
    assert item.question["stem"]["en"] == "Bread costs 2.\nWhich?"


def test_a_number_right_to_some_places_or_figures_and_a_slider_are_numbers() -> None:
    entry = '<p>e² is <textEntryInteraction responseIdentifier="RESPONSE"/></p>'
    rounded = (
        "<responseProcessing><equalRounded figures='{}' roundingMode='{}'><variable identifier='RESPONSE'/>"
        "<correct identifier='RESPONSE'/></equalRounded></responseProcessing>"
    )
    number = declared("float", "738.9", cardinality="single")
    places = qti(item2(number, entry, rounded.format(2, "decimalPlaces")))
    figures = qti(item2(number, entry, rounded.format(3, "significantFigures")))
    assert brief(places)[1] == {"value": "738.9", "tolerance": "0.005"}
    assert brief(figures)[1] == {"value": "738.9", "tolerance": "0.5"}
    slider = '<sliderInteraction responseIdentifier="RESPONSE" lowerBound="0" upperBound="9"><prompt>S?</prompt>'
    assert brief(qti(item2(declared("integer", "7", cardinality="single"), f"{slider}</sliderInteraction>"))) == (
        "numeric",
        {"value": "7", "tolerance": "0"},
        "all",
        "S?",
    )


def test_answers_that_only_the_processing_knows_and_items_with_several_partners_are_named() -> None:
    entry = '<p>A state: <textEntryInteraction responseIdentifier="RESPONSE"/></p>'
    processing = (
        "<responseProcessing><stringMatch><variable/><baseValue>Peru</baseValue></stringMatch></responseProcessing>"
    )
    assert brief(qti(item2(declared("string", cardinality="single"), entry, processing)))[0].startswith(
        "Its right answers stand in its response processing only"
    )
    sets = "".join(
        f"<simpleMatchSet>{choices('simpleAssociableChoice', **texts)}</simpleMatchSet>"
        for texts in ({"a": "x", "b": "y"}, {"c": "p", "d": "q"})
    )
    body = f'<matchInteraction responseIdentifier="RESPONSE">{sets}</matchInteraction>'
    assert brief(qti(item2(declared("directedPair", "a c", "a d", "b d"), body))) == (
        "An item of the matching has several partners; each can have one.",
    )


def test_names_with_a_prefix_are_read_and_so_is_a_shared_text_in_a_file_of_its_own() -> None:
    prefixed = item2(declared("identifier", "A", cardinality="single"), choice(A="a", B="b"))
    prefixed = prefixed.replace("<", "<q:").replace("<q:/", "</q:").replace("xmlns=", "xmlns:q=")
    stimulus = (
        '<qti-assessment-stimulus xmlns="x"><qti-stimulus-body><p>The text.</p></qti-stimulus-body>'
        "</qti-assessment-stimulus>"
    )
    item3 = (
        '<qti-assessment-item xmlns="x" identifier="i"><qti-response-declaration identifier="RESPONSE" cardinality='
        '"single" base-type="identifier"><qti-correct-response><qti-value>A</qti-value></qti-correct-response>'
        '</qti-response-declaration><qti-assessment-stimulus-ref identifier="s" href="text.xml"/><qti-item-body>'
        '<qti-choice-interaction response-identifier="RESPONSE"><qti-prompt>Why?</qti-prompt><qti-simple-choice '
        'identifier="A">a</qti-simple-choice><qti-simple-choice identifier="B">b</qti-simple-choice>'
        "</qti-choice-interaction></qti-item-body></qti-assessment-item>"
    )
    test = (
        '<assessmentTest xmlns="x"><testPart><assessmentSection title="Welding safety">'
        '<assessmentItemRef href="p.xml"/></assessmentSection></testPart></assessmentTest>'
    )
    _, reading = read("q.zip", zipped(p__xml=prefixed, i__xml=item3, text__xml=stimulus, test__xml=test))
    first, second = reading.items
    assert brief(first) == ("single", ["a"], "all", "Which?")
    assert first.question["topic"] == "safety", "the section of the test names it"
    assert brief(second) == ("single", ["a"], "all", "The text.\nWhy?")


def test_a_declaration_below_empty_lines_is_read_and_a_wrong_encoding_says_what_to_do() -> None:
    xml = '<?xml version="1.0" encoding="UTF-8"?>\n<quiz>{}</quiz>'
    question = asked("truefalse", "水是湿的。", answer(100, "true") + answer(0, "false"))
    body = ("\n\n" + xml.format(question)).encode()
    for head in (b"", b"\xef\xbb\xbf"):
        item = read("q.xml", head + body)[1].items[0]
        assert (brief(item), item.place.line) == (("true_false", True, "all", "水是湿的。"), 4)
    for wrong in (xml.format(question), f"<quiz>{question}</quiz>"):
        with pytest.raises(Refused, match="Save it as UTF-8 and upload it again"):
            read("q.xml", wrong.encode("gbk"))


def test_a_package_whose_names_have_backslashes_has_its_images() -> None:
    shown = '<p><img src="../img/joint.png" alt="A joint"/></p>' + choice(A="one", B="two")
    item = item2(declared("identifier", "A", cardinality="single"), shown)
    members: dict[str, str | bytes] = {"items\\i__xml": item, "img\\joint__png": PNG}
    reading = read("q.zip", zipped(**members))[1]
    assert len(reading.items[0].question["media"]) == 1


def test_a_shared_text_that_cannot_be_read_is_a_problem_of_its_questions_alone() -> None:
    good = item2(declared("identifier", "A", cardinality="single"), choice(A="a", B="b"))
    bad = good.replace("<itemBody>", '<assessmentStimulusRef identifier="s" href="text.xml"/><itemBody>')
    reading = read("q.zip", zipped(i__xml=bad, j__xml=good, text__xml="<assessmentStimulus>"))[1]
    assert [brief(item)[0][:23] for item in reading.items] == ["The XML cannot be read:", "single"]


def test_a_passage_in_a_file_of_html_stands_where_the_item_names_it() -> None:
    block = '<rubricBlock view="candidate"><object type="text/html" data="text.html">gone</object></rubricBlock>'
    item = item2(declared("identifier", "A", cardinality="single"), block + choice(A="a", B="b"))
    page = "<html><head><title>42</title></head><body class='x'><p>A bear &amp; a boy.</p></body></html>"
    _, reading = read("q.zip", zipped(i__xml=item, text__html=page))
    assert brief(reading.items[0]) == ("single", ["a"], "all", "A bear & a boy.\nWhich?")
    assert "left out: it is not in the file" in warned(read("q.zip", zipped(i__xml=item))[1].items[0])


def test_one_document_that_cannot_be_read_is_named_and_the_others_are_read() -> None:
    good = item2(declared("identifier", "A", cardinality="single"), choice(A="a", B="b"))
    _, reading = read("q.zip", zipped(good__xml=good, bad__xml=good[:-20], course__xml="<broken"))
    assert [brief(item)[0] for item in reading.items if not item.problems] == ["single"]
    broken = next(item for item in reading.items if item.problems)
    assert broken.problems[0].text.startswith("The XML cannot be read")
    assert broken.problems[0].place.file == "bad.xml"
    with pytest.raises(Refused, match="cannot be read"):
        read("q.zip", zipped(bad__xml=good[:-20]))


# ---------- QTI 1.2 ----------


def material(text: str) -> str:
    """A text of QTI 1.2."""
    return f'<material><mattext texttype="text/html"><![CDATA[{text}]]></mattext></material>'


def item12(kind: str, presentation: str, *conditions: str, more: str = "", fields: str = "") -> str:
    """An item of QTI 1.2 as Canvas says its type."""
    meta = f"<qtimetadatafield><fieldlabel>question_type</fieldlabel><fieldentry>{kind}</fieldentry></qtimetadatafield>"
    return (
        f'<item ident="i"><itemmetadata><qtimetadata>{meta}{fields}</qtimetadata></itemmetadata>'
        f"<presentation>{presentation}</presentation><resprocessing>{''.join(conditions)}</resprocessing>{more}</item>"
    )


def labels(**texts: str) -> str:
    """The choices of a response."""
    shown = "".join(f'<response_label ident="{id_}">{material(text)}</response_label>' for id_, text in texts.items())
    return f"<render_choice>{shown}</render_choice>"


def given(response: str, *values: str, score: str = "", shows: str = "") -> str:
    """A condition; `score` is its setvar."""
    tests = "".join(f'<varequal respident="{response}">{value}</varequal>' for value in values)
    shown = f'<displayfeedback linkrefid="{shows}"/>' if shows else ""
    return f"<respcondition><conditionvar>{tests}</conditionvar>{score}{shown}</respcondition>"


FULL = '<setvar action="Set" varname="SCORE">100</setvar>'
HALF = '<setvar action="Add" varname="SCORE">50</setvar>'


def qti12(*items: str, head: str = "") -> list[Item]:
    """Read items of QTI 1.2."""
    return read("q.xml", f"{head}<questestinterop>{''.join(items)}</questestinterop>".encode())[1].items


def test_a_document_type_without_entities_is_read_past_and_a_score_may_have_any_name() -> None:
    dtd = '<!DOCTYPE questestinterop SYSTEM "ims_qtiasiv1p2.dtd" [<!ELEMENT x (y+)>]>'
    days = "".join(
        f'<response_label ident="{id_}">{material(text)}</response_label>'
        for id_, text in zip("ABC", "312", strict=True)
    )
    order = f'<response_lid ident="R" rcardinality="Ordered"><render_extension>{days}</render_extension></response_lid>'
    score = '<setvar action="Add" varname="ORDERSCORE"> 5 </setvar>'
    item = qti12(item12("", material("Order?") + order, given("R", "B", "C", "A", score=score)), head=dtd)[0]
    assert brief(item) == ("ordering", ["b", "c", "a"], "all", "Order?")


def test_answers_typed_within_a_text_become_blanks_where_they_stand() -> None:
    fib = (
        '<response_str ident="{}"><render_fib fibtype="String"><response_label ident="A"/></render_fib></response_str>'
    )
    text = material("Now is the") + fib.format("F1") + material("of our") + fib.format("F2") + material(".")
    tests = '<varequal respident="F1" case="Yes">winter</varequal><varequal respident="F2">life</varequal>'
    whole = f"<respcondition><conditionvar>{tests}</conditionvar>{FULL}</respcondition>"
    item = qti12(item12("", text, whole))[0]
    assert brief(item) == ("fill_in", [["winter"], ["life"]], "all", "Now is the {{1}} of our {{2}}.")
    assert "upper from lower case" in warned(item)


def named(name: str, shown: str = "", kind: str = "", **texts: str) -> str:
    """A list of Canvas's for a place in the text."""
    lists = (
        labels(**texts).replace("<response_label", f"<response_label answer_type='{kind}'") if kind else labels(**texts)
    )
    return f'<response_lid ident="response_{name}">{material(shown or name)}{lists}</response_lid>'


def test_every_spelling_of_a_blank_of_canvas_is_accepted_and_its_lists_are_gaps() -> None:
    blanks = material("In [cur] and [vol].") + named("cur", a="ampere", b="A") + named("vol", c="volt")
    spelled, listed, one, new = qti12(
        item12("fill_in_multiple_blanks_question", blanks, given("response_cur", "a", score=HALF)),
        item12(
            "multiple_dropdowns_question",
            material("Roses [r], sky [s]") + named("r", a="red", b="blue") + named("s", c="blue", d="grey"),
            given("response_r", "a", score=HALF),
            given("response_s", "c", score=HALF),
        ),
        item12(
            "multiple_dropdowns_question", material("Rose [r]") + named("r", a="red", b="blue"),
            given("response_r", "a", score=FULL),
        ),
        item12(
            "fill_in_multiple_blanks_question",
            material("A [u-1] and [u-2]")
            + named("u-1", "x", "dropdown", a="x", b="y")
            + named("u-2", "z", "wordbank", c="z"),
            given("response_u-1", "a", score=HALF),
            given("response_u-2", "c", score=HALF),
        ),
    )  # fmt: skip
    assert brief(spelled) == ("fill_in", [["ampere", "A"], ["volt"]], "each", "In {{1}} and {{2}}.")
    assert brief(listed) == ("matching", {"p1": "a", "p2": "b"}, "each", "Roses ____(1), sky ____(2)")
    assert brief(one) == ("single", ["a"], "all", "Rose ____")
    assert brief(new)[3] == "A ____(1) and ____(2)"


def test_categories_become_the_options_and_empty_rows_of_a_matching_nothing() -> None:
    things = {"a1": "argon", "a2": "neon", "b1": "iron", "x": "none of them"}
    lists = "".join(
        f'<response_lid ident="{name}" rcardinality="Multiple">{material(text)}{labels(**things)}</response_lid>'
        for name, text in (("A", "gases"), ("B", "metals"))
    )
    sorted_, rows = qti12(
        item12(
            "categorization_question",
            material("Sort.") + lists,
            given("A", "a1", "a2", score=HALF),
            given("B", "b1", score=HALF),
        ),
        item12(
            "matching_question",
            material("Match.")
            + "".join(
                f'<response_lid ident="r{at}">{material(text)}{labels(e="", p="1", q="2")}</response_lid>'
                for at, text in enumerate(("", "A", "B"))
            ),
            given("r0", "e", score=HALF),
            given("r1", "p", score=HALF),
            given("r2", "q", score=HALF),
        ),
    )
    assert brief(sorted_) == ("matching", {"p1": "a", "p2": "a", "p3": "b"}, "each", "Sort.")
    assert [prompt["en"] for prompt in sorted_.question["prompts"]] == ["argon", "neon", "iron"]
    assert "belong to no category" in warned(sorted_)
    assert brief(rows) == ("matching", {"p1": "a", "p2": "b"}, "each", "Match.")


def test_feedback_of_canvas_is_kept_in_general_for_the_right_answer_and_with_wrong_choices() -> None:
    feedback = "".join(
        f'<itemfeedback ident="{name}"><flow_mat>{material(text)}</flow_mat></itemfeedback>'
        for name, text in (
            ("general_fb", "All."),
            ("general_incorrect_fb", "No."),
            ("a_fb", "Yes."),
            ("b_fb", "Burns."),
        )
    )
    response = f'<response_lid ident="R" rcardinality="Single">{labels(a="argon", b="air")}</response_lid>'
    conditions = (given("R", "a", shows="a_fb"), given("R", "b", shows="b_fb"), given("R", "a", score=FULL))
    half = given("R", "b", score='<setvar varname="SCORE" action="Set">40</setvar>')
    item = qti12(item12("multiple_choice_question", material("Gas?") + response, *conditions, half, more=feedback))[0]
    assert brief(item)[:2] == ("single", ["a"])
    assert explained(item) == "All.\nYes.\nair: Burns."
    assert "earned a part of the points" in warned(item)


def test_a_margin_in_percent_and_a_formula_in_steps_are_kept() -> None:
    fib = '<response_str ident="R"><render_fib fibtype="Decimal"/></response_str>'
    margin = (
        '<respcondition><conditionvar><or><varequal respident="R" margintype="percent" margin="20.0">200</varequal>'
        f'<and><vargte respident="R">160</vargte><varlte respident="R">240</varlte></and></or></conditionvar>{FULL}'
        "</respcondition>"
    )
    steps = (
        "<itemproc_extension><calculated><answer_tolerance>10%</answer_tolerance><formulas decimal_places='2'>"
        "<formula>x = n*x</formula><formula>x^2 + n</formula></formulas><vars>"
        + "".join(f"<var name='{name}' scale='0'><min>1</min><max>9</max></var>" for name in "xn")
        + "</vars></calculated></itemproc_extension>"
    )
    number, formula, unknown = qti12(
        item12("numerical_question", material("How many?") + fib, margin),
        item12("calculated_question", material("[n] and [x]") + fib, more=steps),
        item12("calculated_question", material("[n] and [x]") + fib, more=steps.replace("x^2", "sin(x)")),
    )
    assert brief(number)[1] == {"value": "200", "tolerance": "20%"}
    assert brief(formula)[1]["expression"] == "(n * x) ** 2 + n"
    assert brief(unknown) == ("The formula uses sin, which is not known here.",)


def test_a_passage_of_canvas_stands_before_its_questions_and_a_bank_names_their_topic() -> None:
    label = "<fieldlabel>parent_stimulus_item_ident</fieldlabel>"
    parent = f"<qtimetadatafield>{label}<fieldentry>s</fieldentry></qtimetadatafield>"
    truth = f'<response_lid ident="R" rcardinality="Single">{labels(t="True", f="False")}</response_lid>'
    passage = item12("text_only_question", material("A passage.")).replace('ident="i"', 'ident="s"')
    child = item12("true_false_question", material("So?") + truth, given("R", "f", score=FULL), fields=parent)
    title = "<qtimetadata><qtimetadatafield><fieldlabel>bank_title</fieldlabel><fieldentry>Welding safety</fieldentry>"
    bank = f"<objectbank>{title}</qtimetadatafield></qtimetadata>{passage}{child}</objectbank>"
    _, reading = read("q.xml", f"<questestinterop>{bank}</questestinterop>".encode())
    assert [brief(item) for item in reading.items] == [("true_false", False, "all", "A passage.\nSo?")]
    assert reading.items[0].question["topic"] == "safety"
    assert reading.notes == []
    _, alone = read("q.xml", f"<questestinterop>{passage}</questestinterop>".encode())
    assert [one.text for one in alone.notes] == ["A description without a question was left out."]


def test_a_pool_of_blackboard_is_read_from_its_dat_files() -> None:
    def said(text: str) -> str:
        return (
            '<flow class="FORMATTED_TEXT_BLOCK"><material><mat_extension><mat_formattedtext type="HTML">'
            f"{text}</mat_formattedtext></mat_extension></material></flow>"
        )

    def item(kind: str, text: str, response: str, conditions: str) -> str:
        return (
            f"<item><itemmetadata><bbmd_questiontype>{kind}</bbmd_questiontype></itemmetadata><presentation>"
            f'<flow class="Block"><flow class="QUESTION_BLOCK">{said(text)}</flow>'
            f"{response}</flow></presentation><resprocessing>{conditions}</resprocessing></item>"
        )

    most = '<setvar variablename="SCORE" action="Set">SCORE.max</setvar>'
    wrong = (
        "<respcondition><conditionvar><other/></conditionvar><setvar variablename='SCORE'>0</setvar></respcondition>"
    )
    options = "".join(
        f'<response_label ident="{id_}"><flow_mat>{said(id_)}</flow_mat></response_label>' for id_ in "abc"
    )
    lid = '<response_lid ident="{}" rcardinality="{}"><render_choice>{}</render_choice></response_lid>'
    rows = "".join(
        '<flow class="Block">'
        + lid.format(row, "Single", "".join(f"<response_label ident='{row}{at}'/>" for at in (1, 2)))
        + f"{said(text)}</flow>"
        for row, text in (("r", "oxygen"), ("s", "air"))
    )
    right = "".join(f'<flow class="Block">{said(text)}</flow>' for text in ("blue", "grey"))
    answers = f'<flow class="RESPONSE_BLOCK">{rows}</flow><flow class="RIGHT_MATCH_BLOCK">{right}</flow>'
    blanks = "".join(f'<response_str ident="{name}"><render_fib/></response_str>' for name in ("cur", "vol"))
    spelled = "".join(f'<or><varequal respident="{name}">{name}1</varequal></or>' for name in ("cur", "vol"))
    a, b, c = (f"<varequal respident='x'>{id_}</varequal>" for id_ in "abc")
    both = f"<respcondition><conditionvar><and>{a}<not>{b}</not>{c}</and></conditionvar>{most}</respcondition>"
    each = f"<respcondition><conditionvar><and>{spelled}</and></conditionvar>{most}</respcondition>"
    body = "".join(
        (
            item("Multiple Choice", "Which?", lid.format("x", "Single", options), given("x", "b", score=most) + wrong),
            item("Multiple Answer", "Two?", lid.format("x", "Multiple", options), both),
            item("Matching", "Match", answers, given("r", "r2", shows="correct") + given("s", "s1", shows="correct")),
            item("Fill in the Blank Plus", "In [cur] and [vol].", blanks, each),
            item("Essay", "Tell.", "", ""),
        )
    )  # fmt: skip
    _, reading = read(
        "pool.zip", zipped(res00001__dat=f"<questestinterop>{body}</questestinterop>", res00002__dat="<COURSE/>")
    )
    assert [brief(one) for one in reading.items] == [
        ("single", ["b"], "all", "Which?"),
        ("multiple", ["a", "c"], "all", "Two?"),
        ("matching", {"p1": "a", "p2": "b"}, "each", "Match"),
        ("fill_in", [["cur1"], ["vol1"]], "all", "In {{1}} and {{2}}."),
        ("Essay questions are marked by people and cannot be taken in. Leave the question out.",),
    ]
    assert [option["en"] for option in reading.items[2].question["options"]] == ["grey", "blue"]


def test_several_right_choices_and_a_matching_of_brightspace_are_read() -> None:
    def counted(response: str, value: str, word: str) -> str:
        return given(response, value, score=f'<setvar varname="D2L_{word}" action="Add">1</setvar>')

    gases = labels(a="propane", b="argon", c="acetylene")
    lid = f'<response_lid ident="L" rcardinality="Multiple">{gases}</response_lid>'
    groups = "".join(
        f'<response_grp respident="{name}">{material(text)}{labels(C1="blue", C2="grey")}</response_grp>'
        for name, text in (("M1", "oxygen"), ("M2", "air"))
    )
    several, matching = qti12(
        item12(
            "",
            f"<flow>{material('Two burn.')}{lid}</flow>",
            counted("L", "a", "Correct"),
            counted("L", "b", "Incorrect"),
            counted("L", "c", "Correct"),
        ),
        item12(
            "",
            f"<flow>{material('Match.')}{groups}</flow>",
            counted("M1", "C1", "Correct"),
            counted("M1", "C2", "Incorrect"),
            counted("M2", "C2", "Correct"),
        ),
    )
    assert brief(several) == ("multiple", ["a", "c"], "each", "Two burn.")
    assert brief(matching) == ("matching", {"p1": "a", "p2": "b"}, "each", "Match.")


def test_images_named_in_any_of_the_ways_of_canvas_and_blackboard_are_found() -> None:
    for address in ("$IMS-CC-FILEBASE$/img/torch.png", "$IMS_CC_FILE_BASE$img/torch.png", "elsewhere/torch.png"):
        shown = material(f'<img src="{address}"> Lit?')
        truth = f'<response_lid ident="R" rcardinality="Single">{labels(t="True", f="False")}</response_lid>'
        text = item12("true_false_question", shown + truth, given("R", "t", score=FULL))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as file:
            file.writestr("q/q.xml", f"<questestinterop>{text}</questestinterop>")
            file.writestr("img/torch.png", PNG)
        item = read("q.zip", out.getvalue())[1].items[0]
        assert len(item.question["media"]) == 1, address
