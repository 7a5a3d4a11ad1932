"""The publication state is compared with the product, and stored results are published again."""

from __future__ import annotations

from typing import Any

import pytest

from example_project.shop.models import Product
from product_imagery.models import ProviderJob, ResultImage

pytestmark = pytest.mark.django_db


def test_displaced_picture_is_published_again_free_of_charge(caller: Any, make_product: Any, work: Any) -> None:
    one, product = caller(), make_product()
    images = [{"product": f"shop.product:{product.pk}"}]
    asked = {"operation": "upscale", "images": images}
    started = one.post("enhancements", {**asked, "approve": True}).json()["enhancement"]
    work()
    result = ResultImage.objects.get()

    def shown() -> list[str]:
        of_item = one.get(f"enhancements/{started['id']}").json()["enhancement"]["items"][0]["results"][0]
        listed = one.get("generations").json()["generations"][0]
        single = one.get(f"generations/{result.uuid}").json()["generation"]
        return [each["publication"] for each in (of_item, listed, single)]

    assert shown() == ["published"] * 3
    assert one.post(f"generations/{result.uuid}/publish").status_code == 409
    Product.objects.update(enhanced_photo="products/enhanced/of-somebody-else.jpg")
    assert shown() == ["none"] * 3
    told = one.post("quote", asked).json()["quote"]
    assert (told["to_do"], told["in_storage"]) == (0, 1)
    refused = one.post("enhancements", asked)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "in_storage")
    assert one.post(f"generations/{result.uuid}/publish").json()["generation"]["publication"] == "waiting"
    work()
    assert shown() == ["published"] * 3
    assert ProviderJob.objects.count() == 1


def test_result_that_waits_for_review_has_a_publication_note(caller: Any, make_product: Any, work: Any) -> None:
    one = caller()
    ResultImage.objects.all().delete()
    product = make_product()
    one.post("enhancements", {"operation": "upscale", "images": [{"product": f"shop.product:{product.pk}"}]})
    work()
    ResultImage.objects.update(publication_note="It waits for a person before it is published: it is unsure.")
    listed = one.get("generations").json()["generations"][0]
    assert (listed["review"], listed["publication_note"][:11]) == ("pending", "It waits fo")


def test_publishing_requires_the_permission(caller: Any, make_product: Any, work: Any) -> None:
    one = caller()
    product = make_product()
    one.post("enhancements", {"operation": "upscale", "images": [{"product": f"shop.product:{product.pk}"}]})
    work()
    result = ResultImage.objects.get()
    one.post(f"generations/{result.uuid}/approve", {"publish": False})
    one.key.owner.user_permissions.clear()
    assert one.post(f"generations/{result.uuid}/publish").status_code in (403, 404)
