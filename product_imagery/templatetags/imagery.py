"""Template filters and tags of the admin pages."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Count
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext, ngettext

from product_imagery.flows.worker.waiting import standstill
from product_imagery.models import ResultImage

register = template.Library()
REST = "imagery_rest"  #: in the session: by enhancement, the address where the rest of its selection is started


@register.inclusion_tag("admin/product_imagery/run/rest_of_selection.html", takes_context=True)
def rest_of_selection(context: Any, enhancement: Any) -> dict[str, Any]:
    """Show the link that goes on with the rest of a selection of which the first products were tried."""
    session = getattr(getattr(context, "request", None), "session", {})
    return {"rest": session.get(REST, {}).get(str(enhancement.pk))}


@register.filter
def translated(text: str) -> str:
    """Return a marked text, such as the unit of a price, in the reader's language."""
    return gettext(text)


@register.filter
def duration(seconds: float) -> str:
    """Return a duration in words, e.g. “40 seconds”, “12 minutes”, “3 hours”."""
    if seconds < 60:
        count = max(1, round(seconds))
        return ngettext("%(n)s second", "%(n)s seconds", count) % {"n": count}
    if seconds < 5400:
        count = round(seconds / 60)
        return ngettext("%(n)s minute", "%(n)s minutes", count) % {"n": count}
    count = round(seconds / 3600)
    return ngettext("%(n)s hour", "%(n)s hours", count) % {"n": count}


@register.inclusion_tag("admin/product_imagery/banner.html", takes_context=True)
def imagery_banner(context: Any) -> dict[str, Any]:
    """Say why work stands still, and which of a person's publications were refused, to staff with any permission.

    Takes at most five queries.
    """
    request = context["request"]
    if not (request.user.is_staff and request.user.has_module_perms("product_imagery")):
        return {"reasons": []}
    refused = ResultImage.objects.lately_refused().filter(published_by=request.user).order_by()
    return {
        "reasons": standstill(),
        "home": _address(request, "home"),
        "refused": refused.aggregate(number=Count("item", distinct=True))["number"],
        "review": _address(request, "enhancement_review"),
    }


def _address(request: Any, page: str) -> str:
    """Return the URL of a page, or an empty string where the site has none."""
    try:
        return reverse(f"admin:product_imagery_{page}", current_app=getattr(request, "current_app", None))
    except NoReverseMatch:
        return ""
