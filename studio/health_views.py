"""Is the Studio well? One answer for machines, one page for people."""

from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from studio import health
from studio.access import ANYONE, allow
from studio.roles import Role


@allow(ANYONE)
@require_GET
@never_cache
def healthz(request):
    """For load balancers and start scripts: 200 when pages can be served, else 503; says nothing else."""
    ok = health.can_serve()
    return JsonResponse({"status": "ok" if ok else "failing"}, status=200 if ok else 503)


@allow(Role.LEAD, Role.ADMIN)
@require_GET
@never_cache
def health_page(request):
    return render(request, "studio/health.html", {"report": health.report()})
