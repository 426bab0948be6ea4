"""Files of predictions, and the published scorers against vectors of what the public code says."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from modelzoo.evaluation import importing, report, scorers
from modelzoo.models import Evaluation, Prediction
from tests.modelzoo.evaluation.builders import make_set

VECTORS = json.loads((Path(__file__).parents[2] / "data/reference/scoring.json").read_text())
OPTIONS = VECTORS["options"]


@pytest.mark.parametrize("row", VECTORS["rows"], ids=[repr(row["model_output"][:20]) for row in VECTORS["rows"]])
def test_every_scorer_says_what_the_original_says(row):
    reply, key = row["model_output"], row["ground_truth"]
    assert scorers.careful(reply, key, OPTIONS) is row["should_count_correct"]
    assert scorers.physgame(reply, key, OPTIONS) is row["check_ans_pipeline"]
    assert scorers.check_ans(reply, f"({key}) {OPTIONS[key]}") is row["check_ans_raw"]
    if isinstance(row["first_character_rule"], bool):  # the original fails on an empty reply
        assert scorers.first_character(reply, key) is row["first_character_rule"]
    assert (scorers.video_mme_letter(reply) or None) == (row["videomme_extracted"] or None)
    assert scorers.video_mme(reply, key) is row["videomme_correct"]


def test_an_option_without_text_is_refused_as_the_original_fails():
    with pytest.raises(ValueError, match="no text"):
        scorers.check_ans("(A", "(A)")


def test_the_published_rule_adds_up_as_published():
    told = VECTORS["aggregation_physgame"]
    scores = [int(scorers.check_ans(item["pred"], item["gt"])) for item in told["inputs"]]
    assert scores == told["scores"] and 100 * sum(scores) / len(scores) == told["accuracy_percent"]
    told = VECTORS["aggregation_first_character_rule"]
    right = {item["question_id"]: scorers.first_character(item["output"], item["answer"]) for item in told["items"]}
    asked = [one for domain in told["classes"].values() for cat in domain.values() for ids in cat.values() for one in ids]
    assert sum(right.get(one, False) for one in asked) / len(asked) == told["overall"]
    told = VECTORS["aggregation_videomme"]
    read = [(scorers.video_mme_letter(reply), key) for reply, key in told["pairs_response_answer"]]
    answered = [pair for pair in read if pair[0]]
    assert told["printed_tail"][1] == f"total_correct: {sum(a == b for a, b in answered)} total_answered {len(answered)}"


# ---- Files

pytestmark = pytest.mark.django_db


def gamebench(replies):
    return json.dumps([{"question_id": name, "answer": key, "output": reply} for name, key, reply in replies]).encode()


def test_gamebenchs_layout_under_both_rules():
    question_set = make_set(4)  # keys A, B, C, D
    data = gamebench(
        [("q0000", "A", "A: yes"), ("q0001", "B", "(B) that"), ("q0002", "C", "A man falls"), ("q0003", "D", "")]
    )
    careful = importing.store(data, question_set, name="Theirs")
    assert list(Prediction.objects.order_by("question__number").values_list("right", "no_answer")) == [
        (True, ""), (True, ""), (False, "nothing"), (False, "empty"),
    ]  # fmt: skip
    assert careful.is_complete and careful.figures["micro"]["right"] == 2 and careful.figures["no_answer"] == 2
    paper = importing.store(data, question_set, name="Theirs", protocol="paper")
    assert paper.figures["micro"]["right"] == 1 and paper.figures["careful"]["right"] == 2
    assert importing.store(data, question_set, name="Theirs") == careful and Evaluation.objects.count() == 2


def test_physvlms_layout_counts_an_empty_answer_as_right_only_by_its_own_rule():
    question_set = make_set(4)
    rows = [
        {"video_id": f"q{n:04}", "pred": pred, "gt": f"({'ABCD'[n]}) text", "question": "", "score": 1}
        for n, pred in enumerate(["(A) x", "(", "(C", "(A)/(B)/(C)/(D)"])
    ]
    data = json.dumps({"acc": 100.0, "output": rows}).encode()
    assert importing.store(data, question_set, name="T", protocol="paper").figures["micro"]["right"] == 4
    assert importing.store(data, question_set, name="T").figures["micro"]["right"] == 2


def test_csv_may_lack_questions_and_they_are_wrong_and_counted_apart():
    question_set = make_set(4)
    data = b'\xef\xbb\xbfquestion_id,prediction\r\nq0000,A\r\nq0001.mp4,"The answer is (B), surely"\r\n'
    found = importing.store(data, question_set, name="T")
    assert found.figures["micro"]["right"] == 2 and found.figures["micro"]["n"] == 4
    assert found.figures["why_no_answer"] == {"missing": 2}
    assert report.rows_of(found)[3]["no_answer"] == "missing"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"[{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no predictions"),
        (b"{}", "no predictions"),
        (b"[1]", "Prediction 1 has no question_id"),
        (b'[{"question_id": "q0000", "output": 3}]', "must be text"),
        (b"name,text\na,b\n", "must name the columns"),
        (b"question_id,prediction\n,A\n", "Prediction 1 has no question_id"),
        (b"question_id,prediction\nq0000,A\nq0000,B\n", "there twice"),
        (b"question_id,prediction\nq9999,A\n", "not in this set"),
        (gamebench([("q0001", "C", "B")]), "is it another set"),
    ],
)
def test_a_bad_file_is_one_sentence_and_stores_nothing(data, why):
    question_set = make_set(4)
    with pytest.raises(importing.BadFile, match=why):
        importing.store(data, question_set, name="T")
    assert not Evaluation.objects.exists()


def test_the_command(tmp_path):
    make_set(4, name="Four")
    file = tmp_path / "theirs.csv"
    file.write_text("question_id,letter\nq0000,a\n")
    out = io.StringIO()
    call_command("import_predictions", str(file), "--name", "Theirs", "--set", "Four", stdout=out)
    assert "Theirs on Four" in out.getvalue() and "25.0%" in out.getvalue()
    with pytest.raises(CommandError, match="There is no question set Five"):
        call_command("import_predictions", str(file), "--name", "Theirs", "--set", "Five")
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_predictions", str(tmp_path / "no.csv"), "--name", "Theirs", "--set", "Four")
    with pytest.raises(CommandError, match="without rotations"):
        call_command("import_predictions", str(file), "--name", "Theirs", "--set", "Four", "--protocol", "circular")
    assert Evaluation.objects.count() == 1
