from django.urls import path

from modelzoo import run_views

urlpatterns = [
    path("runs/", run_views.runs, name="runs"),
    path("runs/new/", run_views.run_new, name="run_new"),
    path("runs/new/<id:pk>/", run_views.run_plan, name="run_plan"),
    path("runs/new/<id:pk>/start/", run_views.run_start, name="run_start"),
    path("runs/compare/", run_views.run_compare, name="run_compare"),
    path("runs/<id:pk>/", run_views.run_page, name="run"),
    path("runs/<id:pk>/series/", run_views.run_series, name="run_series"),
    path("runs/<id:pk>/stop/", run_views.run_stop, name="run_stop"),
    path("runs/<id:pk>/resume/", run_views.run_resume, name="run_resume"),
]
