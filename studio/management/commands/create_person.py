"""manage.py create_person ada --roles admin,lead --email ada@example.org"""

import getpass
import os
import sys

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from studio import people
from studio.models import User
from studio.roles import Role

PASSWORD_VARIABLE = "STUDIO_PASSWORD"  # noqa: S105 -- the name of a variable


class Command(BaseCommand):
    help = f"Add a person. The password is asked for, or read from the environment variable {PASSWORD_VARIABLE}."

    def add_arguments(self, parser):
        parser.add_argument("username")
        parser.add_argument("--roles", default="annotator", help="some of " + ",".join(Role.values))
        parser.add_argument("--email", default="")
        parser.add_argument("--name", default="", help="the name others see; default the username")
        parser.add_argument("--invite", action="store_true", help="ask for no password; mail a link to choose one")

    def handle(self, *, username, roles, email, name, invite, **options):
        roles = [role.strip() for role in roles.split(",") if role.strip()]
        if unknown := sorted(set(roles) - set(Role.values)):
            raise CommandError(f"There is no role {unknown[0]!r}. The roles are {', '.join(Role.values)}.")
        if invite and not email:
            raise CommandError("An invitation needs an address: add --email.")
        password = None if invite else self._password(User(username=username, email=email))
        try:
            person = people.create_person(username=username, email=email, roles=roles, full_name=name, password=password)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages))
        if invite:
            try:
                people.send_password_link(person, invitation=True)
            except OSError as error:
                raise CommandError(f"{username} was added, but the mail to {email} could not be sent: {error}")
        self.stdout.write(f"Added {username} ({', '.join(person.roles) or 'no role'}).")

    def _password(self, person):
        password = os.environ.get(PASSWORD_VARIABLE)
        if password is None:
            if not sys.stdin.isatty():
                raise CommandError(f"Set {PASSWORD_VARIABLE}, or run this on a terminal to be asked for the password.")
            password = getpass.getpass("Password: ")
            if getpass.getpass("Again: ") != password:
                raise CommandError("The two passwords differ. Nobody was added.")
        try:
            validate_password(password, person)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages))
        return password
