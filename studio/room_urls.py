from django.urls import path

from studio import (
    account_views,
    health_views,
    home_views,
    job_views,
    people_views,
    shortcut_urls,
    sign_in_views,
)

urlpatterns = [
    path("", home_views.home, name="home"),
    path("jsi18n/", home_views.jsi18n, name="jsi18n"),
    path("healthz", health_views.healthz, name="healthz"),
    path("health/", health_views.health_page, name="health"),
    path("login/", sign_in_views.login, name="login"),
    path("logout/", sign_in_views.logout, name="logout"),
    path("account/", account_views.account, name="account"),
    path("account/look/", account_views.account_look, name="account_look"),
    path("account/tokens/", account_views.token_issue, name="token_issue"),
    path("account/tokens/<int:pk>/revoke/", account_views.token_revoke, name="token_revoke"),
    path("account/password/", sign_in_views.password_change, name="password_change"),
    path("account/reset/", sign_in_views.password_reset, name="password_reset"),
    path("account/reset/sent/", sign_in_views.password_reset_done, name="password_reset_done"),
    path("account/reset/<uidb64>/<token>/", sign_in_views.password_reset_confirm, name="password_reset_confirm"),
    path("people/", people_views.people_list, name="people"),
    path("people/new/", people_views.person_new, name="person_new"),
    path("people/<int:pk>/", people_views.person, name="person"),
    path("people/<int:pk>/mail/", people_views.person_mail, name="person_mail"),
    path("jobs/", job_views.job_list, name="jobs"),
    path("jobs/<int:pk>/", job_views.job_page, name="job"),
    path("jobs/<int:pk>/progress/", job_views.job_progress, name="job_progress"),
    path("jobs/<int:pk>/cancel/", job_views.job_cancel, name="job_cancel"),
    path("jobs/<int:pk>/retry/", job_views.job_retry, name="job_retry"),
    *shortcut_urls.urlpatterns,
]
