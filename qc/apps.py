from django.apps import AppConfig


class QualityControlConfig(AppConfig):
    name = "qc"

    def ready(self):
        from annotator.panels import QUESTION_PANELS
        from qc.panels import reviews_panel

        QUESTION_PANELS.append(reviews_panel)
