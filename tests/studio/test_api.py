"""What all of the API shares: signing in, who may what, pages, errors, the description."""

import json
from datetime import timedelta

import pytest
from django.urls import get_resolver, reverse
from django.utils import timezone
from rest_framework.test import APIClient

from studio import api
from studio.access import API
from studio.api_reference import description
from studio.models import ApiToken, Job, User
from tests.factories import ClipFactory, QuestionFactory, UserFactory

pytestmark = pytest.mark.django_db


def client_of(user, **options):
    """An API client that signs in with a token of this person."""
    _token, secret = ApiToken.issue(user=user, name="test")
    client = APIClient(**options)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


@pytest.fixture
def lead_api(lead):
    return client_of(lead)


# ---- Signing in


def test_a_token_tells_who_one_is(annotator):
    me = client_of(annotator).get(reverse("api_me")).json()
    assert me | {"email": ""} == {
        "id": annotator.pk,
        "username": "ann",
        "name": "ann",
        "email": "",
        "roles": ["annotator"],
        "language": "",
        "theme": "system",
    }


@pytest.mark.parametrize(
    "header",
    [None, "Bearer", "Bearer pgs_wrong", "Bearer pgs_漂", "Bearer x", "Basic YWRhOmFkYQ==", "Token pgs_x", "Bearer \x00"],
)
def test_without_a_good_token_the_answer_is_401(header):
    client = APIClient()
    if header:
        client.credentials(HTTP_AUTHORIZATION=header)
    response = client.get(reverse("api_me"))
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert set(response.json()["error"]) == {"code", "message"}


def test_the_token_of_a_deactivated_person_is_refused(annotator):
    client = client_of(annotator)
    User.objects.filter(pk=annotator.pk).update(is_active=False)
    response = client.get(reverse("api_me"))
    assert response.status_code == 401
    assert "deactivated" in response.json()["error"]["message"]


def test_the_use_of_a_token_is_noted_at_most_once_a_minute(annotator, django_assert_num_queries):
    client = client_of(annotator)
    with django_assert_num_queries(2):  # token with person, note
        client.get(reverse("api_me"))
    noted = ApiToken.objects.get().last_used_at
    assert timezone.now() - noted < timedelta(seconds=5)
    with django_assert_num_queries(1):
        client.get(reverse("api_me"))
    assert ApiToken.objects.get().last_used_at == noted
    ApiToken.objects.update(last_used_at=noted - timedelta(minutes=2))
    client.get(reverse("api_me"))
    assert ApiToken.objects.get().last_used_at >= noted


def test_a_session_works_too_but_only_with_a_csrf_token(lead):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(lead)
    assert client.get(reverse("api_me")).status_code == 200
    response = client.post(reverse("api_exports"), {}, format="json")
    assert response.status_code == 403
    assert "CSRF" in response.json()["error"]["message"]


def test_what_a_token_changes_is_signed_in_the_history(lead):
    clip = ClipFactory()
    client_of(lead).patch(reverse("api_clip", args=[clip.pk]), {"content": "accepted"}, format="json")
    assert clip.events.latest("pgh_id").pgh_context["user"] == lead.pk


# ---- Who may what

ROLES = ["annotator", "reviewer", "lead", "admin"]
EVERYBODY, ANY_ROLE, WRITERS, REVIEWERS, BOSSES = (
    set(ROLES) | {""},
    set(ROLES),
    {"annotator"},
    {"reviewer"},
    {"lead", "admin"},
)
TABLE = {
    ("GET", "me/"): EVERYBODY,
    ("GET", "jobs/"): EVERYBODY,
    ("GET", "jobs/{id}/"): EVERYBODY,
    ("POST", "jobs/{id}/cancel/"): EVERYBODY,
    ("POST", "jobs/{id}/retry/"): EVERYBODY,
    ("GET", "clips/"): ANY_ROLE,
    ("POST", "clips/"): BOSSES,
    ("GET", "clips/{id}/"): ANY_ROLE,
    ("PATCH", "clips/{id}/"): {"lead"},
    ("GET", "clips/{id}/media/{kind}/"): ANY_ROLE,
    ("GET", "questions/"): {"annotator", "lead"},
    ("GET", "questions/{id}/"): {"annotator", "lead"},
    ("POST", "queue/clips/next/"): WRITERS,
    ("POST", "queue/clips/{clip}/take/"): WRITERS,
    ("PUT", "queue/clips/{clip}/draft/"): WRITERS,
    ("POST", "queue/clips/{clip}/submit/"): WRITERS,
    ("POST", "queue/clips/{clip}/release/"): WRITERS,
    ("POST", "queue/clips/{clip}/set-aside/"): WRITERS,
    ("GET", "reviews/"): {"reviewer", "lead"},
    ("GET", "reviews/{id}/"): {"reviewer", "lead"},
    ("POST", "reviews/{id}/undo/"): REVIEWERS,
    ("POST", "queue/reviews/next/"): REVIEWERS,
    ("POST", "queue/reviews/{revision}/take/"): REVIEWERS,
    ("POST", "queue/reviews/{revision}/options/"): REVIEWERS,
    ("POST", "queue/reviews/{revision}/answer/"): REVIEWERS,
    ("POST", "queue/reviews/{revision}/ruling/"): REVIEWERS,
    ("POST", "queue/reviews/{revision}/release/"): REVIEWERS,
    ("GET", "quality/"): BOSSES,
    ("GET", "baseline/"): {"lead"},
    ("POST", "baseline/"): {"lead"},
    ("GET", "baseline/{id}/"): {"lead"},
    ("GET", "agreement/"): {"lead"},
    ("POST", "agreement/"): {"lead"},
    ("GET", "reviewers/accuracy/"): {"lead"},
    ("GET", "questions/{id}/answers/"): {"lead"},
    ("POST", "questions/{id}/gold/"): {"lead"},
    ("DELETE", "questions/{id}/gold/"): {"lead"},
    ("GET", "exports/"): BOSSES,
    ("POST", "exports/"): BOSSES,
    ("GET", "exports/{id}/"): BOSSES,
    ("DELETE", "exports/{id}/"): BOSSES,
    ("GET", "exports/{id}/download/"): BOSSES,
    ("GET", "instruct/"): BOSSES,
    ("GET", "instruct/next/"): BOSSES,
    ("GET", "instruct/figures/"): BOSSES,
    ("POST", "instruct/estimates/"): BOSSES,
    ("POST", "instruct/builds/"): BOSSES,
    ("GET", "instruct/{id}/"): BOSSES,
    ("POST", "instruct/{id}/accept/"): BOSSES,
    ("POST", "instruct/{id}/edit/"): BOSSES,
    ("POST", "instruct/{id}/reject/"): BOSSES,
    ("POST", "instruct/{id}/reopen/"): BOSSES,
    ("GET", "preference/"): BOSSES,
    ("GET", "preference/figures/"): BOSSES,
    ("POST", "preference/estimates/"): BOSSES,
    ("POST", "preference/builds/"): BOSSES,
    ("GET", "preference/{id}/"): BOSSES,
    ("POST", "preference/{id}/accept/"): BOSSES,
    ("POST", "preference/{id}/reject/"): BOSSES,
    ("GET", "runs/"): BOSSES,
    ("POST", "runs/"): BOSSES,
    ("GET", "runs/choices/"): BOSSES,
    ("POST", "runs/estimates/"): BOSSES,
    ("GET", "runs/{id}/"): BOSSES,
    ("POST", "runs/{id}/stop/"): BOSSES,
    ("POST", "runs/{id}/resume/"): BOSSES,
    ("GET", "runs/{id}/series/"): BOSSES,
    ("GET", "evaluations/"): BOSSES,
    ("POST", "evaluations/"): BOSSES,
    ("GET", "evaluations/{id}/"): BOSSES,
    ("POST", "evaluations/{id}/go-on/"): BOSSES,
    ("GET", "evaluations/{id}/predictions/"): BOSSES,
    ("GET", "leaderboard/"): ANY_ROLE,
    ("GET", "duplicates/"): {"lead"},
    ("GET", "duplicates/{id}/"): {"lead"},
    ("POST", "duplicates/{id}/verdict/"): {"lead"},
    ("GET", "families/"): {"lead"},
    ("GET", "families/{id}/"): {"lead"},
    ("GET", "releases/"): BOSSES,
    ("POST", "releases/"): BOSSES,
    ("GET", "releases/{id}/"): BOSSES,
    ("GET", "releases/{id}/rows/"): BOSSES,
    ("GET", "releases/{id}/diff/"): BOSSES,
    ("GET", "releases/{id}/exports/"): BOSSES,
    ("POST", "releases/{id}/exports/"): BOSSES,
    ("GET", "releases/{id}/exports/{export}/"): BOSSES,
    ("DELETE", "releases/{id}/exports/{export}/"): BOSSES,
    ("GET", "releases/{id}/exports/{export}/download/"): BOSSES,
    ("GET", "asks/"): BOSSES,
    ("POST", "asks/"): BOSSES,
    ("GET", "asks/models/"): BOSSES,
    ("GET", "asks/{id}/"): BOSSES,
    ("POST", "asks/{id}/stop/"): BOSSES,
}


def test_the_table_names_every_operation_of_the_description():
    described = {
        (method.upper(), path.removeprefix("/api/v1/"))
        for path, methods in description()["paths"].items()
        for method in methods
    }
    assert described == set(TABLE)


@pytest.mark.parametrize("role", [None, "", *ROLES])
def test_every_operation_lets_in_whom_the_table_names_and_nobody_else(role):
    client = APIClient() if role is None else client_of(UserFactory(roles=[role] if role else []))
    for (method, path), allowed in TABLE.items():
        url = "/api/v1/" + path.format(id=0, clip=0, revision=0, export=0, kind="proxy")
        status = client.generic(method, url, b"").status_code
        if role is None:
            assert status == 401, (method, path)
        elif role in allowed:
            assert status not in (401, 403), (method, path, status)
        else:
            assert status == 403, (method, path, status)


def test_every_address_of_the_api_is_marked_and_declares_every_use():
    included = next(pattern for pattern in get_resolver().url_patterns if str(pattern.pattern) == "api/v1/")

    def views(patterns):
        for pattern in patterns:
            yield from views(pattern.url_patterns) if hasattr(pattern, "url_patterns") else [pattern.callback]

    for view in views(included.url_patterns):
        assert getattr(view, "access", None), view
        if view.access == API:
            names = getattr(view, "actions", None)
            uses = set(names.values()) if names else {m.upper() for m in view.cls.http_method_names if hasattr(view.cls, m)}
            assert uses - {"OPTIONS", "HEAD"} <= set(view.cls.access), view


def test_a_view_that_declares_nothing_lets_nobody_in(rf, admin):
    from rest_framework.test import force_authenticate
    from rest_framework.views import APIView

    class Forgotten(APIView):
        def get(self, request):
            raise AssertionError("called")

    request = rf.get("/")
    force_authenticate(request, admin)
    assert Forgotten.as_view()(request).status_code == 403


# ---- Errors


def put_draft(client, body, **options):
    return client.put(
        reverse("api_write_save", args=[ClipFactory().pk]), body, **{"content_type": "application/json", **options}
    )


ERRORS = [
    ("no such address", 404, "not_found", lambda c: c.get("/api/v1/nothing/here/")),
    ("no such row", 404, "not_found", lambda c: c.get(reverse("api_clip", args=[0]))),
    ("id too long for any row", 404, "not_found", lambda c: c.get("/api/v1/clips/99999999999999999999999/")),
    ("id that is no number", 404, "not_found", lambda c: c.get("/api/v1/clips/%00/")),
    ("no slash at the end", 404, "not_found", lambda c: c.get("/api/v1/clips")),
    ("wrong method", 405, "method_not_allowed", lambda c: c.delete(reverse("api_clips"))),
    ("OPTIONS", 405, "method_not_allowed", lambda c: c.options(reverse("api_clips"))),
    ("wrong body format", 415, "unsupported_media_type", lambda c: put_draft(c, "a=b", content_type="text/plain")),
    (
        "form where JSON is due",
        415,
        "unsupported_media_type",
        lambda c: put_draft(c, "a=b", content_type="application/x-www-form-urlencoded"),
    ),
    ("JSON where a form is due", 415, "unsupported_media_type", lambda c: c.post(reverse("api_clips"), {}, format="json")),
    ("answer in XML", 406, "not_acceptable", lambda c: c.get(reverse("api_clips"), HTTP_ACCEPT="application/xml")),
    ("not JSON", 400, "parse_error", lambda c: put_draft(c, "{")),
    ("not UTF-8", 400, "parse_error", lambda c: put_draft(c, b"\xff")),
    ("very deep JSON", 400, "parse_error", lambda c: put_draft(c, "[" * 100_000)),
    ("NaN", 400, "parse_error", lambda c: put_draft(c, '{"version": NaN}')),
    ("endless number", 400, "parse_error", lambda c: put_draft(c, '{"version": 1e999}')),
    ("number of 5,000 digits", 400, "parse_error", lambda c: put_draft(c, '{"version": ' + "9" * 5000 + "}")),
    ("zero character", 400, "parse_error", lambda c: put_draft(c, '{"version": 0, "content": {"stem": "a\\u0000"}}')),
    ("half a character", 400, "parse_error", lambda c: put_draft(c, '{"version": 0, "content": {"stem": "\\ud800"}}')),
    ("too large", 413, "too_large", lambda c: put_draft(c, json.dumps({"x": "x" * 2_000_000}))),
    ("a list, not an object", 422, "invalid", lambda c: put_draft(c, "[]")),
    ("missing fields", 422, "invalid", lambda c: put_draft(c, "{}")),
    ("wrong type", 422, "invalid", lambda c: put_draft(c, '{"version": "x", "content": {}}')),
    ("huge number", 422, "invalid", lambda c: put_draft(c, '{"version": ' + "9" * 300 + ', "content": {}}')),
    (
        "content refused by the service",
        422,
        "invalid",
        lambda c: put_draft(c, '{"version": 0, "content": {"category": "Magic"}}'),
    ),
    ("bad filter", 422, "invalid", lambda c: c.get(reverse("api_clips"), {"state": "odd"})),
    ("zero character in a filter", 422, "invalid", lambda c: c.get(reverse("api_clips"), {"text": "a\x00"})),
    ("bad cursor", 422, "invalid", lambda c: c.get(reverse("api_clips"), {"cursor": "x"})),
    ("huge cursor", 422, "invalid", lambda c: c.get(reverse("api_clips"), {"cursor": "9" * 5000})),
    ("bad page size", 422, "invalid", lambda c: c.get(reverse("api_clips"), {"page_size": "201"})),
    ("bad order", 422, "invalid", lambda c: c.get(reverse("api_clips"), {"order": "name"})),
    ("not allowed", 403, "permission_denied", lambda c: c.post(reverse("api_review_next"), {}, format="json")),
    (
        "work in other hands",
        409,
        "conflict",
        lambda c: c.post(reverse("api_write_take", args=[QuestionFactory(approved=True).clip_id])),
    ),
]


@pytest.mark.parametrize(("what", "status", "code", "send"), ERRORS, ids=[row[0] for row in ERRORS])
def test_every_error_has_one_shape(what, status, code, send):
    response = send(client_of(UserFactory(roles=["annotator", "lead"])))
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    assert list(response.json()) == ["error"]
    error = response.json()["error"]
    assert error["code"] == code
    assert isinstance(error["message"], str)
    assert error["message"]
    assert ("fields" in error) == (status == 422)
    if status == 422:
        assert error["fields"]
        assert all(isinstance(sentence, str) and sentence for sentence in error["fields"].values())


def test_an_address_without_its_slash_says_so(lead_api):
    assert "/api/v1/clips/" in lead_api.get("/api/v1/clips").json()["error"]["message"]


def test_a_mistake_of_ours_has_the_same_shape_and_is_logged(caplog):
    response = api.error_response(ZeroDivisionError("x"), {})
    assert (response.status_code, response.data["error"]["code"]) == (500, "server_error")
    assert "ZeroDivisionError" in caplog.text


def test_nested_errors_are_named_by_their_path():
    detail = {
        "reasons": [{}, {"code": ["Wrong."]}],
        "non_field_errors": ["All wrong."],
        "comment": ["Too long.", "Too odd."],
    }
    assert dict(api._flat(detail)) == {"reasons.1.code": "Wrong.", "": "All wrong.", "comment": "Too long. Too odd."}


def test_too_many_requests_are_told_when_to_come_back(lead, settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": {"user": "3/min", "anon": "2/min"}}
    client = client_of(lead)
    assert [client.get(reverse("api_me")).status_code for _ in range(4)] == [200, 200, 200, 429]
    response = client.get(reverse("api_me"))
    assert response.json()["error"]["code"] == "throttled"
    assert 0 < int(response["Retry-After"]) <= 60
    visitor = APIClient(REMOTE_ADDR="192.0.2.7")
    assert [visitor.get("/api/v1/nothing/").status_code for _ in range(3)] == [404, 404, 429]
    visitor = APIClient(REMOTE_ADDR="192.0.2.7", HTTP_X_FORWARDED_FOR="192.0.2.99")
    assert visitor.get("/api/v1/nothing/").status_code == 429, "a made-up address must not count as another visitor"


def test_requests_go_on_uncounted_while_the_cache_is_away(lead, settings):
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "unix:///nowhere/redis.sock"}}
    assert client_of(lead).get(reverse("api_me")).status_code == 200


# ---- Pages


def test_pages_by_key_neither_repeat_nor_miss_rows_while_rows_come_and_go(lead, lead_api):
    jobs = [Job.objects.create(kind="annotator.ingest", queue="cpu", owner=lead) for _ in range(7)]
    first = lead_api.get(reverse("api_jobs"), {"page_size": 3, "kind": "annotator.ingest"}).json()
    assert [row["id"] for row in first["results"]] == [job.pk for job in jobs[:3:-1]]
    Job.objects.create(kind="annotator.ingest", queue="cpu", owner=lead)
    jobs[4].delete()
    assert "kind=annotator.ingest" in first["next"]
    second = lead_api.get(first["next"]).json()
    third = lead_api.get(second["next"]).json()
    assert [row["id"] for page in (second, third) for row in page["results"]] == [job.pk for job in jobs[3::-1]]
    assert third["next"] is None
    oldest = lead_api.get(reverse("api_jobs"), {"order": "id", "page_size": 2}).json()
    assert [row["id"] for row in oldest["results"]] == [jobs[0].pk, jobs[1].pk]
    assert lead_api.get(oldest["next"]).json()["results"][0]["id"] == jobs[2].pk


# ---- Jobs


def test_people_see_their_own_jobs_and_leads_all(annotator, lead):
    mine = Job.objects.create(kind="annotator.ingest", queue="cpu", owner=annotator, log="line")
    other = Job.objects.create(kind="annotator.ingest", queue="cpu", owner=lead)
    seen = client_of(annotator).get(reverse("api_jobs")).json()["results"]
    assert [row["id"] for row in seen] == [mine.pk]
    assert client_of(annotator).get(reverse("api_job", args=[other.pk])).status_code == 404
    assert len(client_of(lead).get(reverse("api_jobs")).json()["results"]) == 2
    assert client_of(annotator).get(reverse("api_job", args=[mine.pk])).json()["log"] == "line"


def test_jobs_are_cancelled_and_done_again_once(annotator):
    job = Job.objects.create(kind="annotator.ingest", queue="cpu", owner=annotator)
    client = client_of(annotator)
    assert client.post(reverse("api_job_cancel", args=[job.pk])).json()["state"] == "cancelled"
    assert client.post(reverse("api_job_cancel", args=[job.pk])).status_code == 409
    assert client.post(reverse("api_job_retry", args=[job.pk])).json()["state"] == "queued"
    assert client.post(reverse("api_job_retry", args=[job.pk])).status_code == 409


def test_the_list_of_jobs_costs_the_same_however_long(lead, django_assert_num_queries):
    client = client_of(lead)
    for _ in range(30):
        Job.objects.create(kind="annotator.ingest", queue="cpu", owner=UserFactory())
    client.get(reverse("api_me"))
    with django_assert_num_queries(2):  # token with person, jobs with owners
        assert len(client.get(reverse("api_jobs")).json()["results"]) == 30


# ---- The description


def test_the_description_is_served_and_the_reference_page_lists_every_operation(client, annotator, lead_api):
    assert lead_api.get(reverse("api_schema"), {"format": "json"}).json()["paths"]["/api/v1/me/"]
    assert client.get(reverse("api")).status_code == 302
    client.force_login(annotator)
    page = client.get(reverse("api")).content.decode()
    for operation in (op for methods in description()["paths"].values() for op in methods.values()):
        assert f'id="{operation["operationId"]}"' in page
        assert operation["summary"]
    assert "style=" not in page
    assert "<script>" not in page
