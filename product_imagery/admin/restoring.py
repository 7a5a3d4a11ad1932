"""Restoration of many earlier pictures, as the review and the list of versions offer it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from product_imagery import history
from product_imagery.admin.base import user_of
from product_imagery.exceptions import ImageryError
from product_imagery.flows.results import publish
from product_imagery.models import ImageVersion

REQUEST_SECONDS = 8.0  #: for which one request goes on with many pictures
_AT_ONCE = 100  #: versions in memory
_SENTENCES = 5  #: different reasons that are shown


def restore_all(request: HttpRequest, versions: QuerySet[ImageVersion]) -> int:
    """Put the pictures before these publications back, the newest first, each in its own transaction.

    Messages say how many, why others were refused, and that some are left when the time of one request is over.
    Returns the number of those that were put back.
    """
    person, end = user_of(request), time.monotonic() + REQUEST_SECONDS
    done: list[ImageVersion] = []
    refused: list[str] = []
    try:
        loaded = versions.select_related("result__enhancement").order_by("-pk")
        for version in _in_portions(loaded):
            if time.monotonic() > end:
                messages.warning(request, more_is_left())
                break
            try:
                publish.restore(version, actor=person)
                done.append(version)
            except ImageryError as error:
                refused.append(error.message)
    finally:
        if done:
            history.restored(person, done)
    show_refusals(request, refused)
    if done:
        messages.success(request, history.restored_sentence(len(done)))
    return len(done)


def _in_portions(versions: QuerySet[ImageVersion]) -> Any:
    """Yield versions, read in portions, so that no cursor stays open between the transactions."""
    rows = versions
    while some := list(rows[:_AT_ONCE]):
        yield from some
        rows = versions.filter(pk__lt=some[-1].pk)


def more_is_left() -> str:
    """Return the sentence for what one request had no time for."""
    return _("That was all in one go. The rest is still here: press the button again.")


def show_refusals(request: HttpRequest, sentences: Iterable[str]) -> None:
    """Show each different reason once, and the number of those beyond a handful."""
    different = list(dict.fromkeys(sentences))
    for sentence in different[:_SENTENCES]:
        messages.warning(request, sentence)
    more = len(different) - _SENTENCES
    if more > 0:
        messages.warning(request, ngettext("%(n)s more was refused.", "%(n)s more were refused.", more) % {"n": more})
