"""People, their API tokens, and background jobs."""

import functools
import hashlib
import secrets

import pghistory
from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from studio import rows
from studio.roles import Role
from studio.sentences import SentenceField


def history(event_model, *, fields=None, exclude=None):
    """Let PostgreSQL keep an append-only history of a model: who, when, what changed.

    Rows land in `obj.events`; the context column says which person and which request or job made the change.
    """
    return pghistory.track(
        pghistory.InsertEvent(),
        pghistory.UpdateEvent(),
        pghistory.DeleteEvent(),
        fields=fields,
        exclude=exclude,
        model_name=event_model,
        append_only=True,
        context_field=pghistory.ContextJSONField(),
        obj_field=pghistory.ObjForeignKey(related_name="events"),
    )


def _new_author_questions():
    return settings.NEW_AUTHOR_QUESTIONS


class PeopleManager(UserManager):
    """Everybody; one person by key comes without compiling a query, because every request begins with just that."""

    use_in_migrations = False

    def get(self, *args, **kwargs):
        if args or kwargs.keys() != {"pk"}:
            return super().get(*args, **kwargs)
        columns, read = self._by_key()
        key = self.model._meta.pk.to_python(kwargs["pk"])
        row = rows.first(f"SELECT {columns} FROM studio_user u WHERE u.id = %s", [key])
        if row is None:
            raise self.model.DoesNotExist(f"There is no person {kwargs['pk']}.")
        return read(row)[0]

    @functools.cache  # noqa: B019 -- one manager for the life of the process
    def _by_key(self):
        return rows.reader(u=self.model)


@history("UserEvent", fields=["username", "email", "roles", "is_active", "double_checks_left"])
class User(AbstractUser):
    """A person. `double_checks_left` counts down the first questions of a new author that get more than one review."""

    class Theme(models.TextChoices):
        SYSTEM = "system", _("Same as the system")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    roles = ArrayField(models.CharField(max_length=16, choices=Role.choices), default=list, blank=True)
    language = models.CharField(max_length=16, choices=settings.LANGUAGES, blank=True)
    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    shortcuts = models.JSONField(default=dict, blank=True, help_text="Keys this person changed: {action: key}.")
    double_checks_left = models.PositiveSmallIntegerField(default=_new_author_questions)

    objects = PeopleManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(roles__contained_by=Role.values), name="people_hold_known_roles"),
        ]

    def has_role(self, *roles):
        return any(role in self.roles for role in roles)

    @property
    def is_annotator(self):
        return Role.ANNOTATOR in self.roles

    @property
    def is_reviewer(self):
        return Role.REVIEWER in self.roles

    @property
    def is_lead(self):
        return Role.LEAD in self.roles

    @property
    def is_studio_admin(self):
        return Role.ADMIN in self.roles

    def __str__(self):
        return self.get_full_name() or self.username


class ApiToken(models.Model):
    """A key a script signs in with. Only its SHA-256 is stored; the secret is shown once, when it is made."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)

    @staticmethod
    def digest_of(secret):
        return hashlib.sha256(secret.encode()).hexdigest()

    @classmethod
    def issue(cls, *, user, name):
        """Return (token, secret); the secret cannot be read again later."""
        secret = "pgs_" + secrets.token_urlsafe(32)
        return cls.objects.create(user=user, name=name, prefix=secret[:10], digest=cls.digest_of(secret)), secret


class JobQuerySet(models.QuerySet):
    def visible_to(self, user):
        """All jobs for leads and admins, one's own for everybody else."""
        return self if user.has_role(Role.LEAD, Role.ADMIN) else self.filter(owner=user)

    def active(self):
        return self.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING])


class Job(models.Model):
    """One piece of background work. This row is the truth; a Celery message only rings the bell (studio/jobs.py)."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    kind = models.CharField(max_length=60)
    queue = models.CharField(max_length=10)
    title = SentenceField(blank=True)
    arguments = models.JSONField(default=dict)
    key = models.CharField(max_length=120, blank=True, help_text="At most one active job has this key.")
    owner = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    unit = models.CharField(max_length=20, blank=True)
    log = models.TextField(blank=True)
    error = SentenceField(blank=True)
    result = models.JSONField(default=dict)
    cost_usd = models.DecimalField(max_digits=14, decimal_places=8, default=0)  # as precise as the calls that make it up
    attempts = models.PositiveSmallIntegerField(default=0)
    run_token = models.UUIDField(null=True, help_text="Names the one attempt that may write to this row.")
    cancel_requested = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=Q(state__in=["queued", "running"]) & ~Q(key=""), name="one_active_job_per_key"
            ),
            models.CheckConstraint(
                condition=~Q(state="running") | Q(run_token__isnull=False), name="running_job_has_a_token"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "heartbeat_at"], condition=Q(state__in=["queued", "running"]), name="job_active"),
            models.Index(fields=["owner", "-id"], name="job_owner"),
            models.Index(fields=["state", "-id"], name="job_state"),
            models.Index(fields=["kind", "-id"], name="job_kind"),
            models.Index(fields=["key", "-id"], condition=~Q(key=""), name="job_key"),
        ]

    @property
    def is_active(self):
        return self.state in (self.State.QUEUED, self.State.RUNNING)

    def __str__(self):
        return self.title or self.kind


from studio.llm.models import LLMBatch, LLMBudget, LLMCall, LLMPace  # noqa: E402, F401 -- belong to this app
