"""Template filters of the admin pages."""

from __future__ import annotations

from django import template
from django.utils.translation import ngettext

register = template.Library()


@register.filter
def duration(seconds: float) -> str:
    """Return a duration in words, e.g. “40 seconds”, “12 minutes”, “3 hours”."""
    if seconds < 60:
        count = max(1, round(seconds))
        return ngettext("%d second", "%d seconds", count) % count
    if seconds < 5400:
        count = round(seconds / 60)
        return ngettext("%d minute", "%d minutes", count) % count
    count = round(seconds / 3600)
    return ngettext("%d hour", "%d hours", count) % count
