from django.urls import path

from modelzoo.evaluation import answer_views, views

urlpatterns = [
    path("leaderboard/", views.board, name="leaderboard"),
    path("leaderboard/file/<slug:form>/", views.board_file, name="leaderboard_file"),
    path("leaderboard/public/", views.board_public, name="leaderboard_public"),
    path("leaderboard/public/<slug:form>/", views.board_public_file, name="leaderboard_public_file"),
    path("evaluations/", views.evaluations, name="evaluations"),
    path("evaluations/new/", views.evaluation_new, name="evaluation_new"),
    path("evaluations/import/", views.evaluation_import, name="evaluation_import"),
    path("evaluations/<id:pk>/", views.evaluation, name="evaluation"),
    path("evaluations/<id:pk>/go-on/", views.evaluation_go_on, name="evaluation_go_on"),
    path("evaluations/<id:pk>/hide/", views.evaluation_hide, name="evaluation_hide"),
    path("evaluations/<id:pk>/answers/", answer_views.answers, name="evaluation_answers"),
    path("evaluations/<id:pk>/compare/<id:other>/", answer_views.compare, name="evaluation_compare"),
]
