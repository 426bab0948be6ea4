"""Stored sentences are read in the reader's language, whoever caused them."""

import pytest
from django.utils import translation
from django.utils.translation import gettext_lazy

from annotator.ingest.refusals import Refused
from annotator.models import Clip
from studio.models import Job
from studio.sentences import say, tell
from tests.factories import ClipFactory, UserFactory


@pytest.fixture
def refused(db):
    with translation.override("zh-hans"):
        return ClipFactory(state="failed", proxy="", failure=Refused("too_big", limit_mb=3).sentence)


def test_each_reader_reads_their_own_language(refused):
    seen = {}
    for language in ("en", "zh-hans"):
        with translation.override(language):
            seen[language] = Clip.objects.get(pk=refused.pk).failure
    assert seen["en"] == "The file is larger than 3 MB."
    assert "3 MB" in seen["zh-hans"] and seen["zh-hans"] != seen["en"]


def test_pages_tell_it_in_the_language_of_the_page(client, refused):
    for language, expected in (("en", "The file is larger than 3 MB."), ("zh-hans", "文件")):
        client.force_login(UserFactory(roles=["lead"], language=language))
        assert expected in client.get(refused.get_absolute_url()).text


def test_values_may_have_translations_of_their_own():
    with translation.override("zh-hans"):
        inner = say("The file is damaged.")
        outer = say("%(judgement)s: %(reason)s", judgement=gettext_lazy("Unusable"), reason=inner)
    with translation.override("en"):
        assert tell(outer.stored) == "Unusable: The file is damaged."
    with translation.override("zh-hans"):
        assert tell(outer.stored) == outer != "Unusable: The file is damaged."


@pytest.mark.parametrize("text", ["", "plain words", '{"say" is how a note begins', "100 %"])
@pytest.mark.django_db
def test_plain_text_stays_as_it_was_typed(text):
    job = Job.objects.create(kind="studio.selfcheck", queue="io", error=text)
    assert Job.objects.get(pk=job.pk).error == text


@pytest.mark.django_db
def test_a_sentence_is_found_by_what_was_said():
    ClipFactory(state="failed", proxy="", failure=say("The file is empty."))
    assert Clip.objects.filter(failure=say("The file is empty.")).count() == 1
