"""The quality page, its CSV tables, the API, the filters of the list of questions, and the health card."""

import csv
import io
import json
import re
from datetime import timedelta

import pgtrigger
import pytest
from django.urls import reverse
from django.utils import timezone

from annotator.models import Clip
from annotator.taxonomy import CATEGORIES
from qc import gold as gold_rules
from qc.agreement import report
from qc.baseline.models import BaselineRun, BaselineScore
from qc.dashboard import card, counting, figures, tables, tiles, views
from qc.dashboard.asking import Asked
from qc.dashboard.models import PersonDay
from qc.duplicates.models import DuplicatePair
from qc.models import LeakCheck
from tests.factories import ClipFactory, QuestionFactory, UserFactory, cleared, known_clip
from tests.qc.conftest import RETURN, review, revision_of, ruling

pytestmark = pytest.mark.django_db
FIGURE = {"n": 700, "right": 210, "share": 0.3, "low": 0.21, "high": 0.4, "p": 0.002, "verdict": "at_chance"}


@pytest.fixture
def page(client, lead):
    client.force_login(lead)

    def get(**query):
        return client.get(reverse("quality"), query)

    return get


def text_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def table(client, name, **query):
    response = client.get(reverse("quality_table", args=[name]), query)
    assert response.status_code == 200 and "attachment" in response["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(response.content.decode().removeprefix("\ufeff"))))
    return rows[0], rows[1:]


class TestCoverage:
    def test_targets_add_up_and_are_the_public_counts_at_880(self):
        assert figures.targets(880) == {name: category.public_count for name, category in CATEGORIES.items()}
        # Of 10: Friction 2.0, Velocity 1.07, Acceleration 1.0, Human Body Gesture .99, Elasticity .91, Rigidity .84,
        # Gravity .81, Absorption .67, Reflection .52, Color .51: the whole parts are 4, and the six largest rests follow.
        ten = figures.targets(10)
        assert sum(ten.values()) == 10 and ten["Friction"] == 2 and ten["Gravity"] == 1 and ten["Color"] == 0
        assert all(sum(figures.targets(size).values()) == size for size in (1, 7, 100, 12345))

    def test_what_is_missing_and_how_many_clips_to_bring(self, page):
        """Wanted 71 of Gravity; 2 approved, 1 under way, a draft and a rejected one: 68 missing, 3 places wait: bring 65."""
        QuestionFactory.create_batch(2, approved=True)
        QuestionFactory(submitted=True)
        QuestionFactory()
        QuestionFactory(submitted=True, state="rejected")
        ClipFactory(expected_category="Gravity", open_slots=2)
        ClipFactory(expected_category="Gravity")
        ClipFactory(expected_category="Gravity", content=Clip.Content.UNUSABLE)
        ClipFactory(expected_category="Gravity", purpose=Clip.Purpose.TRAINING)
        text = text_of(page().content.decode())
        assert (
            "Gravity: 68 questions are missing 71 wanted, 2 approved, 1 under way; clips that wait have places for 3" in text
        )
        assert "so bring 65 more" in text
        # The largest shortfall first
        assert text.index("Friction: 176 questions are missing") < text.index("Velocity: 94") < text.index("Gravity: 68")
        small = text_of(page(target="12").content.decode())
        assert "Gravity: 1 question" not in small and "Friction: 2 questions are missing" in small


class TestThePage:
    def test_an_empty_studio_says_so_and_what_to_source(self, page):
        text = text_of(page().content.decode())
        assert "Nothing has been written yet" in text and "Friction: 176 questions are missing" in text

    def test_numbers_lead_to_lists_with_just_these_questions(self, page, client):
        QuestionFactory.create_batch(3, approved=True)
        leaky = QuestionFactory(submitted=True)
        LeakCheck.objects.create(
            revision=leaky.revisions.get(), state="leaky", current=True, rule="rotations", endpoints=["m"],
            finished_at=timezone.now(),
        )  # fmt: skip
        held = QuestionFactory(approved=True, clip__content=Clip.Content.UNCHECKED)
        QuestionFactory(submitted=True, clip__purpose=Clip.Purpose.TRAINING)
        html = page().content.decode()
        links = dict(re.findall(r'href="(/questions/\?[^"]+)">(\d+)</a>', html))
        assert len(links) > 4
        for address, count in links.items():
            rows = client.get(address.replace("&amp;", "&")).context["rows"]
            assert len(rows) == int(count), address
        shown = client.get(reverse("questions"), {"gate": "held"}).context["rows"]
        assert [row.pk for row in shown] == [held.pk]
        shown = client.get(reverse("questions"), {"leak": "leaky", "state": "submitted"})
        assert [row.pk for row in shown.context["rows"]] == [leaky.pk]
        assert reverse("question_card", args=[leaky.pk]) in shown.content.decode()
        assert client.get(reverse("questions"), {"leak": "nonsense"}).context["filtered"] is False

    def test_an_admin_reads_figures_but_gets_no_links_to_questions(self, client, admin):
        QuestionFactory(approved=True)
        client.force_login(admin)
        html = client.get(reverse("quality")).content.decode()
        assert "Exportable" in html and "/questions/?" not in html

    @pytest.mark.parametrize("query", [{"span": "x", "by": "x", "purpose": "x", "target": "0"}, {"target": "9" * 30}])
    def test_nonsense_is_as_if_it_were_not_there(self, page, query):
        response = page(**query)
        assert response.status_code == 200 and response.context["asked"] == Asked()

    def test_it_costs_the_same_queries_however_many_questions_and_people(self, page, django_assert_num_queries, rea_and_roy):
        QuestionFactory(approved=True)
        page()
        with django_assert_num_queries(13):
            page(by="week", span=365)
        for number in range(8):
            question = QuestionFactory(submitted=True, author=UserFactory(), category=list(CATEGORIES)[number])
            review(rea_and_roy[0], question, ruling())
        counting.catch_up()
        with django_assert_num_queries(13):
            page(by="week", span=365)

    def test_a_backlog_is_told(self, page, monkeypatch):
        page()
        QuestionFactory.create_batch(3)
        monkeypatch.setattr(counting.catch_up, "__defaults__", (2,))
        assert "still being counted" in page().content.decode()

    def test_a_room_adds_its_own_tile(self, page, monkeypatch):
        QuestionFactory()
        monkeypatch.setattr(views, "TILES", [*tiles.TILES, lambda asked, sums: tiles.Tile("Weather", "31 %")])
        assert "Weather" in page().content.decode()

    def test_the_baseline_and_agreement_are_told_as_they_were_last_computed(self, page, client, admin):
        QuestionFactory(approved=True)
        text = text_of(page().content.decode())
        assert "Text-only baseline – No run yet" in text and "this span has not been yet" in text and "Compute now" in text
        BaselineRun.objects.create(
            questions=700, families=700, learned=700, probes={}, groups={}, words=[], seconds=1,
            figures={"options": FIGURE | {"share": 0.312, "verdict": "above"}, "question": FIGURE},
        )  # fmt: skip
        report.make("verdicts", "30")
        html = page(span=30).content.decode()
        text = text_of(html)
        assert "31.2 % Above chance: options alone, 700 questions, 21.0 % to 40.0 %" in text
        assert "s AC1" in text and "Krippendorff" in text and "Agreement on rejections too few to tell" in text
        assert reverse("baseline") in html and f"{reverse('agreement')}?basis=verdicts" in html
        client.force_login(admin)
        html = client.get(reverse("quality"), {"span": 30}).content.decode()
        assert "31.2" in html and f'href="{reverse("baseline")}"' not in html
        assert f'href="{reverse("agreement")}?' not in html


@pytest.fixture
def rea_and_roy(db):
    return [UserFactory(username=name, roles=["reviewer"]) for name in ("rea", "roy")]


class TestFigures:
    def test_shares_and_rates_by_hand(self, page, client, rea_and_roy, settings):
        """Three pairs, approved by both, by none, by one: 2/3 agree. Half approve: AC1 is (2/3 - 1/2) / (1 - 1/2) = 1/3."""
        assert figures.ac1(1, 1, 1) == pytest.approx(1 / 3)
        assert figures.ac1(9, 0, 1) == pytest.approx((0.9 - 2 * 0.95 * 0.05) / (1 - 2 * 0.95 * 0.05))
        assert figures.ac1(0, 0, 0) is None
        settings.REVIEWS_NEEDED = 2
        question = QuestionFactory(submitted=True, author__username="=cmd", review_slots=2)
        review(rea_and_roy[0], question, ruling())
        head, rows = table(client_of(client), "people", span=30)
        row = next(dict(zip(head, row, strict=True)) for row in rows if row[0] == "rea")
        assert (row["reviews"], row["blind"], row["blind_accuracy"]) == ("1", "1", "1.0")
        # 10 s of clip and 4 s of thinking, the verdict at once
        assert 13 <= int(row["review_s"]) <= 15 and 240 <= float(row["reviews_an_hour"]) <= 277
        assert any(row[0] == "'=cmd" for row in rows)

    def test_weeks_begin_on_monday_and_sum_their_days(self, lead):
        asked = Asked(by="week", span=30)
        assert asked.since.weekday() == 0 and all(step.weekday() == 0 for step in asked.steps())
        monday = asked.steps()[1]
        for ahead, n in ((0, 2), (6, 3), (7, 10)):
            PersonDay.objects.create(person=lead, day=monday + timedelta(days=ahead), submissions=n, write_s=600 * n)
        series = dict(figures.over_time(asked))
        assert series[monday].submissions == 5 and series[monday].submissions_an_hour == pytest.approx(6)
        assert figures.total(series.items()).submissions == 15

    def test_every_table_opens_and_an_unknown_one_is_404(self, page, client):
        QuestionFactory(approved=True)
        for name in tables.TABLES:
            head, rows = table(client, name)
            assert head and rows and all(len(row) == len(head) for row in rows), name
        assert client.get(reverse("quality_table", args=["nothing"])).status_code == 404


def client_of(client):
    client.force_login(UserFactory(roles=["lead"]))
    return client


class TestTheApi:
    def test_it_tells_the_same_figures(self, page, client):
        QuestionFactory(approved=True)
        QuestionFactory()
        found = client.get(reverse("api_quality"), {"by": "week", "target": 100}).json()
        assert found["way"] == {"written": 2, "submitted": 1, "approved": 1, "accepted": 1, "exportable": 1}
        assert sum(row["questions"] for row in found["standing"]) == 2 and found["counts"]["waiting"] == 0
        assert sum(cover["target"] for cover in found["coverage"]) == 100
        assert found["total"]["submissions"] == 1 and found["people"][0]["sums"]["submissions"] == 1
        assert set(PersonDay.COUNTS) <= set(found["total"])
        curves = json.loads(json.dumps(page().context["curves"]))
        assert len(curves["days"]) == 30 == len(curves["columns"]["leak_rate"]["mean"])

    def test_nonsense_is_refused_by_name(self, page, client):
        response = client.get(reverse("api_quality"), {"by": "hour", "span": "31", "target": "0"})
        assert response.status_code == 422 and set(response.json()["error"]["fields"]) == {"by", "span", "target"}


class TestTheCard:
    def test_it_tells_what_is_known_on_one_page(self, client, lead, rea_and_roy, settings):
        settings.REVIEWS_NEEDED = 2
        question = QuestionFactory(submitted=True, review_slots=2, clip=known_clip(open_slots=0))
        roy, twin = rea_and_roy[1], ClipFactory()
        DuplicatePair.objects.create(
            first=question.clip, second=twin, cover_first=0.9, cover_second=0.9, cover_most=0.9, frames=30
        )
        review(roy, question, ruling("return", reasons=RETURN), answer="distractor_2")
        cleared(revision_of(question))
        run = BaselineRun.objects.create(
            questions=9, families=9, learned=9, figures={}, probes={}, groups={}, words=[], seconds=1
        )
        BaselineScore.objects.create(
            run=run, revision=revision_of(question), options_chance=0.61, question_chance=0.2, options_place=3,
            question_place=8,
        )  # fmt: skip
        client.force_login(lead)
        text = text_of(client.get(reverse("question_card", args=[question.pk])).content.decode())
        for words in (
            "Ready for export? Not exportable", "✗ approved", "Leak check Clear", "Blind answers 0 of 1 right",
            "roy: distractor 2, after 10 s of clip and 4 s of thinking", "Revision 1, roy: Return", "Remarks 1 remark",
            "Truth Category right",
            "Text-only baseline It guesses the key", "Options alone gives the correct option 61.0 %; place 3 of 9",
            "Near-duplicates 1 pair waits", f"Clip {twin.pk}: Open", "Clips in its family 1",
            "Revisions 1 revision", "History", "The crate hangs in the air",
        ):  # fmt: skip
            assert words in text, words

    def test_names_are_hidden_while_reviewers_disagree(self, client, lead, rea_and_roy):
        question = QuestionFactory(submitted=True, review_slots=2)
        with_two(revision_of(question))
        review(rea_and_roy[0], question, ruling())
        review(rea_and_roy[1], question, ruling("return", reasons=RETURN))
        client.force_login(lead)
        text = text_of(client.get(reverse("question_card", args=[question.pk])).content.decode())
        assert "They disagree" in text and "Reviewer 2: Return" in text and "Waits for a lead" in text
        assert " rea:" not in text and " roy:" not in text

    def test_a_reviewer_answers_first_and_an_author_learns_nothing_here(self, client):
        both = UserFactory(roles=["lead", "reviewer", "annotator"])
        client.force_login(both)
        question = QuestionFactory(submitted=True)
        text = client.get(reverse("question_card", args=[question.pk])).content.decode()
        assert "crate hangs" not in text and "blind" in text
        own = QuestionFactory(submitted=True, author=both)
        review(UserFactory(username="rea", roles=["reviewer"]), own, ruling("return", reasons=RETURN))
        text = text_of(client.get(reverse("question_card", args=[own.pk])).content.decode())
        assert "You wrote this question" in text and "rea:" not in text and "Blind answers" not in text

    def test_gold_is_told_to_leads_who_are_not_measured_by_it(self, client, lead, rea_and_roy):
        question = QuestionFactory(submitted=True)
        review(rea_and_roy[0], question, ruling())
        gold_rules.promote(user=lead, question=question)
        client.force_login(lead)
        address = reverse("question_card", args=[question.pk])
        text = text_of(client.get(address).content.decode())
        assert "Gold item In use" in text and "Answers as gold 0 of 0 right" in text
        assert "Blind answers 1 of 1 right" in text
        client.force_login(UserFactory(roles=["lead", "reviewer"]))
        assert "Gold item" not in text_of(client.get(address).content.decode())

    def test_a_later_room_adds_its_section(self, client, lead, monkeypatch):
        monkeypatch.setattr(card, "_sections", dict(card._sections))

        @card.section("releases", order=95)
        def releases(subject):
            return card.Section("Releases", verdict=f"in 2 releases: {subject.question.pk}")

        question = QuestionFactory(approved=True)
        client.force_login(lead)
        text = client.get(reverse("question_card", args=[question.pk])).content.decode()
        assert f"in 2 releases: {question.pk}" in text and "Exports" in text
        assert client.get(reverse("question_card", args=[10**12])).status_code == 404

    def test_it_costs_the_same_queries_however_long_the_story(self, client, lead, django_assert_max_num_queries):
        question = QuestionFactory(approved=True)
        client.force_login(lead)
        with django_assert_max_num_queries(27):
            client.get(reverse("question_card", args=[question.pk]))


def with_two(revision):
    with pgtrigger.ignore():
        type(revision).objects.filter(pk=revision.pk).update(approvals_needed=2)
