"""What the shop's own admin hides of its products is hidden on every page of ours, and not acted on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.models import Enhancement, EnhancementItem, ImageVersion, ProviderJob, ResultImage
from product_imagery.states import Review

_STEPS = ("review_resultimage", "publish_resultimage", "restore_imageversion", "cancel_enhancement")
_STEPS += ("start_enhancement", "decide_providerjob")
_PRODUCTS = ("view_product", "change_product")


def _list(client: Client, name: str, query: str = "") -> str:
    return client.get(reverse(f"admin:product_imagery_{name}_changelist") + query).content.decode()


def _pages(client: Client) -> str:
    """Everything that could show a product, in one text."""
    enhancement = Enhancement.objects.get()
    shown = [_list(client, name) for name in ("enhancement", "enhancementitem", "imageversion", "providerjob")]
    for page in ("enhancement_review", "enhancement_change"):
        address = reverse(f"admin:product_imagery_{page}", args=[enhancement.pk])
        shown.append(client.get(address + "?show=all", follow=True).content.decode())
    item = reverse("admin:product_imagery_enhancementitem_change", args=[EnhancementItem.objects.all()[0].pk])
    return "".join([*shown, client.get(item, follow=True).content.decode()])


@pytest.fixture
def secret(make_product: Any, enlarge: Any, work: Any) -> Product:
    """A product of somebody else's with a picture that is published."""
    product: Product = make_product("alice secret", category="alice")
    enlarge(product, auto_approve=True)
    work()
    return product


def test_who_may_not_see_products_sees_none_of_their_pictures(person: Any, secret: Product) -> None:
    assert "alice secret" in _pages(person(*_STEPS, *_PRODUCTS))
    carl = person(*_STEPS)
    assert "alice secret" not in _pages(carl)
    assert "0 enhancements" in _list(carl, "enhancement", "?q=alice")


def test_who_may_not_change_a_product_does_not_publish_on_it(
    make_product: Any, enlarge: Any, work: Any, person: Any
) -> None:
    product = make_product()
    page = reverse("admin:product_imagery_enhancement_review", args=[enlarge(product).pk])
    work()
    result = ResultImage.objects.get()
    assert person(*_STEPS).post(page, {"approve_and_publish": result.pk}).status_code == 404
    viewer = person(*_STEPS, "view_product")
    told = viewer.post(page, {"approve_and_publish": result.pk}, follow=True)
    assert "you may not change its product" in told.content.decode()
    work()
    product.refresh_from_db()
    assert not product.enhanced_photo
    viewer.post(page, {"approve": result.pk})
    result.refresh_from_db()
    assert result.review == Review.APPROVED


def test_who_may_not_change_a_product_does_not_restore_it(person: Any, secret: Product) -> None:
    data = {"action": "restore", "_selected_action": [ImageVersion.objects.get().pk]}
    for client in (person(*_STEPS), person(*_STEPS, "view_product")):
        client.post(reverse("admin:product_imagery_imageversion_changelist"), data)
        assert ImageVersion.objects.get().restored_at is None


def _by_list(monkeypatch: pytest.MonkeyPatch, host: Any) -> None:
    def rows(self: Any, request: HttpRequest) -> QuerySet[Product]:
        return Product.objects.filter(category="bob")

    monkeypatch.setattr(type(host), "get_queryset", rows, raising=False)


def _by_object(monkeypatch: pytest.MonkeyPatch, host: Any) -> None:
    def may(self: Any, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None or obj.category == "bob"

    for name in ("has_view_permission", "has_change_permission"):
        monkeypatch.setattr(type(host), name, may, raising=False)


@pytest.mark.parametrize("narrow", [_by_list, _by_object])
def test_the_rules_of_the_shops_own_admin_hold(
    narrow: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    make_product: Any,
    enlarge: Any,
    work: Any,
    person: Any,
) -> None:
    other, own = make_product("alice secret", category="alice"), make_product("bob mug", category="bob")
    enhancement = enlarge(other, own)
    work()
    narrow(monkeypatch, admin.site.get_model_admin(Product))
    bob = person(*_STEPS, *_PRODUCTS)
    assert "alice secret" not in _pages(bob)
    assert "bob mug" in _pages(bob)
    assert "0 enhancements" in _list(bob, "enhancement", "?q=secret")
    page = reverse("admin:product_imagery_enhancement_review", args=[enhancement.pk])
    ticked = list(ResultImage.objects.values_list("pk", flat=True))
    bob.post(page, {"approve_and_publish": "ticked", "ticked": ticked})
    work()
    assert list(ImageVersion.objects.values_list("label", flat=True)) == ["bob mug"]
    cancel = reverse("admin:product_imagery_enhancement_change", args=[enhancement.pk])
    assert "may not see" in bob.post(cancel, {"cancel": "1"}, follow=True).content.decode()


@pytest.mark.parametrize("narrow", [_by_list, _by_object])
@pytest.mark.parametrize(("category", "is_offered"), [("bob", True), ("alice", False)])
def test_publication_is_offered_for_products_that_the_person_may_change(
    narrow: Callable[..., None],
    category: str,
    is_offered: bool,
    monkeypatch: pytest.MonkeyPatch,
    make_product: Any,
    person: Any,
) -> None:
    product, bob = make_product("mug", category=category), person(*_STEPS, *_PRODUCTS)
    data = {"action": "enhance_images", "_selected_action": [product.pk]}
    address = bob.post(reverse("admin:shop_product_changelist"), data)["Location"]
    narrow(monkeypatch, admin.site.get_model_admin(Product))
    assert ('name="auto_approve"' in bob.get(address).content.decode()) is is_offered


@pytest.mark.parametrize("name", ["creditentry", "upload", "collection", "webhookdelivery", "eventdelivery"])
def test_money_and_what_programs_brought_need_a_permission_of_their_own(name: str, person: Any) -> None:
    address = reverse(f"admin:product_imagery_{name}_changelist")
    assert person(*_STEPS).get(address).status_code == 403
    assert person(f"view_{name}").get(address).status_code == 200


def test_an_unknown_job_is_no_error_of_the_site(person: Any, secret: Product) -> None:
    client, job = person("*"), ProviderJob.objects.get()
    for key in ("abc", "²", "9" * 39):
        address = reverse("admin:product_imagery_providerjob_change", args=[job.pk]).replace(f"/{job.pk}/", f"/{key}/")
        assert client.get(address).status_code in (302, 404)
