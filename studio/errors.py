"""Failures whose sentence is meant for people."""


class Conflict(Exception):
    """Somebody or something came first. Shown with status 409; nothing was changed."""
