"""What makes two pieces of work the same: the picture, its original source and the look; not a file's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat

from example_project.shop.models import Collection, CollectionPhoto, Product
from product_imagery.exceptions import NothingToDo
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import Quote, enhance, quote
from product_imagery.flows.results import publish
from product_imagery.models import Enhancement, EnhancementItem, ImageVersion, ResultImage
from product_imagery.products import ProductImages, description_of, register, unregister
from product_imagery.provider_kit.contract import Operation
from product_imagery.provider_kit.options import Kind, Option
from product_imagery.providers.local.provider import LocalEngine
from product_imagery.states import Publication
from tests.conftest import draw_product, encoded

Make = Callable[..., Product]
Enlarge = Callable[..., Enhancement]
Work = Callable[[], Any]


class PhotosThemselves(ProductImages):
    """The rows of the gallery, each a product of its own."""

    source = "image"


@pytest.fixture
def photos_too() -> Iterator[ProductImages]:
    """The rows of a gallery are registered as well."""
    register(CollectionPhoto)(PhotosThemselves)
    yield description_of(CollectionPhoto)
    unregister(CollectionPhoto)


def _quote(*chosen: Any, **how: Any) -> Quote:
    ids = [one.pk for one in chosen]
    return quote({description_of(type(chosen[0])): ids}, spec_of_operation("upscale", how.pop("options", {})), **how)


def _is_there(*chosen: Any, **how: Any) -> bool:
    """Nothing is bought: it is on the product, or it lies in the storage."""
    told = _quote(*chosen, **how)
    return (told.to_do, told.done_before + told.in_storage) == (0, 1)


def _nightly(**how: Any) -> None:
    call_command("imagery_enhance", "shop.Product", all=True, operation="upscale", approve=True, wait=True, **how)


@pytest.mark.usefixtures("one_field")
class TestOneField:
    def test_what_we_published_has_its_look(self, make_product: Make, work: Work) -> None:
        product = make_product()
        _nightly()
        assert Product.objects.get().photo.name != product.photo.name
        for _night in range(2):
            with pytest.raises(Exception, match="have this look already"):
                _nightly()
        told = _quote(product)
        assert (told.to_do, told.done_before) == (0, 1)
        assert ResultImage.objects.count() == 1

    def test_another_look_starts_from_the_original(self, make_product: Make, enlarge: Enlarge, work: Work) -> None:
        product = make_product()
        enlarge(product, auto_approve=True)
        work()
        second = enlarge(product, options={"factor": "4"}, auto_approve=True)
        assert second.items.get().source_name == product.photo.name
        work()
        result = ResultImage.objects.get(enhancement=second)
        assert (result.width, result.publication) == (960, Publication.PUBLISHED)
        assert _is_there(product)
        assert _is_there(product, options={"factor": "4"})

    def test_new_ones_start_from_the_original_too(self, make_product: Make, enlarge: Enlarge, work: Work) -> None:
        product = make_product()
        enlarge(product, auto_approve=True)
        work()
        again = enlarge(product, fresh=True, auto_approve=True)
        assert again.items.get().source_name == product.photo.name
        work()
        assert ResultImage.objects.get(enhancement=again).publication == Publication.PUBLISHED

    def test_a_person_may_start_from_the_present_picture(
        self, make_product: Make, enlarge: Enlarge, work: Work
    ) -> None:
        product = make_product()
        enlarge(product, auto_approve=True)
        work()
        with pytest.raises(NothingToDo, match="have this look already"):
            enlarge(product, from_present=True)
        present = Product.objects.get().photo.name
        second = enlarge(product, from_present=True, options={"factor": "4"}, auto_approve=True)
        assert second.items.get().source_name == present
        work()
        assert ResultImage.objects.get(enhancement=second).width == 240 * 8
        assert _quote(product, from_present=True, options={"factor": "4"}).done_before == 1

    def test_the_present_picture_by_command(self, make_product: Make) -> None:
        make_product()
        _nightly()
        present = Product.objects.get().photo.name
        _nightly(from_present=True, fresh=True)
        assert EnhancementItem.objects.latest("pk").source_name == present

    def test_a_picture_replaced_by_hand_is_new_work(self, make_product: Make, enlarge: Enlarge, work: Work) -> None:
        product = make_product()
        enlarge(product, auto_approve=True)
        work()
        product.photo.save("by-hand.png", ContentFile(encoded(draw_product(colour="blue"), "PNG")))
        assert _quote(product).to_do == 1
        second = enlarge(product, auto_approve=True)
        assert second.items.get().source_name == product.photo.name
        work()
        assert _quote(product).done_before == 1

    def test_a_picture_that_was_taken_back_is_not_made_again(
        self, make_product: Make, enlarge: Enlarge, work: Work
    ) -> None:
        product = make_product()
        enlarge(product, auto_approve=True)
        work()
        publish.restore(ImageVersion.objects.get(), actor=None)
        assert Product.objects.get().photo.name == product.photo.name
        assert _is_there(product)
        other = enlarge(product, options={"factor": "4"}, auto_approve=True)
        work()
        publish.restore(ImageVersion.objects.get(result__enhancement=other), actor=None)
        assert Product.objects.get().photo.name == product.photo.name

    def test_an_original_that_is_gone_is_said_so(self, make_product: Make, enlarge: Enlarge, work: Work) -> None:
        product = make_product()
        enlarge(product, auto_approve=True)
        work()
        Path(product.photo.path).unlink()
        enlarge(product, options={"factor": "4"})
        work()
        item = EnhancementItem.objects.latest("pk")
        assert "nothing was sent or paid" in item.error_message
        assert "start from the picture that stands on the product now" in item.error_message

    def test_what_we_published_and_the_shop_overwrote_is_not_replaced(
        self, make_product: Make, enlarge: Enlarge, work: Work
    ) -> None:
        product = make_product()
        enlarge(product, auto_approve=True)
        work()
        enlarge(product, options={"factor": "4"}, auto_approve=True)
        present = Path(Product.objects.get().photo.path)
        present.write_bytes(encoded(draw_product(colour="yellow")))
        work()
        assert ResultImage.objects.latest("pk").publication == Publication.CONFLICT
        assert Path(Product.objects.get().photo.path) == present

    def test_what_was_set_by_hand_meanwhile_is_not_replaced(
        self, make_product: Make, enlarge: Enlarge, work: Work
    ) -> None:
        product = make_product()
        enlarge(product, auto_approve=True)
        work()
        enlarge(product, options={"factor": "4"}, auto_approve=True)
        product.photo.save("by-hand.png", ContentFile(encoded(draw_product(colour="blue"), "PNG")))
        work()
        assert ResultImage.objects.latest("pk").publication == Publication.CONFLICT
        assert Product.objects.get().photo.name == product.photo.name

    def test_two_looks_at_once_are_both_made_from_the_original(
        self, make_product: Make, enlarge: Enlarge, work: Work
    ) -> None:
        product = make_product()
        enlarge(product, auto_approve=True)
        enlarge(product, options={"factor": "4"}, auto_approve=True)
        work()
        assert set(EnhancementItem.objects.values_list("source_name", flat=True)) == {product.photo.name}
        assert ImageVersion.objects.count() == 2
        assert _is_there(product)
        assert _is_there(product, options={"factor": "4"})


def test_a_gallery_is_not_made_again(gallery: Collection, enlarge: Enlarge, work: Work) -> None:
    enlarge(gallery, auto_approve=True)
    work()
    assert _quote(gallery).done_before == 3
    with pytest.raises(NothingToDo, match="have this look already"):
        enlarge(gallery)


@pytest.mark.usefixtures("photos_too")
class TestOneRowUnderTwoRegistrations:
    def test_it_is_one_picture(self, gallery: Collection, enlarge: Enlarge, work: Work) -> None:
        photos = list(gallery.photos.all())
        enlarge(gallery)
        with pytest.raises(NothingToDo, match="being made already"):
            enlarge(*photos)
        work()
        with pytest.raises(NothingToDo, match="have this look already"):
            enlarge(*photos)

    def test_asked_for_at_once_it_is_made_once(self, gallery: Collection, photos_too: ProductImages) -> None:
        chosen = {description_of(Collection): [gallery.pk], photos_too: [photo.pk for photo in gallery.photos.all()]}
        begun = enhance(chosen, spec_of_operation("upscale", {}), channel="command").enhancement
        assert begun.items.count() == 3

    def test_each_knows_of_what_the_other_published(self, gallery: Collection, enlarge: Enlarge, work: Work) -> None:
        photos = list(gallery.photos.all())
        enlarge(gallery, auto_approve=True)
        enlarge(*photos, options={"factor": "4"}, auto_approve=True)
        work()
        assert ImageVersion.objects.count() == 6
        assert not ResultImage.objects.filter(publication=Publication.CONFLICT).exists()
        assert ResultImage.objects.filter(publication=Publication.PUBLISHED).count() == 3


def test_what_was_made_before_the_upgrade_is_known_after_it(gallery: Collection, enlarge: Enlarge, work: Work) -> None:
    enlarge(gallery, auto_approve=True)
    work()
    enlarge(gallery, options={"factor": "4"})
    EnhancementItem.objects.update(place="", work_key=Concat(Value("old"), Cast("pk", CharField())))
    EnhancementItem.objects.exclude(active_key=None).update(active_key=F("work_key"))
    ImageVersion.objects.update(place="")
    import_module("product_imagery.migrations.0004_identity").name_places(apps, None)
    assert (_quote(gallery).done_before, _quote(gallery, options={"factor": "4"}).under_way) == (3, 3)


def test_an_option_that_an_upgrade_adds_buys_nothing_again(
    make_product: Make, enlarge: Enlarge, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = make_product()
    enlarge(product)
    work()
    offer = LocalEngine.offers[Operation.UPSCALE]
    for added, already in ((True, 1), (False, 0)):
        more = (*offer.options, Option("padding", Kind.INTEGER, 0, added=added))
        monkeypatch.setitem(LocalEngine.offers, Operation.UPSCALE, replace(offer, options=more))
        quoted = _quote(product)
        assert quoted.done_before + quoted.in_storage == already
        assert _quote(product, options={"padding": 5}).to_do == 1
