"""The text-only leak check: can language models answer a revision without its video?

job, count = start([revision.pk])       # rows, and one job on the queue llm
run_checks(run)                         # in the worker: ask, judge, act on the verdicts
"""

from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from annotator import letters
from annotator.models import OPTION_KEYS, Question, Revision
from qc import leak_rules, leak_verdicts
from qc.leak_models import LeakAnswer, LeakCheck
from studio import jobs
from studio.llm import ask, endpoints
from studio.llm.parallel import each
from studio.llm.request import Request, chat
from studio.models import Job
from studio.replies import NoAnswer, parse_reply
from studio.sentences import say

KIND = "qc.leak_checks"
PURPOSE = "leak check"
MAX_TOKENS = 256
CHECKED_STATES = (Question.State.SUBMITTED, Question.State.DISPUTED, Question.State.APPROVED)
_TASK = (
    "This is a multiple-choice question about a video clip of a game. You cannot see the clip. Choose the option that is"
    " most likely to be right from the text alone; if you cannot tell, guess."
)
_TASK_WITHOUT_STEM = (
    "These are the options of a multiple-choice question about a video clip of a game. You see neither the clip nor the"
    " question. Choose the option that is most likely to be right; if you cannot tell, guess."
)


@dataclass(frozen=True)
class Arrangement:
    """One thing to ask: an order of option keys (fewer than four in a probe), with the stem or without."""

    kind: str
    number: int
    order: list


def rule():
    """The rule of the settings; ImproperlyConfigured names what it takes."""
    if settings.LEAK_RULE not in leak_rules.RULES:
        raise ImproperlyConfigured(f"STUDIO_LEAK_RULE is {settings.LEAK_RULE!r}; it takes {' or '.join(leak_rules.RULES)}.")
    return leak_rules.RULES[settings.LEAK_RULE]


def asked_by(rule, ready):
    """Which of the endpoints a rule asks."""
    return list(ready[:1]) if rule.first_only else list(ready)


def arrangements(content, rule):
    """Everything one model is asked about a wording. The same wording gives the same requests, whoever submits it."""
    rotations = letters.rotations(settings.LETTER_SEED, content.stem, *(getattr(content, key) for key in OPTION_KEYS))
    found = [Arrangement("rotation", n, order) for n, order in enumerate(rotations[: rule.rotations])]
    return [*found, Arrangement("options_only", 0, rotations[0])] if rule.options_only else found


def prompt(stem, texts, *, with_stem=True):
    """What a model reads. `texts` are the options in letter order."""
    named = [f"{letter}. {text}" for letter, text in zip(letters.LETTERS, texts, strict=False)]
    names = [letter for letter, _text in zip(letters.LETTERS, texts, strict=False)]
    head = [_TASK, "", f"Question: {stem}"] if with_stem else [_TASK_WITHOUT_STEM, ""]
    return "\n".join([*head, *named, "", f"Answer with one letter only: {', '.join(names[:-1])} or {names[-1]}."])


def request_for(endpoint, stem, options, arrangement) -> Request:
    """`options`: {option key: text}."""
    text = prompt(stem, [options[key] for key in arrangement.order], with_stem=arrangement.kind == "rotation")
    return chat(endpoint, text, temperature=0, max_tokens=MAX_TOKENS)


def most_usd(content, ready, rule):
    """The most a check of this wording can cost, in dollars; None where a price is unknown."""
    prices = []
    for endpoint in asked_by(rule, ready):
        for arrangement in arrangements(content, rule):
            request = request_for(endpoint, content.stem, content.options, arrangement)
            prices.append(endpoint.price(request.most_tokens_in, request.most_tokens_out))
    return None if None in prices else sum(prices)


def read_answer(call, options, order):
    """(option key, "") or ("", why it is no answer) of a call; a reply that was cut off is no answer."""
    texts = {letter: options[key] for letter, key in zip(letters.LETTERS, order, strict=False)}
    parsed = NoAnswer("cut") if call.finish_reason == "length" else parse_reply(call.text, texts)
    if isinstance(parsed, NoAnswer):
        return "", parsed.reason
    return order[letters.LETTERS.index(parsed)], ""


# ---- Starting


def tidy():
    """Checks whose job ended without making them (its worker died too often) have failed; they may be made anew."""
    ended = Job.objects.filter(pk=OuterRef("job_id")).exclude(state__in=[Job.State.QUEUED, Job.State.RUNNING])
    LeakCheck.objects.filter(Exists(ended), state=LeakCheck.State.CHECKING).update(
        state=LeakCheck.State.FAILED,
        reason=say("The job ended before this check was made. See the job, then check again."),
        finished_at=timezone.now(),
    )


def unchecked(*, again=False):
    """Revisions to check: the current one of each question that is submitted, in adjudication or approved.

    Without `again`, only those without a verdict or waiver; never one that is being checked.
    """
    rows = Revision.objects.filter(question__state__in=CHECKED_STATES, number=F("question__revision_number"))
    checks = LeakCheck.objects.filter(revision=OuterRef("pk"))
    rows = rows.exclude(Exists(checks.filter(state=LeakCheck.State.CHECKING)))
    if not again:
        rows = rows.exclude(Exists(checks.filter(current=True))).filter(leak_waiver=None)
    return rows.order_by("question_id")


@transaction.atomic
def start(revision_ids, *, by=None, models=None, batch=False):
    """Store a check for each revision and one job that makes them; returns (job or None, how many checks).

    `models`: names of endpoints, all that are ready without it. A revision that is being checked is left alone.
    """
    ready = [endpoints.find(name) for name in models] if models else endpoints.ready()
    if not ready:
        raise endpoints.NoModel(endpoints.why_none())
    if batch and (unable := next((endpoint for endpoint in ready if not endpoint.batch), None)):
        raise endpoints.NoModel(say("%(name)s has no Batch API. Leave out --batch, or name other models.", name=unable.name))
    chosen = rule()
    names = [endpoint.name for endpoint in asked_by(chosen, ready)]
    tidy()
    checks = [LeakCheck(revision_id=pk, rule=chosen.name, endpoints=names) for pk in revision_ids]
    LeakCheck.objects.bulk_create(checks, ignore_conflicts=True, batch_size=1000)
    mine = LeakCheck.objects.filter(revision_id__in=revision_ids, state=LeakCheck.State.CHECKING, job=None)
    count = mine.count()
    if not count:
        return None, 0
    title = say("Leak check of %(count)d questions", count=count) if count > 1 else say("Leak check of a question")
    job = jobs.enqueue(KIND, owner=by, title=title, total=count, batch=batch)
    mine.update(job=job)
    return job, count


def on_submitted(revision):
    """A new revision is checked at once where a model can be asked; elsewhere pages say that it is not."""
    if endpoints.ready():
        start([revision.pk])


# ---- In the worker


def run_checks(run, *, batch=False):
    """Make all checks of a job. Run again after a crash, it goes on: answered calls come from the store."""
    mine = LeakCheck.objects.filter(job=run.job)
    total = mine.count()
    # A failed job that somebody tries again has its failed checks to make, unless others have begun to.
    others = LeakCheck.objects.filter(revision=OuterRef("revision"), state=LeakCheck.State.CHECKING)
    mine.filter(~Exists(others), state=LeakCheck.State.FAILED).update(
        state=LeakCheck.State.CHECKING, reason="", finished_at=None
    )
    waiting = list(mine.filter(state=LeakCheck.State.CHECKING).select_related("revision").order_by("id"))
    done = total - len(waiting)
    run.progress(done, total, unit="questions")
    if batch:
        from studio.llm.batch import ask_batch

        wanted = [wanted for check in waiting for wanted in _wanted(check)]
        ask_batch([(endpoint, request) for endpoint, _arrangement, request in wanted], purpose=PURPOSE, run=run)
    try:
        for _made in each(waiting, partial(run_check, run=run)):
            done += 1
            run.progress(done, total)
    except (jobs.Cancelled, jobs.JobFailed) as stop:
        sentence = stop.args[0] if stop.args else say("Somebody cancelled the job.")
        mine.filter(state=LeakCheck.State.CHECKING).update(
            state=LeakCheck.State.FAILED, reason=sentence, finished_at=timezone.now()
        )
        raise
    return {"states": _states(mine)}


def _states(checks):
    found = {}
    for state in checks.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def _wanted(check):
    """(endpoint, arrangement, request) of everything a check asks; `NoModel` where a model has gone."""
    revision = check.revision
    for name in check.endpoints:
        endpoint = endpoints.find(name)
        for arrangement in arrangements(revision, leak_rules.RULES[check.rule]):
            yield endpoint, arrangement, request_for(endpoint, revision.stem, revision.options, arrangement)


def run_check(check, *, run):
    """Ask everything, store the answers, judge. A model that gives no reply fails the check, and only this one."""
    try:
        for endpoint, arrangement, request in _wanted(check):
            call = ask.ask(request, endpoint=endpoint, purpose=PURPOSE, run=run)
            option, why = read_answer(call, check.revision.options, arrangement.order)
            LeakAnswer.objects.bulk_create(
                [
                    LeakAnswer(
                        check_made=check,
                        call=call,
                        endpoint=endpoint.name,
                        family=endpoint.family,
                        kind=arrangement.kind,
                        number=arrangement.number,
                        order=arrangement.order,
                        option=option,
                        no_answer=why,
                    )
                ],
                ignore_conflicts=True,
            )
    except (ask.CallFailed, endpoints.NoModel) as failure:
        leak_verdicts.fail(check, failure.args[0])
        run.log(f"{check}: {failure}")
        return
    answers = [
        leak_rules.Answer(a.endpoint, a.family, a.kind, a.number, a.option, a.letter)
        for a in LeakAnswer.objects.filter(check_made=check)
    ]
    leak_verdicts.conclude(check, leak_rules.RULES[check.rule].judge(answers))
