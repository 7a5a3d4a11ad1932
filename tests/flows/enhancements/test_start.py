"""Starting: what is counted is what is done, nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from example_project.shop.models import Collection, Product
from product_imagery.exceptions import NothingToDo, RequestError
from product_imagery.flows.enhancements.specs import spec_of_operation, spec_of_preset
from product_imagery.flows.enhancements.start import enhance, quote
from product_imagery.flows.results import review
from product_imagery.models import Enhancement, Preset, ProviderCredential, ResultImage
from product_imagery.products import description_of
from product_imagery.states import EnhancementStatus, ItemStatus


def test_a_selection_is_frozen(make_product: Callable[..., Product], enlarge: Callable[..., Enhancement]) -> None:
    first, second = make_product("One"), make_product("Two")
    enhancement = enlarge(first, second)
    assert enhancement.status == EnhancementStatus.QUEUED
    assert [item.label for item in enhancement.items.all()] == ["One", "Two"]
    first.photo.name = "elsewhere.jpg"
    first.save()
    assert enhancement.items.get(label="One").source_name != "elsewhere.jpg"


def test_a_gallery_gives_one_item_for_each_picture(gallery: Collection, enlarge: Callable[..., Enhancement]) -> None:
    assert enlarge(gallery).items.count() == 3


def test_what_is_under_way_is_not_started_again(
    make_product: Callable[..., Product], enlarge: Callable[..., Enhancement]
) -> None:
    first, second = make_product(), make_product()
    enlarge(first)
    assert [item.object_id for item in enlarge(first, second).items.all()] == [str(second.pk)]
    with pytest.raises(NothingToDo, match="being made already"):
        enlarge(first, second)
    assert enlarge(first, options={"factor": "4"}).items.count() == 1


def test_what_was_done_is_offered_instead_unless_new_ones_are_wanted(
    make_product: Callable[..., Product], enlarge: Callable[..., Enhancement], work: Callable[[], Any]
) -> None:
    product = make_product()
    enlarge(product)
    work()
    with pytest.raises(NothingToDo, match="have this look already"):
        enlarge(product)
    assert enlarge(product, fresh=True).items.count() == 1


def test_a_rejected_result_does_not_count_as_done(
    make_product: Callable[..., Product], enlarge: Callable[..., Enhancement], work: Callable[[], Any]
) -> None:
    product = make_product()
    enlarge(product)
    work()
    review.reject(ResultImage.objects.get(), actor=None)
    assert enlarge(product).items.count() == 1


def test_the_quote_says_what_starting_will_do(
    make_product: Callable[..., Product], enlarge: Callable[..., Enhancement], work: Callable[[], Any]
) -> None:
    done, running, new = make_product(), make_product(), make_product()
    bare = Product.objects.create(title="bare", sku="bare", price=1)
    enlarge(done)
    work()
    enlarge(running)
    ids = [product.pk for product in (done, running, new, bare)]
    told = quote({description_of(Product): ids}, spec_of_operation("upscale", {}))
    assert (told.to_do, told.under_way, told.done_before, told.without_picture) == (1, 1, 1, 1)
    assert told.cost == Decimal(0)
    assert told.seconds > 0
    assert Enhancement.objects.count() == 2


def test_the_number_of_queries_does_not_grow_with_the_selection(
    make_product: Callable[..., Product], enlarge: Callable[..., Enhancement]
) -> None:
    counts = []
    enlarge(make_product(sku="first, which fills caches"))
    for number in (2, 30):
        products = [make_product(sku=f"{number}-{k}") for k in range(number)]
        with CaptureQueriesContext(connection) as queries:
            enlarge(*products)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_too_many_and_none_at_all(make_product: Callable[..., Product], settings: Any) -> None:
    spec, description = spec_of_operation("upscale", {}), description_of(Product)
    with pytest.raises(NothingToDo, match="None of the selected products has a picture"):
        enhance({description: []}, spec, channel="command")
    settings.PRODUCT_IMAGERY = {"MAX_SELECTION": 1}
    with pytest.raises(RequestError, match="at most 1"):
        enhance({description: [1, 2]}, spec, channel="command")


@pytest.mark.django_db
def test_shipped_presets_all_fit_their_operations() -> None:
    assert {preset.provider for preset in Preset.objects.offered()} == {"local"}
    for provider in ("aigenstudio", "productai", "paqshot"):
        ProviderCredential.objects.create(provider=provider, label=provider)
    presets = Preset.objects.offered()
    assert len(presets) >= 15
    for preset in presets:
        preset.full_clean()
        assert spec_of_preset(preset.name).operation == preset.operation


@pytest.mark.django_db
def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(RequestError, match="There are: .*white"):
        spec_of_preset("whyte")


def test_items_under_way_hold_their_key_and_ended_ones_do_not(
    make_product: Callable[..., Product], enlarge: Callable[..., Enhancement], work: Callable[[], Any]
) -> None:
    item = enlarge(make_product()).items.get()
    assert item.active_key
    work()
    item.refresh_from_db()
    assert (item.status, item.active_key) == (ItemStatus.COMPLETED, None)
