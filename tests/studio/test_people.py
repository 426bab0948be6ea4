"""The people page: admins invite, give roles, deactivate; the last admin stays."""

import threading

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import close_old_connections, connection
from django.urls import reverse

from studio import people
from studio.models import User
from tests.factories import PASSWORD, UserFactory


@pytest.fixture
def signed_in(client, admin):
    client.force_login(admin)
    return client


def fields(person=None, **changes):
    base = {"first_name": "", "email": "", "roles": [], "double_checks_left": 0, "is_active": "on"}
    if person:
        base |= {"email": person.email, "roles": person.roles, "double_checks_left": person.double_checks_left}
    return base | changes


def save(client, person, **changes):
    data = fields(person, **changes)
    return client.post(reverse("person", args=[person.pk]), {k: v for k, v in data.items() if v is not None})


def test_an_invited_person_chooses_their_own_password(signed_in):
    data = fields(
        username="new", email="new@example.org", roles=["annotator", "reviewer"], double_checks_left=10, password=""
    )
    response = signed_in.post(reverse("person_new"), data, follow=True)
    person = User.objects.get(username="new")
    assert person.roles == ["annotator", "reviewer"] and person.double_checks_left == 10
    assert mail.outbox[0].to == ["new@example.org"] and "invited" in mail.outbox[0].subject
    assert "/account/reset/" in mail.outbox[0].body
    assert b"went to new@example.org" in response.content


def test_a_first_password_spares_the_mail(signed_in):
    data = fields(username="new", roles=["lead"], password=PASSWORD)
    assert signed_in.post(reverse("person_new"), data).status_code == 302
    assert User.objects.get(username="new").check_password(PASSWORD)
    assert mail.outbox == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "ada", "password": PASSWORD},
        {"username": "bad name!", "password": PASSWORD},
        {"username": "new", "password": "short"},
        {"username": "new", "password": ""},
        {"username": "new", "password": PASSWORD, "roles": ["king"]},
        {"username": "new", "password": PASSWORD, "email": "ADA@example.org"},
        {"username": "new", "password": PASSWORD, "double_checks_left": -1},
    ],
)
def test_a_wrong_form_adds_nobody(signed_in, wrong):
    response = signed_in.post(reverse("person_new"), fields() | wrong)
    assert response.status_code == 422 and b"errorlist" in response.content
    assert User.objects.count() == 1


def test_roles_change_and_the_history_says_who_and_what(signed_in, admin, annotator):
    response = save(signed_in, annotator, roles=["reviewer", "lead"])
    assert response.status_code == 302
    annotator.refresh_from_db()
    assert annotator.roles == ["lead", "reviewer"]
    page = signed_in.get(reverse("person", args=[annotator.pk]))
    entry = page.context["entries"][0]
    assert entry.who == "ada" and entry.label == "Changed"
    assert [(old, new) for _name, old, new in entry.changes] == [("Annotator", "Lead, Reviewer")]
    assert b"<del>Annotator</del>" in page.content and b"<ins>Lead, Reviewer</ins>" in page.content


def test_a_changed_role_holds_from_the_next_click(signed_in, annotator, client):
    from django.test import Client

    theirs = Client()
    theirs.force_login(annotator)
    assert theirs.get(reverse("health")).status_code == 403
    save(signed_in, annotator, roles=["lead"])
    assert theirs.get(reverse("health")).status_code == 200
    save(signed_in, annotator, roles=["lead"], is_active=None)
    assert theirs.get(reverse("health")).status_code == 302


def test_nobody_takes_their_own_admin_role_away(signed_in, admin):
    UserFactory(username="second", roles=["admin"])
    for change in ({"roles": ["lead"]}, {"is_active": None}):
        response = save(signed_in, admin, **change)
        assert response.status_code == 409 and b"your own admin role" in response.content
    admin.refresh_from_db()
    assert admin.roles == ["admin"] and admin.is_active


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_demote_each_other_at_once_leave_one():
    pair = [UserFactory(username=name, roles=["admin"]) for name in ("one", "two")]
    barrier, outcomes = threading.Barrier(2), []

    def demote(actor, person):
        try:
            barrier.wait()
            people.change_person(actor=actor, person=person, roles=["lead"])
            outcomes.append("done")
        except people.Refused:
            outcomes.append("refused")
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=demote, args=order) for order in (pair, pair[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "refused"]
    assert User.objects.filter(roles__contains=["admin"]).count() == 1


def test_a_link_is_mailed_and_the_lock_opened(signed_in, annotator):
    signed_in.post(reverse("person_mail", args=[annotator.pk]))
    assert mail.outbox[0].to == [annotator.email]


def test_a_mail_server_that_is_away_is_said_and_the_person_stays(signed_in, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    data = fields(username="new", email="new@example.org", roles=["annotator"], password="")
    response = signed_in.post(reverse("person_new"), data, follow=True)
    assert response.status_code == 200 and b"could not be sent" in response.content
    assert User.objects.filter(username="new").exists()


def test_the_list_filters_pages_and_costs_the_same_for_all(signed_in, django_assert_num_queries):
    UserFactory.create_batch(60, roles=["reviewer"])
    gone = UserFactory(username="gone", is_active=False, roles=[])
    with django_assert_num_queries(3):  # session, admin, people
        first = signed_in.get(reverse("people"))
    assert len(first.context["people"]) == 50
    second = signed_in.get(reverse("people"), {"after": first.context["more"]})
    names = [person.username for page in (first, second) for person in page.context["people"]]
    assert len(names) == len(set(names)) == 62 and names == sorted(names)
    assert [p.username for p in signed_in.get(reverse("people"), {"role": "admin"}).context["people"]] == ["ada"]
    assert [p.username for p in signed_in.get(reverse("people"), {"role": "off"}).context["people"]] == [gone.username]
    assert [p.username for p in signed_in.get(reverse("people"), {"text": "GONE"}).context["people"]] == [gone.username]


def test_create_person_from_the_command_line(db, monkeypatch, capsys):
    monkeypatch.setenv("STUDIO_PASSWORD", PASSWORD)
    call_command("create_person", "ada", roles="admin,lead", email="ada@example.org")
    ada = User.objects.get()
    assert ada.roles == ["admin", "lead"] and ada.check_password(PASSWORD)
    for arguments in ({"roles": "king"}, {"roles": "lead"}):
        with pytest.raises(CommandError):
            call_command("create_person", "ada", **arguments)
    monkeypatch.setenv("STUDIO_PASSWORD", "short")
    with pytest.raises(CommandError, match="too short"):
        call_command("create_person", "bob")
    assert PASSWORD not in capsys.readouterr().out
