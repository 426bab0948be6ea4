from django.apps import AppConfig


class AnnotatorConfig(AppConfig):
    name = "annotator"

    def ready(self):
        from annotator.ingest import job  # noqa: F401 -- registers the kind "annotator.ingest" in workers and in the web
