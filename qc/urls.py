from django.urls import path

from qc import adjudication, calibration_views, leak_views, reason_views, views
from qc.baseline import views as baseline_views
from qc.dashboard import card_views
from qc.dashboard import views as quality_views
from qc.duplicates import views as duplicate_views

urlpatterns = [
    path("review/", views.review, name="review"),
    path("review/next/", views.review_next, name="review_next"),
    path("review/<int:pk>/", views.review_revision, name="review_revision"),
    path("review/<int:pk>/options/", views.review_options, name="review_options"),
    path("review/<int:pk>/blind/", views.review_blind, name="review_blind"),
    path("review/<int:pk>/verdict/", views.review_verdict, name="review_verdict"),
    path("review/<int:pk>/ahead/", views.review_ahead, name="review_ahead"),
    path("review/<int:pk>/skip/", views.review_skip, name="review_skip"),
    path("review/undo/<int:review_pk>/", views.review_undo, name="review_undo"),
    path("leaks/", leak_views.leak_checks, name="leaks"),
    path("leaks/start/", leak_views.leak_checks_start, name="leaks_start"),
    path("leaks/baseline/", baseline_views.baseline, name="baseline"),
    path("leaks/baseline/start/", baseline_views.baseline_start, name="baseline_start"),
    path("questions/<int:pk>/leaks/check/", leak_views.leak_check, name="leak_check"),
    path("questions/<int:pk>/leaks/waive/", leak_views.leak_waive, name="leak_waive"),
    path("questions/<int:pk>/leaks/return/", leak_views.leak_return, name="leak_return"),
    path("questions/<int:pk>/leaks/probe/", leak_views.leak_probe, name="leak_probe"),
    path("quality/", quality_views.quality, name="quality"),
    path("quality/tables/<slug:name>/", quality_views.quality_table, name="quality_table"),
    path("questions/<id:pk>/card/", card_views.question_card, name="question_card"),
    path("duplicates/", duplicate_views.duplicates, name="duplicates"),
    path("duplicates/<id:pk>/", duplicate_views.duplicate, name="duplicate"),
    path("duplicates/<id:pk>/verdict/", duplicate_views.duplicate_rule, name="duplicate_rule"),
    path("calibration/", calibration_views.calibration, name="calibration"),
    path("calibration/people/<id:pk>/", calibration_views.calibration_person, name="calibration_person"),
    path("calibration/agreement/", calibration_views.agreement, name="agreement"),
    path("calibration/gold/", calibration_views.gold_items, name="gold_items"),
    path("calibration/reasons/", reason_views.reasons, name="reasons"),
    path("work/reasons/", reason_views.my_reasons, name="my_reasons"),
    path("questions/<int:pk>/gold/promote/", calibration_views.gold_promote, name="gold_promote"),
    path("questions/<int:pk>/gold/retire/", calibration_views.gold_retire, name="gold_retire"),
    path("adjudication/", adjudication.adjudication, name="adjudication"),
    path("adjudication/<int:pk>/", adjudication.adjudicate, name="adjudicate"),
]
