"""Sealing releases: what goes in, what never changes again, and who is told."""

import hashlib
import json
import threading

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from annotator.models import Clip, ClipFamily, Question
from modelzoo.models import Release, ReleaseClip, ReleaseRow, SplitClaim, Takedown
from modelzoo.releases import content, foreign, sealing
from tests.factories import CONTENT, InstructSampleFactory, PreferencePairFactory, RevisionFactory, cleared
from tests.modelzoo.test_export import MP4, approved

pytestmark = pytest.mark.django_db


def stored(clip):
    """Give a clip its files, and the hash that is theirs."""
    data = MP4 + b"clip %d" % clip.pk
    sha = hashlib.sha256(data).hexdigest()
    names = {"original": f"originals/{sha}.mp4", "proxy": f"proxies/{sha}.mp4"}
    for name in names.values():
        if not default_storage.exists(name):
            default_storage.save(name, ContentFile(data))
    Clip.objects.filter(pk=clip.pk).update(sha256=sha, size_bytes=len(data), **names)
    clip.refresh_from_db()
    return clip


def questions(count, **fields):
    return [approved(video=MP4 + b"question %d %s" % (n, repr(fields).encode()), **fields) for n in range(count)]


def test_a_sealed_benchmark_has_rows_hashes_card_and_claims(lead):
    made = questions(3)
    release = sealing.seal("bench-1", kind="benchmark", by=lead)
    assert (release.number, release.rows_count, release.clips_count, release.split) == (1, 3, 3, "test")
    rows = list(release.rows.order_by("number"))
    assert [row.question_id for row in rows] == [question.pk for question in made]
    for row in rows:
        assert row.sha256 == hashlib.sha256(row.record.encode()).hexdigest()
    lines = "".join(f"{row.row_id} {row.sha256}\n" for row in rows)
    assert release.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    record = json.loads(rows[0].record)
    assert record["options"][record["answer"]] == CONTENT["correct"]
    assert record["spans_s"] == [[1.0, 3.033]]  # frames 30 to 90 at 30 fps, the last one included
    assert release.facts["by_domain"] == {"Mechanics": 3}
    assert release.facts["seconds"]["total"] == 30.0
    assert "`bench-1`, number 1 of its kind" in release.card
    claims = SplitClaim.objects.values_list("key", "purpose", "split")
    assert set(claims) == {(f"sha256:{question.clip.sha256}", "benchmark", "test") for question in made}


def test_the_database_refuses_to_change_what_is_sealed():
    questions(1)
    release = sealing.seal("bench-1", kind="benchmark")
    for change in (
        lambda: Release.objects.update(name="other"),
        lambda: Release.objects.all()._raw_delete("default"),
        lambda: ReleaseRow.objects.update(record="{}"),
        lambda: ReleaseRow.objects.all()._raw_delete("default"),
        lambda: ReleaseClip.objects.update(licence="free"),
        lambda: ReleaseClip.objects.all()._raw_delete("default"),
        lambda: SplitClaim.objects.update(split="val"),
        lambda: ReleaseRow.objects.create(
            release=release, number=9, row_id="x", released_clip=release.clips.get(), record=""
        ),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert ReleaseRow.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_release_that_is_not_sealed_cannot_be_stored():
    with pytest.raises(IntegrityError, match="whole or not at all"), transaction.atomic():
        Release.objects.create(name="half", kind="benchmark", number=1, split="test")
    assert not Release.objects.exists()


def test_the_leak_gate_is_that_of_exports():
    questions(1)
    unchecked = questions(1, stem="Which one breaks?")[0]
    unchecked.revisions.get().leak_checks.all().delete()
    assert sealing.seal("gated", kind="benchmark").facts["left_out"] == 1
    release = sealing.seal("open", kind="benchmark", filters=content.Filters(allow_unchecked=True))
    assert release.rows_count == 2
    assert "Unchecked questions were allowed" in release.card


def test_a_second_release_says_what_changed_and_letters_stay():
    first, second, third = questions(3)
    one = sealing.seal("one", kind="benchmark")
    cleared(RevisionFactory(question=second, number=2, stem="What is wrong?"))
    Question.objects.filter(pk=second.pk).update(revision_number=2)
    Question.objects.filter(pk=first.pk).update(state="rejected")
    questions(1, stem="A new one?")
    two = sealing.seal("two", kind="benchmark")
    assert (two.number, two.previous) == (2, one)
    assert (two.added, two.changed, two.removed) == (1, 1, 1)
    kept = [release.rows.get(question=third.pk).sha256 for release in (one, two)]
    assert kept[0] == kept[1]
    old, new = (json.loads(release.rows.get(question=second.pk).record) for release in (one, two))
    assert (old["question_id"], old["order"]) == (new["question_id"], new["order"])
    assert new["question"] == "What is wrong?"


def test_the_same_rows_have_the_same_hash():
    questions(2)
    assert sealing.seal("a", kind="benchmark").sha256 == sealing.seal("b", kind="benchmark").sha256


def test_filters_choose():
    questions(1)
    questions(1, category="Color", sub_label="")
    release = sealing.seal("colours", kind="benchmark", filters=content.Filters(categories=("Color",)))
    assert release.facts["by_category"] == {"Color": 1}
    with pytest.raises(sealing.CannotSeal, match="Colour is not one of the 12 categories"):
        sealing.seal("no", kind="benchmark", filters=content.Filters(categories=("Colour",)))


def test_training_rows_are_sealed_as_public_records():
    sample = InstructSampleFactory(clip__purpose="training", question="What breaks?", answer="The crate floats.")
    stored(sample.clip)
    pair = PreferencePairFactory(sample=sample, clip=sample.clip, prompt="What breaks?", chosen="It floats.", rejected="No.")
    instruct = sealing.seal("sft", kind="instruct")
    record = json.loads(instruct.rows.get().record)
    assert record["QA"] == [{"i": "", "q": "What breaks?", "a": "The crate floats."}]
    assert (instruct.split, instruct.facts["turns"]) == ("train", 1)
    preference = sealing.seal("dpo", kind="preference")
    record = json.loads(preference.rows.get().record)
    assert (record["chosen"], record["rejected"], record["id"].endswith(f"_{pair.pk}")) == ("It floats.", "No.", True)


def test_a_clip_stays_in_its_split_for_ever():
    question = questions(1)[0]
    sealing.seal("bench", kind="benchmark")
    Clip.objects.filter(pk=question.clip.pk).update(purpose="training")
    InstructSampleFactory(clip=Clip.objects.get(pk=question.clip.pk))
    with pytest.raises(sealing.CannotSeal, match=f"Clip {question.clip.pk} is in bench \\(Benchmark, Test\\)"):
        sealing.seal("sft", kind="instruct")
    assert Release.objects.count() == 1
    free = InstructSampleFactory(clip__purpose="training")
    stored(free.clip)
    release = sealing.seal("sft", kind="instruct", filters=content.Filters(leave_out_conflicts=True))
    assert (release.rows_count, release.facts["conflicts"]) == (1, 1)
    with pytest.raises(sealing.CannotSeal, match="Clip .* is in sft"):
        sealing.seal("sft-val", kind="instruct", split="val", filters=content.Filters())


def test_a_relative_of_a_benchmark_clip_is_refused_for_training():
    question = questions(1)[0]
    family = ClipFamily.objects.create()
    Clip.objects.filter(pk=question.clip.pk).update(family=family)
    sealing.seal("bench", kind="benchmark")
    assert set(SplitClaim.objects.values_list("key", flat=True)) == {f"sha256:{question.clip.sha256}", f"family:{family.pk}"}
    other = stored(InstructSampleFactory(clip__purpose="training").clip)
    Clip.objects.filter(pk=other.pk).update(family=family)
    with pytest.raises(sealing.CannotSeal, match=f"Clip {other.pk} looks like clip {question.clip.pk} of bench"):
        sealing.seal("sft", kind="instruct")


def test_a_family_with_two_purposes_is_refused_before_anything_is_sealed():
    question = questions(1)[0]
    family = ClipFamily.objects.create()
    other = stored(InstructSampleFactory(clip__purpose="training").clip)
    Clip.objects.filter(pk__in=[question.clip.pk, other.pk]).update(family=family)
    with pytest.raises(sealing.CannotSeal, match=f"Clip {question.clip.pk} shows the same as {other.pk}"):
        sealing.seal("bench", kind="benchmark")


def test_a_foreign_benchmark_is_kept_out(tmp_path, capsys):
    sample = InstructSampleFactory(clip__purpose="training")
    clip = stored(sample.clip)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "x.mp4").write_bytes(default_storage.open(clip.original).read())
    call_command("guard_benchmark", str(tmp_path), "--name", "Theirs")
    assert f"Clip {clip.pk}" in capsys.readouterr().out
    with pytest.raises(sealing.CannotSeal, match=f"Clip {clip.pk} is theirs/x.mp4 of the benchmark Theirs"):
        sealing.seal("sft", kind="instruct")
    with pytest.raises(ValueError, match="no video"):
        (tmp_path / "empty").mkdir()
        foreign.guard("Empty", tmp_path / "empty")


def test_a_dry_run_keeps_nothing(capsys):
    questions(2)
    call_command("seal_release", "try", "--kind", "benchmark", "--dry-run")
    assert "Would seal 2 rows on 2 clips: 2 added, 0 changed, 0 removed" in capsys.readouterr().out
    assert not Release.objects.exists() and not SplitClaim.objects.exists()


def test_the_command_refuses_with_a_sentence():
    with pytest.raises(CommandError, match="no approved question"):
        call_command("seal_release", "none", "--kind", "benchmark")
    approved()
    with pytest.raises(CommandError, match="The video of clip .* is missing"):
        call_command("seal_release", "none", "--kind", "benchmark")
    with pytest.raises(CommandError, match="small letters"):
        call_command("seal_release", "Not Good", "--kind", "benchmark")
    assert not Release.objects.exists()


def test_what_was_taken_down_is_not_sealed_again():
    first, _second = questions(2)
    Takedown.objects.create(clip_sha256=first.clip.sha256)
    assert sealing.seal("rest", kind="benchmark").rows_count == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_people_sealing_one_name_one_wins_and_the_other_is_told():
    questions(3)
    results, barrier = [], threading.Barrier(2)

    class Together(sealing.Progress):
        def files(self, done, total):
            if done == total:
                barrier.wait(20)

    def seal():
        try:
            results.append(sealing.seal("same", kind="benchmark", progress=Together()))
        except sealing.CannotSeal as error:
            results.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=seal) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    told = [result for result in results if isinstance(result, str)]
    assert len(told) == 1 and "has sealed a release called same already" in told[0]
    assert Release.objects.get().rows_count == 3


@pytest.mark.django_db(transaction=True)
def test_one_that_dies_in_the_middle_leaves_nothing_and_the_next_seals():
    questions(3)

    class Dies(sealing.Progress):
        def rows(self, done, total):
            connection.connection.close()  # as when its process is killed
            raise SystemExit

    with pytest.raises(SystemExit):
        sealing.seal("again", kind="benchmark", progress=Dies())
    connection.close()
    assert not Release.objects.exists() and not ReleaseRow.objects.exists() and not SplitClaim.objects.exists()
    assert sealing.seal("again", kind="benchmark").rows_count == 3
