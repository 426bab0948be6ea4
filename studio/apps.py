from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class StudioConfig(AppConfig):
    name = "studio"

    def ready(self):
        # The web process must know every kind of job it may enqueue, and what each room tells on the start page.
        from studio.llm import endpoints

        autodiscover_modules("tasks", "home")
        endpoints.configured()  # a wrong STUDIO_LLM_MODELS ends the start with its reason
