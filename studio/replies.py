"""What a model's reply to a multiple-choice question means: the one place of the product that decides it.

    parse_reply("The answer is B.", {"A": "It floats.", "B": "It bounces."})  ->  "B"

A reply that is empty, names nothing on offer or names several things is a `NoAnswer`, and no answer is never right.
Parsing and scoring are two steps: this module knows no right answers, and needs nothing but Python.
"""

import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True)
class NoAnswer:
    """Why a reply is no answer: "empty", "nothing" (names no option), "several", "denied" (only says what it is not),
    "contradiction" (a letter beside the text of another option) or "unfinished" (thinking that never ended).
    """

    reason: str

    def __bool__(self):
        return False


# Letters stand alone: no letter or digit of an alphabet beside them. Scripts without blanks are set apart beforehand.
_ALONE_BEFORE, _ALONE_AFTER = r"(?<![^\W_])", r"(?![^\W_])"
_UNSPACED = re.compile(r"([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+)")
_THINKING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.S | re.I)
_STARTS_THINKING = re.compile(r"<think(?:ing)?>", re.I)
# Between the word "answer" and its letter: marks, and a few small words.
_TO_LETTER = r"(?:[\W_]|\b(?:is|was|be|would|should|must|option|choice|letter|the|number|boxed|是|为|選項|选项)\b)*?"
_ANSWER = re.compile(
    r"(?:\b(?:answer|choose|pick|select|boxed)|答案|应选|应该选|我选)"
    + _TO_LETTER
    + _ALONE_BEFORE
    + r"([A-Za-z])"
    + _ALONE_AFTER,
    re.I,
)
_OPTION = re.compile(
    r"(?:\b(?:option|choice|letter)|选项|選項)" + _TO_LETTER + _ALONE_BEFORE + r"([A-Za-z])" + _ALONE_AFTER, re.I
)
_AT_START = re.compile(r"[\W_]*([A-Za-z])" + _ALONE_AFTER)
_CAPITAL = re.compile(_ALONE_BEFORE + r"([A-Z])" + _ALONE_AFTER)
_BRACKETED = re.compile(r"[(\[*`\"']([A-Za-z])[)\]*`\"']")
_AT_END = re.compile(_ALONE_BEFORE + r"([A-Za-z])[\W_]*$")
_LIST_LINE = re.compile(r"^[ \t*(\[]*([A-Z])[).:\]]", re.M)
_MORE = re.compile(r"[\W_]*?(?:(?:\b(?:or|and)\b|[,/&+]|或|和)[\W_]*|[)\]][\W_]*[(\[])([A-Za-z])" + _ALONE_AFTER, re.I)
_DENIED = re.compile(
    r"(?:\b(?:not|neither|nor|never|except|cannot be|rule out)|n't|不是|不选|并非)(?:[\W_]|\b(?:be|option|choice)\b)*$", re.I
)
_LEAD_IN = re.compile(
    r"^(?:(?:i(?:'d| would)? (?:say|think|choose|pick)|(?:the )?(?:(?:best|correct|right|final) )?(?:answer|option|choice)"
    r"(?: is|:| would be)?)[\s:,]*)",
    re.I,
)
# Words after a lone "A" that show it is no article: "A is right", "A because", "A and B".
_AFTER_A_LETTER = frozenset("is was because since as due for it and or but the seems would fits".split())
_NEXT_WORD = re.compile(r"[ \t]+([^\W\d_]+)")


def parse_reply(text, options):
    """The letter a careful reader takes a reply to mean, or a `NoAnswer`.

    `options` maps letters ("A" to at most "H") to the texts on offer. Case, brackets, markdown, full-width letters, a
    sentence around the letter and the bare text of an option are all understood; guessing is not attempted.
    """
    reply = unicodedata.normalize("NFKC", text or "")
    reply = _THINKING.sub(" ", reply)
    if _STARTS_THINKING.search(reply):
        return NoAnswer("unfinished")
    if not any(character.isalnum() for character in reply):
        return NoAnswer("empty")
    by_text = {_bare(option): letter for letter, option in options.items()}
    for candidate in (reply, _LEAD_IN.sub("", reply.strip())):
        if _bare(candidate) in by_text:
            return by_text[_bare(candidate)]
    spaced = _UNSPACED.sub(r" \1 ", reply)
    for tier in (_stated, _leading, _named, _lone):
        found = tier(spaced, options)
        if isinstance(found, NoAnswer):
            return found
        if len(found) > 1:
            return NoAnswer("several")
        if found:
            (letter,) = found
            return letter if not _contradicts(letter, spaced, by_text) else NoAnswer("contradiction")
    return NoAnswer("nothing")


def _bare(text):
    """A text as it is compared: one case, single blanks, no marks at its ends."""
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return folded.strip(" .,:;!?\"'`*()[]。，！？“”‘’")


def _is_article(reply, match):
    """True for the "A" of "A car is flying": an A with a word behind it that no letter would have there."""
    if match.group(1) not in "Aa":
        return False
    word = _NEXT_WORD.match(reply, match.end(1))
    return bool(word) and word.group(1).casefold() not in _AFTER_A_LETTER


def _letters(reply, match, options):
    """The letters of one mention: {"B"}, or {"A", "B"} for "A or B"; empty when it is no option or an article."""
    letter = match.group(1).upper()
    if letter not in options or _is_article(reply, match):
        return set()
    found, end = {letter}, match.end(1)
    while (more := _MORE.match(reply, end)) and more.group(1).upper() in options and not _is_article(reply, more):
        found.add(more.group(1).upper())
        end = more.end(1)
    return found


def _stated(reply, options):
    """Letters of "the answer is ..."."""
    return set().union(*(_letters(reply, match, options) for match in _ANSWER.finditer(reply)))


def _leading(reply, options):
    """The letter a reply begins with: "B", "B) ...", "b. ...", not the article of "A car"; all letters of a list."""
    match = _AT_START.match(reply)
    if not match:
        return set()
    after = reply[match.end(1) :].lstrip(" \t")[:1]
    if match.group(1).islower() and after.isalnum():
        return set()
    found = _letters(reply, match, options)
    return found | (set(_LIST_LINE.findall(reply)) & set(options)) if found else found


def _named(reply, options):
    """Letters of "option B"; what is denied ("not option B") says nothing about the others."""
    return _mentions(reply, _OPTION.finditer(reply), options)


def _lone(reply, options):
    """Capital letters and bracketed letters that stand alone anywhere, and a small one at the very end."""
    matches = [*_CAPITAL.finditer(reply), *_BRACKETED.finditer(reply)]
    end = _AT_END.search(reply)
    return _mentions(reply, [*matches, end] if end else matches, options)


def _mentions(reply, matches, options):
    found, denied = set(), False
    for match in matches:
        if letters := _letters(reply, match, options):
            if _DENIED.search(reply[max(0, match.start() - 40) : match.start()]):
                denied = True
            found |= letters
    return NoAnswer("denied") if denied else found


def _contradicts(letter, reply, by_text):
    """True when the words right behind the letter are exactly the text of another option."""
    match = re.search(_ALONE_BEFORE + re.escape(letter) + _ALONE_AFTER + r"(.+)$", reply, re.I | re.S)
    said = by_text.get(_bare(match.group(1))) if match else None
    return said is not None and said != letter
