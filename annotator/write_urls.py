from django.urls import path

from annotator import question_views, write_views

urlpatterns = [
    path("write/", write_views.write, name="write"),
    path("write/next/", write_views.write_next, name="write_next"),
    path("write/<id:pk>/", write_views.write_clip, name="write_clip"),
    path("write/<id:pk>/save", write_views.write_save, name="write_save"),
    path("write/<id:pk>/submit", write_views.write_submit, name="write_submit"),
    path("write/<id:pk>/aside", write_views.write_aside, name="write_aside"),
    path("write/<id:pk>/prepare", write_views.write_prepare, name="write_prepare"),
    path("write/habits/hide", write_views.write_habit_hide, name="write_habit_hide"),
    path("work/", question_views.my_work, name="my_work"),
    path("questions/", question_views.questions, name="questions"),
    path("questions/<int:pk>/", question_views.question, name="question"),
    path("questions/<int:pk>/hand-over", question_views.question_hand_over, name="question_hand_over"),
]
