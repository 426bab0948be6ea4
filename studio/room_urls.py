from studio import shortcut_urls

urlpatterns = [*shortcut_urls.urlpatterns]
