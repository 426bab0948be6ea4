"""Money. The most a request can cost is reserved before it leaves and settled when its reply is there.

Both are one guarded UPDATE, so however many workers ask at once, no day and no job spends more than its limit.
"""

from django.conf import settings
from django.db import connection
from django.utils import timezone

from studio.jobs import JobFailed
from studio.llm.models import LLMBudget
from studio.sentences import say

_RESERVE = """
INSERT INTO studio_llmbudget AS b (scope, spent_usd, reserved_usd)
SELECT %(scope)s, 0, %(amount)s WHERE %(amount)s <= %(limit)s
ON CONFLICT (scope) DO UPDATE SET reserved_usd = b.reserved_usd + %(amount)s
WHERE b.spent_usd + b.reserved_usd + %(amount)s <= %(limit)s
"""
_SETTLE = """
UPDATE studio_llmbudget SET reserved_usd = greatest(0, reserved_usd - %s), spent_usd = spent_usd + %s WHERE scope = %s
"""


class BudgetSpent(JobFailed):
    """A request would go beyond a limit; nothing was sent."""


def today():
    return f"day {timezone.now():%Y-%m-%d}"


def _limits(job):
    return ((f"job {job.pk}", settings.LLM_BUDGET_JOB_USD), (today(), settings.LLM_BUDGET_DAY_USD))


def reserve(job, amount):
    """Hold `amount` dollars for one request of `job`, inside the caller's transaction; `BudgetSpent` if that is too much."""
    with connection.cursor() as cursor:
        for scope, limit in _limits(job):
            cursor.execute(_RESERVE, {"scope": scope, "amount": amount, "limit": limit})
            if not cursor.rowcount:
                raise BudgetSpent(_sentence(scope, limit))


def _sentence(scope, limit):
    if scope.startswith("job"):
        return say(
            "The budget of this job, $%(limit)s, does not suffice for the next request. Raise STUDIO_LLM_BUDGET_JOB_USD,"
            " or begin a new job; what was answered is kept.",
            limit=f"{limit:.2f}",
        )
    return say(
        "The budget of today, $%(limit)s, does not suffice for the next request. Go on tomorrow (UTC), or raise"
        " STUDIO_LLM_BUDGET_DAY_USD; what was answered is kept.",
        limit=f"{limit:.2f}",
    )


def settle(job_id, day, *, reserved, spent):
    """Turn a reservation into what was really spent, inside the caller's transaction."""
    with connection.cursor() as cursor:
        for scope in (f"job {job_id}", day):  # in the order of `reserve`, or the two would wait for each other
            cursor.execute(_SETTLE, [reserved, spent, scope])
        if spent:
            cursor.execute("UPDATE studio_job SET cost_usd = cost_usd + %s WHERE id = %s", [spent, job_id])


def spent_today():
    """(dollars spent or reserved today, limit)."""
    row = LLMBudget.objects.filter(scope=today()).first()
    return (row.bound_usd if row else 0), settings.LLM_BUDGET_DAY_USD
