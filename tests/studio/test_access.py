"""The sets of people a view can name."""

import pytest
from django.contrib.auth.models import AnonymousUser

from studio.access import ANYONE, SIGNED_IN, allow, may
from studio.models import User
from studio.roles import Role


def rule(*roles):
    return allow(*roles)(lambda request: None).access


@pytest.mark.parametrize(
    ("roles", "allowed", "answer"),
    [
        ([], rule(*Role), False),
        ([], rule(SIGNED_IN), True),
        ([], rule(ANYONE), True),
        (["annotator"], rule(*Role), True),
        (["annotator"], rule(SIGNED_IN), True),
        (["annotator"], rule(Role.LEAD), False),
        (["annotator", "lead"], rule(Role.LEAD), True),
    ],
)
def test_who_may(roles, allowed, answer):
    assert may(User(roles=roles), allowed) is answer


def test_nobody_may_what_needs_signing_in():
    assert not may(AnonymousUser(), rule(SIGNED_IN))
    assert not may(AnonymousUser(), rule(*Role))
    assert may(AnonymousUser(), rule(ANYONE))
