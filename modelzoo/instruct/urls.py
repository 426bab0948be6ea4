from django.urls import path

from modelzoo.instruct import pair_views, views

urlpatterns = [
    path("instruct/", views.instruct, name="instruct"),
    path("instruct/plan/", views.instruct_plan, name="instruct_plan"),
    path("instruct/start/", views.instruct_start, name="instruct_start"),
    path("instruct/review/", views.review, name="instruct_review"),
    path("instruct/samples/", views.samples, name="instruct_samples"),
    path("instruct/<id:pk>/", views.sample, name="instruct_sample"),
    path("instruct/<id:pk>/decide/", views.sample_decide, name="instruct_decide"),
    path("preference/", pair_views.preference, name="preference"),
    path("preference/plan/", pair_views.preference_plan, name="preference_plan"),
    path("preference/start/", pair_views.preference_start, name="preference_start"),
    path("preference/pairs/", pair_views.pairs, name="preference_pairs"),
    path("preference/<id:pk>/", pair_views.pair, name="preference_pair"),
    path("preference/<id:pk>/decide/", pair_views.pair_decide, name="preference_decide"),
    path("preference/<id:pk>/frames/<int:place>.jpg", pair_views.pair_frame, name="preference_frame"),
]
