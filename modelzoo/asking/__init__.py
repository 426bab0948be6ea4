"""Asking a model about one clip, and showing where the question made it look."""
