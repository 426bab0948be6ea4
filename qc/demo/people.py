"""The people of the demo. Their password is public, so they belong in no Studio that others can reach."""

from dataclasses import dataclass

from studio.demo import PASSWORD
from studio.models import User
from studio.roles import Role


@dataclass(frozen=True)
class Figure:
    username: str
    first_name: str
    last_name: str
    roles: tuple
    double_checks_left: int = 0

    @property
    def email(self):
        return f"{self.username}@example.org"


FIGURES = (
    Figure("annotator", "Ana", "Ribeiro", (Role.ANNOTATOR,)),
    Figure("annotator2", "Tomáš", "Novák", (Role.ANNOTATOR,)),
    Figure("annotator3", "Mei", "Lin", (Role.ANNOTATOR,), double_checks_left=10),  # new here: two reviews each
    Figure("reviewer", "Jonas", "Weber", (Role.REVIEWER,)),
    Figure("reviewer2", "Priya", "Nair", (Role.REVIEWER,)),
    Figure("lead", "Lena", "Fischer", (Role.LEAD,)),
    Figure("admin", "Sam", "Okafor", (Role.ADMIN, Role.LEAD)),
)


def strangers():
    """People who are not of the demo, those included who only have the name of one who is."""
    return User.objects.exclude(username__in=[f.username for f in FIGURES], email__in=[f.email for f in FIGURES])


def missing():
    """The figures that are not here yet."""
    here = set(User.objects.filter(username__in=[f.username for f in FIGURES]).values_list("username", flat=True))
    return [figure for figure in FIGURES if figure.username not in here]


def invite(figures):
    """Make these people; returns them."""
    people = []
    for figure in figures:
        person = User(
            username=figure.username, first_name=figure.first_name, last_name=figure.last_name, email=figure.email,
            roles=list(figure.roles), double_checks_left=figure.double_checks_left,
        )  # fmt: skip
        person.set_password(PASSWORD)
        person.save()
        people.append(person)
    return people


def cast():
    """{username: User} of everybody in the demo."""
    return {person.username: person for person in User.objects.filter(username__in=[f.username for f in FIGURES])}
