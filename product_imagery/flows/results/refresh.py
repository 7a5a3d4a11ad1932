"""Refresh of what the shop has made from a picture, by its own code, after the picture was changed."""

from __future__ import annotations

import logging
from functools import partial

from product_imagery import signals
from product_imagery.flows.guard import attempt
from product_imagery.models import ImageVersion
from product_imagery.products import ProductImages

logger = logging.getLogger("product_imagery")


def refresh_on_commit(description: ProductImages, version: ImageVersion) -> None:
    """Call ``after_write`` of the description when the change is committed, before the receivers of its signal.

    It runs where receivers do: in a worker, in a separate thread. An error is logged and affects nothing else.
    """
    signals.run_on_commit(partial(_refresh, description, version.pk))


def _refresh(description: ProductImages, version: int) -> None:
    error = attempt(lambda: _after_write(description, ImageVersion.objects.get(pk=version)))
    if error is not None:
        logger.error("after_write of %s failed.", type(description).__name__, exc_info=error)


def _after_write(description: ProductImages, version: ImageVersion) -> None:
    row = version.get_row()
    if row is not None:
        description.after_write(row, version)
