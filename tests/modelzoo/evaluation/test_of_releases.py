"""An evaluation names the release it measured on and the hash of its rows; the release's page names what was measured."""

import io

import pytest
from django.core.management import call_command
from django.urls import reverse

from modelzoo.models import Evaluation, QuestionSet
from modelzoo.releases import sealing
from tests.modelzoo.evaluation.builders import evaluated, make_set
from tests.modelzoo.releases.test_seal import questions
from tests.studio.test_api import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def release():
    questions(3)
    return sealing.seal("bench-1", kind="benchmark")


def evaluate(name, **options):
    out = io.StringIO()
    call_command("evaluate_physvlm", model="baseline:first", release=name, protocol=["standard"], stdout=out, **options)
    return out.getvalue()


def test_an_evaluation_names_its_release_and_its_rows(release, client, lead):
    assert "on bench-1, standard" in evaluate("bench-1")
    one = Evaluation.objects.get()
    assert one.question_set.release == release and one.source == {"release": "bench-1"}
    rows = list(one.question_set.questions.order_by("number").values_list("row_id", "question"))
    assert rows == list(release.rows.order_by("number").values_list("row_id", "question"))
    client.force_login(lead)
    page = client.get(one.get_absolute_url()).content.decode()
    assert f'<a href="{release.get_absolute_url()}">bench-1</a>' in page and release.sha256 in page
    api = client_of(lead)
    told = api.get(f"/api/v1/evaluations/{one.pk}/").json()["question_set"]["release"]
    assert told == {"id": release.pk, "name": "bench-1", "sha256": release.sha256}
    assert api.get(f"/api/v1/releases/{release.pk}/").json()["evaluations"] == [one.pk]


def test_a_release_names_what_was_measured_on_it(release, client, lead):
    client.force_login(lead)
    assert "No model was measured on it yet." in client.get(release.get_absolute_url()).content.decode()
    evaluate("bench-1")
    evaluate("bench-1", limit=2)
    evaluated(make_set(4), lambda question: "A", name="Elsewhere")
    part, whole = Evaluation.objects.filter(question_set__release=release).order_by("question_set__questions_count")
    assert (part.question_set.questions_count, part.question_set.is_whole, whole.question_set.is_whole) == (2, False, True)
    page = client.get(release.get_absolute_url()).content.decode()
    assert whole.get_absolute_url() in page and part.get_absolute_url() in page and "bench-1 (2 of 3)" in page
    assert "Elsewhere" not in page
    # The same rows sealed under another name are the same questions, so what was measured on one holds for the other.
    other = sealing.seal("bench-2", kind="benchmark")
    evaluate("bench-2")
    assert QuestionSet.objects.filter(is_whole=True, release__isnull=False).get().release == release
    assert Evaluation.objects.filter(question_set__release=release).count() == 2
    assert whole.get_absolute_url() in client.get(reverse("release", args=[other.pk])).content.decode()
