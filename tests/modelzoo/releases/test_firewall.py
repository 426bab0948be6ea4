"""A clip of a benchmark, a copy of it and one of its family never become training data, whoever made the benchmark."""

import hashlib

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command

from annotator import prints
from annotator.ingest import fingerprint
from annotator.models import Clip, Fingerprint
from modelzoo.instruct.firewall import refusals
from modelzoo.models import ForeignClip
from modelzoo.releases import content, foreign, sealing
from qc.duplicates import finding, grouping
from qc.duplicates.models import DuplicatePair
from studio import jobs
from studio.models import Job
from tests.factories import ClipFactory, InstructSampleFactory, QuestionFactory
from tests.qc import duplicates

pytestmark = pytest.mark.django_db
COPY = ["-crf", "34", "-vf", "scale=426:240"]


@pytest.fixture(autouse=True)
def fresh():
    finding.forget_index()
    yield
    finding.forget_index()


def bring(path, *, compare=True, **fields):
    """A clip whose files are real, printed and compared with all others as its ingest does it."""
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    names = {"original": f"originals/{sha256}.mp4", "proxy": f"proxies/{sha256}.mp4"}
    for name in names.values():
        if not default_storage.exists(name):
            default_storage.save(name, ContentFile(data))
    clip = ClipFactory(sha256=sha256, size_bytes=len(data), open_slots=0, **names, **fields)
    prints.keep(clip.pk, fingerprint.of_file(path))
    if compare:
        assert jobs.run(Job.objects.get(kind=finding.KIND, arguments__clip_id=clip.pk).pk) == Job.State.DONE
    return clip


def training(path, **fields):
    clip = bring(path, purpose=Clip.Purpose.TRAINING, **fields)
    InstructSampleFactory(clip=clip)
    return clip


def refused():
    with pytest.raises(sealing.CannotSeal) as told:
        sealing.seal("sft", kind="instruct")
    return str(told.value)


def test_of_our_own_benchmark_the_clip_its_copy_and_its_family_are_refused(lead):
    measured = bring(duplicates.scene("glitch"), content=Clip.Content.ACCEPTED)
    QuestionFactory(approved=True, clip=measured)
    sealing.seal("bench", kind="benchmark")
    Clip.objects.filter(pk=measured.pk).update(purpose=Clip.Purpose.TRAINING)  # by whatever mistake
    InstructSampleFactory(clip=Clip.objects.get(pk=measured.pk))
    copy = training(duplicates.edited("copy", *COPY))
    kin = training(duplicates.scene("other"))  # the same scene with another glitch
    free = training(duplicates.scene("scene"))
    told = refused()
    assert told.startswith("3 clips may not be in this release.")
    assert f"Clip {measured.pk} is in bench (Benchmark, Test)." in told
    for clip in (copy, kin):
        assert f"Clip {clip.pk} looks like clip {measured.pk} of bench (Benchmark, Test)." in told
    assert f"Clip {free.pk}" not in told
    assert set(refusals([measured_now(measured), copy, kin, free])) == {measured.pk, copy.pk, kin.pk}


def measured_now(clip):
    return Clip.objects.get(pk=clip.pk)


def test_of_a_foreign_benchmark_the_clip_its_copy_and_its_family_are_refused(tmp_path, lead, capsys):
    theirs = tmp_path / "Theirs" / "videos"
    theirs.mkdir(parents=True)
    (theirs / "7.mp4").write_bytes(duplicates.scene("glitch").read_bytes())
    (theirs / "8.mp4").write_bytes(b"no film")
    (theirs / "9.m3u8.mp4").write_text("#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd\n")
    same, copy = training(duplicates.scene("glitch")), training(duplicates.edited("copy", *COPY))
    kin, free = training(duplicates.scene("scene")), training(duplicates.scene("other"))
    # A person says what belongs together: the other scene is family, the same scene with another glitch is not.
    DuplicatePair.objects.filter(second=free).delete()
    duplicates.pair(copy, kin, "same", by=lead)
    grouping.regroup([same.pk, copy.pk, kin.pk, free.pk])
    call_command("guard_benchmark", str(tmp_path / "Theirs"))
    said = capsys.readouterr().out
    assert "Theirs: 3 videos are kept out" in said and "2 of them cannot be decoded" in said
    for clip in (same, copy, free):  # to the eye of a print, another glitch in the same scene is the same film
        assert f"Clip {clip.pk} ({clip.name}) is for training and is or looks like videos/7.mp4." in said
    told = refused()
    assert f"Clip {same.pk} is videos/7.mp4 of the benchmark Theirs." in told
    assert f"Clip {copy.pk} looks like videos/7.mp4 of the benchmark Theirs." in told
    assert f"Clip {kin.pk} shows the same as clip {copy.pk}: videos/7.mp4 of the benchmark Theirs." in told
    assert set(refusals([same, copy, kin])) == {same.pk, copy.pk, kin.pk}
    left = training(duplicates.edited("letterboxed", "-vf", "pad=iw:ih*4/3:0:(oh-ih)/2,scale=640:480"), compare=False)
    assert f"Clip {left.pk} looks like videos/7.mp4" in refused()


def test_what_is_known_of_a_foreign_benchmark_is_not_read_again(tmp_path, monkeypatch):
    (tmp_path / "1.mp4").write_bytes(duplicates.scene("glitch").read_bytes())
    foreign.guard("Theirs", tmp_path)
    before = ForeignClip.objects.get()
    assert len(bytes(before.quality)) == 20  # five seconds, four frames each
    monkeypatch.setattr(fingerprint, "of_file", None)
    (tmp_path / "1.mp4").rename(tmp_path / "2.mp4")
    assert foreign.guard("Theirs", tmp_path) == (1, [])
    after = ForeignClip.objects.get()
    assert (after.path, bytes(after.hashes)) == ("2.mp4", bytes(before.hashes))


def test_a_clip_that_was_not_compared_yet_waits_or_is_left_out(tmp_path):
    clip = training(duplicates.scene("scene"), compare=False)
    assert f"Clip {clip.pk} has not been compared with the other clips yet." in refused()
    free = training(duplicates.scene("glitch"))
    release = sealing.seal("rest", kind="instruct", filters=content.Filters(leave_out_conflicts=True))
    assert release.clips.get().clip_id == free.pk
    Fingerprint.objects.filter(clip=clip).delete()
    (tmp_path / "1.mp4").write_bytes(duplicates.scene("other").read_bytes())
    foreign.guard("Theirs", tmp_path)
    assert f"Clip {clip.pk} has no fingerprint to compare" in refused()
