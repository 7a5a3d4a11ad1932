"""What is on a product is compared with the product, and what lies in the storage is published again for nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from example_project.shop.models import Collection, Product
from product_imagery.exceptions import NothingToDo, StateError
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import quote
from product_imagery.flows.results import publish, review, standing
from product_imagery.models import Enhancement, EnhancementItem, ImageVersion, ProviderJob, ResultImage
from product_imagery.products import description_of
from product_imagery.states import Publication
from tests.conftest import draw_product, encoded

Make = Callable[..., Product]


@pytest.fixture
def displaced(make_product: Make, enlarge: Any, work: Any) -> Enhancement:
    """A picture was published, and then a price import saved the row that it had loaded before."""
    product = make_product()
    stale = Product.objects.get(pk=product.pk)
    enhancement: Enhancement = enlarge(product, auto_approve=True)
    work()
    assert Product.objects.get().enhanced_photo
    stale.save()
    assert not Product.objects.get().enhanced_photo
    return enhancement


def _told() -> Any:
    return quote({description_of(Product): [Product.objects.get().pk]}, spec_of_operation("upscale", {}))


def _jobs() -> int:
    return ProviderJob.objects.count()


def test_the_review_page_compares_and_publishes_again(displaced: Enhancement, person: Any, work: Any) -> None:
    address = f"/admin/product_imagery/enhancement/{displaced.pk}/review/?show=all"
    pages = person("*")
    page = pages.get(address).content.decode()
    assert "was published, but something else stands on the product now" in page
    assert "Publish again (free)" in page
    assert "· on the product</li>" not in page
    pages.post(address, {"publish": str(ResultImage.objects.get().pk)})
    work()
    assert Product.objects.get().enhanced_photo.name == ImageVersion.objects.latest("pk").after_name
    page = pages.get(address).content.decode()
    assert "· on the product</li>" in page
    assert "Publish again" not in page
    assert _jobs() == 1


def test_the_item_page_compares(displaced: Enhancement, person: Any) -> None:
    page = person("*").get(f"/admin/product_imagery/enhancementitem/{EnhancementItem.objects.get().pk}/change/")
    assert "something else stands on the product now" in page.content.decode()


def test_the_quote_says_that_it_lies_in_the_storage(displaced: Enhancement, enlarge: Any, person: Any) -> None:
    assert (_told().to_do, _told().done_before, _told().in_storage) == (0, 0, 1)
    with pytest.raises(NothingToDo, match="publish it again.*costs nothing") as refused:
        enlarge(Product.objects.get())
    assert refused.value.code == "in_storage"
    with pytest.raises(CommandError, match="imagery_publish"):
        call_command("imagery_enhance", "shop.Product", all=True, operation="upscale")


def test_the_command_publishes_again(displaced: Enhancement, work: Any, capsys: Any) -> None:
    call_command("imagery_publish", displaced.pk)
    assert "will publish 1 pictures" in capsys.readouterr().out
    work()
    assert Product.objects.get().enhanced_photo
    assert (_told().done_before, _told().in_storage, _jobs()) == (1, 0, 1)
    call_command("imagery_publish", displaced.pk)
    assert "0 pictures" in capsys.readouterr().out
    with pytest.raises(CommandError, match="There is no enhancement"):
        call_command("imagery_publish", 999)


def test_what_was_taken_back_is_published_again_on_demand_only(displaced: Enhancement, work: Any, capsys: Any) -> None:
    call_command("imagery_publish", displaced.pk)
    work()
    publish.restore(ImageVersion.objects.latest("pk"), actor=None)
    call_command("imagery_publish", displaced.pk)
    assert "0 pictures" in capsys.readouterr().out.splitlines()[-1]
    call_command("imagery_publish", displaced.pk, all=True)
    work()
    assert Product.objects.get().enhanced_photo


def _replaced_by_hand(product: Product) -> None:
    product.enhanced_photo.save("by-hand.png", ContentFile(encoded(draw_product(colour="blue"), "PNG")))


def _cleared(product: Product) -> None:
    Product.objects.update(enhanced_photo="")


def _gone(product: Product) -> None:
    product.delete()


@pytest.mark.parametrize("change", [_replaced_by_hand, _cleared, _gone])
def test_whatever_changed_the_product_is_seen(
    change: Callable[[Product], None], make_product: Make, enlarge: Any, work: Any
) -> None:
    product = make_product()
    enlarge(product, auto_approve=True)
    work()
    (result,) = ResultImage.objects.all()
    assert standing.publications([result]) == {result.pk: Publication.PUBLISHED}
    with pytest.raises(StateError, match="not on its product"):
        review.publish(result, actor=None)
    product.refresh_from_db()
    change(product)
    assert standing.publications([result]) == {result.pk: Publication.NONE}


def test_what_somebody_put_back_by_hand_is_on_the_product(displaced: Enhancement) -> None:
    Product.objects.update(enhanced_photo=ImageVersion.objects.get().after_name)
    ResultImage.objects.update(publication=Publication.NONE)
    (result,) = ResultImage.objects.all()
    assert standing.publications([result]) == {result.pk: Publication.PUBLISHED}


def test_it_takes_as_many_queries_for_many(gallery: Collection, make_product: Make, enlarge: Any, work: Any) -> None:
    enlarge(gallery, auto_approve=True)
    work()
    results = list(ResultImage.objects.select_related("item"))
    counts = []
    for some in (results[:1], results):
        with CaptureQueriesContext(connection) as queries:
            assert standing.on_product(some) == {result.pk for result in some}
        counts.append(len(queries))
    assert (len(results), counts[0]) == (3, counts[1])
