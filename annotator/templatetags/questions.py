"""Template helpers of lists of questions."""

from django import template
from django.utils.html import format_html, format_html_join

from annotator.panels import QUESTION_LINKS

register = template.Library()


@register.simple_tag(takes_context=True)
def question_links(context, question, as_button=False):
    """Links of other rooms about a question, for whoever reads the page."""
    links = [link for link in (offer(context["request"].user, question) for offer in QUESTION_LINKS) if link]
    css = "button" if as_button else "small"
    name = format_html('<span class="visually-hidden"> {}</span>', question.pk)
    return format_html_join(" ", '<a class="{}" href="{}">{}{}</a>', ((css, url, label, name) for url, label in links))
