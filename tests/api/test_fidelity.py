"""A picture of a hosted provider whose product changed: shown in API and admin, and left to a person."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from product_imagery.fidelity.judge import Bounds
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import ResultImage
from product_imagery.states import Publication, Review
from product_imagery.testing.pictures import draw_product, encoded
from tests.fakes.hosted import Account, hurry
from tests.fakes.server import Fakes

_SIDE = (640, 480)


def _bought(one: Any, make_product: Any) -> ResultImage:
    product = make_product(content=encoded(draw_product(_SIDE)))
    images = [{"product": f"shop.product:{product.pk}"}]
    response = one.post("enhancements", {"preset": "paqshot-white", "images": images, "approve": True})
    assert response.status_code == 202, response.content
    hurry()
    run_slice(until_idle=True)
    return ResultImage.objects.get()


@pytest.fixture(autouse=True)
def _compares(fakes: Fakes, account: Account, settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "COMPARE_RESULTS": True}
    account("paqshot")


def test_a_faithful_picture_is_published(caller: Any, make_product: Any, fakes: Fakes) -> None:
    fakes.picture = encoded(draw_product(_SIDE).resize((960, 720)), "PNG")
    result = _bought(caller(), make_product)
    assert (result.warnings, result.publication) == ([], Publication.PUBLISHED)


def test_another_product_waits_for_a_person_who_may_take_it(
    caller: Any, make_product: Any, fakes: Fakes, person: Any
) -> None:
    fakes.picture = encoded(draw_product(_SIDE, colour="#2050b0"), "PNG")
    one = caller()
    result = _bought(one, make_product)
    assert (result.review, result.publication, result.warnings) == (Review.PENDING, Publication.NONE, ["drifted"])
    (told,) = one.get("generations").json()["generations"]
    assert told["warnings"] == ["drifted"]
    assert "colour" in told["fidelity"]["exceeded"]
    assert told["fidelity"]["colour"] > Bounds().colour
    client, page = person("*"), reverse("admin:product_imagery_enhancement_review", args=[result.enhancement_id])
    assert "The colour of the product changed visibly" in client.get(page).content.decode()
    client.post(page, {"approve_and_publish": result.pk})
    run_slice(until_idle=True)
    result.refresh_from_db()
    assert (result.review, result.publication) == (Review.APPROVED, Publication.PUBLISHED)
