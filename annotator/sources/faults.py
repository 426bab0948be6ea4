"""Why something was not fetched: codes of child.py as sentences, and which of them are worth another try by itself."""

from django.conf import settings
from django.utils.translation import gettext_noop

from studio.sentences import say

TEMPORARY = frozenset({"busy", "server", "timeout", "cut", "dns", "slow", "ended"})
PAUSES = frozenset({"busy", "bot"})  # the whole site waits
_SENTENCES = {
    "host": gettext_noop("%(what)s is not on the list of hosts that may be fetched from. An admin can add it."),
    "address": gettext_noop("%(what)s leads into a private network, so it is not fetched."),
    "port": gettext_noop("%(what)s is not a port of the web, so it is not fetched."),
    "scheme": gettext_noop("It leads to an address that is not of the web (%(what)s), so it is not fetched."),
    "door": gettext_noop("The downloader tried to go past the Studio's guard (%(what)s), so it was stopped."),
    "refused": gettext_noop("The site refused it (status %(what)s)."),
    "gone": gettext_noop("It is no longer there."),
    "private": gettext_noop("It is private, or needs an account. The Studio uses nobody's account."),
    "bot": gettext_noop("The site asks for a proof that we are no robot. Wait some hours, then try again."),
    "busy": gettext_noop("The site asked us to slow down (status 429)."),
    "server": gettext_noop("The site itself has trouble (status %(what)s)."),
    "redirects": gettext_noop("The site sends us in circles."),
    "timeout": gettext_noop("The site did not answer in time."),
    "cut": gettext_noop("The connection broke off before the end."),
    "dns": gettext_noop("The name of the site could not be resolved."),
    "tls": gettext_noop("The site's certificate is not valid."),
    "slow": gettext_noop("It took longer than %(limit_s)d s."),
    "ended": gettext_noop("The downloader ended without a word; it may have run out of memory."),
    "too_big": gettext_noop("It is larger than %(limit_mb)d MB."),
    "too_long": gettext_noop("The video is %(what)s s long; at most %(limit_s)d s are fetched."),
    "live": gettext_noop("It is a live stream."),
    "drm": gettext_noop("The video is encrypted (DRM)."),
    "no_video": gettext_noop("There is no video here that can be fetched."),
    "not_json": gettext_noop("The site answered with something that is no listing."),
    "broken": gettext_noop("The downloader could not make sense of this page."),
}


def sentence(code, what=""):
    """What people read for a fault, ready to be stored."""
    values = {}
    text = _SENTENCES.get(code, _SENTENCES["broken"])
    if "%(what)s" in text:
        values["what"] = what or "?"
    if "%(limit_mb)d" in text:
        values["limit_mb"] = settings.FETCH_MAX_BYTES // (1024 * 1024)
    if "%(limit_s)d" in text:
        values["limit_s"] = int(settings.FETCH_TIME_S if code == "slow" else settings.FETCH_MAX_S)
    return say(text, **values)


class Fault(Exception):
    """Something was not fetched; `str()` is the sentence. `after`: seconds the site asks us to wait, where it said so."""

    def __init__(self, code, what="", *, detail="", after=None):
        self.code = code
        self.sentence = sentence(code, what)
        self.detail = detail
        self.after = after
        super().__init__(self.sentence)

    @property
    def is_temporary(self):
        return self.code in TEMPORARY
