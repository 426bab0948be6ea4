"""Agreement and intervals: against examples worked out by hand and against peer libraries, to 1e-6."""

import math
import random
from datetime import timedelta

import krippendorff
import numpy as np
import pytest
from django.urls import reverse
from statsmodels.stats.inter_rater import fleiss_kappa

from annotator.services import Invalid
from qc.agreement import report, tables, words
from qc.agreement.statistics import (
    Looks,
    Table,
    agreement_on,
    agreement_on_rejection,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
    rejection_with_interval,
    with_intervals,
)
from qc.models import AgreementReport
from studio import jobs
from tests.factories import QuestionFactory, RevisionFactory, UserFactory
from tests.qc.conftest import RETURN, review, ruling

# Three categories, four people, missing cells. The two figures are those of irrCAC 0.4.4 (CAC(...).gwet() and
# .krippendorff(), categories=[1, 2, 3], digits=12), which is no requirement because it needs a numpy older than ours.
RATED = [
    [1, 1, 2, None], [1, 2, 2, 1], [3, 3, None, 3], [1, 1, 1, 1], [2, None, 2, 2], [None, 3, 1, 3], [2, 2, 2, 1],
    [1, 1, None, None], [3, 3, 3, 3], [None, None, 2, 2], [1, 3, 2, 1], [2, 2, 1, None],
]  # fmt: skip
IRRCAC_AC1, IRRCAC_ALPHA = 0.504551645043, 0.468


def counted(rows, categories):
    return Table.of_items(tuple(sum(cell == k for cell in row) for k in categories) for row in rows)


def two_people(both, split, neither):
    return Table(((0, 2), (1, 1), (2, 0)), (neither, split, both))


@pytest.mark.parametrize(
    # 100 items, two people. Chance by Gwet is 2 p (1 - p), with p the share of approvals: in the first row p = 0.95, so
    # 0.095 and AC1 = (0.9 - 0.095) / 0.905. Alpha: observed 2 * 10 / 200, expected 2 * 190 * 10 / (200 * 199).
    ("both", "split", "neither", "percent", "ac1", "alpha", "rejections"),
    [
        (90, 10, 0, 0.90, (0.9 - 0.095) / 0.905, 1 - 0.1 * 200 * 199 / (2 * 190 * 10), 0.0),
        (90, 8, 2, 0.92, (0.92 - 0.1128) / 0.8872, 1 - 0.08 * 200 * 199 / (2 * 188 * 12), 4 / 12),
        (85, 8, 7, 0.92, (0.92 - 0.1958) / 0.8042, 1 - 0.08 * 200 * 199 / (2 * 178 * 22), 14 / 22),
        (45, 10, 45, 0.90, 0.8, 1 - 0.1 * 200 * 199 / (2 * 100 * 100), 0.9),
    ],
)
def test_skewed_verdicts_by_hand(both, split, neither, percent, ac1, alpha, rejections):
    table = two_people(both, split, neither)
    assert percent_agreement(table) == pytest.approx(percent, abs=1e-9)
    assert gwet_ac1(table) == pytest.approx(ac1, abs=1e-9)
    assert krippendorff_alpha(table) == pytest.approx(alpha, abs=1e-9)
    assert agreement_on(table, 1) == pytest.approx(rejections, abs=1e-9)


def test_many_people_and_missing_cells_as_irrcac_has_them():
    table = counted(RATED, (1, 2, 3))
    assert percent_agreement(table) == pytest.approx(2 / 3, abs=1e-6)
    assert gwet_ac1(table) == pytest.approx(IRRCAC_AC1, abs=1e-6)
    assert krippendorff_alpha(table) == pytest.approx(IRRCAC_ALPHA, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_alpha_as_the_krippendorff_package_has_it(seed):
    rng = random.Random(seed)
    rows = [[rng.choice([0, 0, 0, 1, 2, None]) for _ in range(5)] for _ in range(60)]
    data = np.array([[np.nan if cell is None else cell for cell in row] for row in rows]).T
    peer = krippendorff.alpha(reliability_data=data, level_of_measurement="nominal")
    assert krippendorff_alpha(counted(rows, (0, 1, 2))) == pytest.approx(peer, abs=1e-6)


def test_percent_agreement_as_fleiss_has_it():
    """statsmodels gives kappa for complete tables; by the uniform method it is (observed - 1/K) / (1 - 1/K)."""
    rng = random.Random(1)
    items = []
    for _ in range(50):
        row = [rng.choice([0, 0, 1, 2]) for _ in range(4)]
        items.append(tuple(row.count(k) for k in range(3)))
    peer = fleiss_kappa(np.array(items), method="randolph")
    assert (percent_agreement(Table.of_items(items)) - 1 / 3) / (2 / 3) == pytest.approx(peer, abs=1e-6)


def test_what_the_data_do_not_determine_is_none():
    empty, alike = Table((), ()), two_people(7, 0, 0)
    assert [percent_agreement(empty), gwet_ac1(empty), krippendorff_alpha(empty), agreement_on(empty, 1)] == [None] * 4
    assert percent_agreement(alike) == gwet_ac1(alike) == 1
    assert krippendorff_alpha(alike) is None and agreement_on(alike, 1) is None
    assert Table.of_items([(1, 0), (0, 1)]).items == 0


def test_intervals_hold_the_figure_follow_the_seed_and_shrink():
    small, large = two_people(85, 8, 7), two_people(8500, 800, 700)
    found = with_intervals(small, 1, seed=3)
    assert found == with_intervals(small, 1, seed=3) != with_intervals(small, 1, seed=4)
    for name, figure in with_intervals(large, 1, seed=3).items():
        assert figure.low < figure.value < figure.high
        assert (found[name].high - found[name].low) / (figure.high - figure.low) == pytest.approx(10, rel=0.25)
    # The share of items that agree is a binomial share, whose spread is known.
    half = 1.96 * math.sqrt(0.92 * 0.08 / 10000)
    percent = with_intervals(large, 1, seed=3)["percent"]
    assert (percent.low, percent.high) == pytest.approx((0.92 - half, 0.92 + half), abs=6e-4)


def test_no_interval_where_the_draws_cannot_tell():
    found = with_intervals(two_people(40, 1, 0), 1, seed=1)
    assert found["percent"].low is not None
    assert found["on_class"].low is None and found["alpha"].low is None


@pytest.mark.parametrize(
    ("looks", "share"),
    [
        # Of 100 the first rejects 20. If of the 80 others the second rejects 10, then 70 are approved by both and, who
        # comes first being chance, 10 more of the first's 20 would be approved by the second: 10 rejected by both, of 20.
        (Looks(100, 20, 80, 10), 0.5),
        (Looks(100, 20, 40, 5), 0.5),  # half of the 80 still wait
        (Looks(100, 20, 80, 0), 1.0),  # nobody rejects what the other approved
        (Looks(100, 20, 80, 16), 0.2),  # as chance has it: the second rejects 20 % of what the first approved
        (Looks(100, 5, 95, 19), 0.0),  # 1 - .95 * .2 / .05 is below 0
        (Looks(100, 0, 100, 10), None),
        (Looks(20, 20, 0, 0), None),
        (Looks(0, 0, 0, 0), None),
    ],
)
def test_agreement_on_rejections_that_end_what_is_seen(looks, share):
    assert agreement_on_rejection(looks) == (share if share is None else pytest.approx(share, abs=1e-9))


def test_it_is_the_specific_agreement_of_a_world_in_which_both_always_rule():
    """Three kinds of revision, 10,000 each, that anybody rejects with the chance 0.02, 0.1 or 0.8, whoever comes first.

    Both reject 4 + 100 + 6400, one alone 2 * (196 + 900 + 1600). Seen is that the first rejects 200 + 1000 + 8000 and the
    second 196 + 900 + 1600 of the others.
    """
    full = agreement_on(two_people(30_000 - 6504 - 5392, 5392, 6504), 1)
    seen = rejection_with_interval(Looks(30_000, 9200, 20_800, 2696), seed=1)
    assert seen.value == pytest.approx(full, abs=1e-9)
    assert seen.low < full < seen.high and seen.high - seen.low < 0.05


# ---- From the database


@pytest.fixture
def judged(db):
    """Two people on five questions: four times both approve, once the second returns; blind: one misses the key."""
    one, two = UserFactory(username="one", roles=["reviewer"]), UserFactory(username="two", roles=["reviewer"])
    for number in range(5):
        question = QuestionFactory(submitted=True, review_slots=2, revision__approvals_needed=2)
        review(one, question, ruling())
        last = ruling("return", reasons=RETURN) if number == 4 else ruling(comment="Still.")
        review(two, question, last, answer="distractor_2" if number == 4 else "correct")
    return one, two


def test_the_database_counts_patterns(judged):
    since, until = report.bounds("30")
    table = tables.whole("verdicts", since, until)
    assert (table.counts, table.weights) == (((1, 1), (2, 0)), (1, 4))
    assert tables.by_pair("verdicts", since, until) == {tuple(sorted(p.pk for p in judged)): table}
    blind = tables.right_or_not(tables.whole("blind", since, until))
    assert (blind.counts, blind.weights) == (((1, 1), (2, 0)), (1, 4))
    assert tables.whole("gold", since, until).items == 0
    assert tables.whole("verdicts", since - timedelta(days=60), since).items == 0


def test_an_answer_after_the_key_was_seen_does_not_count(judged):
    one, two = judged
    question = QuestionFactory(submitted=True)
    review(one, question, ruling("return", reasons=RETURN))
    again = {"state": "submitted", "revision_number": 2, "review_slots": 2, "reviews_given": 0}
    type(question).objects.filter(pk=question.pk).update(**again)
    question.refresh_from_db()
    RevisionFactory(question=question, number=2, approvals_needed=2)
    review(one, question, ruling())
    review(two, question, ruling())
    since, until = report.bounds("30")
    assert tables.whole("blind", since, until).items == 5  # the second answer of `one` is none
    assert tables.whole("verdicts", since, until).items == 6


def test_a_worker_computes_and_the_page_shows_what_is_stored(judged, client, lead):
    client.force_login(lead)
    page = client.get(reverse("agreement")).text
    assert "has not been computed yet" in page
    assert client.post(reverse("agreement"), {"basis": "verdicts", "span": "90"}).status_code == 302
    jobs.run(jobs.Job.objects.get(kind=report.KIND).pk)
    page = client.get(reverse("agreement")).text
    for said in ("0.80", "one · two", "too few to tell", "Of 5 revisions that", "goes back at once", "few revisions"):
        assert said in page
    found = client.get("/api/v1/agreement/?span=90").json()
    assert found["figures"]["percent"][0] == pytest.approx(0.8)
    assert found["figures"]["pairs"][0]["items"] == 5
    assert client.get("/api/v1/agreement/?span=30").status_code == 404
    assert client.post("/api/v1/agreement/", {"span": "30"}, content_type="application/json").status_code == 202


@pytest.mark.parametrize("span", ["1", "x", "2026-02-30_2026-03-01", "2026-03-02_2026-03-01", ""])
def test_a_span_that_is_none_is_refused(db, client, lead, span):
    with pytest.raises(Invalid):
        report.bounds(span)
    if span:
        client.force_login(lead)
        assert client.get(reverse("agreement"), {"span": span}).status_code == 422
        assert client.get("/api/v1/agreement/", {"span": span}).status_code == 422


def test_one_day_is_a_span():
    since, until = report.bounds("2026-03-01_2026-03-01")
    assert until - since == timedelta(days=1)


def test_the_page_costs_the_same_however_much_was_judged(judged, client, lead, django_assert_num_queries):
    report.make("verdicts", "90")
    client.force_login(lead)
    with django_assert_num_queries(5):  # session, person, report, job under way, people of the pairs
        client.get(reverse("agreement"))


def test_only_twenty_reports_of_a_kind_are_kept(db):
    for _ in range(22):
        report.make("gold", "30")
    assert AgreementReport.objects.count() == 20


def test_rejections_are_told_from_first_and_second_verdicts(judged, monkeypatch):
    """Of 7 that need two approvals the first returns 2; of 5 others the second returns 1: 1 - 5/7 * 1/5 / (2/7) = 1/2."""
    one, two = judged
    for reviewer in judged:
        question = QuestionFactory(submitted=True, review_slots=2, revision__approvals_needed=2)
        review(reviewer, question, ruling("return", reasons=RETURN))
    review(one, QuestionFactory(submitted=True), ruling("return", reasons=RETURN))  # needs one approval: not counted
    since, until = report.bounds("30")
    assert tables.looks(since, until) == Looks(7, 2, 5, 1)
    assert tables.looks(since - timedelta(days=60), since) == Looks(0, 0, 0, 0)
    figures = report.compute("verdicts", since, until)
    assert figures["on_class"] == [None, None, None] and figures["pairs"][0]["on_class"] == [None, None, None]
    monkeypatch.setattr(report, "LEAST_NEGATIVE", 2)
    monkeypatch.setattr(report, "LEAST_SECOND", 5)
    figures = report.compute("verdicts", since, until)
    assert figures["on_class"][0] == pytest.approx(0.5)
    told = words.told("verdicts", figures)[3]
    assert "another would reject about 50 %" in told.sentence and "2 of 7" in told.sentence


def test_a_report_from_before_shows_no_rejections():
    figures = {name: [0.0, None, None] for name in report.NAMES} | {"items": 40, "negative": 4}
    told = words.told("verdicts", figures)[3]
    assert told.value is None and "Compute it again" in told.sentence


def test_each_figure_has_a_sentence_for_every_value():
    for value in (None, 0.1, 0.7, 0.95):
        figures = {name: [value, None, None] for name in report.NAMES} | {"items": 3, "negative": 2, "looks": [9, 2, 7, 1]}
        for basis in report.BASES:
            assert all(told.sentence for told in words.told(basis, figures)) and words.caveat(basis)
