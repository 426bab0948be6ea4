"""What each person could do next. A room tells something about its own card, in a module `home` of its app:

    @home.tell("my_work")
    def returned_questions(user):
        return _("A question came back to you.") if ... else ""

A teller costs at most one query with a LIMIT; nothing here counts things that grow.
"""

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from studio.models import Job
from studio.roles import Role


@dataclass(frozen=True)
class Card:
    """One thing to do. `urgent` is a sentence about something that waits for this very person."""

    name: str
    title: str
    text: str
    action: str
    url: str
    urgent: str = ""


# (url name, roles, title, what it is, what the button says), in the order of a day's work
_CARDS = [
    (
        "my_work",
        {Role.ANNOTATOR},
        gettext_lazy("My work"),
        gettext_lazy("Drafts, what was returned to you, and what became of the rest."),
        gettext_lazy("Open my work"),
    ),
    (
        "write",
        {Role.ANNOTATOR},
        gettext_lazy("Write a question"),
        gettext_lazy("Watch a clip, mark the glitch, write one correct option and three distractors."),
        gettext_lazy("Start writing"),
    ),
    (
        "review",
        {Role.REVIEWER},
        gettext_lazy("Review"),
        gettext_lazy("Answer somebody else's question blind, then see the key and rule."),
        gettext_lazy("Start reviewing"),
    ),
    (
        "practice",
        {Role.ANNOTATOR, Role.REVIEWER},
        gettext_lazy("Practise"),
        gettext_lazy("Write or answer a question about a clip whose truth is known, then compare."),
        gettext_lazy("Open practice"),
    ),
    (
        "quality",
        {Role.LEAD, Role.ADMIN},
        gettext_lazy("Quality"),
        gettext_lazy("Where questions stand, what to source next, and how well it goes."),
        gettext_lazy("Open quality"),
    ),
    (
        "adjudication",
        {Role.LEAD},
        gettext_lazy("Adjudicate"),
        gettext_lazy("Decide where reviewers disagree."),
        gettext_lazy("Open disagreements"),
    ),
    (
        "clips_upload",
        {Role.LEAD, Role.ADMIN},
        gettext_lazy("Bring clips in"),
        gettext_lazy("Drop video files; each is checked, measured and made ready to write about."),
        gettext_lazy("Upload clips"),
    ),
    (
        "exports",
        {Role.LEAD, Role.ADMIN},
        gettext_lazy("Export"),
        gettext_lazy("Approved questions in the public PhysGame format, with their videos."),
        gettext_lazy("Open exports"),
    ),
    (
        "instruct",
        {Role.LEAD, Role.ADMIN},
        gettext_lazy("Training data"),
        gettext_lazy("PhysInstruct conversations and PhysDPO pairs: build them, sample them, rule on them."),
        gettext_lazy("Open training data"),
    ),
    (
        "releases",
        {Role.LEAD, Role.ADMIN},
        gettext_lazy("Releases"),
        gettext_lazy("Freeze numbered sets for evaluation and training, and see what changed."),
        gettext_lazy("Open releases"),
    ),
    (
        "runs",
        {Role.LEAD, Role.ADMIN},
        gettext_lazy("Train"),
        gettext_lazy("Start PhysVLM training, watch its curves, compare runs."),
        gettext_lazy("Open training"),
    ),
    (
        "leaderboard",
        set(Role),
        gettext_lazy("Leaderboard"),
        gettext_lazy("Every model, ours, hosted and published, measured in the same way."),
        gettext_lazy("Open the leaderboard"),
    ),
    (
        "asks",
        {Role.LEAD, Role.ADMIN},
        gettext_lazy("Ask PhysVLM"),
        gettext_lazy("Ask a model about any clip, and see where on each frame the question made it look."),
        gettext_lazy("Ask a question"),
    ),
    (
        "jobs",
        {Role.LEAD, Role.ADMIN},
        gettext_lazy("Jobs"),
        gettext_lazy("What runs in the background, with progress and logs."),
        gettext_lazy("Open jobs"),
    ),
    (
        "people",
        {Role.ADMIN},
        gettext_lazy("People"),
        gettext_lazy("Invite people and give them roles."),
        gettext_lazy("Open people"),
    ),
]
_tellers = {}


def tell(name):
    """Register `f(user) -> sentence or ""` for the card of that name."""

    def register(teller):
        _tellers[name] = teller
        return teller

    return register


def cards(user):
    """The cards of this person, those that wait for them first. Rooms without an address are left out."""
    found = []
    for name, roles, title, text, action in _CARDS:
        if roles.isdisjoint(user.roles):
            continue
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
        urgent = _tellers[name](user) if name in _tellers else ""
        found.append(Card(name, title, text, action, url, urgent))
    return sorted(found, key=lambda card: not card.urgent)


@tell("jobs")
def failed_jobs(user):
    newest = Job.objects.order_by("-pk").values_list("state", flat=True)[:50]
    failed = sum(state == Job.State.FAILED for state in newest)
    return _("Of the newest 50 jobs, %(number)s failed.") % {"number": failed} if failed else ""
