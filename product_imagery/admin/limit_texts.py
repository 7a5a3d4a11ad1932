"""Limits of an account in words."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from product_imagery.provider_kit.contract import Counted, Limit
from product_imagery.templatetags.imagery import duration

#: what a limit counts
COUNTED: dict[str, Any] = {
    Counted.REQUESTS: _("Calls"),
    Counted.CREATES: _("Orders"),
    Counted.READS: _("Questions"),
    Counted.IMAGES: _("Pictures"),
}


def limit_text(limit: Limit) -> str:
    """Return a limit in words, e.g. “at most 60 calls in 1 minute”."""
    most = limit.most
    sentences = {
        Counted.REQUESTS: ngettext("at most %(most)d call in %(time)s", "at most %(most)d calls in %(time)s", most),
        Counted.CREATES: ngettext("at most %(most)d order in %(time)s", "at most %(most)d orders in %(time)s", most),
        Counted.READS: ngettext(
            "at most %(most)d question in %(time)s", "at most %(most)d questions in %(time)s", most
        ),
        Counted.IMAGES: ngettext("at most %(most)d picture in %(time)s", "at most %(most)d pictures in %(time)s", most),
    }
    return sentences[limit.counted] % {"most": most, "time": duration(limit.seconds)}
