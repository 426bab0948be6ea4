"""Frozen, numbered sets: sealing them, what may never be in two splits, and reading them again."""
