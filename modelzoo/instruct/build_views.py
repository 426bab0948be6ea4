"""Beginning a build: what it takes is shown first, and no more than that is begun."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from modelzoo.instruct import figures
from studio.errors import Conflict
from studio.llm import budget, endpoints
from studio.models import Job

NEWEST = 3


def no_model():
    """Why no model can be asked, "" where one can."""
    return "" if endpoints.ready() else endpoints.why_none()


def newest(kind):
    """[(job, what came of it), ...] of the newest builds."""
    found = Job.objects.filter(kind=kind).select_related("owner").defer("log", "arguments").order_by("-pk")[:NEWEST]
    return [(job, figures.outcome(job)) for job in found]


def nothing_to_do(plan):
    return not plan.clips


def check(plan, seen):
    """`Conflict` where a plan would ask more than was seen: clips came in since the estimate."""
    if nothing_to_do(plan):
        raise Conflict(_("There is nothing to build from any more. Somebody may have begun the same build."))
    if plan.calls > seen:
        raise Conflict(_("More came in since the estimate was made. Look at the new one, then begin."))


def plan_page(request, form, names, *, status=200, refusal=""):
    """The estimate of what the form says; a form with errors goes back to its page. `names`: of addresses and words."""
    if not form.is_valid():
        return names["page"](request, form=form, status=422)
    try:
        plan = form.plan()
    except endpoints.NoModel as failure:
        form.add_error("model", str(failure))
        return names["page"](request, form=form, status=422)
    bound, limit = budget.spent_today()
    context = {
        **names,
        "form": form,
        "plan": plan,
        "refusal": refusal,
        "given": [(name, value) for name, values in request_lists(form) for value in values],
        "bound": bound,
        "limit": limit,
        "over": plan.most_usd is not None and bound + plan.most_usd > limit,
    }
    return render(request, "modelzoo/instruct_plan.html", context, status=status)


def request_lists(form):
    """[(name, [value, ...]), ...] of what was sent, to be sent again as it was."""
    return [(name, form.data.getlist(name)) for name in form.fields if name in form.data]


def start(request, form, names):
    if not form.is_valid():
        return names["page"](request, form=form, status=422)
    seen = request.POST.get("calls", "")
    try:
        plan = form.plan()
        check(plan, int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else 0)
    except endpoints.NoModel as failure:
        form.add_error("model", str(failure))
        return names["page"](request, form=form, status=422)
    except Conflict as refusal:
        return plan_page(request, form, names, status=409, refusal=str(refusal))
    job = form.start(plan, by=request.user)
    messages.success(request, _("The build was begun: %(what)s.") % {"what": job})
    return redirect(names["home"])
