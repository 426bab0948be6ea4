"""What was found at sites and what became of it, who may fetch from a site now, and clips that were taken down."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.clip_models import Clip
from annotator.taxonomy import CATEGORY_CHOICES
from studio.models import Job, history
from studio.sentences import SentenceField


class Sourcing(models.Model):
    """One search somebody started: a subreddit, keywords, or a table of links."""

    class Kind(models.TextChoices):
        REDDIT = "reddit", _("Reddit")
        YOUTUBE = "youtube", _("YouTube")
        LINKS = "links", _("Links")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    what = models.CharField(max_length=500, blank=True, help_text="What was searched, as its title in lists.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="+")
    found = models.PositiveIntegerField(default=0, help_text="New items.")
    known = models.PositiveIntegerField(default=0, help_text="Items that were in the archive already.")
    left_out = models.PositiveIntegerField(default=0, help_text="Posts without a video, and the like.")

    class Meta:
        ordering = ["-id"]

    def __str__(self):
        return f"search {self.pk}"


class Site(models.Model):
    """Who fetches from a site now. One at a time: `holder` is set by one guarded UPDATE and renewed until `held_until`."""

    name = models.CharField(max_length=100, primary_key=True)
    holder = models.UUIDField(null=True)
    held_until = models.DateTimeField(default=timezone.now)
    next_at = models.DateTimeField(default=timezone.now, help_text="No request before then.")
    pauses = models.PositiveSmallIntegerField(default=0, help_text="Times in a row that the site asked us to wait.")
    reason = SentenceField(blank=True, help_text="Why it is paused.")


@history("SourceItemEvent", fields=["state", "reason", "clip", "licence"])
class SourceItem(models.Model):
    """One video at a site: the download archive and the source record. It is fetched once, whoever finds it again."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        FETCHING = "fetching", _("Being fetched")
        BROUGHT = "brought", _("Brought in")
        FAILED = "failed", _("Failed")
        LEFT_OUT = "left_out", _("Left out")

    site = models.CharField(max_length=100)
    key = models.CharField(max_length=200, help_text="The site's own id of the post or video.")
    sourcing = models.ForeignKey(Sourcing, null=True, on_delete=models.SET_NULL, related_name="items")
    url = models.CharField(max_length=2000)
    host = models.CharField(
        max_length=100, help_text="The site it is fetched from: a post of Reddit may show a video of YouTube."
    )
    # The story, as Clip has it
    source_id = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=500, blank=True)
    text = models.TextField(blank=True)
    permalink = models.CharField(max_length=1000, blank=True)
    author = models.CharField(max_length=200, blank=True)
    licence = models.CharField(_("licence"), max_length=200, blank=True)
    purpose = models.CharField(max_length=10, choices=Clip.Purpose.choices, default=Clip.Purpose.BENCHMARK)
    expected_category = models.CharField(max_length=30, choices=CATEGORY_CHOICES, blank=True)
    score = models.IntegerField(null=True)
    flair = models.CharField(max_length=200, blank=True)
    posted_at = models.DateTimeField(null=True)
    media_key = models.CharField(
        max_length=200, blank=True, help_text="Id of the video itself, which several posts may show."
    )
    listing = models.JSONField(default=dict, help_text="The row of the listing it was found in.")
    info = models.JSONField(default=dict, help_text="What the downloader learned about it, without addresses of formats.")

    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    reason = SentenceField(_("reason"), blank=True)
    detail = models.TextField(blank=True, help_text="The downloader's own words.")
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)
    clip = models.ForeignKey(Clip, null=True, on_delete=models.SET_NULL, related_name="source_items")
    size_bytes = models.BigIntegerField(default=0)
    found_at = models.DateTimeField(default=timezone.now)
    fetched_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["site", "key"], name="same_source_is_fetched_once")]
        indexes = [
            models.Index(fields=["state", "-id"], name="source_item_state"),
            models.Index(fields=["sourcing", "-id"], name="source_item_of_search"),
            models.Index(fields=["host", "next_at", "id"], condition=Q(state="waiting"), name="source_item_waiting"),
            models.Index(fields=["media_key"], condition=~Q(media_key=""), name="source_item_media"),
        ]

    @property
    def name(self):
        return self.title or self.url

    @property
    def is_put_off(self):
        """Whether it waits after a fault that may pass."""
        return self.state == self.State.WAITING and self.next_at > timezone.now()

    def __str__(self):
        return f"{self.site} {self.key}"


class Takedown(models.Model):
    """Why a clip was taken down, by whom, and which files go. Never undone; the clip's row stays, so it cannot come back."""

    clip = models.OneToOneField(Clip, on_delete=models.PROTECT, related_name="takedown")
    reason = models.TextField(_("reason"), max_length=2000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    questions = models.JSONField(default=list, help_text="[[id, state it had], ...]")
    files = models.JSONField(default=dict, help_text="{field of Clip: name in the storage}")
    files_gone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def get_absolute_url(self):
        return reverse("clip", args=[self.clip_id])


class TakedownMark(models.Model):
    """Something sealed or finished that used a clip which was taken down since: a release, a run, a checkpoint."""

    takedown = models.ForeignKey(Takedown, on_delete=models.PROTECT, related_name="marks")
    kind = models.CharField(max_length=20)
    object_id = models.BigIntegerField()
    name = models.CharField(max_length=300)
    url = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["takedown", "kind", "object_id"], name="one_mark_per_takedown_and_thing")
        ]
        indexes = [models.Index(fields=["kind", "object_id"], name="takedown_mark_of")]

    @property
    def kind_in_words(self):
        """Other rooms name their kinds; those that are not known here stay as they are."""
        return {"release": _("Release"), "run": _("Run"), "checkpoint": _("Checkpoint")}.get(self.kind, self.kind)
