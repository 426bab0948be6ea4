"""What the rooms of clips, questions and quality control tell on a question's health card."""

from collections import Counter

from django.db.models import F, Q
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotator import diff
from annotator.models import OPTION_KEYS, Clip, Question, Remark, Truth
from annotator.taxonomy import CATEGORIES
from qc import leak_verdicts
from qc.baseline import probes
from qc.baseline.models import BaselineScore
from qc.baseline.verdicts import WAYS
from qc.dashboard.card import Section, section
from qc.dashboard.figures import Share
from qc.dashboard.tiles import percent
from qc.duplicates.models import DuplicatePair
from qc.leak_panel import BADGES
from qc.models import Adjudication, BlindAnswer, GoldItem, LeakAnswer, LeakCheck, LeakWaiver, Review

_TONES = {"approve": "good", "return": "warn", "reject": "bad"}
MOST_PAIRS = 20
_MARKS = {True: "✓", False: "✗"}


def when(moment):
    return date_format(localtime(moment), "DATETIME_FORMAT") if moment else "–"


def _who(subject, person, number):
    return str(person) if subject.names else _("Reviewer %(number)s") % {"number": number}


@section("gate", order=10, for_author=True)
def gate(subject):
    """The conditions of an export, each met or not."""
    question, clip, revision = subject.question, subject.question.clip, subject.revision
    standing = "unchecked"
    if revision:
        rows = leak_verdicts.with_standing(type(revision).objects.filter(pk=revision.pk))
        standing = rows.values_list("leak_standing", flat=True).get()
    accepted = clip.state == Clip.State.READY and clip.content == Clip.Content.ACCEPTED
    conditions = [
        (question.state == Question.State.APPROVED, _("approved")),
        (accepted and clip.purpose != Clip.Purpose.PRACTICE, _("its clip is accepted, and not for practice")),
        (bool(revision) and standing in leak_verdicts.PASSED, _("its leak check is clear or waived")),
    ]
    passed = all(met for met, _condition in conditions)
    return Section(
        _("Ready for export?"),
        tone="good" if passed else "warn",
        verdict=_("Exportable") if passed else _("Not exportable"),
        lines=[f"{_MARKS[met]} {condition}" for met, condition in conditions],
    )


@section("clip", order=20, for_author=True)
def clip(subject):
    clip = subject.question.clip
    length = _("%(seconds).1f s, %(frames)d frames") % {"seconds": clip.duration_s, "frames": clip.frame_count}
    tones = {Clip.Content.ACCEPTED: "good", Clip.Content.UNCHECKED: ""}
    return Section(
        _("Clip"),
        tone=tones.get(clip.content, "bad"),
        verdict=clip.get_content_display(),
        facts=[
            (_("Name"), clip.name),
            (_("For"), clip.get_purpose_display()),
            (_("Source"), " · ".join(filter(None, [clip.get_source_display(), clip.source_id]))),
            (_("Licence"), clip.licence or _("unknown")),
            (_("Length"), length),
        ],
        url=clip.get_absolute_url(),
        action=_("Open the clip"),
    )


@section("duplicates", order=22)
def duplicates(subject):
    """Clips that look alike, and the family this one is in."""
    clip = subject.question.clip
    pairs = list(DuplicatePair.objects.filter(Q(first=clip) | Q(second=clip)).order_by("-id")[:MOST_PAIRS])
    if not pairs:
        return Section(_("Near-duplicates"), tone="good", verdict=_("None found"))
    waiting = [pair for pair in pairs if pair.state == DuplicatePair.State.OPEN]
    lines = []
    for pair in pairs:
        other = pair.second_id if pair.first_id == clip.pk else pair.first_id
        lines.append(_("Clip %(id)s: %(state)s") % {"id": other, "state": pair.get_state_display()})
    size = Clip.objects.filter(family=clip.family_id).count() if clip.family_id else 1
    waits = ngettext("%(n)s pair waits for a decision", "%(n)s pairs wait for a decision", len(waiting))
    return Section(
        _("Near-duplicates"),
        tone="warn" if waiting else "",
        verdict=waits % {"n": len(waiting)} if waiting else _("All decided"),
        facts=[(_("Clips in its family"), size)],
        lines=lines,
        url=(waiting or pairs)[0].get_absolute_url(),
        action=_("Compare side by side"),
    )


@section("truth", order=25)
def truth(subject):
    """Where the truth is known (GlitchWorld made the clip): does the question name it?"""
    known = Truth.objects.filter(clip=subject.question.clip_id).defer("row").first()
    if known is None:
        return None
    if not known.category:
        return Section(_("Truth"), tone="bad", verdict=_("Nothing is wrong in this clip"))
    right = known.category == subject.question.category
    spans = ", ".join(f"{first}–{last}" for first, last in known.spans)
    return Section(
        _("Truth"),
        tone="good" if right else "bad",
        verdict=_("Category right") if right else _("Another category"),
        facts=[(_("Category"), str(CATEGORIES[known.category].label)), (_("Frames"), spans)],
        url=reverse("truth", args=[known.pk]),
        action=_("What happened here"),
    )


@section("wording", order=28, for_author=True)
def wording(subject):
    """What a reader of lengths alone would find out."""
    lengths = {key: len(text) for key, text in subject.question.options.items()}
    key, others = lengths[OPTION_KEYS[0]], [lengths[name] for name in OPTION_KEYS[1:]]
    if not all(lengths.values()):
        return None
    if key > max(others):
        tone, verdict = "warn", _("The key is the longest option")
    elif key < min(others):
        tone, verdict = "warn", _("The key is the shortest option")
    else:
        tone, verdict = "good", _("The key stands out in no way by its length")
    told = _("%(key)s; %(others)s characters") % {"key": key, "others": ", ".join(map(str, others))}
    return Section(_("Options"), tone=tone, verdict=verdict, facts=[(_("Key; distractors"), told)])


@section("leak", order=30, for_author=True)
def leak(subject):
    revision = subject.revision
    if revision is None:
        return None
    checks = list(LeakCheck.objects.filter(revision__question=subject.question).order_by("-id"))
    mine = [check for check in checks if check.revision_id == revision.pk]
    verdict = next((check for check in mine if check.current), None)
    shown = verdict or (mine[0] if mine else None)
    facts, lines = [], []
    if verdict:
        right, asked = Counter(), Counter()
        for answer in LeakAnswer.objects.filter(check_made=verdict, kind="rotation"):
            asked[answer.endpoint] += 1
            right[answer.endpoint] += answer.is_right
        facts = [
            (name, _("right in %(right)s of %(asked)s orders") % {"right": right[name], "asked": n})
            for name, n in sorted(asked.items())
        ]
    if shown and shown.reason:
        lines.append(str(shown.reason))
    for waiver in LeakWaiver.objects.filter(revision__question=subject.question).select_related("lead"):
        lines.append(_("Waived by %(name)s: %(reason)s") % {"name": waiver.lead, "reason": waiver.reason})
    if len(checks) > 1:
        lines.append(ngettext("%(n)s check in all", "%(n)s checks in all", len(checks)) % {"n": len(checks)})
    waived = leak_verdicts.waived(revision)
    return Section(
        _("Leak check"),
        tone="good" if waived else BADGES[shown.state] if shown else "",
        verdict=_("Waived") if waived else shown.get_state_display() if shown else _("Not checked"),
        facts=facts,
        lines=lines,
        url=subject.question.get_absolute_url() + "#leak-check",
        action=_("Every answer"),
    )


@section("baseline", order=35, for_author=True)
def baseline(subject):
    """How surely two classifiers of this machine guessed the key from the text alone, and which rules of thumb find it."""
    revision = subject.revision
    if revision is None:
        return None
    score = BaselineScore.objects.filter(revision=revision).select_related("run").order_by("-run").first()
    hits = probes.hits(revision.stem, list(revision.options.values()))
    lines = [_("Found by: %(rules)s") % {"rules": ", ".join(str(probe.label) for probe in hits)}] if hits else []
    if score is None:
        return Section(_("Text-only baseline"), verdict=_("Not judged yet"), lines=lines)
    facts = []
    for way, label in WAYS.items():
        values = {"percent": percent(getattr(score, f"{way}_chance")), "place": getattr(score, f"{way}_place")}
        told = _("gives the correct option %(percent)s; place %(place)s of %(of)s")
        facts.append((label, told % (values | {"of": score.run.questions})))
    likeliest = max(score.options_chance, score.question_chance)
    tone, verdict = ("warn", _("It guesses the key")) if likeliest > 0.5 else ("good", _("It does not guess the key"))
    return Section(
        _("Text-only baseline"),
        tone=tone,
        verdict=verdict,
        facts=facts,
        lines=[*lines, _("Chance gives 25 %. One guess may be luck.")],
        url=reverse("baseline"),
        action=_("All questions"),
    )


@section("blind", order=40)
def blind(subject):
    """Answers to the current revision, and what is odd about them."""
    if subject.revision is None:
        return None
    answers = list(
        BlindAnswer.objects.filter(revision=subject.revision, gold=None)
        .select_related("reviewer")
        .order_by("answered_at", "id")
    )
    if not answers:
        return Section(_("Blind answers"), verdict=_("None yet"))
    share = Share(sum(answer.is_right for answer in answers), len(answers))
    wrong = Counter(answer.answer for answer in answers if answer.names_an_option and not answer.is_right)
    lines = []
    for number, answer in enumerate(answers, start=1):
        told = _("%(who)s: %(answer)s, after %(watched).0f s of clip and %(seconds).0f s of thinking") % {
            "who": _who(subject, answer.reviewer, number),
            "answer": answer.get_answer_display(),
            "watched": answer.watched_s,
            "seconds": answer.seconds,
        }
        lines.append(f"{_MARKS[answer.is_right]} {told}")
    tone = "good" if share.right == share.n else "warn"
    if any(answer.answer == BlindAnswer.Answer.TWO_FIT for answer in answers):
        tone = "bad"
        lines.append(_("Somebody found that two options fit."))
    if wrong and max(wrong.values()) > 1:
        tone = "bad"
        lines.append(_("Two chose the same wrong option: is the key wrong?"))
    return Section(
        _("Blind answers"),
        tone=tone,
        verdict=_("%(right)s of %(n)s right") % {"right": share.right, "n": share.n},
        facts=[(_("95 % interval"), f"{percent(share.low)} – {percent(share.high)}")],
        lines=lines,
    )


@section("reviews", order=50)
def reviews(subject):
    given = Review.objects.filter(revision__question=subject.question, gold=None).select_related(
        "reviewer", "revision", "blind_answer"
    )
    given = list(given.order_by("id"))
    if not given:
        return Section(_("Reviews"), verdict=_("None yet"))
    lines = []
    for number, review in enumerate(given, start=1):
        told = _("Revision %(revision)s, %(who)s: %(verdict)s") % {
            "revision": review.revision.number,
            "who": _who(subject, review.reviewer, number),
            "verdict": review.get_verdict_display(),
        }
        reasons = ", ".join(f"{field}: {code}" for field, code, _comment in review.reasons_in_words)
        taken_back = _("(taken back)") if review.undone_at else ""
        lines.append(" ".join(filter(None, [told, f"({reasons})" if reasons else "", taken_back])))
    stand = [one for one in given if not one.undone_at and one.revision_id == getattr(subject.revision, "pk", None)]
    verdict = stand[-1].get_verdict_display() if stand else _("None of this revision")
    if len({one.verdict == "approve" for one in stand}) > 1:
        verdict = _("They disagree")
    return Section(
        _("Reviews"),
        tone="bad" if verdict == _("They disagree") else _TONES.get(stand[-1].verdict) if stand else "",
        verdict=verdict,
        lines=lines,
        url=subject.question.get_absolute_url() + "#reviews-title",
        action=_("Words and comments"),
    )


@section("remarks", order=60, for_author=True)
def remarks(subject):
    """What was said about each field of the last revision that came back."""
    said = Remark.objects.filter(
        revision__question=subject.question, revision__number=F("revision__question__revision_number")
    )
    lines = []
    for remark in said:
        where = f" ({remark.get_field_display()})" if remark.field else ""
        lines.append(f"{remark.get_code_display()}{where}" + (f": {remark.comment}" if remark.comment else ""))
    if not lines:
        return None
    return Section(
        _("Remarks"),
        tone="warn",
        verdict=ngettext("%(n)s remark", "%(n)s remarks", len(lines)) % {"n": len(lines)},
        lines=lines,
    )


@section("adjudication", order=70)
def adjudication(subject):
    decisions = list(Adjudication.objects.filter(revision__question=subject.question).select_related("lead", "revision"))
    if subject.question.state == Question.State.DISPUTED:
        return Section(
            _("Adjudication"),
            tone="warn",
            verdict=_("Waits for a lead"),
            url=reverse("adjudicate", args=[subject.question.pk]),
            action=_("Decide"),
        )
    if not decisions:
        return None
    last = decisions[-1]
    return Section(
        _("Adjudication"),
        tone=_TONES[last.decision],
        verdict=last.get_decision_display(),
        facts=[(_("Lead"), str(last.lead)), (_("When"), when(last.decided_at))],
        lines=[last.comment],
        url=reverse("adjudicate", args=[subject.question.pk]),
        action=_("The decision"),
    )


@section("gold", order=75)
def gold(subject):
    """Whether reviewers are measured by it, and how; who may be measured does not learn which items do it."""
    if subject.user.is_reviewer:
        return None
    item = GoldItem.objects.filter(revision__question=subject.question).order_by("-id").first()
    if item is None:
        return None
    answers = BlindAnswer.objects.filter(gold__revision__question=subject.question).values_list("answer", flat=True)
    share = Share(sum(answer == BlindAnswer.Answer.CORRECT for answer in answers), len(answers))
    return Section(
        _("Gold item"),
        tone="" if item.retired_at else "good",
        verdict=_("Retired") if item.retired_at else _("In use"),
        facts=[(_("Answers as gold"), _("%(right)s of %(n)s right") % {"right": share.right, "n": share.n})],
        url=reverse("gold_items"),
        action=_("All gold items"),
    )


@section("revisions", order=80, for_author=True)
def revisions(subject):
    if not subject.revisions:
        return None
    lines, before = [], None
    for revision in subject.revisions:
        told = _("Revision %(number)s, %(when)s") % {"number": revision.number, "when": when(revision.submitted_at)}
        changed = ", ".join(change.label for change in diff.changes(before, revision)) if before else ""
        lines.append(f"{told}: {changed}" if changed else told)
        before = revision
    count = len(subject.revisions)
    return Section(
        _("Revisions"),
        verdict=ngettext("%(n)s revision", "%(n)s revisions", count) % {"n": count},
        lines=lines,
        url=subject.question.get_absolute_url() + "#revisions",
        action=_("What changed"),
    )
