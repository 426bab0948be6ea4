from django.urls import path

from qc.api import ReviewingViewSet, ReviewViewSet
from qc.baseline.api import BaselineViewSet
from qc.calibration_api import AccuracyView, AgreementView, GoldView, QuestionAnswersView
from qc.dashboard.api import QualityView
from qc.duplicates.api import FamilyViewSet, PairViewSet
from studio.api_views import endpoint

urlpatterns = [
    path("quality/", endpoint(QualityView), name="api_quality"),
    path("agreement/", endpoint(AgreementView), name="api_agreement"),
    path("reviewers/accuracy/", endpoint(AccuracyView), name="api_reviewer_accuracy"),
    path("questions/<id:pk>/answers/", endpoint(QuestionAnswersView), name="api_question_answers"),
    path("questions/<id:pk>/gold/", endpoint(GoldView), name="api_question_gold"),
    path("baseline/", endpoint(BaselineViewSet, {"get": "list", "post": "create"}), name="api_baseline"),
    path("baseline/<id:pk>/", endpoint(BaselineViewSet, {"get": "retrieve"}), name="api_baseline_run"),
    path("duplicates/", endpoint(PairViewSet, {"get": "list"}), name="api_duplicates"),
    path("duplicates/<id:pk>/", endpoint(PairViewSet, {"get": "retrieve"}), name="api_duplicate"),
    path("duplicates/<id:pk>/verdict/", endpoint(PairViewSet, {"post": "rule"}), name="api_duplicate_rule"),
    path("families/", endpoint(FamilyViewSet, {"get": "list"}), name="api_families"),
    path("families/<id:pk>/", endpoint(FamilyViewSet, {"get": "retrieve"}), name="api_family"),
    path("reviews/", endpoint(ReviewViewSet, {"get": "list"}), name="api_reviews"),
    path("reviews/<id:pk>/", endpoint(ReviewViewSet, {"get": "retrieve"}), name="api_review"),
    path("reviews/<id:pk>/undo/", endpoint(ReviewViewSet, {"post": "undo"}), name="api_review_undo"),
    path("queue/reviews/next/", endpoint(ReviewingViewSet, {"post": "take_next"}), name="api_review_next"),
    path("queue/reviews/<id:revision>/take/", endpoint(ReviewingViewSet, {"post": "take"}), name="api_review_take"),
    path("queue/reviews/<id:revision>/options/", endpoint(ReviewingViewSet, {"post": "options"}), name="api_review_options"),
    path("queue/reviews/<id:revision>/answer/", endpoint(ReviewingViewSet, {"post": "answer"}), name="api_review_answer"),
    path("queue/reviews/<id:revision>/ruling/", endpoint(ReviewingViewSet, {"post": "rule"}), name="api_review_rule"),
    path("queue/reviews/<id:revision>/release/", endpoint(ReviewingViewSet, {"post": "release"}), name="api_review_release"),
]
