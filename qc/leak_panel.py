"""The leak check on a question's page: evidence, earlier checks, probes, and what a lead may do about it."""

from collections import Counter

from django.template.loader import render_to_string

from annotator.models import OPTION_KEYS, Question, Remark, Revision
from annotator.panels import hidden_keys
from qc import leak_probes, leak_rules, leaks
from qc.leak_models import LeakAnswer, LeakCheck, LeakProbe, LeakWaiver
from qc.leak_verdicts import waived
from studio.llm import endpoints

BADGES = {"clear": "good", "leaky": "bad", "unsure": "warn", "failed": "bad", "checking": ""}
_LABELS = dict(Remark.FIELD_CHOICES)


def leak_panel(request, question, **more):
    """HTML for the question's author and for leads; "" for others, and for a draft nobody has submitted."""
    user = request.user
    own = question.author_id == user.pk
    if not (own or user.is_lead) or not question.revision_number or hidden_keys(user, [question]):
        return ""
    return render_to_string("qc/_leak_panel.html", context(user, question) | more, request)


def context(user, question):
    revision = Revision.objects.get(question=question, number=question.revision_number)
    checks = list(LeakCheck.objects.filter(revision__question=question).select_related("revision").order_by("-id"))
    mine = [check for check in checks if check.revision_id == revision.pk]
    verdict = next((check for check in mine if check.current), None)
    waivers = LeakWaiver.objects.filter(revision__question=question).select_related("lead", "revision")
    own, is_waived = question.author_id == user.pk, waived(revision)
    may_decide = user.is_lead and not own and revision.author_id != user.pk
    names = leak_probes.names_for(revision) if verdict else []
    return {
        "question": question,
        "revision": revision,
        "latest": mine[0] if mine else None,
        "verdict": verdict,
        "badges": BADGES,
        "tables": _tables(verdict) if verdict else [],
        "checks": checks,
        "waivers": waivers,
        "waived": is_waived,
        "rule": leak_rules.RULES[verdict.rule] if verdict else leaks.rule(),
        "no_model": "" if endpoints.ready() else endpoints.why_none(),
        "may_check": user.is_lead,
        "may_waive": may_decide and verdict and verdict.state != LeakCheck.State.CLEAR and not is_waived,
        "may_return": may_decide
        and verdict
        and verdict.state == LeakCheck.State.LEAKY
        and question.state == Question.State.APPROVED,
        "probes": _probes(revision, verdict),
        "probe_fields": [(field, _LABELS[field]) for field in leak_probes.FIELDS],
        "probe_names": ", ".join(names),
        "drop_usd": leak_probes.most_usd(leak_probes.drops(revision, names), revision) if names else None,
        "errors": {},
    }


def evidence(revision):
    """What the leak check of a revision found, for whoever decides about it."""
    verdict = LeakCheck.objects.filter(revision=revision, current=True).first()
    return {
        "verdict": verdict,
        "badge": BADGES[verdict.state] if verdict else "",
        "tables": _tables(verdict) if verdict else [],
        "waived": waived(revision),
    }


def _tables(check):
    """One table for each model: what it chose in each order, as {"endpoint", "right", "asked", "rows"}."""
    tables = {}
    for answer in LeakAnswer.objects.filter(check_made=check).select_related("call"):
        table = tables.setdefault(answer.endpoint, {"endpoint": answer.endpoint, "right": 0, "asked": 0, "rows": []})
        table["version"] = answer.call.served_model
        table["rows"].append(answer)
        if answer.kind == "rotation":
            table["right"] += answer.is_right
            table["asked"] += 1
    for table in tables.values():
        table["rows"].sort(key=lambda answer: (answer.kind == "options_only", answer.number))
    return list(tables.values())


def _probes(revision, verdict):
    """What probes of this revision found, newest first: the share right before and after."""
    before = Counter(
        LeakAnswer.objects.filter(check_made=verdict, kind="rotation", option=OPTION_KEYS[0]).values_list(
            "endpoint", flat=True
        )
    )
    found = []
    for probe in LeakProbe.objects.filter(revision=revision).prefetch_related("answers").order_by("-id")[:40]:
        models = []
        for name in probe.endpoints:
            answers = [answer for answer in probe.answers.all() if answer.endpoint == name]
            chosen = Counter(answer.option for answer in answers if answer.option).most_common(1)
            models.append(
                {
                    "name": name,
                    "before": before[name],
                    "right": sum(answer.is_right for answer in answers),
                    "asked": len(answers),
                    "chosen": _LABELS[chosen[0][0]] if chosen else "",
                }
            )
        found.append({"probe": probe, "field": _LABELS[probe.field], "models": models, "key_dropped": _drops_key(probe)})
    return found


def _drops_key(probe):
    return probe.kind == LeakProbe.Kind.DROP and probe.field == OPTION_KEYS[0]
