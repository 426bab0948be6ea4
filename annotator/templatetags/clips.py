"""Template helpers of the clip pages."""

from django import template

from annotator.media import media_url
from annotator.taxonomy import CATEGORIES

register = template.Library()
register.simple_tag(media_url, name="media_url")


@register.filter
def clip_time(seconds):
    """61.4 -> "1:01"."""
    whole = round(seconds or 0)
    return f"{whole // 60}:{whole % 60:02d}"


@register.filter
def category_label(name):
    return CATEGORIES[name].label if name in CATEGORIES else name


@register.filter
def kind_label(question):
    """The kind of glitch as people read it; the stored name where the taxonomy does not know it."""
    category = CATEGORIES.get(question.category)
    return dict(category.sub_labels).get(question.sub_label, question.sub_label) if category else question.sub_label


@register.filter
def is_web_address(text):
    """Whether `text` may become a link: anything but http and https could run in the page."""
    return text.startswith(("http://", "https://"))
