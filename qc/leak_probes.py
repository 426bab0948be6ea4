"""Which words give a question away? It is asked again with one option dropped, or one phrase replaced."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator import letters
from annotator.models import OPTION_KEYS, WrongState
from annotator.services import Invalid
from qc import leaks
from qc.leak_models import LeakAnswer, LeakCheck, LeakProbe
from studio import jobs
from studio.llm import ask, endpoints
from studio.sentences import say

KIND = "qc.leak_probes"
PURPOSE = "leak probe"
PHRASE_MAX_CHARS = 300
FIELDS = ("stem", *OPTION_KEYS)


def changed(probe, revision):
    """(stem, {option key: text}) as the probe asks it."""
    stem, options = revision.stem, dict(revision.options)
    if probe.kind == LeakProbe.Kind.DROP:
        del options[probe.field]
    elif probe.field == "stem":
        stem = _put(stem, probe)
    else:
        options[probe.field] = _put(options[probe.field], probe)
    return stem, options


def _put(text, probe):
    return " ".join(text.replace(probe.phrase, probe.replacement).split())


def _wanted(probe, revision):
    """(endpoint, arrangement, options, request) of everything a probe asks: every order of what is left."""
    stem, options = changed(probe, revision)
    order = [key for key in letters.rotations(leaks.settings.LETTER_SEED, stem, *options.values())[0] if key in options]
    for name in probe.endpoints:
        endpoint = endpoints.find(name)
        for n in range(len(order)):
            arrangement = leaks.Arrangement("rotation", n, order[n:] + order[:n])
            yield endpoint, arrangement, options, leaks.request_for(endpoint, stem, options, arrangement)


def most_usd(probes, revision):
    """The most these (unsaved) probes can cost, in dollars; None where a price is unknown."""
    wanted = [(endpoint, request) for probe in probes for endpoint, _a, _o, request in _wanted(probe, revision)]
    prices = [endpoint.price(request.most_tokens_in, request.most_tokens_out) for endpoint, request in wanted]
    return None if None in prices else sum(prices)


def drops(revision, names, by=None):
    """Unsaved probes that drop each option in turn."""
    return [LeakProbe(revision=revision, kind=LeakProbe.Kind.DROP, field=key, endpoints=names, by=by) for key in OPTION_KEYS]


def names_for(revision):
    """The models of the verdict that counts, as far as they can still be asked, else all that can."""
    ready = [endpoint.name for endpoint in endpoints.ready()]
    check = LeakCheck.objects.filter(revision=revision, current=True).first()
    return [name for name in check.endpoints if name in ready] or ready if check else ready


@transaction.atomic
def start(*, user, revision, kind, field="", phrase="", replacement=""):
    """Store the probes somebody asked for and the job that makes them; returns the job."""
    names = names_for(revision)
    if not names:
        raise endpoints.NoModel(endpoints.why_none())
    if not LeakCheck.objects.filter(revision=revision, current=True).exists():
        raise WrongState(_("Wait for the verdict of the leak check; then its words can be tried."))
    if kind == LeakProbe.Kind.DROP:
        probes = drops(revision, names, user)
    elif kind == LeakProbe.Kind.REPLACE:
        probes = [_replacing(user, revision, names, field, phrase.strip(), replacement.strip())]
    else:
        raise Invalid({"kind": _("Drop options, or replace a phrase.")})
    many = len(probes) > 1
    title = say("Leak probes: each option dropped in turn") if many else say("Leak probe: a phrase replaced")
    job = jobs.enqueue(KIND, owner=user, title=title, key=f"leak-probe-{revision.pk}-{user.pk}", total=len(probes))
    if LeakProbe.objects.filter(job=job).exists():
        raise WrongState(_("A probe of yours on this question is under way. Wait for its end."))
    for probe in probes:
        probe.job = job
    LeakProbe.objects.bulk_create(probes)
    return job


def _replacing(user, revision, names, field, phrase, replacement):
    if field not in FIELDS:
        raise Invalid({"field": _("Choose the question or one of its options.")})
    text = getattr(revision, field)
    if not phrase or phrase not in text:
        raise Invalid({"phrase": _("These words do not stand there. Copy them just as they are written.")})
    if max(len(phrase), len(replacement)) > PHRASE_MAX_CHARS:
        raise Invalid({"phrase": _("At most %(limit)s characters.") % {"limit": PHRASE_MAX_CHARS}})
    probe = LeakProbe(
        revision=revision, kind=LeakProbe.Kind.REPLACE, field=field, phrase=phrase, replacement=replacement,
        endpoints=names, by=user,
    )  # fmt: skip
    if not _put(text, probe):
        raise Invalid({"replacement": _("Nothing would be left. Drop the option instead.")})
    return probe


def run_probes(run):
    """Make the probes of a job; run again, answered calls come from the store."""
    probes = LeakProbe.objects.filter(job=run.job).select_related("revision").order_by("id")
    for done, probe in enumerate(probes):
        run.progress(done, len(probes), unit="probes")
        if probe.finished_at and not probe.error:
            continue
        try:
            for endpoint, arrangement, options, request in _wanted(probe, probe.revision):
                call = ask.ask(request, endpoint=endpoint, purpose=PURPOSE, run=run)
                option, why = leaks.read_answer(call, options, arrangement.order)
                answer = LeakAnswer(
                    probe=probe, call=call, endpoint=endpoint.name, family=endpoint.family, kind=arrangement.kind,
                    number=arrangement.number, order=arrangement.order, option=option, no_answer=why,
                )  # fmt: skip
                LeakAnswer.objects.bulk_create([answer], ignore_conflicts=True)
            error = ""
        except (ask.CallFailed, endpoints.NoModel) as failure:
            error = failure.args[0]
        LeakProbe.objects.filter(pk=probe.pk).update(finished_at=timezone.now(), error=error)
    run.progress(len(probes), len(probes))
