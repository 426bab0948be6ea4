"""Pairs of clips that look alike, with the evidence and what was decided."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.models import Clip
from studio.models import history


@history("DuplicatePairEvent", fields=["state", "decided_by", "together"])
class DuplicatePair(models.Model):
    """Two clips that share frames. `first` is the one that was brought first (the lower id).

    `together`: the pair holds its clips in one family, because somebody said so or, until somebody has, because enough of
    one is in the other.
    """

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        SAME = "same", _("Same clip")
        SCENE = "scene", _("Same scene, other glitch")
        DIFFERENT = "different", _("Different")

    first = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    together = models.BooleanField(_("in one family"), default=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("decided by"),
        help_text="None in a state other than open: the Studio itself.",
    )
    decided_at = models.DateTimeField(null=True)
    found_at = models.DateTimeField(default=timezone.now)

    # Evidence, measured when the pair was found; times of the second clip are speed * t + offset_s
    cover_first = models.FloatField(help_text="Share of the first clip's frames that are in the second.")
    cover_second = models.FloatField()
    cover_most = models.FloatField()
    frames = models.PositiveIntegerField(help_text="Distinct frames that are alike.")
    mirror = models.BooleanField(default=False)
    speed = models.FloatField(default=1.0)
    offset_s = models.FloatField(default=0.0)
    picture = models.JSONField(null=True, help_text="[sx, tx, sy, ty]: x of the second is sx * x + tx, in shares.")
    differs = models.JSONField(default=list, help_text="[[first_s, last_s], ...] of the first clip.")
    looked_s = models.FloatField(default=0.0, help_text="Seconds of the first that were laid on the second.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="one_pair_of_two_clips"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="pair_of_clips_has_an_order"),
            models.CheckConstraint(
                condition=~Q(state="different") | Q(together=False), name="different_clips_are_not_together"
            ),
            models.CheckConstraint(condition=Q(state="open") | Q(decided_at__isnull=False), name="a_decided_pair_says_when"),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="pair_state"),
            models.Index(fields=["second"], name="pair_second"),
        ]

    @property
    def copies(self):
        """Whether, as far as was looked, nothing passing differs where the pictures lie on each other."""
        return self.picture is not None and not self.differs

    @property
    def suggestion(self):
        """What the evidence speaks for: a state, or "" where it does not say."""
        if self.cover_most >= settings.DUPLICATE_FAMILY and self.picture is not None:
            return self.State.SCENE if self.differs else self.State.SAME
        return ""

    def get_absolute_url(self):
        return reverse("duplicate", args=[self.pk])

    def __str__(self):
        return f"clips {self.first_id} and {self.second_id}"
