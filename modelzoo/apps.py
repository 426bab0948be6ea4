from django.apps import AppConfig


class ModelZooConfig(AppConfig):
    name = "modelzoo"
