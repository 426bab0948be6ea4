from django.apps import AppConfig


class ModelZooConfig(AppConfig):
    name = "modelzoo"

    def ready(self):
        from modelzoo import (
            cards,  # noqa: F401 -- registers a section of a question's card
            export_jobs,  # noqa: F401 -- registers the kind "modelzoo.export" in workers and in the web
        )
        from modelzoo.runs import planning  # noqa: F401 -- and "modelzoo.estimate"
