"""Thumbnails of sources: small, made once, and no reason for a job to fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from product_imagery.flows.results.record import delete_strays
from product_imagery.models import EnhancementItem
from product_imagery.states import ItemStatus
from product_imagery.testing.pictures import encoded
from tests.fakes.storages import storing

pytestmark = pytest.mark.django_db

Work = Callable[[], Any]


def test_a_large_photo_gets_a_small_one_beside_its_results(make_product: Any, enlarge: Any, work: Work) -> None:
    photo = encoded(Image.effect_noise((1600, 900), 60).convert("RGB"))
    enlarge(make_product(content=photo))
    work()
    item = EnhancementItem.objects.get()
    with item.source_thumbnail.open("rb") as handle:
        image = Image.open(handle)
        assert (image.format, image.size) == ("WEBP", (512, 288))
    assert item.source_thumbnail.size < len(photo) / 5
    assert str(item.uuid) in item.source_thumbnail.name


def test_it_is_no_stray_file(make_product: Any, enlarge: Any, work: Work) -> None:
    enlarge(make_product())
    work()
    stale = EnhancementItem.objects.get()
    stale.source_thumbnail = ""  # as a worker has loaded it before
    delete_strays([stale])
    item = EnhancementItem.objects.get()
    assert item.source_thumbnail.storage.exists(item.source_thumbnail.name)


def test_a_job_goes_on_without_it(make_product: Any, enlarge: Any, work: Work) -> None:
    def refuse_thumbnails(save: Callable[[str, Any], str], name: str, content: Any) -> str:
        if "source-" in name:
            raise OSError("no place for it")
        return save(name, content)

    enlarge(make_product())
    with storing(refuse_thumbnails):
        work()
    item = EnhancementItem.objects.get()
    assert (item.status, item.source_thumbnail.name) == (ItemStatus.COMPLETED, "")
