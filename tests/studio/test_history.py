"""The history the database keeps: complete, append-only, readable."""

import pghistory
import pytest
from django.db import DatabaseError, connection, transaction

from studio import history
from tests.factories import ClipFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_entries_say_who_when_and_what_newest_first(admin):
    person = UserFactory(username="ann", roles=["annotator"])
    with pghistory.context(user=admin.pk, request="abc"):
        person.roles = ["annotator", "lead"]
        person.double_checks_left = 3
        person.save()
    changed, made = history.of(person)
    assert (changed.label, changed.who, changed.request) == ("Changed", "ada", "abc")
    assert dict((name, (old, new)) for name, old, new in changed.changes) == {
        "roles": ("Annotator", "Annotator, Lead"),
        "double checks left": ("0", "3"),
    }
    assert (made.label, made.who) == ("Made", "the Studio itself")
    assert ("username", "", "ann") in made.changes and changed.at >= made.at


def test_choices_and_people_are_shown_by_name(admin):
    clip = ClipFactory()
    with pghistory.context(user=admin.pk, job=7):
        clip.content = "not_gameplay"
        clip.brought_by = admin
        clip.save()
    changes = {name: (old, new) for name, old, new in history.of(clip)[0].changes}
    assert changes["content"] == ("Not checked yet", "Not gameplay")
    assert changes["brought by"] == ("", "ada")
    assert history.of(clip)[0].job == 7


def test_it_costs_two_queries_however_long_it_is(admin, django_assert_num_queries):
    person = UserFactory()
    for number in range(30):
        with pghistory.context(user=admin.pk):
            person.double_checks_left = number + 1
            person.save()
    with django_assert_num_queries(2):
        assert len(history.of(person)) == 31
    short = history.of(person, limit=5)
    assert len(short) == 5 and short[-1].changes[0][1:] == ("25", "26")


def test_even_a_bulk_update_and_raw_sql_are_kept(admin):
    person = UserFactory(roles=["annotator"])
    type(person).objects.filter(pk=person.pk).update(roles=["lead"])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE studio_user SET double_checks_left = 9 WHERE id = %s", [person.pk])
    assert len(history.of(person)) == 3


def test_the_database_refuses_to_change_the_past():
    person = UserFactory()
    for statement in ("UPDATE studio_userevent SET username = 'x'", "DELETE FROM studio_userevent"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert len(history.of(person)) == 1


def test_a_request_signs_its_changes(client, admin, annotator):
    client.force_login(admin)
    from django.urls import reverse

    fields = {"first_name": "", "email": annotator.email, "roles": ["lead"], "double_checks_left": 0, "is_active": "on"}
    client.post(reverse("person", args=[annotator.pk]), fields, headers={"X-Request-ID": "req-9"})
    entry = history.of(annotator)[0]
    assert (entry.who, entry.request) == ("ada", "req-9")
