"""Translations without gettext's binaries: Babel extracts, compares and compiles the catalogues in locale/.

Domain `django` holds the texts of Python files and templates, `djangojs` those of our scripts. The source is English.
"""

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation import to_locale
from django.utils.translation.template import templatize

APPS = ("studio", "annotator", "qc", "modelzoo")
DOMAINS = ("django", "djangojs")
_KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "say": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
# Babel reads `import gettext_lazy` fine but must be told nothing about comments: ours start with "Translators:".
_COMMENTS = ["Translators:"]
_PLACEHOLDER = re.compile(r"%\((\w+)\)[a-z]|%(?:\.\d+)?[sdfr]|(?<!\{)\{(\w*)\}(?!\})|<(/?\w+)[^>]*>")


@dataclass(frozen=True)
class Fault:
    """One thing to mend in a catalogue."""

    file: Path
    text: str
    what: str

    def __str__(self):
        return f"{self.file}: {self.what}: {self.text!r}"


def languages():
    """Every language that needs a catalogue: all but the one the texts are written in."""
    return [code for code, _name in settings.LANGUAGES if code != "en"]


def catalogue_file(language, domain):
    return Path(settings.LOCALE_PATHS[0]) / to_locale(language) / "LC_MESSAGES" / f"{domain}.po"


def _sources(domain):
    """(path, how to read it) of each file with texts, in a fixed order."""
    base = settings.BASE_DIR
    if domain == "djangojs":
        return [(path, "javascript") for path in sorted((base / "static" / "js").rglob("*.js"))]
    found = []
    for app in APPS:
        found += [(path, "python") for path in sorted((base / app).rglob("*.py")) if "migrations" not in path.parts]
        for folder in sorted((base / app).rglob("templates")):
            found += [(path, "template") for path in sorted(folder.rglob("*")) if path.suffix in (".html", ".txt")]
    return found


def template_source(text, origin=None):
    """A Django template as Python that Babel can read: every text becomes a call, all else is blanked.

    The brackets around it make line breaks and indentation mean nothing to Python's tokenizer.
    """
    return "(" + templatize(text, origin=origin) + "\n)"


def texts(domain):
    """The catalogue of all texts as they stand in the sources."""
    catalogue = Catalog(project="PhysGame Studio", fuzzy=False)
    for path, kind in _sources(domain):
        name = path.relative_to(settings.BASE_DIR).as_posix()
        source = path.read_text()
        if kind == "template":
            source = template_source(source, name)
        method = "javascript" if kind == "javascript" else "python"
        for line, message, comments, context in extract(
            method, BytesIO(source.encode()), _KEYWORDS, _COMMENTS, {"encoding": "utf-8"}
        ):
            catalogue.add(message, None, [(name, line)], auto_comments=comments, context=context)
    return catalogue


def _read(file, language):
    if not file.is_file():
        return Catalog(locale=to_locale(language), domain=file.stem)
    with file.open("rb") as stream:
        return read_po(stream, locale=to_locale(language), domain=file.stem)


def update():
    """Bring every catalogue in line with the sources: new texts added empty, unused ones dropped. Returns the files."""
    written = []
    for domain in DOMAINS:
        template = texts(domain)
        for language in languages():
            file = catalogue_file(language, domain)
            old = _read(file, language)
            new = Catalog(
                locale=to_locale(language),
                domain=domain,
                project="PhysGame Studio",
                header_comment="# PhysGame Studio",
                creation_date=None,
                fuzzy=False,
            )
            for message in template:
                if not message.id:
                    continue
                known = old.get(message.id, context=message.context)
                kept = new.add(
                    message.id,
                    known.string if known else None,
                    message.locations,
                    flags=(known.flags if known else set()) | message.flags,
                    auto_comments=message.auto_comments,
                    context=message.context,
                )
                if known and known.pluralizable != kept.pluralizable:
                    kept.string = None
            file.parent.mkdir(parents=True, exist_ok=True)
            out = BytesIO()
            write_po(out, new, omit_header=True, include_lineno=False, sort_by_file=True, width=110)
            file.write_bytes(_header(new) + out.getvalue())
            written.append(file)
    return written


def _header(catalogue):
    """A header without dates, so that nothing changes in a catalogue when no text did."""
    return (
        'msgid ""\nmsgstr ""\n'
        '"Project-Id-Version: PhysGame Studio\\n"\n'
        f'"Language: {catalogue.locale_identifier}\\n"\n'
        '"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    ).encode()


def _as_tuple(value):
    return (value,) if isinstance(value, str) or value is None else tuple(value)


def placeholders(text):
    """What a translation must keep: %(name)s, %s, {name} and tags."""
    return sorted(match.group(0) for match in _PLACEHOLDER.finditer(text.replace("%%", "")))


def faults():
    """Everything that keeps the catalogues from being whole."""
    found = []
    for domain in DOMAINS:
        template = texts(domain)
        wanted = {(message.context, _as_tuple(message.id)[0]): message for message in template if message.id}
        for language in languages():
            file = catalogue_file(language, domain)
            shown = file.relative_to(settings.BASE_DIR) if file.is_relative_to(settings.BASE_DIR) else file
            catalogue = _read(file, language)
            have = {(message.context, _as_tuple(message.id)[0]): message for message in catalogue if message.id}
            for key, message in wanted.items():
                if key not in have:
                    found.append(Fault(shown, key[1], f"missing (in {message.locations[0][0]})"))
            for key, message in have.items():
                if key not in wanted:
                    found.append(Fault(shown, key[1], "obsolete"))
                elif not all(_as_tuple(message.string)):
                    found.append(Fault(shown, key[1], f"untranslated (in {wanted[key].locations[0][0]})"))
                elif message.fuzzy:
                    found.append(Fault(shown, key[1], "fuzzy"))
                elif what := _differs(message):
                    found.append(Fault(shown, key[1], what))
    return found


def _differs(message):
    """What is wrong with the placeholders of a translation, or "". A plural may keep those of either form."""
    allowed = [placeholders(text) for text in _as_tuple(message.id)]
    for text in _as_tuple(message.string):
        if placeholders(text) not in allowed:
            return f"placeholders {' '.join(placeholders(text)) or 'none'} instead of {' '.join(allowed[-1]) or 'none'}"
    return ""


def compile_all():
    """Write the .mo file beside every catalogue that is newer than its own. Returns how many texts each holds."""
    written = {}
    for file in sorted(Path(settings.LOCALE_PATHS[0]).glob("*/LC_MESSAGES/*.po")):
        with file.open("rb") as stream:
            catalogue = read_po(stream, locale=file.parent.parent.name, domain=file.stem)
        new = file.with_suffix(".mo.new")
        with new.open("wb") as stream:
            write_mo(stream, catalogue)
        new.replace(file.with_suffix(".mo"))
        written[file.with_suffix(".mo")] = sum(1 for message in catalogue if message.id and all(_as_tuple(message.string)))
    return written
