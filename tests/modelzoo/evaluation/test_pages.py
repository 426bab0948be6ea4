"""Leaderboard, evaluations and their answers as pages, files and over the API."""

import csv
import io
import json
import re

import pytest
from django.test import override_settings
from django.urls import reverse

from annotator.taxonomy import CATEGORIES
from modelzoo.evaluation import comparing, figures, leaderboard, published, shown
from modelzoo.models import Evaluation
from qc.models import BlindAnswer
from studio.models import ApiToken, Job
from tests.factories import ClipFactory, UserFactory
from tests.modelzoo.evaluation.builders import evaluated, make_set, set_rows
from tests.modelzoo.physvlm.sets import make_arrays

pytestmark = pytest.mark.django_db


def right(question):
    return question.answer


def right_below(limit):
    return lambda question: question.answer if question.number < limit else "ABCD"["DABC".index(question.answer)]


@pytest.fixture
def browser(client, lead):
    client.force_login(lead)
    return client


# ---- The leaderboard


def test_published_rows_stand_beside_measured_ones(browser, reviewer):
    question_set = make_set(24)
    good = evaluated(question_set, right_below(20), name="Good")
    evaluated(question_set, lambda q: "A", name="Good", protocol="text-only")
    html = browser.get(reverse("leaderboard")).content.decode()
    assert html.count(">published</a>") == 18 and html.count(">measured</span>") == 1
    assert published.SOURCE_URL in html and f'href="{good.get_absolute_url()}"' in html
    rows = leaderboard.build()
    assert [row.name for row in rows][:2] == ["Good", "PhysVLM-DPO"]
    control, other = rows[0].controls["text-only"]
    assert control.text == "25.0" and other != good.pk
    low, high = figures.wilson(20, 24)
    assert rows[0].cells["micro"].span == f"{100 * low:.1f}–{100 * high:.1f}"
    browser.force_login(reviewer)
    html = browser.get(reverse("leaderboard")).content.decode()
    assert "Good" in html and good.get_absolute_url() not in html


def test_it_is_sorted_and_filtered(browser):
    question_set = make_set(24)
    evaluated(question_set, right, name="Ours")
    evaluated(question_set, lambda q: "B", name="Ours", protocol="single-frame")
    other = evaluated(make_set(12, name="Other", start=500), right, name="Elsewhere")
    board = reverse("leaderboard")
    names = [row.name for row in leaderboard.build(sort="Gravity", descending=False)]
    assert names[0] == min(published.PHYSGAME, key=lambda row: (row.right[0], row.model.casefold())).model
    assert [row.name for row in leaderboard.build(protocol="single-frame")] == ["Ours"]
    assert not any(row.is_published for row in leaderboard.build(protocol="single-frame"))
    assert len(leaderboard.build(protocol="published")) == 18
    html = browser.get(board, {"set": other.question_set_id, "sort": "Gravity"}).content.decode()
    assert "Elsewhere" in html and ">Ours<" not in html and 'aria-sort="descending"' in html
    for query in (
        "?sort=nonsense&protocol=loud&benchmark=x&set=abc",
        "?benchmark=video-mme",
        "?benchmark=vcg",
        "?set=" + "9" * 30,
    ):
        assert browser.get(board + query).status_code == 200
    assert browser.get(board + "?benchmark=vcg").content.decode().count(">published</a>") == 14
    assert browser.get(board + "?benchmark=video-mme").content.decode().count(">published</a>") == 13


def test_hidden_and_unfinished_ones_are_on_no_leaderboard(browser):
    one = evaluated(make_set(4), right, name="Seen")
    assert any(row.name == "Seen" for row in leaderboard.build())
    browser.post(reverse("evaluation_hide", args=[one.pk]), {"hidden": "1"})
    assert not any(row.name == "Seen" for row in leaderboard.build())
    browser.post(reverse("evaluation_hide", args=[one.pk]), {"hidden": "0"})
    assert any(row.name == "Seen" for row in leaderboard.build())


def test_the_files_say_the_same(browser):
    evaluated(make_set(24), right_below(12), name="=Half_1")
    told = json.loads(browser.get(reverse("leaderboard_file", args=["json"])).content)
    assert len(told["rows"]) == 19
    by_name = {row["model"]: row for row in told["rows"]}
    assert by_name["=Half_1"]["micro"] == 0.5 and by_name["PhysVLM-DPO"]["micro"] == 524 / 880
    rows = list(csv.DictReader(io.StringIO(browser.get(reverse("leaderboard_file", args=["csv"])).content.decode())))
    assert {row["model"] for row in rows} == {*by_name, "'=Half_1"} - {"=Half_1"}
    assert float({row["model"]: row for row in rows}["PhysVLM-DPO"]["Gravity"]) == 46 / 71
    tex = browser.get(reverse("leaderboard_file", args=["tex"])).content.decode()
    assert r"=Half\_1 & standard & 50.0" in tex and tex.count(r"\\") == 20
    assert browser.get(reverse("leaderboard_file", args=["exe"])).status_code == 404


def test_the_public_view_is_there_only_where_a_setting_says_so(client):
    one = evaluated(make_set(4), right, name="Seen")
    address = reverse("leaderboard_public")
    assert client.get(address).status_code == 404
    with override_settings(PUBLIC_LEADERBOARD=True):
        html = client.get(address).content.decode()
        assert "Seen" in html and f"/evaluations/{one.pk}/" not in html
        assert client.get(reverse("leaderboard_public_file", args=["json"])).status_code == 200
        assert client.post(address).status_code == 405


# ---- An evaluation


def test_its_page_shows_figures_controls_and_slices(browser, django_assert_max_num_queries):
    question_set = make_set(48, spans_s=[[1.0, 1.5]], fps=10.0, strength=0.2)
    one = evaluated(question_set, right_below(36), frame_numbers=[2, 12], probabilities=[0.7, 0.1, 0.1, 0.1])
    evaluated(question_set, lambda q: "", protocol="text-only")
    with django_assert_max_num_queries(12):
        html = browser.get(one.get_absolute_url()).content.decode()
    assert "75.0 %" in html and "Control: text only" in html and "subtle" in html
    assert one.figures["slices"]["span_shown"] == {"yes": one.figures["micro"]}  # frame 12 of 10 a second is at 1.25 s
    assert one.figures["slices"]["length"]["under 1 s"]["n"] == 48
    assert [row["confidence"] for row in one.figures["calibration"]["bins"]] == pytest.approx([0.1, 0.7])  # B to D, and A
    places = [
        html.index(f"category={name.replace(' ', '%20')[:9]}") for name in ("Gravity", "Friction", "Velocity", "Color")
    ]
    assert places == sorted(places)  # in the order of the taxonomy, not in that of the stored keys
    letters = shown.of(Evaluation.objects.get(pk=one.pk))["letters"]
    assert [answer for answer, _cells in letters] == list("ABCD")
    assert [letter for letter, *_rest in letters[0][1]] == ["A", "B", "C", "D", ""]
    blank = Evaluation.objects.get(protocol="text-only")
    html = browser.get(blank.get_absolute_url()).content.decode()
    assert blank.figures["no_answer"] == 48 and "the reply was empty: 48" in html


def test_letters_and_words_of_one_model_stand_beside_each_other(browser):
    question_set = make_set(20)

    def in_words(question):
        """Right in 8 of 20, no answer in 7, and in 5 the wrong option that the letters chose too."""
        return "" if 8 <= question.number < 15 else right_below(8)(question)

    letters = evaluated(question_set, right_below(15), name="Tiny")
    words = evaluated(question_set, in_words, name="Tiny", scoring="words")
    evaluated(question_set, right, name="Tiny", scoring="words", protocol="text-only")  # asked otherwise: no stand-in
    evaluated(question_set, right, name="Other", scoring="words")  # another model

    def tiles(one, other):
        html = browser.get(one.get_absolute_url()).content.decode()
        address = reverse("evaluation_compare", args=[one.pk, other.pk])
        found = re.findall(rf'<dt><a href="{address}">(.*?)</a></dt><dd><strong>(.*?)</strong><span[^>]*>(.*?)</span>', html)
        assert html.count("the same option in") == 1
        return found

    # 8 both right and 5 both wrong in the same way: 13 of 20 are the same option.
    assert tiles(letters, words) == [("Words it wrote", "40.0 %", "the same option in 65.0 %")]
    assert tiles(words, letters) == [("Letters by likelihood", "75.0 %", "the same option in 65.0 %")]
    assert comparing.paired(letters, words)["mcnemar"]["p"] == pytest.approx(2 / 2**7)  # seven changed, all for the worse


def test_answers_are_read_one_by_one_with_their_clip(browser, lead):
    clip = ClipFactory()
    question_set = make_set(8, clip_id=clip.pk)
    one = evaluated(question_set, right_below(3), raw="I think so")
    address = reverse("evaluation_answers", args=[one.pk])
    html = browser.get(address).content.decode()
    assert "1 / 5" in html and "What is wrong in clip 3?" in html and f"/media/{clip.pk}/proxy" in html
    assert 'data-shortcut="answers.next"' in html and 'data-shortcut="answers.before"' not in html
    html = browser.get(address, {"at": "4"}).content.decode()
    assert "2 / 5" in html and "?at=5" in html and "?at=3" in html
    assert "3: option" not in browser.get(address, {"only": "right"}).content.decode()
    assert "No such answers" in browser.get(address, {"only": "none"}).content.decode()
    assert browser.get(address, {"category": "Elasticity", "only": "all", "at": "x"}).status_code == 200


def test_what_flipped_is_tested_and_shown(browser):
    question_set = make_set(40)
    low, high = evaluated(question_set, right_below(10), name="Low"), evaluated(question_set, right_below(30), name="High")
    found = comparing.paired(low, high)
    assert found["mcnemar"]["better"] == 20 and found["mcnemar"]["worse"] == 0 and found["verdict"] == "better"
    assert found["bootstrap"]["difference"] == 0.5 and found["agree"] == 0.5
    html = browser.get(reverse("evaluation_compare", args=[low.pk, high.pk])).content.decode()
    assert "High is better than Low." in html and "1 / 20" in html and "What is wrong in clip 10?" in html
    assert (
        "Nothing flipped"
        in browser.get(reverse("evaluation_compare", args=[low.pk, high.pk]), {"how": "worse"}).content.decode()
    )
    control = evaluated(question_set, lambda q: "A", name="High", protocol="text-only")
    html = browser.get(reverse("evaluation_compare", args=[high.pk, control.pk])).content.decode()
    assert "text-only is worse than standard." in html and "p &lt; 0.0001" in html
    near = evaluated(question_set, right_below(32), name="Near")
    assert comparing.paired(high, near)["verdict"] == "tie"
    assert "A tie" in browser.get(reverse("evaluation_compare", args=[high.pk, near.pk])).content.decode()
    elsewhere = evaluated(make_set(4, name="Other", start=500), right, name="Else")
    response = browser.get(reverse("evaluation_compare", args=[low.pk, elsewhere.pk]))
    assert response.status_code == 422 and "different question sets" in response.content.decode()


# ---- Starting and bringing in


@pytest.fixture
def training_data(tmp_path):
    make_arrays(tmp_path / "squares", clips=6)
    with override_settings(TRAINING_DATA_DIRS=[str(tmp_path)]):
        yield


def test_a_new_evaluation_is_queued_once(browser, training_data, django_capture_on_commit_callbacks):
    html = browser.get(reverse("evaluation_new")).content.decode()
    assert "baseline:chance" in html and "folder:squares" in html
    form = {"model": "baseline:chance", "questions": "folder:squares", "protocols": ["standard", "text-only"]}
    assert browser.post(reverse("evaluation_new"), form).url == reverse("evaluations")
    browser.post(reverse("evaluation_new"), form)
    assert Evaluation.objects.count() == 2 and Job.objects.filter(kind="modelzoo.evaluate").count() == 2
    one = Evaluation.objects.get(protocol="standard")
    html = browser.get(one.get_absolute_url()).content.decode()
    assert one.state == "queued" and "Evaluating Chance on squares" in html
    assert "0 / 6" in browser.get(reverse("evaluations")).content.decode()
    response = browser.post(reverse("evaluation_new"), {**form, "protocols": ["circular"], "scoring": "options"})
    assert response.status_code == 422 and "nothing to rotate" in response.content.decode()
    response = browser.post(reverse("evaluation_new"), {**form, "model": "/etc"})
    assert response.status_code == 422 and Evaluation.objects.count() == 2


def test_predictions_are_brought_in(browser):
    question_set = make_set(4)
    form = {"name": "Theirs", "questions": f"set:{question_set.pk}", "protocol": "standard"}

    def send(data):
        file = io.BytesIO(data)
        file.name = "theirs.csv"
        return browser.post(reverse("evaluation_import"), {**form, "file": file})

    bad = send(b"question_id,prediction\nq9999,A\n")
    assert bad.status_code == 422 and "not in this set" in bad.content.decode() and not Evaluation.objects.exists()
    done = send(b"question_id,prediction\nq0000,A\n")
    one = Evaluation.objects.get()
    assert done.url == one.get_absolute_url() and one.model_kind == "imported" and one.owner.username == "lea"
    assert any(row.name == "Theirs" for row in leaderboard.build())


def test_the_list_costs_the_same_however_many(browser, django_assert_num_queries):
    question_set = make_set(4)
    for number in range(12):
        evaluated(question_set, right, name=f"M{'x' * number}")
    with django_assert_num_queries(4):  # session, person, silent ones, evaluations; complete ones are not counted
        browser.get(reverse("evaluations"), headers={"HX-Request": "true"})
    with django_assert_num_queries(4):  # session, person, rows, sets
        browser.get(reverse("leaderboard"))


# ---- People and the API


def test_agreement_with_people_counts_blind_answers_of_the_same_wording(lead, reviewer):
    from modelzoo.evaluation import opening, runner, sets
    from modelzoo.releases import sealing
    from tests.modelzoo.test_export import MP4, approved

    question = approved(video=MP4 + b"people")
    release = sealing.seal("bench", kind="benchmark", by=lead)
    question_set = sets.from_release(release)
    row = question_set.questions.get()
    assert row.question_id == question.pk and row.right_text == question.correct and row.fps
    one = opening.open_evaluation(question_set, opening.Model("checkpoint", "/w", "M"))
    wrong = next(letter for letter in "ABCD" if letter != row.answer)
    runner.store(one, [(row, [runner.Answer("ABCD", wrong)])])
    assert runner.complete(one) and comparing.with_people(one) is None
    revision = question.revisions.get()
    key = next(key for key, text in revision.options.items() if text == row.by_letter[wrong])
    BlindAnswer.objects.create(revision=revision, reviewer=reviewer, answer=key, watched_s=1)
    BlindAnswer.objects.create(revision=revision, reviewer=UserFactory(roles=["reviewer"]), answer="correct", watched_s=1)
    assert comparing.with_people(one) == {"n": 2, "people_right": 0.5, "model_right": 0, "same": 0.5}


def test_the_api_starts_reads_and_pages(client, lead, training_data):
    _token, secret = ApiToken.issue(user=lead, name="t")
    send = {"headers": {"Authorization": f"Bearer {secret}"}, "content_type": "application/json"}
    wanted = {"model": "baseline:chance", "questions": "folder:squares", "protocol": "circular"}
    made = client.post("/api/v1/evaluations/", json.dumps(wanted), **send)
    assert made.status_code == 202 and made.json()["state"] == "queued" and made.json()["wanted"] == 24
    bad = client.post("/api/v1/evaluations/", json.dumps({**wanted, "model": "/etc"}), **send)
    assert bad.status_code == 422 and "not offered" in bad.content.decode()
    one = evaluated(make_set(4), right)
    told = client.get(f"/api/v1/evaluations/{one.pk}/", **send).json()
    assert told["figures"]["micro"]["right"] == 4
    page = client.get(f"/api/v1/evaluations/{one.pk}/predictions/?page_size=3&order=id", **send).json()
    assert [row["question_id"] for row in page["results"]] == ["q0000", "q0001", "q0002"] and page["next"]
    board = client.get("/api/v1/leaderboard/", **send).json()
    assert len(board) == 19 and set(CATEGORIES) <= set(board[0]["figures"])
    assert client.post(f"/api/v1/evaluations/{one.pk}/go-on/", **send).status_code == 409


def test_set_rows_are_stable():
    assert set_rows(2) == set_rows(2)
