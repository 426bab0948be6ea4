from django.urls import path

from modelzoo.api import ExportViewSet
from modelzoo.asking.api import AskModelsView, AskViewSet
from modelzoo.evaluation.api import EvaluationViewSet, LeaderboardView
from modelzoo.instruct import api as data_api
from modelzoo.instruct import build_api
from modelzoo.releases.api import ReleaseExportViewSet, ReleaseViewSet
from modelzoo.run_api import EstimatesView, RunChoicesView, RunViewSet
from studio.api_views import endpoint

urlpatterns = [
    path("exports/", endpoint(ExportViewSet, {"get": "list", "post": "create"}), name="api_exports"),
    path("exports/<id:pk>/", endpoint(ExportViewSet, {"get": "retrieve", "delete": "destroy"}), name="api_export"),
    path("exports/<id:pk>/download/", endpoint(ExportViewSet, {"get": "file"}), name="api_export_download"),
    path("instruct/", endpoint(data_api.SampleViewSet, {"get": "list"}), name="api_instruct"),
    path("instruct/next/", endpoint(data_api.NextSampleView), name="api_instruct_next"),
    path("instruct/figures/", endpoint(data_api.SampleFiguresView), name="api_instruct_figures"),
    path("instruct/estimates/", endpoint(build_api.InstructEstimateView), name="api_instruct_estimates"),
    path("instruct/builds/", endpoint(build_api.InstructBuildView), name="api_instruct_builds"),
    path("instruct/<id:pk>/", endpoint(data_api.SampleViewSet, {"get": "retrieve"}), name="api_sample"),
    *(
        path(f"instruct/<id:pk>/{action}/", endpoint(data_api.SampleViewSet, {"post": action}), name=f"api_sample_{action}")
        for action in ("accept", "edit", "reject", "reopen")
    ),
    path("preference/", endpoint(data_api.PairViewSet, {"get": "list"}), name="api_preference"),
    path("preference/figures/", endpoint(data_api.PairFiguresView), name="api_preference_figures"),
    path("preference/estimates/", endpoint(build_api.PreferenceEstimateView), name="api_preference_estimates"),
    path("preference/builds/", endpoint(build_api.PreferenceBuildView), name="api_preference_builds"),
    path("preference/<id:pk>/", endpoint(data_api.PairViewSet, {"get": "retrieve"}), name="api_pair"),
    *(
        path(f"preference/<id:pk>/{action}/", endpoint(data_api.PairViewSet, {"post": action}), name=f"api_pair_{action}")
        for action in ("accept", "reject")
    ),
    path("releases/", endpoint(ReleaseViewSet, {"get": "list", "post": "create"}), name="api_releases"),
    path("releases/<id:pk>/", endpoint(ReleaseViewSet, {"get": "retrieve"}), name="api_release"),
    path("releases/<id:pk>/rows/", endpoint(ReleaseViewSet, {"get": "rows"}), name="api_release_rows"),
    path("releases/<id:pk>/diff/", endpoint(ReleaseViewSet, {"get": "diff"}), name="api_release_diff"),
    path(
        "releases/<id:pk>/exports/",
        endpoint(ReleaseExportViewSet, {"get": "list", "post": "create"}),
        name="api_release_exports",
    ),
    path(
        "releases/<id:pk>/exports/<id:export>/",
        endpoint(ReleaseExportViewSet, {"get": "retrieve", "delete": "destroy"}),
        name="api_release_export",
    ),
    path(
        "releases/<id:pk>/exports/<id:export>/download/",
        endpoint(ReleaseExportViewSet, {"get": "file"}),
        name="api_release_export_download",
    ),
    path("runs/", endpoint(RunViewSet, {"get": "list", "post": "create"}), name="api_runs"),
    path("runs/choices/", endpoint(RunChoicesView), name="api_run_choices"),
    path("runs/estimates/", endpoint(EstimatesView), name="api_run_estimates"),
    path("runs/<id:pk>/", endpoint(RunViewSet, {"get": "retrieve"}), name="api_run"),
    path("runs/<id:pk>/stop/", endpoint(RunViewSet, {"post": "stop"}), name="api_run_stop"),
    path("runs/<id:pk>/resume/", endpoint(RunViewSet, {"post": "resume"}), name="api_run_resume"),
    path("runs/<id:pk>/series/", endpoint(RunViewSet, {"get": "series"}), name="api_run_series"),
    path("evaluations/", endpoint(EvaluationViewSet, {"get": "list", "post": "create"}), name="api_evaluations"),
    path("evaluations/<id:pk>/", endpoint(EvaluationViewSet, {"get": "retrieve"}), name="api_evaluation"),
    path("evaluations/<id:pk>/go-on/", endpoint(EvaluationViewSet, {"post": "go_on"}), name="api_evaluation_go_on"),
    path(
        "evaluations/<id:pk>/predictions/",
        endpoint(EvaluationViewSet, {"get": "predictions"}),
        name="api_evaluation_predictions",
    ),
    path("leaderboard/", endpoint(LeaderboardView), name="api_leaderboard"),
    path("asks/", endpoint(AskViewSet, {"get": "list", "post": "create"}), name="api_asks"),
    path("asks/models/", endpoint(AskModelsView), name="api_ask_models"),
    path("asks/<id:pk>/", endpoint(AskViewSet, {"get": "retrieve"}), name="api_ask"),
    path("asks/<id:pk>/stop/", endpoint(AskViewSet, {"post": "stop"}), name="api_ask_stop"),
]
