from django.apps import AppConfig


class QualityControlConfig(AppConfig):
    name = "qc"
