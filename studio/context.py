"""What every template may use."""

from django.conf import settings

from studio.roles import Role


def studio(request):
    return {"Role": Role, "LANGUAGES": settings.LANGUAGES}
