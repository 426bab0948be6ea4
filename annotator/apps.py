from django.apps import AppConfig


class AnnotatorConfig(AppConfig):
    name = "annotator"

    def ready(self):
        # Registers the kinds of job in workers and in the web.
        from annotator import glitchworld_job, leftovers, prints, takedown  # noqa: F401
        from annotator.ingest import job  # noqa: F401
        from annotator.sources import fetch_job, searches  # noqa: F401
