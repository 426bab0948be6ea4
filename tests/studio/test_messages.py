"""The tooling of translations: what is found, what is checked, and that Django reads what was compiled."""

import subprocess
import sys

import polib
import pytest
from babel.messages.extract import extract
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, ngettext, trans_real

from studio import messages

TEMPLATE = """{% load i18n %}
<p title="{% trans 'An apostrophe: it’s' %}">{% trans "Plain" %} (unbalanced
   {% blocktrans trimmed with name=x %}
      Hello,
      {{ name }}
   {% endblocktrans %}
        {% blocktrans count n=3 %}{{ n }} clip{% plural %}{{ n }} clips{% endblocktrans %}
  {{ _("In a filter")|lower }} {% trans "Open" context "verb" %} 'quote "double
{# a comment with {% trans "nothing" %} #}
"""


def found_in_template(source):
    lines = messages.template_source(source).encode().splitlines(keepends=True)
    return {(text, context) for _line, text, _c, context in extract("python", iter_file(lines), messages._KEYWORDS)}


def iter_file(lines):
    from io import BytesIO

    return BytesIO(b"".join(lines))


def test_every_way_to_mark_a_text_in_a_template_is_found():
    assert found_in_template(TEMPLATE) == {
        ("An apostrophe: it’s", None),
        ("Plain", None),
        ("Hello, %(name)s", None),
        (("%(n)s clip", "%(n)s clips"), None),
        ("In a filter", None),
        ("Open", "verb"),
    }


def test_texts_of_python_templates_and_scripts_are_found():
    python = {message.id: message for message in messages.texts("django")}
    assert "studio/people.py" in [
        file for file, _line in python["Too many tries from your address. Wait a minute."].locations
    ]
    assert "studio/templates/base.html" in [file for file, _line in python["Skip to content"].locations]
    scripts = {message.id for message in messages.texts("djangojs")}
    assert "That did not work. Reload the page and try again." in scripts


@pytest.fixture
def own_catalogues(settings, tmp_path):
    """Catalogues of this test alone, and a translation machinery that forgets them afterwards."""
    settings.LOCALE_PATHS = [tmp_path]
    yield tmp_path
    trans_real._translations = {}
    trans_real._default = None


def entry(file, text):
    return next(entry for entry in polib.pofile(str(file)) if entry.msgid == text)


def test_check_names_each_kind_of_fault(own_catalogues):
    messages.update()
    file = messages.catalogue_file("zh-hans", "django")
    book = polib.pofile(str(file))
    for one in book:
        one.msgstr, one.msgstr_plural = (
            ("" if one.msgid_plural else one.msgid),
            {i: one.msgid_plural for i in one.msgstr_plural},
        )
    by_id = {one.msgid: one for one in book}
    by_id["Sign in"].msgstr = ""
    by_id["Sign out"].flags.append("fuzzy")
    by_id["Hello, %(name)s"].msgstr = "你好，%(nam)s"
    by_id["%(number)s part is broken."].msgstr_plural = {0: "坏了"}
    book.remove(by_id["Skip to content"])
    book.append(polib.POEntry(msgid="Nobody says this any more", msgstr="没有人"))
    book.save()
    said = {(fault.text, fault.what.split(" (")[0].split(" %")[0]) for fault in messages.faults() if fault.file == file}
    assert said == {
        ("Sign in", "untranslated"),
        ("Sign out", "fuzzy"),
        ("Hello, %(name)s", "placeholders"),
        ("%(number)s part is broken.", "placeholders none instead of"),
        ("Skip to content", "missing"),
        ("Nobody says this any more", "obsolete"),
    }


def test_update_keeps_translations_drops_unused_ones_and_is_stable(own_catalogues):
    messages.update()
    file = messages.catalogue_file("zh-hans", "django")
    book = polib.pofile(str(file))
    next(one for one in book if one.msgid == "Sign in").msgstr = "登录"
    book.append(polib.POEntry(msgid="Nobody says this any more", msgstr="没有人"))
    book.save()
    messages.update()
    assert entry(file, "Sign in").msgstr == "登录"
    assert not [one for one in polib.pofile(str(file)) if one.msgid == "Nobody says this any more"]
    before = file.read_bytes()
    messages.update()
    assert file.read_bytes() == before


def test_django_reads_what_was_compiled(own_catalogues):
    messages.update()
    file = messages.catalogue_file("zh-hans", "django")
    assert file.parent.parent.name == "zh_Hans"
    book = polib.pofile(str(file))
    for one in book:
        if one.msgid == "Skip to content":
            one.msgstr = "跳到内容"
        if one.msgid == "%(number)s part is broken.":
            one.msgstr_plural = {0: "有 %(number)s 处坏了。"}
    book.save()
    messages.compile_all()
    trans_real._translations = {}
    with translation.override("zh-hans"):
        assert gettext("Skip to content") == "跳到内容"
        text = ngettext("%(number)s part is broken.", "%(number)s parts are broken.", 2) % {"number": 2}
        assert text == "有 2 处坏了。"


def test_the_command_needs_neither_database_nor_secret_key():
    environment = {"PATH": "/usr/bin:/bin", "STUDIO_DATA_DIR": "/nowhere/studio"}
    run = subprocess.run(
        [sys.executable, "manage.py", "messages", "--compile"],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
