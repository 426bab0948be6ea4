"""The start page, and the catalogue of translations for scripts."""

from django.conf import settings
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.http import etag, require_GET
from django.views.i18n import JavaScriptCatalog

from studio import home as start
from studio.access import ANYONE, SIGNED_IN, allow

_catalogue = JavaScriptCatalog.as_view()


@allow(SIGNED_IN)
@require_GET
def home(request):
    return render(request, "studio/home.html", {"cards": start.cards(request.user)})


def _catalogue_version(request):
    language = get_language()
    stamps = []
    for folder in settings.LOCALE_PATHS:
        stamps += [file.stat().st_mtime_ns for file in sorted(folder.glob("*/LC_MESSAGES/djangojs.mo"))]
    return f'"{language}-{hash(tuple(stamps)) & 0xFFFFFFFF:x}"'


@allow(ANYONE)
@require_GET
@cache_control(private=True, max_age=3600)
@etag(_catalogue_version)
def jsi18n(request):
    return _catalogue(request)
