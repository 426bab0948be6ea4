"""Two Django views that do nothing but the transaction of bare_sql.py: no session, no checks, no history of who."""

import json

from django.db import connection, transaction
from django.http import JsonResponse
from django.urls import path

from tests.benchmarks import bare_sql


@transaction.atomic
def take(request):
    with connection.cursor() as cursor:
        return JsonResponse({"clip": bare_sql.take(cursor, int(request.headers["X-User"]))})


@transaction.atomic
def submit(request, clip):
    data = json.loads(request.body)
    content = data["content"] | {"spans": json.dumps(data["content"]["spans"])}
    with connection.cursor() as cursor:
        bare_sql.submit(cursor, int(request.headers["X-User"]), clip, content, data["client_key"])
    return JsonResponse({"ok": True})


urlpatterns = [path("next/", take), path("<int:clip>/submit", submit)]
