"""The start page shows what one's roles can do, and costs the same whatever grows."""

import pytest
from django.urls import reverse
from django.utils import timezone

from studio.models import Job
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def cards(client, *roles):
    client.force_login(UserFactory(roles=list(roles)))
    return {card.name: card for card in client.get(reverse("home")).context["cards"]}


def test_each_role_sees_its_own_work(client):
    assert "people" in cards(client, "admin") and "people" not in cards(client, "lead")
    assert "jobs" in cards(client, "lead") and cards(client, "annotator", "reviewer").keys().isdisjoint({"jobs", "people"})


def test_somebody_without_a_role_is_told_whom_to_ask(client):
    client.force_login(UserFactory(roles=[]))
    assert b"You have no role yet" in client.get(reverse("home")).content


def test_failed_jobs_come_first(client):
    Job.objects.create(kind="studio.selfcheck", queue="io", state="failed", created_at=timezone.now())
    found = cards(client, "lead", "admin")
    assert next(iter(found)) == "jobs" and "1 failed" in found["jobs"].urgent


def test_it_costs_the_same_for_ten_thousand_jobs(client, django_assert_max_num_queries):
    Job.objects.bulk_create(Job(kind="studio.selfcheck", queue="io", state="failed") for _ in range(10_000))
    client.force_login(UserFactory(roles=["annotator", "reviewer", "lead", "admin"]))
    client.get(reverse("home"))
    with django_assert_max_num_queries(8):
        client.get(reverse("home"))
