"""Choosing: what the shop hides is not chosen, and one bad row stops no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import models
from django.test import Client

from example_project.shop.models import Collection, CollectionPhoto, Product
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import quote
from product_imagery.flows.results import publish
from product_imagery.models import Enhancement, EnhancementItem, ResultImage
from product_imagery.products import description_of
from product_imagery.states import Publication

Make = Callable[..., Product]


class Shown(models.Manager[Any]):
    """Hides what is archived."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().exclude(title__startswith="archived")


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop's default manager hides archived products."""
    manager = Shown()
    manager.model = Product
    monkeypatch.setitem(vars(Product._meta), "default_manager", manager)


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shop's own code raises for one product."""

    def name(product: Product) -> str:
        if product.title == "bad":
            raise AttributeError("brand")
        return product.title

    monkeypatch.setattr(description_of(Product), "label", name)


def test_a_missing_file_stops_no_other_picture(gallery: Collection, work: Callable[[], Any]) -> None:
    CollectionPhoto.objects.filter(position=0).update(image="collections/gone.jpg", width=None, height=None)
    assert quote({description_of(Collection): [gallery.pk]}, spec_of_operation("upscale", {})).pictures == 3
    call_command("imagery_enhance", "shop.Collection", all=True, operation="upscale")
    work()
    assert ResultImage.objects.count() == 2
    assert "no longer in the storage" in EnhancementItem.objects.get(status="failed").error_message


def test_a_picture_is_put_where_the_file_before_is_missing(
    gallery: Collection, enlarge: Callable[..., Enhancement], work: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row is read without opening that file."""
    enlarge(gallery)
    work()
    CollectionPhoto.objects.update(width=None, height=None)
    results = ResultImage.objects.all()
    for photo in CollectionPhoto.objects.defer("image"):
        photo.image.storage.delete(photo.image.name)
    results.update(review="approved", publication=Publication.WAITING)
    EnhancementItem.objects.update(source_digest="")
    work()
    assert results.filter(publication=Publication.PUBLISHED).count() == 3


@pytest.mark.usefixtures("fails")
class TestARowOnWhichTheShopFails:
    def test_the_others_are_counted_and_started(self, make_product: Make, capsys: Any) -> None:
        make_product("good", sku="1")
        make_product("bad", sku="2")
        make_product("better", sku="3")
        ids = list(Product.objects.values_list("pk", flat=True))
        told = quote({description_of(Product): ids}, spec_of_operation("upscale", {}))
        assert (told.to_do, told.unreadable) == (2, 1)
        call_command("imagery_enhance", "shop.Product", all=True, operation="upscale")
        assert sorted(EnhancementItem.objects.values_list("label", flat=True)) == ["better", "good"]
        assert "1 picture cannot be read" in capsys.readouterr().out

    def test_alone_it_is_said_so(self, make_product: Make) -> None:
        make_product("bad")
        with pytest.raises(CommandError, match="the shop's own code fails on them"):
            call_command("imagery_enhance", "shop.Product", all=True, operation="upscale")

    def test_the_page_says_so(self, make_product: Make, person: Callable[..., Client]) -> None:
        make_product("good", sku="1")
        make_product("bad", sku="2")
        client = person("*")
        ids = [str(pk) for pk in Product.objects.values_list("pk", flat=True)]
        answer = client.post("/admin/shop/product/", {"action": "enhance_images", "_selected_action": ids}, follow=True)
        assert "cannot be read: see the log" in answer.content.decode()


@pytest.mark.usefixtures("archive")
class TestWhatTheShopHides:
    def test_is_not_chosen(self, make_product: Make) -> None:
        make_product("archived", sku="a")
        shown = make_product("shown", sku="s")
        call_command("imagery_enhance", "shop.Product", all=True, operation="upscale")
        assert EnhancementItem.objects.get().object_id == str(shown.pk)
        with pytest.raises(CommandError, match="has a picture"):
            call_command("imagery_enhance", "shop.Product", filter=["sku=a"], operation="upscale")

    def test_is_written_to_all_the_same(
        self, make_product: Make, enlarge: Callable[..., Enhancement], work: Callable[[], Any]
    ) -> None:
        product = make_product("shown")
        enlarge(product, auto_approve=True)
        Product._base_manager.update(title="archived")
        work()
        assert Product._base_manager.get().enhanced_photo
        (version,) = ResultImage.objects.get().versions.all()
        publish.restore(version, actor=None)
        assert not Product._base_manager.get().enhanced_photo
