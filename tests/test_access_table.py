"""Who may do what: the whole table, compared with what really happens for each address, method and kind of person.

A new address fails here until it has a row. A row says, for each method, who gets past the door; what stands behind the
door (not my job, form empty, somebody came first) is the business of other tests.
"""

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import get_resolver

from modelzoo.models import TrainingRun
from modelzoo.releases import sealing
from studio import jobs
from tests.factories import (
    ClipFactory,
    InstructSampleFactory,
    PreferencePairFactory,
    QuestionFactory,
    UserFactory,
    clip_truth,
    practice_clip,
)
from tests.modelzoo.evaluation.builders import evaluated, make_set
from tests.modelzoo.test_export import MP4, approved
from tests.qc.duplicates import pair

PEOPLE = ("nobody", "no role", "annotator", "reviewer", "lead", "admin")
ANYONE = frozenset(PEOPLE)
SIGNED_IN = ANYONE - {"nobody"}
ANY_ROLE = SIGNED_IN - {"no role"}
WRITER = frozenset({"annotator"})
REVIEWER = frozenset({"reviewer"})
LEAD = frozenset({"lead"})
ADMIN = frozenset({"admin"})
PRACTISES = WRITER | REVIEWER | LEAD

TABLE = {
    # The Studio itself
    "": {"GET": SIGNED_IN},
    "jsi18n/": {"GET": ANYONE},
    "healthz": {"GET": ANYONE},
    "health/": {"GET": LEAD | ADMIN},
    "login/": {"GET": ANYONE, "POST": ANYONE},
    "logout/": {"POST": ANYONE},
    "account/": {"GET": SIGNED_IN},
    "account/look/": {"POST": SIGNED_IN},
    "account/tokens/": {"POST": SIGNED_IN},
    "account/tokens/<int:pk>/revoke/": {"POST": SIGNED_IN},
    "account/password/": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "account/reset/": {"GET": ANYONE, "POST": ANYONE},
    "account/reset/sent/": {"GET": ANYONE},
    "account/reset/<uidb64>/<token>/": {"GET": ANYONE, "POST": ANYONE},
    "account/shortcuts/": {"GET": SIGNED_IN},
    "account/shortcuts/set": {"POST": SIGNED_IN},
    "account/shortcuts/restore": {"POST": SIGNED_IN},
    "people/": {"GET": ADMIN},
    "people/new/": {"GET": ADMIN, "POST": ADMIN},
    "people/<int:pk>/": {"GET": ADMIN, "POST": ADMIN},
    "people/<int:pk>/mail/": {"POST": ADMIN},
    "jobs/": {"GET": SIGNED_IN},
    "jobs/<int:pk>/": {"GET": SIGNED_IN},
    "jobs/<int:pk>/progress/": {"GET": SIGNED_IN},
    "jobs/<int:pk>/cancel/": {"POST": SIGNED_IN},
    "jobs/<int:pk>/retry/": {"POST": SIGNED_IN},
    # Clips
    "clips/": {"GET": ANY_ROLE},
    "clips/upload/": {"GET": LEAD | ADMIN, "POST": LEAD | ADMIN},
    "clips/upload/state/": {"GET": LEAD | ADMIN},
    "clips/bulk/": {"POST": LEAD},
    "clips/check/": {"GET": LEAD},
    "clips/<id:pk>/judge/": {"POST": LEAD},
    "clips/<id:pk>/cut/": {"POST": LEAD},
    "clips/<int:pk>/": {"GET": ANY_ROLE},
    "clips/<int:pk>/edit/": {"POST": LEAD},
    "clips/<int:pk>/retry/": {"POST": LEAD},
    "clips/<int:pk>/takedown/": {"POST": LEAD | ADMIN},
    "media/<int:pk>/<str:kind>": {"GET": ANY_ROLE},
    "sources/": {"GET": LEAD},
    "sources/start/": {"POST": LEAD},
    "sources/retry/": {"POST": LEAD},
    # Writing
    "write/": {"GET": WRITER},
    "write/next/": {"POST": WRITER},
    "write/<id:pk>/": {"GET": WRITER},
    "write/<id:pk>/save": {"POST": WRITER},
    "write/<id:pk>/submit": {"POST": WRITER},
    "write/<id:pk>/aside": {"POST": WRITER},
    "write/<id:pk>/prepare": {"POST": WRITER},
    "write/habits/hide": {"POST": WRITER},
    "work/": {"GET": WRITER},
    "work/reasons/": {"GET": WRITER},
    "questions/": {"GET": LEAD},
    "questions/<int:pk>/": {"GET": LEAD | WRITER},
    "questions/<int:pk>/hand-over": {"POST": LEAD},
    # Truth and practice
    "truth/": {"GET": LEAD},
    "truth/make/": {"POST": LEAD},
    "truth/<id:pk>/": {"GET": LEAD},
    "practice/": {"GET": PRACTISES},
    "practice/<id:pk>/write/": {"GET": PRACTISES, "POST": PRACTISES},
    "practice/<id:pk>/answer/": {"GET": PRACTISES, "POST": PRACTISES},
    "practice/attempts/<id:pk>/": {"GET": PRACTISES},
    "practice/people/": {"GET": LEAD},
    "practice/people/<id:pk>/": {"GET": LEAD},
    # Cross-checking
    "review/": {"GET": REVIEWER},
    "review/next/": {"POST": REVIEWER},
    "review/<int:pk>/": {"GET": REVIEWER},
    "review/<int:pk>/options/": {"POST": REVIEWER},
    "review/<int:pk>/blind/": {"POST": REVIEWER},
    "review/<int:pk>/verdict/": {"POST": REVIEWER},
    "review/<int:pk>/ahead/": {"POST": REVIEWER},
    "review/<int:pk>/skip/": {"POST": REVIEWER},
    "review/undo/<int:review_pk>/": {"POST": REVIEWER},
    "leaks/": {"GET": LEAD},
    "leaks/start/": {"POST": LEAD},
    "leaks/baseline/": {"GET": LEAD},
    "leaks/baseline/start/": {"POST": LEAD},
    "questions/<int:pk>/leaks/check/": {"POST": LEAD},
    "questions/<int:pk>/leaks/waive/": {"POST": LEAD},
    "questions/<int:pk>/leaks/return/": {"POST": LEAD},
    "questions/<int:pk>/leaks/probe/": {"POST": LEAD | WRITER},
    "duplicates/": {"GET": LEAD},
    "duplicates/<id:pk>/": {"GET": LEAD},
    "duplicates/<id:pk>/verdict/": {"POST": LEAD},
    "calibration/": {"GET": LEAD},
    "calibration/people/<id:pk>/": {"GET": LEAD},
    "calibration/agreement/": {"GET": LEAD, "POST": LEAD},
    "calibration/gold/": {"GET": LEAD},
    "calibration/reasons/": {"GET": LEAD},
    "questions/<int:pk>/gold/promote/": {"POST": LEAD},
    "questions/<int:pk>/gold/retire/": {"POST": LEAD},
    "adjudication/": {"GET": LEAD},
    "adjudication/<int:pk>/": {"GET": LEAD, "POST": LEAD},
    "questions/<id:pk>/card/": {"GET": LEAD},
    "quality/": {"GET": LEAD | ADMIN},
    "quality/tables/<slug:name>/": {"GET": LEAD | ADMIN},
    # Exports
    "exports/": {"GET": LEAD | ADMIN, "POST": LEAD | ADMIN},
    "exports/<int:pk>/download/": {"GET": LEAD | ADMIN},
    "exports/<int:pk>/delete/": {"POST": LEAD | ADMIN},
    "releases/": {"GET": LEAD | ADMIN, "POST": LEAD | ADMIN},
    "releases/<id:pk>/": {"GET": LEAD | ADMIN},
    "instruct/": {"GET": LEAD | ADMIN},
    "instruct/plan/": {"GET": LEAD | ADMIN},
    "instruct/start/": {"POST": LEAD | ADMIN},
    "instruct/review/": {"GET": LEAD | ADMIN},
    "instruct/samples/": {"GET": LEAD | ADMIN},
    "instruct/<id:pk>/": {"GET": LEAD | ADMIN},
    "instruct/<id:pk>/decide/": {"POST": LEAD | ADMIN},
    "preference/": {"GET": LEAD | ADMIN},
    "preference/plan/": {"GET": LEAD | ADMIN},
    "preference/start/": {"POST": LEAD | ADMIN},
    "preference/pairs/": {"GET": LEAD | ADMIN},
    "preference/<id:pk>/": {"GET": LEAD | ADMIN},
    "preference/<id:pk>/decide/": {"POST": LEAD | ADMIN},
    "preference/<id:pk>/frames/<int:place>.jpg": {"GET": LEAD | ADMIN},
    "releases/<id:pk>/export/": {"POST": LEAD | ADMIN},
    "releases/<id:pk>/exports/<id:export>/download/": {"GET": LEAD | ADMIN},
    "releases/<id:pk>/exports/<id:export>/delete/": {"POST": LEAD | ADMIN},
    # Training
    "runs/": {"GET": LEAD | ADMIN},
    "runs/new/": {"GET": LEAD | ADMIN, "POST": LEAD | ADMIN},
    "runs/new/<id:pk>/": {"GET": LEAD | ADMIN},
    "runs/new/<id:pk>/start/": {"POST": LEAD | ADMIN},
    "runs/compare/": {"GET": LEAD | ADMIN},
    "runs/<id:pk>/": {"GET": LEAD | ADMIN},
    "runs/<id:pk>/series/": {"GET": LEAD | ADMIN},
    "runs/<id:pk>/stop/": {"POST": LEAD | ADMIN},
    "runs/<id:pk>/resume/": {"POST": LEAD | ADMIN},
    # Evaluation
    "leaderboard/": {"GET": ANY_ROLE},
    "leaderboard/file/<slug:form>/": {"GET": ANY_ROLE},
    "leaderboard/public/": {"GET": ANYONE},
    "leaderboard/public/<slug:form>/": {"GET": ANYONE},
    "evaluations/": {"GET": LEAD | ADMIN},
    "evaluations/new/": {"GET": LEAD | ADMIN, "POST": LEAD | ADMIN},
    "evaluations/import/": {"GET": LEAD | ADMIN, "POST": LEAD | ADMIN},
    "evaluations/<id:pk>/": {"GET": LEAD | ADMIN},
    "evaluations/<id:pk>/go-on/": {"POST": LEAD | ADMIN},
    "evaluations/<id:pk>/hide/": {"POST": LEAD | ADMIN},
    "evaluations/<id:pk>/answers/": {"GET": LEAD | ADMIN},
    "evaluations/<id:pk>/compare/<id:other>/": {"GET": LEAD | ADMIN},
    # Asking
    "ask/": {"GET": LEAD | ADMIN, "POST": LEAD | ADMIN},
    "ask/clips/": {"GET": LEAD | ADMIN},
    "ask/<id:pk>/": {"GET": LEAD | ADMIN},
    "ask/<id:pk>/stop/": {"POST": LEAD | ADMIN},
    "ask/<id:pk>/again/": {"POST": LEAD | ADMIN},
    "ask/<id:pk>/image/<slug:kind>/": {"GET": LEAD | ADMIN},
    # API
    "api/v1/": {"GET": SIGNED_IN},
    "api/v1/schema/": {"GET": SIGNED_IN},
    "api/v1/me/": {"GET": SIGNED_IN},
    "api/v1/jobs/": {"GET": SIGNED_IN},
    "api/v1/jobs/<id:pk>/": {"GET": SIGNED_IN},
    "api/v1/jobs/<id:pk>/cancel/": {"POST": SIGNED_IN},
    "api/v1/jobs/<id:pk>/retry/": {"POST": SIGNED_IN},
    "api/v1/clips/": {"GET": ANY_ROLE, "POST": LEAD | ADMIN},
    "api/v1/clips/<id:pk>/": {"GET": ANY_ROLE, "PATCH": LEAD},
    "api/v1/clips/<id:pk>/media/<slug:kind>/": {"GET": ANY_ROLE},
    "api/v1/questions/": {"GET": LEAD | WRITER},
    "api/v1/questions/<id:pk>/": {"GET": LEAD | WRITER},
    "api/v1/queue/clips/next/": {"POST": WRITER},
    "api/v1/queue/clips/<id:clip>/take/": {"POST": WRITER},
    "api/v1/queue/clips/<id:clip>/draft/": {"PUT": WRITER},
    "api/v1/queue/clips/<id:clip>/submit/": {"POST": WRITER},
    "api/v1/queue/clips/<id:clip>/release/": {"POST": WRITER},
    "api/v1/queue/clips/<id:clip>/set-aside/": {"POST": WRITER},
    "api/v1/agreement/": {"GET": LEAD, "POST": LEAD},
    "api/v1/reviewers/accuracy/": {"GET": LEAD},
    "api/v1/questions/<id:pk>/answers/": {"GET": LEAD},
    "api/v1/questions/<id:pk>/gold/": {"POST": LEAD, "DELETE": LEAD},
    "api/v1/baseline/": {"GET": LEAD, "POST": LEAD},
    "api/v1/baseline/<id:pk>/": {"GET": LEAD},
    "api/v1/duplicates/": {"GET": LEAD},
    "api/v1/duplicates/<id:pk>/": {"GET": LEAD},
    "api/v1/duplicates/<id:pk>/verdict/": {"POST": LEAD},
    "api/v1/families/": {"GET": LEAD},
    "api/v1/families/<id:pk>/": {"GET": LEAD},
    "api/v1/reviews/": {"GET": LEAD | REVIEWER},
    "api/v1/reviews/<id:pk>/": {"GET": LEAD | REVIEWER},
    "api/v1/reviews/<id:pk>/undo/": {"POST": REVIEWER},
    "api/v1/queue/reviews/next/": {"POST": REVIEWER},
    "api/v1/queue/reviews/<id:revision>/take/": {"POST": REVIEWER},
    "api/v1/queue/reviews/<id:revision>/options/": {"POST": REVIEWER},
    "api/v1/queue/reviews/<id:revision>/answer/": {"POST": REVIEWER},
    "api/v1/queue/reviews/<id:revision>/ruling/": {"POST": REVIEWER},
    "api/v1/queue/reviews/<id:revision>/release/": {"POST": REVIEWER},
    "api/v1/quality/": {"GET": LEAD | ADMIN},
    "api/v1/exports/": {"GET": LEAD | ADMIN, "POST": LEAD | ADMIN},
    "api/v1/exports/<id:pk>/": {"GET": LEAD | ADMIN, "DELETE": LEAD | ADMIN},
    "api/v1/exports/<id:pk>/download/": {"GET": LEAD | ADMIN},
    "api/v1/instruct/": {"GET": LEAD | ADMIN},
    "api/v1/instruct/next/": {"GET": LEAD | ADMIN},
    "api/v1/instruct/figures/": {"GET": LEAD | ADMIN},
    "api/v1/instruct/estimates/": {"POST": LEAD | ADMIN},
    "api/v1/instruct/builds/": {"POST": LEAD | ADMIN},
    "api/v1/instruct/<id:pk>/": {"GET": LEAD | ADMIN},
    "api/v1/instruct/<id:pk>/accept/": {"POST": LEAD | ADMIN},
    "api/v1/instruct/<id:pk>/edit/": {"POST": LEAD | ADMIN},
    "api/v1/instruct/<id:pk>/reject/": {"POST": LEAD | ADMIN},
    "api/v1/instruct/<id:pk>/reopen/": {"POST": LEAD | ADMIN},
    "api/v1/preference/": {"GET": LEAD | ADMIN},
    "api/v1/preference/figures/": {"GET": LEAD | ADMIN},
    "api/v1/preference/estimates/": {"POST": LEAD | ADMIN},
    "api/v1/preference/builds/": {"POST": LEAD | ADMIN},
    "api/v1/preference/<id:pk>/": {"GET": LEAD | ADMIN},
    "api/v1/preference/<id:pk>/accept/": {"POST": LEAD | ADMIN},
    "api/v1/preference/<id:pk>/reject/": {"POST": LEAD | ADMIN},
    "api/v1/releases/": {"GET": LEAD | ADMIN, "POST": LEAD | ADMIN},
    "api/v1/releases/<id:pk>/": {"GET": LEAD | ADMIN},
    "api/v1/releases/<id:pk>/rows/": {"GET": LEAD | ADMIN},
    "api/v1/releases/<id:pk>/diff/": {"GET": LEAD | ADMIN},
    "api/v1/releases/<id:pk>/exports/": {"GET": LEAD | ADMIN, "POST": LEAD | ADMIN},
    "api/v1/releases/<id:pk>/exports/<id:export>/": {"GET": LEAD | ADMIN, "DELETE": LEAD | ADMIN},
    "api/v1/releases/<id:pk>/exports/<id:export>/download/": {"GET": LEAD | ADMIN},
    "api/v1/runs/": {"GET": LEAD | ADMIN, "POST": LEAD | ADMIN},
    "api/v1/runs/choices/": {"GET": LEAD | ADMIN},
    "api/v1/runs/estimates/": {"POST": LEAD | ADMIN},
    "api/v1/runs/<id:pk>/": {"GET": LEAD | ADMIN},
    "api/v1/runs/<id:pk>/stop/": {"POST": LEAD | ADMIN},
    "api/v1/runs/<id:pk>/resume/": {"POST": LEAD | ADMIN},
    "api/v1/runs/<id:pk>/series/": {"GET": LEAD | ADMIN},
    "api/v1/evaluations/": {"GET": LEAD | ADMIN, "POST": LEAD | ADMIN},
    "api/v1/evaluations/<id:pk>/": {"GET": LEAD | ADMIN},
    "api/v1/evaluations/<id:pk>/go-on/": {"POST": LEAD | ADMIN},
    "api/v1/evaluations/<id:pk>/predictions/": {"GET": LEAD | ADMIN},
    "api/v1/leaderboard/": {"GET": ANY_ROLE},
    "api/v1/asks/": {"GET": LEAD | ADMIN, "POST": LEAD | ADMIN},
    "api/v1/asks/models/": {"GET": LEAD | ADMIN},
    "api/v1/asks/<id:pk>/": {"GET": LEAD | ADMIN},
    "api/v1/asks/<id:pk>/stop/": {"POST": LEAD | ADMIN},
    "api/v1/<path:rest>": dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), ANYONE),
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
DOOR = "Your roles do not include"  # behind the door a 403 has another sentence


def walk(patterns, prefix=""):
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from walk(pattern.url_patterns, route)
        else:
            yield route


def routes():
    return list(walk(get_resolver().url_patterns))


@pytest.fixture
def world(db):
    """One object of each kind, belonging to nobody who knocks; and the people who do."""
    question = QuestionFactory(submitted=True)
    revision = question.revisions.get()
    job = jobs.enqueue("studio.selfcheck", owner=question.author)
    ids = {
        "jobs": job.pk,
        "people": question.author.pk,
        "clips": question.clip.pk,
        "media": question.clip.pk,
        "truth": practice_clip().pk,
        "practice": practice_clip(truth=clip_truth(clip_id="gw1-meadow-8")).pk,
        "write": question.clip.pk,
        "questions": question.pk,
        "adjudication": question.pk,
        "duplicates": pair(ClipFactory(), ClipFactory()).pk,
        "calibration": question.author.pk,
        "review": revision.pk,
        "reviews": revision.pk,
        "exports": job.pk,
        "runs": TrainingRun.objects.create(name="a run").pk,
        "releases": sealed().pk,
        "instruct": InstructSampleFactory().pk,
        "preference": PreferencePairFactory().pk,
        "evaluations": evaluated(make_set(4), lambda question: "A").pk,
        "ask": 1,
        "asks": 1,
        "account": 1,
        "baseline": 1,
        "families": 1,
    }
    sessions = {"nobody": ""} | {name: session_of(name, [] if name == "no role" else [name]) for name in PEOPLE[1:]}
    return {"ids": ids, "sessions": sessions}


def sealed():
    approved(video=MP4 + b"sealed")
    return sealing.seal("sealed", kind="benchmark")


def session_of(name, roles):
    client = Client()
    client.force_login(UserFactory(username=name, roles=roles))
    return client.cookies["sessionid"].value


def address(route, ids):
    """The route with each <parameter> filled in: numbers by the room they belong to, words by their name."""
    parts = [part for part in route.removeprefix("api/v1/").split("/") if part]
    room = parts[1] if parts and parts[0] == "queue" else (parts[0] if parts else "")
    words = {"kind": "poster", "uidb64": "MQ", "token": "set-password", "rest": "nothing/here", "name": "way", "place": "0"}
    words["form"] = "csv"
    filled = []
    for part in route.split("/"):
        if part.startswith("<"):
            name = part.partition(">")[0].strip("<").split(":")[-1]
            filled.append((words[name] if name in words else str(ids[room])) + part.rpartition(">")[2])
        else:
            filled.append(part)
    return "/" + "/".join(filled)


CLIENT = Client()  # one for all: a new one reads the folder of static files again


def knock(session, method, path):
    """What really happened: "in", "refused" (signed out or not one's role) or "no such method"."""
    cache.clear()  # nobody is slowed down for knocking often
    CLIENT.cookies.clear()
    if session:
        CLIENT.cookies["sessionid"] = session
    with transaction.atomic():  # what a POST did is undone
        response = CLIENT.generic(method, path, "{}" if path.startswith("/api/") else "", content_type=content_type(path))
        transaction.set_rollback(True)
    assert response.status_code < 500, (method, path, response.status_code)
    if response.status_code == 405:
        return "no such method"
    if response.status_code == 401 or (response.status_code == 302 and response.url.startswith("/login/?next=")):
        return "refused"
    if response.status_code == 403 and DOOR in response.content.decode():
        return "refused"
    return "in"


def content_type(path):
    return "application/json" if path.startswith("/api/") else "application/x-www-form-urlencoded"


def test_the_table_has_a_row_for_every_address_and_no_other():
    known = routes()
    assert sorted(set(known) - set(TABLE)) == [], "These addresses have no row in the table."
    assert sorted(set(TABLE) - set(known)) == [], "These rows have no address."
    assert len(known) == len(set(known))


def test_what_really_happens_is_what_the_table_says(world):
    surprises = {}
    for route, methods in TABLE.items():
        path = address(route, world["ids"])
        for method, expected in methods.items():
            came_in = {name for name, session in world["sessions"].items() if knock(session, method, path) == "in"}
            if came_in != expected:
                surprises[f"{method} {path}"] = {"came in": sorted(came_in), "the table says": sorted(expected)}
    assert surprises == {}


def test_no_address_takes_a_method_that_the_table_does_not_name(world):
    surprises, everything = [], session_of("all", PEOPLE[2:])
    for route, named in TABLE.items():
        path = address(route, world["ids"])
        for method in METHODS:
            if method not in named and "in" in (knock("", method, path), knock(everything, method, path)):
                surprises.append(f"{method} {path}")
    assert surprises == []


def test_the_api_is_closed_without_a_token_that_fits(client, world):
    wrong = {"Authorization": "Bearer pgs_wrong"}
    for route in TABLE:
        if route.startswith("api/v1/") and "GET" in TABLE[route] and TABLE[route]["GET"] != ANYONE:
            assert client.get(address(route, world["ids"]), headers=wrong).status_code in (401, 302), route


def test_settings_name_no_other_door():
    assert settings.ROOT_URLCONF == "studio.urls"
    assert "studio.middleware.AccessMiddleware" in settings.MIDDLEWARE
    assert settings.REST_FRAMEWORK["DEFAULT_PERMISSION_CLASSES"] == ["studio.api.DeclaredAccess"]
