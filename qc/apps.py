from django.apps import AppConfig


class QualityControlConfig(AppConfig):
    name = "qc"

    def ready(self):
        from annotator.panels import KEY_GUARDS, QUESTION_PANELS
        from qc.panels import blind_first, reviews_panel

        KEY_GUARDS.append(blind_first)
        QUESTION_PANELS.append(reviews_panel)
