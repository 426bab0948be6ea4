"""Who may call what. Every view carries its rule; `AccessMiddleware` refuses a view that carries none.

@allow(Role.LEAD, Role.ADMIN)
def people(request): ...
"""

from studio.roles import Role

ANYONE = frozenset({"anyone"})
SIGNED_IN = frozenset({"signed in"})  # a word of its own: allow(*Role) still asks for a role
# The view is a DRF view: token or session, checked by studio.api.DeclaredAccess, not by the middleware.
API = frozenset({"api"})


def allow(*roles):
    """Mark a view with the roles that may call it; `allow(ANYONE)` and `allow(SIGNED_IN)` name whole sets."""
    if len(roles) == 1 and isinstance(roles[0], frozenset):
        allowed = roles[0]
    else:
        allowed = frozenset(Role(role).value for role in roles)

    def mark(view):
        view.access = allowed
        return view

    return mark


def may(user, allowed):
    """True when `user` satisfies the rule `allowed`. Signed-in people without any role satisfy SIGNED_IN only."""
    if allowed == ANYONE:
        return True
    if not user.is_authenticated:
        return False
    return allowed == SIGNED_IN or not allowed.isdisjoint(user.roles)
