"""Schemathesis against the whole API, with the token of every role: nothing answers 500, and answers keep their promises."""

import os

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.utils import timezone
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from annotator import queue
from annotator.models import Clip, ClipFamily, Question, Revision
from modelzoo import export_jobs, exporting
from modelzoo.asking.models import Ask
from modelzoo.instruct.models import InstructSample, PreferencePair
from modelzoo.models import Evaluation, Release, TrainingRun
from modelzoo.releases import export_jobs as release_exports
from modelzoo.releases import sealing
from qc import handing_out
from qc.baseline.models import BaselineRun
from qc.duplicates import grouping
from qc.duplicates.models import DuplicatePair
from qc.models import Review
from studio.api_reference import description
from studio.models import ApiToken, Job
from tests.factories import ClipFactory, PreferencePairFactory, QuestionFactory, UserFactory
from tests.modelzoo.evaluation.builders import evaluated, make_set
from tests.modelzoo.releases.test_seal import questions
from tests.qc.duplicates import pair

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
# Few in the suite; a long campaign is FUZZ_EXAMPLES=200 pytest tests/studio/test_api_fuzz.py
MOST_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "6"))
PEOPLE = {
    "annotator": ["annotator"],
    "reviewer": ["reviewer"],
    "lead": ["lead"],
    "admin": ["admin"],
    "all": None,
    "none": [],
}
MODELS = {
    "clips": Clip,
    "questions": Question,
    "reviews": Review,
    "jobs": Job,
    "exports": Job,
    "releases": Release,
    "export": Job,
    "runs": TrainingRun,
    "instruct": InstructSample,
    "preference": PreferencePair,
    "evaluations": Evaluation,
    "asks": Ask,
    "baseline": BaselineRun,
    "duplicates": DuplicatePair,
    "families": ClipFamily,
    "clip": Clip,
    "revision": Revision,
}


def operations():
    schema = schemathesis.openapi.from_dict(description())
    schema.app = get_wsgi_application()
    return [result.ok() for result in schema.get_all_operations()]


@pytest.fixture
def one_connection():
    """Requests run inside this test's transaction, so they must not close its connection as they end."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def sealed():
    questions(1)
    return sealing.seal("sealed", kind="benchmark")


@pytest.fixture
def a_bit_of_everything():
    """Rows with small ids in every state, so that random small ids find something."""
    release_exports.start(sealed(), by=None, wanted=["parquet"])  # first: the other clips have no files
    for state in ("submitted", "returned", "approved"):
        QuestionFactory.create_batch(2, **{state: True})
    ClipFactory.create_batch(3)
    PreferencePairFactory(), PreferencePairFactory(sample__state="generated", state="generated", verdict="")
    for state in ("open", "same"):
        alike = pair(ClipFactory(), ClipFactory(), state)
        grouping.regroup([alike.first_id])
    Job.objects.create(kind=export_jobs.KIND, queue="io", state="done", result={"questions": 1})
    for state in ("running", "finished", "lost"):
        TrainingRun.objects.create(name=state, state=state, host="here", stage="sft", latest={"loss": 0.5})
    evaluated(make_set(4), lambda question: "A")


def asked(by):
    """One's own asks: nobody sees another's."""
    ask = {"owner": by, "clip": ClipFactory(), "model": "model:tiny", "model_name": "tiny", "text": "What breaks?"}
    for state in ("queued", "failed"):
        Ask.objects.create(**ask, job=Job.objects.create(kind="modelzoo.ask", queue="gpu", state=state))
    done = {"answer": "B", "options": ["Gravity", "Colour"], "probabilities": [0.25, 0.75], "mass": 0.5}
    Ask.objects.create(**ask, **done, weights="0" * 64, answered_at=timezone.now())


@pytest.mark.parametrize("who", PEOPLE)
def test_nothing_is_a_500_and_every_answer_is_as_described(who, one_connection, a_bit_of_everything, settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {
        "DEFAULT_THROTTLE_RATES": {"user": "1000000/min", "anon": "1000000/min"}
    }
    roles = PEOPLE[who]
    person = UserFactory(roles=["annotator", "reviewer", "lead", "admin"] if roles is None else roles)
    if person.is_annotator:
        queue.next_clip(person)
    if person.is_reviewer:
        handing_out.next_review(person)
    if person.is_lead:
        export_jobs.start(by=person, options=exporting.Options())
    asked(person)
    _token, secret = ApiToken.issue(user=person, name="fuzz")
    headers = {"Authorization": f"Bearer {secret}"}
    tried = 0
    for operation in operations():

        @hypothesis.settings(
            max_examples=MOST_EXAMPLES if roles is None else MOST_EXAMPLES // 3,
            deadline=None,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        )
        @hypothesis.given(case=operation.as_strategy(), row=st.sampled_from([None, 0, 1, 2, 3]))
        def send(case, row):
            nonlocal tried
            tried += 1
            for name in set(case.path_parameters or ()) & {"id", "clip", "revision", "export"}:
                model = MODELS.get(name) or MODELS[case.path.split("/")[3]]
                if row is not None and row < model.objects.count():
                    case.path_parameters[name] = model.objects.order_by("pk")[row].pk
            response = case.call(headers=headers)
            case.validate_response(response, checks=CHECKS, headers=headers)

        send()
    assert tried > 50
