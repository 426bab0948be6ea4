"""Why a file is refused, as a code from the probe and as a sentence for people."""

from django.conf import settings
from django.utils.translation import gettext_lazy, gettext_noop

from studio.sentences import say


class Refused(Exception):
    """This file does not become a clip; `str()` is the sentence that says why."""

    def __init__(self, code, **numbers):
        self.code = code
        self.numbers = numbers
        self.sentence = sentence(code, **numbers)
        super().__init__(self.sentence)


_SENTENCES = {
    "empty": gettext_noop("The file is empty."),
    "playlist": gettext_noop("This is a playlist (%(what)s) that points at other files. Bring the video itself."),
    "text": gettext_noop("This is a text file, not a video."),
    "still_image": gettext_noop("This is a still image (%(what)s), not a video."),
    "not_video": gettext_noop("This is %(what)s, not a video."),
    "one_frame": gettext_noop("The video has only one frame; it is a still image."),
    "no_video": gettext_noop("There is no video stream in this file."),
    "audio_only": gettext_noop("There is only sound in this file, no video."),
    "encrypted": gettext_noop("The video is encrypted (DRM). Bring a copy that plays without a key."),
    "unknown_format": gettext_noop(
        "This is not a video the Studio can open. It takes MP4, MOV, MKV, WebM, AVI, FLV, MPEG, WMV and Ogg."
    ),
    "unknown_codec": gettext_noop("The video is coded in a way (%(what)s) that the Studio cannot decode."),
    "zero_frames": gettext_noop("The video stream holds no frames."),
    "broken": gettext_noop("The file is damaged: no picture can be decoded."),
    "truncated": gettext_noop("The file is cut off before its end. Bring the whole file."),
    "external": gettext_noop("The video itself is in another file that this one only points at. Bring that one."),
    "too_long": gettext_noop("The video is longer than %(limit_s)d s. Cut out the part with the glitch."),
    "too_big": gettext_noop("The file is larger than %(limit_mb)d MB."),
    "too_many_pixels": gettext_noop("The picture has %(width)d×%(height)d pixels; at most %(limit)d in all can be taken."),
    "too_hard": gettext_noop("Looking at this file took more memory or time than one video may take."),
    "not_constant": gettext_noop(
        "The transcoded video does not have frames at a constant rate. This is our fault; tell an admin."
    ),
    "missing": gettext_noop("The original is missing from the media storage. Bring the file again."),
    "no_truth": gettext_noop("Nothing is known about what happens in this clip, so nobody can practise on it."),
    "taken_down": gettext_noop("This clip was taken down (clip %(clip)d), so it does not come back."),
    "taken_id": gettext_noop("The source id %(source_id)s belongs to clip %(clip)d already, which is another file."),
}
_WHATS = {
    "html": gettext_lazy("a web page"),
    "xml": gettext_lazy("an XML file"),
    "archive": gettext_lazy("an archive"),
    "program": gettext_lazy("a program"),
    "document": gettext_lazy("a document"),
}


def sentence(code, **numbers):
    """What people read for a refusal code, ready to be stored.

    Numbers the sentence needs but the caller has not come from the settings.
    """
    if code == "too_big":
        numbers.setdefault("limit_mb", settings.UPLOAD_MAX_BYTES // (1024 * 1024))
    if "what" in numbers:
        numbers["what"] = _WHATS.get(numbers["what"], numbers["what"])
    return say(_SENTENCES[code], **numbers) if code in _SENTENCES else say("The file is damaged.")
