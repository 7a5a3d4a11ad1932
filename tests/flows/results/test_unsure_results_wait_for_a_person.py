"""What the engine is not sure of is published by a person alone, whichever way the work was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from PIL import Image

from example_project.shop.models import Product
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import enhance
from product_imagery.flows.results import review
from product_imagery.models import Enhancement, EnhancementItem, ImageVersion, ResultImage
from product_imagery.products import description_of
from product_imagery.providers.local.provider import LocalEngine
from product_imagery.states import ItemStatus, Publication, Review
from tests.conftest import draw_product, encoded

Make = Callable[..., Product]


@pytest.fixture
def sure(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the engine be as sure as that."""

    def make(confidence: float, *warnings: str) -> None:
        submit = LocalEngine.submit

        def submitted(self: Any, job: Any) -> Any:
            conversation = submit(self, job)
            request = next(conversation)
            while True:
                made = yield request
                for one in made:
                    one |= {"confidence": confidence, "warnings": list(warnings)}
                try:
                    request = conversation.send(made)
                except StopIteration as end:
                    return end.value

        monkeypatch.setattr(LocalEngine, "submit", submitted)

    return make


def _wait_for_nobody(**more: Any) -> Enhancement:
    call_command("imagery_enhance", "shop.Product", all=True, operation="upscale", approve=True, wait=True, **more)
    return Enhancement.objects.get()


@pytest.mark.parametrize(
    ("confidence", "warnings"), [(0.49, ()), (0.99, ("unsure_what_the_product_is",)), (0.99, ("low_contrast",))]
)
def test_it_waits_for_a_person_and_says_why(
    confidence: float, warnings: Any, make_product: Make, sure: Any, person: Any, capsys: Any, work: Any
) -> None:
    product = make_product()
    sure(confidence, *warnings)
    enhancement = _wait_for_nobody()
    assert "1 pictures were not published: a person has to review them first" in capsys.readouterr().out
    result = ResultImage.objects.get()
    assert (result.review, result.publication) == (Review.PENDING, Publication.NONE)
    assert result.publication_note.startswith("It waits for a person before it is published: ")
    assert not ImageVersion.objects.exists()
    pages = person("*")
    page = pages.get(f"/admin/product_imagery/enhancement/{enhancement.pk}/change/").content.decode()
    assert "1 picture was not published without review" in page
    cards = pages.get(f"/admin/product_imagery/enhancement/{enhancement.pk}/review/").content.decode()
    assert "It waits for a person" in cards
    call_command("imagery_status", enhancement.pk)
    assert "1 pictures wait for a review before they are published" in capsys.readouterr().out
    review.approve(result, actor=None, publish=True)
    work()
    product.refresh_from_db()
    assert product.enhanced_photo
    assert ResultImage.objects.get().publication_note == ""


def test_what_is_sure_is_published_as_asked(make_product: Make, sure: Any) -> None:
    make_product()
    sure(0.51, "touches_the_frame")
    _wait_for_nobody()
    assert ResultImage.objects.get().publication == Publication.PUBLISHED


def test_the_floor_is_a_setting(make_product: Make, sure: Any, settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {"PROCESSES": 1, "REVIEW_BELOW": 0}
    make_product()
    sure(0.01)
    _wait_for_nobody()
    assert ResultImage.objects.get().publication == Publication.PUBLISHED


def test_without_auto_approval_nothing_is_said(make_product: Make, sure: Any, enlarge: Any, work: Any) -> None:
    sure(0.01)
    enlarge(make_product())
    work()
    assert ResultImage.objects.get().publication_note == ""


@pytest.mark.parametrize(
    "picture",
    [
        *[
            Image.new("RGB", (400, 300), colour)
            for colour in ("#fff", "#000", "#808080", "#f4f4f4", "#c8c8cc", "#b03020")
        ],
        Image.linear_gradient("L").resize((400, 300)).point(lambda value: 150 + value // 5),
        Image.effect_noise((400, 300), 12),
    ],
    ids=["white", "black", "grey", "pale", "ground", "red", "gradient", "noise"],
)
@pytest.mark.parametrize("operation", ["white_background", "remove_background"])
def test_a_picture_in_which_nothing_is_found_fails_with_that_reason(
    operation: str, picture: Image.Image, make_product: Make, model_file: Any, work: Any
) -> None:
    product = make_product(content=encoded(picture.convert("RGB")))
    enhance(
        {description_of(Product): [product.pk]}, spec_of_operation(operation, {}), channel="command", auto_approve=True
    )
    work()
    item = EnhancementItem.objects.get()
    assert (item.status, item.error_code) == (ItemStatus.FAILED, "nothing_found")


def test_a_product_is_still_found(make_product: Make, model_file: Any, work: Any) -> None:
    product = make_product(content=encoded(draw_product((600, 500))))
    enhance({description_of(Product): [product.pk]}, spec_of_operation("white_background", {}), channel="command")
    work()
    assert EnhancementItem.objects.get().status == ItemStatus.COMPLETED
