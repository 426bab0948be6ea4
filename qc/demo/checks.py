"""What the Studio itself finds out about the demo: near-duplicates, leaks, the text-only baseline, agreement.

Everything here is really done, by the jobs that do it elsewhere, and is stamped with the moment it was done. Only the leak
checks need a language model, and the demo has none: a few questions are put to a rule that says what it is
(qc/demo/rule_server.py), all others stay unchecked.
"""

import time

from annotator.models import Clip, Question, Revision
from qc import leak_verdicts, leaks
from qc.agreement import report
from qc.baseline import runs as baseline
from qc.baseline.models import BaselineRun
from qc.demo import rule_server, texts
from qc.duplicates import finding, grouping
from qc.duplicates.models import DuplicatePair
from qc.models import AgreementReport, LeakCheck
from studio import jobs
from studio.health import worker_missing
from studio.models import Job
from studio.sentences import say

# One that is approved, one that waits for review, one in adjudication, and one whose key was padded.
_PUT_TO_THE_RULE = (("plain", 0), ("plain", 1), ("plain", 3), ("pair", 0))
_WAIVED = ("plain", 1)  # should the rule find it: else no question would wait for a first review


def make(parts, cast, *, seconds):
    """Do what is not done yet; returns a sentence about what did not come to an end in time, or ""."""
    clips = Clip.objects.filter(pk__in=[part.clip.pk for part in parts])
    late = finish(Job.objects.filter(kind=finding.KIND, key__in=[f"duplicates-{clip.pk}" for clip in clips]), seconds)
    decide_a_pair(clips, by=cast["lead"])
    check_for_leaks(parts, by=cast["lead"])
    if not BaselineRun.objects.exists():
        late += finish(Job.objects.filter(pk=baseline.start(by=cast["lead"]).pk), seconds)
    if not AgreementReport.objects.exists():
        for basis in report.BASES:
            for span in report.SPANS:
                report.make(basis, span)
    return f"{late} jobs of the demo are still under way; see the page of jobs." if late else ""


def finish(rows, seconds):
    """Wait until workers have ended these jobs, or run them here where no worker is. Returns how many have not ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        waiting = rows.active().order_by("pk")
        queued = waiting.filter(state=Job.State.QUEUED).first()
        if queued and worker_missing(queued.queue):
            jobs.run(queued.pk)
        elif waiting.exists():
            time.sleep(0.3)
        else:
            return 0
    return rows.active().count()


def decide_a_pair(clips, *, by):
    """The lead has looked at one of the pairs: twins of GlitchWorld are the same scene, once with the glitch."""
    pairs = DuplicatePair.objects.filter(first__in=clips, second__in=clips)
    if pairs.exclude(decided_by=None).exists():
        return
    pair = next((pair for pair in pairs.order_by("pk") if pair.suggestion == DuplicatePair.State.SCENE), None)
    if pair and pair.state == DuplicatePair.State.OPEN:
        grouping.rule(user=by, pair_id=pair.pk, verdict="scene", seen="open")


def check_for_leaks(parts, *, by):
    """Put a few questions to the demo's rule; let one pass all the same, with a reason."""
    clips = {(part.sort, part.number): part.clip.pk for part in parts}
    chosen = [clips[which] for which in _PUT_TO_THE_RULE if which in clips]
    revisions = {question.clip_id: question.current for question in _with_revisions(chosen)}
    fresh = [revision for revision in revisions.values() if not LeakCheck.objects.filter(revision=revision).exists()]
    if not fresh:
        return
    # No message goes to a worker: the rule is known to this process alone.
    title = say("Leak check of %(count)d questions", count=len(fresh))
    job = Job.objects.create(kind=leaks.KIND, queue="llm", owner=by, title=title, total=len(fresh))
    rule = leaks.rule().name
    LeakCheck.objects.bulk_create(
        [LeakCheck(revision=revision, rule=rule, endpoints=[rule_server.NAME], job=job) for revision in fresh]
    )
    with rule_server.configured():
        jobs.run(job.pk)
    revision = revisions.get(clips.get(_WAIVED))
    verdict = LeakCheck.objects.filter(revision=revision, current=True, state=LeakCheck.State.LEAKY)
    if revision in fresh and verdict.exists():
        leak_verdicts.waive(user=by, revision=revision, reason=texts.WAIVER)


def _with_revisions(clip_ids):
    """Questions about these clips whose present wording may be checked, each with it as `current`."""
    rows = Question.objects.filter(clip_id__in=clip_ids, state__in=["submitted", "disputed", "approved"]).order_by("pk")
    for question in rows:
        question.current = Revision.objects.get(question=question, number=question.revision_number)
        yield question
