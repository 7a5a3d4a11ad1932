"""Thumbnails of sources: made once for each item where its source is read, so that no page loads the photo itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from product_imagery.conf import get_settings
from product_imagery.exceptions import EngineError, ImageryError
from product_imagery.imaging.sandbox import ImagingPool
from product_imagery.models import EnhancementItem
from product_imagery.models.case_by_pk import CaseByPk
from product_imagery.storage.names import result_name
from product_imagery.storage.store import keep, results_storage

logger = logging.getLogger("product_imagery")

SIDE = 512  #: pixels on the longest side
_QUALITY = 80


def make(item: EnhancementItem, source: Path, pool: ImagingPool) -> str:
    """Store a thumbnail of the file ``source`` beside the results of its item, and return its name.

    Never raises ``ImageryError``: without a thumbnail, ``""`` is returned, and pages make one when it is needed.
    """
    arguments = {"source": str(source), "stem": f"{source}-thumbnail", "side": SIDE, "quality": _QUALITY}
    try:
        made = pool.run("product_imagery.imaging.shrink:shrink", limits=get_settings().bounds(), **arguments)
        name = result_name(item.uuid, made["sha256"], ".webp", "source-")
        return keep(results_storage(), name, Path(made["path"]), made["sha256"])
    except ImageryError as error:
        if not isinstance(error, EngineError):
            logger.info("There is no thumbnail of the source of item %s: %s", item.pk, error.message)
        return ""
    finally:
        Path(f"{source}-thumbnail.webp").unlink(missing_ok=True)


def record(names: Mapping[int, str]) -> None:
    """Write down the names of thumbnails by the primary keys of their items, in one query."""
    found = {pk: name for pk, name in names.items() if name}
    if found:
        value = CaseByPk(EnhancementItem, "source_thumbnail", found)
        EnhancementItem.objects.filter(pk__in=found).update(source_thumbnail=value)
