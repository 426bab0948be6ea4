from django.urls import path

from annotator import practice_views, truth_views

urlpatterns = [
    path("truth/", truth_views.truths, name="truths"),
    path("truth/make/", truth_views.truths_make, name="truths_make"),
    path("truth/<id:pk>/", truth_views.truth, name="truth"),
    path("practice/", practice_views.practice, name="practice"),
    path("practice/<id:pk>/write/", practice_views.practice_write, name="practice_write"),
    path("practice/<id:pk>/answer/", practice_views.practice_answer, name="practice_answer"),
    path("practice/attempts/<id:pk>/", practice_views.practice_attempt, name="practice_attempt"),
    path("practice/people/", practice_views.practice_people, name="practice_people"),
    path("practice/people/<id:pk>/", practice_views.practice_person, name="practice_person"),
]
