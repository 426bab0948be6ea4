"""Names of roles in templates."""

from django import template

from studio.roles import Role

register = template.Library()


@register.filter
def role_names(roles):
    """The roles' names as people read them, in the order of the work."""
    return [role.label for role in Role if role in roles]


@register.filter
def of_role(texts, role):
    return texts.get(role, "")
