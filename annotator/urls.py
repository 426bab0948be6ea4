from annotator import clip_urls, practice_urls, write_urls

urlpatterns = clip_urls.urlpatterns + write_urls.urlpatterns + practice_urls.urlpatterns
