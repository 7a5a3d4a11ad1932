"""Small copies and tried looks: made once, by the local engine only, in a process of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from PIL import Image

from example_project.shop.models import Product
from product_imagery.exceptions import EngineError, PictureError, StorageError
from product_imagery.flows import previews
from product_imagery.flows.enhancements.specs import spec_of_operation, spec_of_preset
from product_imagery.models import ProviderCredential, ResultImage
from product_imagery.products import description_of
from product_imagery.storage.store import results_storage
from product_imagery.testing.pictures import draw_product, encoded

Make = Callable[..., Product]
_FIELD = Product._meta.get_field("photo")


def _size(name: str) -> tuple[int, int]:
    with results_storage().open(name) as handle:
        return Image.open(handle).size


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions that ran in the imaging process."""
    seen: list[str] = []
    run = previews._bench.run
    monkeypatch.setattr(previews._bench, "run", lambda call, **named: (seen.append(call), run(call, **named))[1])
    return seen


def test_a_copy_is_made_once_and_again_when_the_file_has_changed(make_product: Make, runs: list[str]) -> None:
    product = make_product(content=encoded(draw_product((900, 700))))
    name = previews.small_copy(_FIELD, product.photo.name)  # type: ignore[arg-type]
    assert max(_size(name)) == previews.SIDE
    assert previews.small_copy(_FIELD, product.photo.name) == name  # type: ignore[arg-type]
    assert len(runs) == 1
    Path(product.photo.path).write_bytes(encoded(draw_product((400, 800))))
    other = previews.small_copy(_FIELD, product.photo.name)  # type: ignore[arg-type]
    assert _size(other) == (160, 320)


def test_what_is_no_picture_or_is_gone_is_refused(make_product: Make) -> None:
    product = make_product(content=b"not a picture")
    with pytest.raises(PictureError):
        previews.small_copy(_FIELD, product.photo.name)  # type: ignore[arg-type]
    for name in ("products/photos/gone.jpg", "../outside.jpg"):
        with pytest.raises(StorageError):
            previews.small_copy(_FIELD, name)  # type: ignore[arg-type]


def test_a_look_is_tried_small_and_only_once(make_product: Make, runs: list[str]) -> None:
    product = make_product(content=encoded(draw_product((1500, 1200))))
    description = description_of(Product)
    (picture,) = description.list_pictures([product.pk])
    for factor in ("2", "4"):
        spec = spec_of_operation("upscale", {"factor": factor})
        name = previews.try_look(description, picture, spec)
        assert max(_size(name)) == previews.LOOK_SIDE
    done = len(runs)
    previews.try_look(description, picture, spec)
    assert len(runs) == done
    assert not ResultImage.objects.exists()


def test_a_look_that_costs_money_is_never_tried(make_product: Make, runs: list[str]) -> None:
    account = ProviderCredential(provider="paqshot", label="Main")
    account.set_secret("pk_live_example_key_0001")
    account.save()
    product = make_product()
    description = description_of(Product)
    (picture,) = description.list_pictures([product.pk])
    with pytest.raises(EngineError, match="costs money"):
        previews.try_look(description, picture, spec_of_preset("paqshot-white"))
    assert runs == []


def test_the_process_ends_when_it_was_idle(make_product: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = previews._Bench()
    monkeypatch.setattr(previews, "_bench", bench)
    previews.small_copy(_FIELD, make_product().photo.name)  # type: ignore[arg-type]
    assert bench._pool is not None
    bench.close()
    assert bench._pool is None


def test_a_process_that_is_busy_for_long_is_not_waited_for(make_product: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "_WAIT", 0.01)
    product: Any = make_product()
    product.photo.save("other.jpg", ContentFile(encoded(draw_product())))
    with previews._bench._turn, pytest.raises(EngineError, match="Try again"):
        previews.small_copy(_FIELD, product.photo.name)  # type: ignore[arg-type]
