"""Each shape of a shop's pictures: found, published, not bought again, and put back exactly."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.db import models

import product_imagery
from product_imagery import quote
from product_imagery.exceptions import RegistrationError
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import enhance
from product_imagery.flows.results import publish
from product_imagery.models import EnhancementItem, ImageVersion
from product_imagery.products import GalleryImages, ProductImages, description_of, register
from tests.conftest import draw_product, encoded
from tests.tables import tables_of

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
_PICTURE = encoded(draw_product((60, 50)))


def _models() -> SimpleNamespace:
    class Asset(models.Model):
        file = models.ImageField(upload_to="assets")
        content_type = models.ForeignKey(ContentType, models.CASCADE, null=True, related_name="+")
        object_id = models.CharField(max_length=40, blank=True)
        owner = GenericForeignKey()

        class Meta:
            app_label = "shop"

    class Thing(models.Model):
        hero = models.ForeignKey(Asset, models.SET_NULL, null=True, related_name="+")
        assets = models.ManyToManyField(Asset, related_name="+")
        attached = GenericRelation(Asset)
        address = models.URLField(blank=True)
        better = models.FileField(upload_to="better", blank=True)

        class Meta:
            app_label = "shop"

        def title(self) -> str:
            return "Мяч"

    class Placing(models.Model):
        product = models.ForeignKey(Thing, models.CASCADE)
        asset = models.ForeignKey(Asset, models.CASCADE)
        better = models.ImageField(upload_to="better", blank=True)
        position = models.IntegerField(default=0)

        class Meta:
            app_label = "shop"

    return SimpleNamespace(Asset=Asset, Thing=Thing, Placing=Placing)


@pytest.fixture
def shop(transactional_db: None) -> Iterator[SimpleNamespace]:
    """Two products that share their pictures, in every way that a shop can have them."""
    made = _models()
    with tables_of(made.Asset, made.Thing, made.Placing):
        _fill(made)
        yield made


def _fill(made: SimpleNamespace) -> None:
    assets = [made.Asset() for _number in range(2)]
    for asset in assets:
        asset.file.save("photo.jpg", ContentFile(_PICTURE))
    made.things = [made.Thing.objects.create(hero=assets[0]) for _number in range(2)]
    for thing in made.things:
        thing.assets.set(assets)
        for position, asset in enumerate(assets):
            made.Placing.objects.create(product=thing, asset=asset, position=-position)
    made.Asset.objects.update(content_type=ContentType.objects.get_for_model(made.Thing), object_id=made.things[0].pk)


def _files(shop: SimpleNamespace) -> list[str]:
    """All names of files, wherever they can be written."""
    tables = (shop.Asset, "file"), (shop.Thing, "better"), (shop.Placing, "better")
    return [name for model, field in tables for name in model.objects.order_by("pk").values_list(field, flat=True)]


_PAGE = (Path(product_imagery.__file__).parent.parent / "docs" / "registration.md").read_text()
#: the examples by their headings, and how many pictures the two products have in each shape
_EXAMPLES = dict(re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?```python\n(@register.*?)```", _PAGE, re.M | re.S))
_EXPECTED = {
    "A ForeignKey to a row with the file": 1,
    "The same, written to a field of the product": 2,
    "A ManyToManyField": 2,
    "Rows between product and file": 2,
    "The same, written to a field of the rows between": 4,
    "A GenericRelation": 2,
    "Addresses of pictures elsewhere": 2,
    "Values that code knows": 1,
}


def test_every_example_of_the_page_is_executed() -> None:
    assert set(_EXAMPLES) == set(_EXPECTED)


@pytest.mark.parametrize("shape", _EXPECTED)
def test_a_shape_is_published_not_bought_again_and_restored(
    shape: str, shop: SimpleNamespace, side: Any, work: Callable[[], Any]
) -> None:
    for number, thing in enumerate(shop.things):
        side.pictures[f"/{number}.png"] = _PICTURE
        shop.Thing.objects.filter(pk=thing.pk).update(address=f"{side.address}/{number}.png")
    names = {"register": register, "ProductImages": ProductImages, "GalleryImages": GalleryImages}
    exec(_EXAMPLES[shape], {**names, "Product": shop.Thing})
    before, things = _files(shop), {description_of(shop.Thing): [thing.pk for thing in shop.things]}
    enhance(things, spec_of_operation("upscale", {}), channel="command", auto_approve=True)
    work()
    assert ImageVersion.objects.count() == EnhancementItem.objects.count() == _EXPECTED[shape]
    changed = set(_files(shop)) - set(before)
    assert len(changed) == _EXPECTED[shape]
    assert all("мяч-" in name for name in changed)
    assert quote(shop.Thing.objects.all(), operation="upscale").to_do == 0
    for version in ImageVersion.objects.all():
        publish.restore(version, actor=None)
    assert _files(shop) == before


def test_an_order_that_only_code_knows(shop: SimpleNamespace) -> None:
    class Pictures(GalleryImages):
        pictures, field = "placing", "asset__file"

        def order(self, placing: Any) -> int:
            return -int(placing.asset_id)

    register(shop.Thing)(Pictures)
    slots = [picture.slot for picture in description_of(shop.Thing).list_pictures([shop.things[0].pk])]
    assert slots == [str(pk) for pk in shop.Asset.objects.order_by("-pk").values_list("pk", flat=True)]


def test_the_shop_s_own_code_is_called_after_each_change(shop: SimpleNamespace, work: Callable[[], Any]) -> None:
    heard: list[Any] = []
    saved: list[Any] = []

    class Pictures(ProductImages):
        source, use_save = "hero__file", True

        def after_write(self, row: models.Model, version: Any) -> None:
            heard.append((row, version.get_object(), version.restored_at is not None, row.file.name))

    def on_save(update_fields: Any, **_: Any) -> None:
        saved.append(update_fields)

    register(shop.Thing)(Pictures)
    models.signals.post_save.connect(on_save, sender=shop.Asset)
    things, before = shop.things[:1], shop.things[0].hero.file.name
    enhance({description_of(shop.Thing): [things[0].pk]}, spec_of_operation("upscale", {}), channel="command",
            auto_approve=True)  # fmt: skip
    work()
    publish.restore(ImageVersion.objects.get(), actor=None)
    (row, thing, is_restored, name), (_row, _thing, is_restored_then, name_then) = heard
    assert (row, thing, is_restored, is_restored_then) == (things[0].hero, things[0], False, True)
    assert name != before == name_then
    assert saved == [frozenset({"file"})] * 2


@pytest.mark.parametrize(
    ("base", "attributes", "says"),
    [
        (ProductImages, {"source": "hero"}, "Did you mean “hero__file”?"),
        (ProductImages, {"source": "assets__file"}, "it has to lead to one row"),
        (ProductImages, {"source": "better", "target": "hero__file"}, "target has to be a field of the row"),
        (ProductImages, {"source_url": "adress", "target": "better"}, "Did you mean “address”?"),
        (ProductImages, {"source_url": "address"}, "target is missing"),
    ],
)
def test_mistakes_in_paths_are_said(shop: SimpleNamespace, base: Any, attributes: dict[str, str], says: str) -> None:
    with pytest.raises(RegistrationError) as caught:
        register(shop.Thing)(type("Pictures", (base,), attributes))
    assert says in caught.value.message
