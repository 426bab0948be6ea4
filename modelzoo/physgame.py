"""The public PhysGame format: its files, its records, and which question ids can be the name of a file.

    PhysGame_{count}_annotation.json    [{question_id, question, options {A..D}, answer, class_anno, subclass_anno}, ...]
    PhysGame-Benchmark/{question_id}.mp4
    classes_final_v2.json               {domain: {category: {sub-label: [question_id, ...]}}}

Nothing here knows the database; `exporting` and `importing` do.
"""

import hashlib
import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from django.conf import settings

from annotator.letters import LETTERS
from annotator.models import OPTION_KEYS
from annotator.taxonomy import CATEGORIES, by_domain

ANNOTATION_PATTERN = "PhysGame_*_annotation.json"
VIDEOS = "PhysGame-Benchmark"
TREE = "classes_final_v2.json"
NO_SUB_LABEL = "unlabelled"  # the tree needs a name where a question has none
FIELDS = ("question_id", "question", "options", "answer", "class_anno", "subclass_anno")

ID_MAX_BYTES = 150
ID_MAX_CHARS = 200  # what the database keeps of an id that is not ours
_TEXT_MAX_CHARS = {"question": settings.STEM_MAX_CHARS, "option": 1000, "sub_label": 60}
_FORBIDDEN = frozenset('<>:"/\\|?*')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\..*)?", re.IGNORECASE | re.DOTALL)


def annotation_name(count):
    return f"PhysGame_{count}_annotation.json"


@dataclass(frozen=True, slots=True)
class Record:
    """One question as the format knows it. `order` holds the letters of correct, distractor_1, _2 and _3: "BACD"."""

    question_id: str
    stem: str
    options: dict  # {option key: text}
    order: str
    category: str

    def as_json(self):
        by_letter = {letter: self.options[key] for key, letter in zip(OPTION_KEYS, self.order, strict=True)}
        return {
            "question_id": self.question_id,
            "question": self.stem,
            "options": {letter: by_letter[letter] for letter in LETTERS},
            "answer": self.order[0],
            "class_anno": CATEGORIES[self.category].domain,
            "subclass_anno": self.category,
        }


def order_of(keys_by_letter):
    """`Record.order` for option keys given in letter order (what `letters.deal` yields)."""
    return "".join(LETTERS[keys_by_letter.index(key)] for key in OPTION_KEYS)


def empty_tree():
    """All 4 domains and 12 categories, without sub-labels."""
    return {domain: {category.name: {} for category in categories} for domain, _label, categories in by_domain()}


def sort_tree(tree):
    """Sub-labels in the order of the taxonomy, foreign ones (an imported set keeps its own) after them by text."""
    for categories in tree.values():
        for name, labels in categories.items():
            known = [label for label, _ in CATEGORIES[name].sub_labels]
            rank = {label: index for index, label in enumerate(known)}
            categories[name] = dict(sorted(labels.items(), key=lambda item: (rank.get(item[0], len(rank)), item[0])))
    return tree


# ---- Ids as file names


def _digest(text, length):
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def _plain(char):
    return char not in _FORBIDDEN and not unicodedata.category(char).startswith(("C", "Zl", "Zp"))


def is_safe_id(text):
    """True if `text` can be a file's name, with .mp4 behind it, on Linux, macOS and Windows alike."""
    return (
        bool(text)
        and text == text.strip()
        and text[0] not in ".-~"
        and text[-1] != "."
        and all(map(_plain, text))
        and len(text.encode()) <= ID_MAX_BYTES
        and not _RESERVED.fullmatch(text)
    )


def _with_suffix(text, suffix):
    """`text` cut so that it has at most ID_MAX_BYTES together with `suffix`."""
    room = ID_MAX_BYTES - len(suffix.encode())
    return text.encode()[:room].decode(errors="ignore").rstrip(" .") + suffix


def safe_id(text):
    """`text` itself if it is safe, else a readable stand-in with a hash of the original; the same on every run."""
    if is_safe_id(text):
        return text
    readable = "".join(char if _plain(char) else "_" for char in text).strip().lstrip(".-~ ")
    if _RESERVED.fullmatch(readable):
        readable = "_" + readable
    return _with_suffix(readable or "id", "-" + _digest(text, 8))


class IdRegister:
    """Gives out ids that differ on a file system that ignores case and Unicode form, and remembers what it changed."""

    def __init__(self):
        self._taken = set()
        self.changed = {}

    @staticmethod
    def _fold(text):
        return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())

    def give(self, wanted, *, salt):
        """A safe id as near to `wanted` as may be. `salt` names its question, so that equal wishes end up different."""
        name = safe_id(wanted)
        length = 8
        while self._fold(name) in self._taken:
            name = _with_suffix(safe_id(wanted), "-" + _digest(f"{wanted}:{salt}", length))
            length += 2
        self._taken.add(self._fold(name))
        if name != wanted:
            self.changed[name] = wanted
        return name


# ---- Reading


class Unreadable(Exception):
    """A file of the set cannot be used at all; the sentence says which and why."""


def read_json(path):
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{path} is not JSON: {error}.") from error


def text_fault(value, *, limit):
    """Why `value` cannot be stored as text, or ""."""
    if not isinstance(value, str):
        return f"must be text, not {type(value).__name__}"
    if not value.strip():
        return "is empty"
    if len(value) > limit:
        return f"has {len(value)} characters, the limit is {limit}"
    if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
        return "holds a character that cannot be stored"
    return ""


def _id_fault(value):
    fault = text_fault(value, limit=ID_MAX_CHARS)
    if not fault and ("/" in value or value in (".", "..") or any(unicodedata.category(char) == "Cc" for char in value)):
        return "cannot be the name of a file"
    return fault


def _faults(row):
    """Everything that is wrong with one record, as sentences."""
    if not isinstance(row, dict):
        return [f"is {type(row).__name__}, not an object"]
    missing = [field for field in FIELDS if field not in row]
    if missing:
        return [f"lacks {', '.join(missing)}"]
    faults = [f"question_id {fault}" for fault in [_id_fault(row["question_id"])] if fault]
    faults += [f"question {fault}" for fault in [text_fault(row["question"], limit=_TEXT_MAX_CHARS["question"])] if fault]
    options = row["options"]
    if not isinstance(options, dict) or sorted(options) != list(LETTERS):
        faults.append("options must be an object with exactly A, B, C and D")
    else:
        bad = {letter: text_fault(text, limit=_TEXT_MAX_CHARS["option"]) for letter, text in options.items()}
        faults += [f"option {letter} {fault}" for letter, fault in bad.items() if fault]
        if not any(bad.values()):
            seen = Counter(text.casefold() for text in options.values())
            twice = [letter for letter, text in options.items() if seen[text.casefold()] > 1]
            faults += [f"options {', '.join(twice)} are the same"] if twice else []
    if not (isinstance(row["answer"], str) and row["answer"] in tuple(LETTERS)):
        faults.append(f"answer {row['answer']!r} is not one of A, B, C, D")
    category = row["subclass_anno"]
    if not isinstance(category, str) or category not in CATEGORIES:
        faults.append(f"subclass_anno {category!r} is not one of the 12 categories")
    elif row["class_anno"] != CATEGORIES[category].domain:
        faults.append(f"class_anno {row['class_anno']!r} is not the domain of {category}, {CATEGORIES[category].domain}")
    return faults


def _record(row):
    order = row["answer"] + "".join(letter for letter in LETTERS if letter != row["answer"])
    options = {key: row["options"][letter] for key, letter in zip(OPTION_KEYS, order, strict=True)}
    return Record(row["question_id"], row["question"], options, order, row["subclass_anno"])


def read_annotation(path):
    """(records, problems, notes) of an annotation file; each problem names its record. Raises `Unreadable`."""
    rows = read_json(path)
    if not isinstance(rows, list):
        raise Unreadable(f"{path} must hold a list of questions; it holds {type(rows).__name__}.")
    records, problems, first_at, unknown = [], [], {}, Counter()
    for number, row in enumerate(rows, 1):
        question_id = row.get("question_id") if isinstance(row, dict) else None
        where = f"record {number}" + (f" ({question_id})" if isinstance(question_id, str) and question_id else "")
        faults = _faults(row)
        if isinstance(question_id, str):
            if question_id in first_at:
                faults.append(f"has the same question_id as record {first_at[question_id]}")
            first_at.setdefault(question_id, number)
        problems += [f"{where}: {fault}" for fault in faults]
        if not faults:
            records.append(_record(row))
            unknown.update(key for key in row if key not in FIELDS)
    notes = [f"{count} records have a field {field!r}, which is not kept" for field, count in unknown.items()]
    return records, problems, notes


def read_tree(path, category_of):
    """({question_id: sub-label}, problems) of a category tree; `category_of` maps the ids of the set to categories."""
    tree = read_json(path)
    labels, problems = {}, []
    for domain, category, label, ids in _leaves(tree, problems):
        if category not in CATEGORIES or CATEGORIES[category].domain != domain:
            problems.append(f"{path.name}: {domain} / {category} is not in the taxonomy")
            continue
        fault = text_fault(label, limit=_TEXT_MAX_CHARS["sub_label"])
        if fault:
            problems.append(f"{path.name}: a sub-label of {category} {fault}")
        for question_id in ids:
            if not isinstance(question_id, str) or question_id not in category_of:
                problems.append(f"{path.name}: {question_id!r} under {category} is not in the annotation file")
            elif category_of[question_id] != category:
                problems.append(
                    f"{path.name}: {question_id} stands under {category}, its record says {category_of[question_id]}"
                )
            elif question_id in labels:
                problems.append(f"{path.name}: {question_id} stands under two sub-labels")
            else:
                labels[question_id] = "" if label == NO_SUB_LABEL else label
    return labels, problems


def _leaves(tree, problems):
    """(domain, category, sub-label, ids) of every leaf; what has another shape becomes a problem."""
    for domain, categories in tree.items() if isinstance(tree, dict) else [("", None)]:
        for category, labels in categories.items() if isinstance(categories, dict) else [("", None)]:
            for label, ids in labels.items() if isinstance(labels, dict) else [("", None)]:
                if isinstance(ids, list):
                    yield domain, category, label, ids
                    continue
                place = " / ".join(filter(None, [domain, category, label])) or "the file"
                problems.append(f"{TREE}: {place} has not the form domain, category, sub-label, list of ids")
