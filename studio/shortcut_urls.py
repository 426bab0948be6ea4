from django.urls import path

from studio import shortcuts

urlpatterns = [
    path("account/shortcuts/", shortcuts.shortcuts, name="shortcuts"),
    path("account/shortcuts/set", shortcuts.shortcut_set, name="shortcut_set"),
    path("account/shortcuts/restore", shortcuts.shortcuts_restore, name="shortcuts_restore"),
]
