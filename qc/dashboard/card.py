"""The health card of a question: everything known about it on one screen, each room telling its part.

    @card.section("leak", order=30)
    def leak(subject):
        return Section(_("Leak check"), tone="good", verdict=_("Clear"), facts=[(_("Rule"), ...)])

A section is asked whenever a card is shown; None when it has nothing to tell. Rooms above this one register theirs when
they start. What an author may not read of their own question stands only in sections without `for_author`.
"""

from dataclasses import dataclass, field
from functools import cached_property

from annotator.models import Question, Revision

_sections = {}


@dataclass(frozen=True)
class Section:
    """`facts`: (label, value); `lines`: one thing each. `tone`: good, warn or bad. `url`, `action`: where to go on."""

    title: str
    tone: str = ""
    verdict: str = ""
    facts: list = field(default_factory=list)
    lines: list = field(default_factory=list)
    html: str = ""
    url: str = ""
    action: str = ""


@dataclass
class Subject:
    """A question as one reader may see it."""

    user: object
    question: Question

    @property
    def own(self):
        return self.question.author_id == self.user.pk

    @property
    def names(self):
        """Whether reviewers are called by name; the lead who will decide between them does not learn who they are."""
        return self.question.state != Question.State.DISPUTED

    @cached_property
    def revisions(self):
        """Every revision, oldest first."""
        return list(Revision.objects.filter(question=self.question).order_by("number"))

    @cached_property
    def revision(self):
        """The current revision, or None before the first."""
        return next((one for one in self.revisions if one.number == self.question.revision_number), None)


def section(name, *, order, for_author=False):
    """Register a section `f(subject) -> Section or None`; lower orders come first."""

    def register(tell):
        _sections[name] = (order, name, tell, for_author)
        return tell

    return register


def sections(subject):
    """[(name, Section)] in order."""
    found = []
    for _order, name, tell, for_author in sorted(_sections.values(), key=lambda one: one[:2]):
        if subject.own and not for_author:
            continue
        told = tell(subject)
        if told is not None:
            found.append((name, told))
    return found
