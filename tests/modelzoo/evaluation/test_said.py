"""Hits and false alarms by category: what is left of a model's hits when its habit of saying something is taken out."""

import csv
import io
import json

import pytest
from django.core.management import call_command
from django.urls import reverse

from modelzoo.evaluation import commanding, comparing, figures, sets
from tests.modelzoo.evaluation.builders import evaluated, make_set, set_rows
from tests.modelzoo.physvlm.sets import make_arrays

CLAIMS = [
    ["Gravity", "Velocity", "Color", "Rigidity"],
    ["Gravity", "Velocity", "Color", "Rigidity"],
    ["Gravity", "Velocity", "Color", "Rigidity"],
    ["Gravity", "Friction", "Color", "Rigidity"],
]
KEYS = [("A", "Mechanics"), ("B", "Kinematics"), ("C", "Material Properties"), ("D", "Material Properties")]


def claiming_set():
    """Four questions, their keys A to D: Gravity, Velocity, Color, Rigidity."""
    rows = set_rows(4)
    for row, claims, (key, domain) in zip(rows, CLAIMS, KEYS, strict=True):
        row |= {"option_categories": claims, "category": claims["ABCD".index(key)], "domain": domain}
    return sets.freeze("Claims", rows, origin="glitchworld")


def says_velocity(question):
    """Velocity wherever it is offered, else the first option."""
    return "ABCD"[question.option_categories.index("Velocity")] if "Velocity" in question.option_categories else "A"


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((6, 7), (2, 7), 0.0582, 0.8062)],
)
def test_newcombes_own_examples(first, second, low, high):
    """Table II of Statistics in Medicine 17 (1998) 873-890, method 10."""
    both = [figures.accuracy([1] * right + [0] * (n - right)) for right, n in (first, second)]
    assert figures.newcombe(*both) == pytest.approx((low, high), abs=6e-5)


def test_questions_of_one_family_widen_the_interval_of_j():
    hits, alarms = [1] * 12 + [0] * 4, [1] * 4 + [0] * 28
    alone = figures.hits_and_alarms(hits, list(range(16)), alarms, list(range(16, 48)))
    grouped = figures.hits_and_alarms(hits, [n // 4 for n in range(16)], alarms, [4 + n // 4 for n in range(32)])
    assert alone["j"] == grouped["j"] == pytest.approx(0.75 - 0.125)
    assert grouped["low"] < alone["low"] < alone["j"] < alone["high"] < grouped["high"]
    assert figures.hits_and_alarms([1], ["a"], [], [])["j"] is None


@pytest.mark.django_db
def test_a_habit_makes_hits_and_no_j():
    said = evaluated(claiming_set(), says_velocity).figures["said"]
    found = said["by_category"]
    # Velocity was right once and was said; it was wrong twice, and was said as well.
    assert (found["Velocity"]["hits"]["share"], found["Velocity"]["alarms"]["share"], found["Velocity"]["j"]) == (1, 1, 0)
    assert (found["Velocity"]["hits"]["n"], found["Velocity"]["alarms"]["n"]) == (1, 2)
    # Gravity was right once and not said, and wrong three times, of which it was said once: 0/1 - 1/3.
    assert found["Gravity"]["j"] == pytest.approx(-1 / 3) and found["Color"]["j"] == 0
    assert found["Friction"]["j"] is None and found["Friction"]["alarms"]["n"] == 1  # it never was right
    # Mechanics: 0 of 1 right options, 1 of 4 wrong ones (three times Gravity, Friction).
    assert said["by_domain"]["Mechanics"]["j"] == pytest.approx(-1 / 4)
    # Motion: 1 of 2 right options; of the wrong ones V, G, G + V, G + F stood there, and V, V, G were chosen: 3 of 6.
    assert (said["motion"]["hits"]["share"], said["motion"]["alarms"]["share"], said["motion"]["j"]) == (0.5, 0.5, 0)
    low, high = figures.wilson(1, 2)
    assert said["motion"]["low"] == pytest.approx(-(((0.5 - low) ** 2 + (figures.wilson(3, 6)[1] - 0.5) ** 2) ** 0.5))


@pytest.mark.django_db
def test_change_by_domain_is_paired_and_has_an_interval():
    question_set = make_set(24)  # every category twice: six questions of Mechanics, four of Kinematics
    before = evaluated(question_set, lambda q: q.answer, name="Before")
    after = evaluated(question_set, lambda q: "" if q.domain == "Kinematics" else q.answer, name="After")
    found = comparing.paired(before, after)["by_domain"]
    assert list(found) == ["Mechanics", "Kinematics", "Optics", "Material Properties", "motion"]
    kinematics, motion = found["Kinematics"], found["motion"]
    assert (kinematics["n"], kinematics["before"], kinematics["after"], kinematics["j"]) == (4, 1, 0, None)
    assert (kinematics["difference"], kinematics["low"], kinematics["high"]) == (-1, -1, -1)
    assert (found["Optics"]["difference"], found["Optics"]["low"], found["Optics"]["high"]) == (0, 0, 0)
    assert motion["n"] == 10 and motion["difference"] == pytest.approx(-0.4)
    # About 10 of 24 independent draws are of motion: sqrt(0.4 * 0.6 / 10) = 0.155, times 1.96.
    assert motion["low"] == pytest.approx(-0.4 - 0.30, abs=0.06) and motion["high"] == pytest.approx(-0.4 + 0.30, abs=0.06)


@pytest.mark.django_db
def test_change_of_j_and_the_pages(client, lead, django_assert_max_num_queries):
    question_set = claiming_set()
    habit = evaluated(question_set, says_velocity, name="Habit")
    sees = evaluated(question_set, lambda q: q.answer, name="Sees")
    found = comparing.paired(habit, sees)["by_domain"]
    assert (found["motion"]["j"]["before"], found["motion"]["j"]["after"]) == (0, 1)
    assert found["motion"]["j"]["difference"] == 1 and found["Kinematics"]["difference"] == 0
    assert found["Kinematics"]["j"]["difference"] == 1  # no more hits, only fewer false alarms
    client.force_login(lead)
    with django_assert_max_num_queries(12):
        html = client.get(habit.get_absolute_url()).content.decode()
    assert "Seen, or only said" in html and "−33.3" in html and "Motion: mechanics and kinematics" in html
    html = client.get(reverse("evaluation_compare", args=[habit.pk, sees.pk])).content.decode()
    assert "Hits less false alarms (J)" in html and "+100.0" in html
    told = json.loads(client.get(reverse("leaderboard_file", args=["json"])).content)["rows"]
    by_name = {row["model"]: row for row in told}
    assert (by_name["Habit"]["J Velocity"], by_name["Habit"]["alarms Velocity"], by_name["Sees"]["J motion"]) == (0, 1, 1)
    assert by_name["PhysVLM-DPO"]["J Velocity"] is None
    rows = csv.DictReader(io.StringIO(client.get(reverse("leaderboard_file", args=["csv"])).content.decode()))
    assert {row["model"]: row["J Gravity"] for row in rows}["Sees"] == "1.0"
    api = client.get(f"/api/v1/evaluations/{habit.pk}/").json()
    assert api["figures"]["said"]["by_category"]["Velocity"]["alarms"]["share"] == 1
    board = {row["model"]: row for row in client.get("/api/v1/leaderboard/").json()}
    assert board["Habit"]["figures"]["J Velocity"] == 0
    assert "falsely 100.0%: J +0.0" in commanding.in_words(habit)


@pytest.mark.django_db
def test_where_claims_are_unknown_the_page_says_why(client, lead):
    one = evaluated(make_set(12), lambda q: q.answer)
    assert one.figures["said"] is None
    client.force_login(lead)
    html = client.get(one.get_absolute_url()).content.decode()
    assert "Seen, or only said" not in html and "What each option claims is not known for this set" in html
    assert "J Velocity" not in client.get(reverse("leaderboard_file", args=["csv"])).content.decode()


@pytest.mark.django_db
def test_they_come_with_a_folder_of_glitchworld(tmp_path):
    arguments = [str(tmp_path / "set"), "--clips", "4", "--seed", "3", "--arrays", "--level", "plain"]
    call_command("make_glitchworld", *arguments, stdout=io.StringIO())
    rows = list(sets.from_folders([tmp_path / "set"]).questions.all())
    assert len(rows) == 4
    for row in rows:
        assert len(set(row.option_categories)) == 4 and row.option_categories["ABCD".index(row.answer)] == row.category
    squares = make_arrays(tmp_path / "squares", clips=2)
    plain = sets.from_folders([squares])
    assert plain.questions.first().option_categories == []
    (squares / "option_categories.json").write_text(json.dumps({"set0-0000": ["Gravity"] * 4}))
    with pytest.raises(sets.CannotFreeze, match="does not fit the options of question set0-0000"):
        sets.from_folders([squares])
    (squares / "option_categories.json").write_text("[]")
    with pytest.raises(sets.CannotFreeze, match="holds no object"):
        sets.from_folders([squares])
