"""A local engine for tests that answers at once: no model, no numpy, every look that the real one offers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from PIL import ImageEnhance

from product_imagery.imaging.decode import open_picture
from product_imagery.imaging.encode import format_like, write_picture
from product_imagery.imaging.limits import Limits
from product_imagery.imaging.metadata import SourceType
from product_imagery.imaging.thumbnails import write_thumbnail
from product_imagery.provider_kit import registry
from product_imagery.provider_kit.contract import Conversation, Job, Provider
from product_imagery.provider_kit.outcomes import Finished, Picture
from product_imagery.provider_kit.requests import Compute

_GAIN = 0.95  #: to be seen, and not so much that it counts as another colour


@contextlib.contextmanager
def registered(*providers: type[Provider]) -> Iterator[None]:
    """Add provider classes to this process's registry, in place of those with the same slugs, until the block ends."""
    known = registry.discover()
    together = {**known.providers, **{provider.slug: provider for provider in providers}}
    changed = replace(known, providers=dict(sorted(together.items())))
    with mock.patch.object(registry, "discover", return_value=changed):
        yield


@contextlib.contextmanager
def instant_engine() -> Iterator[None]:
    """Let every provider that computes on this machine return darker copies of its sources, until the block ends.

    Looks, options and prices stay those of the provider; ``variants`` is the only option that has an effect.
    """
    computing = [provider for provider in registry.all_providers().values() if provider.computes]
    instant = [type(f"Instant{provider.__name__}", (_Instant, provider), {}) for provider in computing]
    with registered(*instant):
        yield


class _Instant(Provider):
    def submit(self, job: Job) -> Conversation:
        """Copy each source in an imaging process and finish."""
        pictures: list[Picture] = []
        limits = dict(job.settings["limits"])
        for given in job.inputs:
            for number in range(int(job.options.get("variants", 1))):
                target = str(Path(job.folder or "", f"instant-{given.item_id}-{number}"))
                made = yield Compute(
                    f"{__name__}:darker", {"source": str(given.path), "target": target, "limits": limits}
                )
                pictures.append(Picture(given.item_id, **made))
        return Finished(tuple(pictures))


def darker(*, source: str, target: str, limits: dict[str, int]) -> dict[str, Any]:
    """Write a slightly darker copy and its thumbnail; return the fields of a ``Picture``. Raises ``PictureError``."""
    opened = open_picture(Path(source), Limits(**limits))
    image, mark = ImageEnhance.Brightness(opened.image).enhance(_GAIN), SourceType.ENHANCED
    picture = write_picture(image, Path(target), format=format_like(opened.format, image), mark=mark)
    thumbnail = write_thumbnail(image, Path(f"{target}-thumbnail"), mark=mark)
    return {"file": picture.as_dict(), "thumbnail": thumbnail.as_dict(), "mark": str(mark)}
