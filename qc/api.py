"""Reviews and the reviewer's queue over the API: the same services as the review room, as blind as there.

Until the blind answer is stored, a reviewer sees options as positions 1 to 4, in the order of their own page.
"""

import django_filters
from django.conf import settings
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import viewsets
from rest_framework.response import Response

from annotator import letters, queue
from annotator.models import OPTION_KEYS, Revision
from qc import handing_out, services
from qc.api_serializers import (
    BlindAnswerSerializer,
    BlindWorkSerializer,
    NextBlindWorkSerializer,
    NextReviewSerializer,
    OptionsSerializer,
    ReviewSerializer,
    RulingSerializer,
    VerdictWorkSerializer,
    WatchedSerializer,
)
from qc.models import BlindAnswer, Review
from studio.api_views import IdFilter, ReadOnly
from studio.roles import Role


class ReviewFilter(django_filters.FilterSet):
    verdict = django_filters.ChoiceFilter(choices=Review.Verdict.choices)
    reviewer = IdFilter(field_name="reviewer_id")
    revision = IdFilter(field_name="revision_id")
    question = IdFilter(field_name="revision__question_id")

    class Meta:
        model = Review
        fields = []


@extend_schema(tags=["reviews"])
@extend_schema_view(list=extend_schema(summary="List reviews"), retrieve=extend_schema(summary="One review"))
class ReviewViewSet(ReadOnly):
    """Verdicts with the blind answer before them: one's own; all of them for leads."""

    access = {"list": {Role.REVIEWER, Role.LEAD}, "retrieve": {Role.REVIEWER, Role.LEAD}, "undo": {Role.REVIEWER}}
    queryset = Review.objects.select_related("reviewer", "revision__question", "blind_answer")
    serializer_class = ReviewSerializer
    filterset_class = ReviewFilter

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return Review.objects.none()
        user = self.request.user
        if user.is_lead:
            return super().get_queryset()
        return Review.with_gold.select_related("reviewer", "revision__question", "blind_answer").filter(reviewer=user)

    @extend_schema(
        summary="Take back one of your last ten verdicts",
        description="While nobody has built on it. You hold its revision again afterwards.",
        request=None,
        responses=ReviewSerializer,
    )
    def undo(self, request, pk):
        review = get_object_or_404(Review.with_gold.filter(reviewer=request.user), pk=pk)
        services.undo(user=request.user, review_id=review.pk)
        return Response(ReviewSerializer(Review.with_gold.get(pk=pk)).data)


@extend_schema(tags=["queue: reviewing"])
class ReviewingViewSet(viewsets.GenericViewSet):
    """Take a revision, watch, answer blind, rule."""

    access = dict.fromkeys(["take_next", "take", "options", "answer", "rule", "release"], {Role.REVIEWER})
    queryset = Revision.objects.select_related("question__clip")
    serializer_class = BlindWorkSerializer
    pagination_class = None
    filter_backends = []
    lookup_url_kwarg = "revision"

    def _input(self, serializer):
        form = serializer(data=self.request.data)
        form.is_valid(raise_exception=True)
        return form.validated_data

    def _positions(self, revision):
        order = letters.display_order(settings.LETTER_SEED, revision_id=revision.pk, reader_id=self.request.user.pk)
        return {str(index): key for index, key in enumerate(order, start=1)}

    def _work(self, revision):
        """What the reader may see now: the clip and the stem, and all the rest once they have answered."""
        answer = BlindAnswer.objects.filter(revision=revision, reviewer=self.request.user).first()
        blind = {"revision": revision, "watch_s": services.watch_needed_s(revision.question.clip), "answered": bool(answer)}
        if answer is None:
            return BlindWorkSerializer(blind).data
        positions = self._positions(revision)
        numbers = {key: position for position, key in positions.items()}
        return VerdictWorkSerializer(
            blind
            | {
                "options": [
                    {"position": position, "text": getattr(revision, key), "is_key": key == OPTION_KEYS[0], "field": key}
                    for position, key in positions.items()
                ],
                "answer": numbers.get(answer.answer, answer.answer),
                "right": answer.is_right,
            }
        ).data

    @extend_schema(
        summary="Take the next revision to review",
        description="Never your own, never one you ruled on. `work` is null when nothing waits for you.",
        request=NextReviewSerializer,
        responses=NextBlindWorkSerializer,
    )
    def take_next(self, request):
        put_back = self._input(NextReviewSerializer).get("put_back")
        if put_back:
            queue.release(request.user, revision_id=put_back)
        pk = handing_out.next_review(request.user, skip=put_back or 0)
        return Response({"work": self._work(self.queryset.get(pk=pk)) if pk else None})

    def _held(self, pk):
        revision = get_object_or_404(self.queryset, pk=pk)
        handing_out.hold(self.request.user, revision)
        return revision

    @extend_schema(
        summary="Take this revision, or renew the lease on it",
        description="With key, category and spans once you have answered blind (then the answer is `VerdictWork`).",
        request=None,
        responses=BlindWorkSerializer,
    )
    def take(self, request, revision):
        return Response(self._work(self._held(revision)))

    @extend_schema(
        summary="The four options, once the clip was played through", request=WatchedSerializer, responses=OptionsSerializer
    )
    def options(self, request, revision):
        given = self._input(WatchedSerializer)
        revision = self._held(revision)
        services.check_watched(revision.question.clip, given["watched_s"])
        options = [
            {"position": position, "text": getattr(revision, key)} for position, key in self._positions(revision).items()
        ]
        return Response(OptionsSerializer({"options": options}).data)

    @extend_schema(
        summary="Answer blind",
        description="The first answer stands, whatever is sent later. The answer to this request shows the key.",
        request=BlindAnswerSerializer,
        responses=VerdictWorkSerializer,
    )
    def answer(self, request, revision):
        given = self._input(BlindAnswerSerializer)
        revision = get_object_or_404(self.queryset, pk=revision)
        services.answer_blind(
            user=request.user,
            revision=revision,
            answer=self._positions(revision).get(given["answer"], given["answer"]),
            watched_s=given["watched_s"],
            seconds=given["seconds"],
        )
        return Response(self._work(revision))

    @extend_schema(
        summary="Rule",
        description="Approve, or return with reasons; only leads reject for good. The same `client_key` again gives the same"
        " review; 409 and nothing stored if somebody else ruled first.",
        request=RulingSerializer,
        responses=ReviewSerializer,
    )
    def rule(self, request, revision):
        given = self._input(RulingSerializer)
        revision = get_object_or_404(self.queryset, pk=revision)
        ruling = services.Ruling(
            verdict=given["verdict"],
            reasons=[dict(reason) for reason in given["reasons"]],
            comment=given["comment"],
            client_key=given["client_key"],
        )
        review = services.rule(user=request.user, revision=revision, ruling=ruling)
        revision.question.refresh_from_db(fields=["state"])
        review.revision = revision
        return Response(ReviewSerializer(review).data)

    @extend_schema(summary="Put a revision back", request=None, responses={204: None})
    def release(self, request, revision):
        queue.release(request.user, revision_id=revision)
        return Response(status=204)
