"""The parts all rooms build their API views from, the person's own endpoint, background jobs, and the catch-all."""

import django_filters
from django import forms
from django.http import Http404
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from drf_spectacular.views import SpectacularAPIView
from rest_framework import exceptions, mixins, serializers, viewsets
from rest_framework.response import Response
from rest_framework.views import APIView

from studio import jobs
from studio.access import ANYONE, API, SIGNED_IN
from studio.api import MAX_ID, DeclaredAccess
from studio.errors import Conflict
from studio.models import Job, User

ELSEWHERE = OpenApiResponse(description="The file lies in a bucket: an address there, signed for a short time.")


class Id:
    """URL converter for the id of a row; longer numbers match no row and no address."""

    regex = "[0-9]{1,18}"
    to_python = int
    to_url = str


def endpoint(view, actions=None, **options):
    """`as_view`, marked so that the access middleware leaves the decision to `DeclaredAccess`."""
    marked = view.as_view(actions, **options) if actions else view.as_view(**options)
    marked.access = API
    return marked


class ReadOnly(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Lists by key and single rows."""


class IdFilter(django_filters.Filter):
    """Equality with an id; anything that cannot be one is an error at its name."""

    field_class = forms.IntegerField

    def __init__(self, *args, **kwargs):
        super().__init__(*args, min_value=1, max_value=MAX_ID, **kwargs)


class PersonSerializer(serializers.ModelSerializer):
    name = serializers.CharField(source="__str__", read_only=True)

    class Meta:
        model = User
        fields = ["id", "username", "name"]


class NoBody(serializers.Serializer):
    """For requests that carry nothing."""


# ---- Me


class MeSerializer(PersonSerializer):
    class Meta(PersonSerializer.Meta):
        fields = ["id", "username", "name", "email", "roles", "language", "theme"]


class MeView(APIView):
    access = {"GET": SIGNED_IN}

    @extend_schema(operation_id="me", summary="Who this token belongs to", responses=MeSerializer, tags=["me"])
    def get(self, request):
        return Response(MeSerializer(request.user).data)


# ---- Jobs


class JobSerializer(serializers.ModelSerializer):
    owner = PersonSerializer(read_only=True, allow_null=True)
    result = serializers.DictField(read_only=True, help_text="What the job made; its keys depend on the kind.")

    class Meta:
        model = Job
        fields = (
            "id kind queue title state done total unit error result cost_usd attempts cancel_requested owner"
            " created_at started_at heartbeat_at finished_at"
        ).split()


class JobDetailSerializer(JobSerializer):
    class Meta(JobSerializer.Meta):
        fields = [*JobSerializer.Meta.fields, "log"]


class JobFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=Job.State.choices)
    kind = django_filters.CharFilter(max_length=60)
    owner = IdFilter(field_name="owner_id")

    class Meta:
        model = Job
        fields = []


@extend_schema(tags=["jobs"])
@extend_schema_view(list=extend_schema(summary="List jobs"), retrieve=extend_schema(summary="One job with its log"))
class JobViewSet(ReadOnly):
    """Background jobs: one's own; all of them for leads and admins."""

    access = {name: SIGNED_IN for name in ("list", "retrieve", "cancel", "retry")}
    queryset = Job.objects.select_related("owner")
    serializer_class = JobDetailSerializer
    filterset_class = JobFilter

    def get_serializer_class(self):
        return JobSerializer if self.action == "list" else JobDetailSerializer

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return Job.objects.none()
        jobs_seen = super().get_queryset().visible_to(self.request.user)
        return jobs_seen.defer("log") if self.action == "list" else jobs_seen

    @extend_schema(summary="Stop a job", request=None, responses=JobDetailSerializer)
    def cancel(self, request, pk):
        job = self.get_object()
        if not jobs.cancel(job):
            raise Conflict(_("This job had ended already, so there was nothing to cancel."))
        return self._now(job)

    @extend_schema(summary="Do a failed or cancelled job again", request=None, responses=JobDetailSerializer)
    def retry(self, request, pk):
        job = self.get_object()
        if not jobs.retry(job):
            raise Conflict(_("This job is neither failed nor cancelled, or the same work is queued already."))
        return self._now(job)

    def _now(self, job):
        job.refresh_from_db()
        return Response(JobDetailSerializer(job).data)


# ---- Everything else


@extend_schema(exclude=True)
class SchemaView(SpectacularAPIView):
    access = {"GET": SIGNED_IN}
    permission_classes = [DeclaredAccess]


class NothingHere(APIView):
    """Any address that is no endpoint: 404 in the API's own shape."""

    schema = None
    access = dict.fromkeys(["GET", "POST", "PUT", "PATCH", "DELETE"], ANYONE)

    def get(self, request, rest):
        if not rest.endswith("/") and self._is_endpoint(request.path + "/"):
            raise exceptions.NotFound(_("Addresses end with a slash: %(path)s/") % {"path": request.path})
        raise Http404

    post = put = patch = delete = get

    @staticmethod
    def _is_endpoint(path):
        try:
            return resolve(path).func.cls is not NothingHere
        except (Resolver404, AttributeError):
            return False
