"""What must hold after the purchase is tested before it, and nothing is bought whose result could not be taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError

from example_project.shop.models import Collection, CollectionPhoto, Product
from product_imagery.exceptions import NothingToDo, RequestError, StorageError
from product_imagery.flows.enhancements import preconditions
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import Quote, enhance, quote
from product_imagery.models import CreditEntry, Enhancement
from product_imagery.products import description_of
from product_imagery.states import ItemStatus
from product_imagery.storage import probe
from tests.conftest import draw_product, encoded
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes
from tests.fakes.storages import storing

pytestmark = pytest.mark.django_db
Make = Callable[..., Product]


@pytest.fixture(autouse=True)
def _untried() -> Iterator[None]:
    preconditions._tried.clear()
    yield
    preconditions._tried.clear()


def _upscale(credential: Any, model: Any = Product, **options: Any) -> dict[str, Any]:
    more = {"image_folder": "shop"} if credential.provider == "pergai" else {}
    spec = spec_of_operation("upscale", {**more, **options}, credential)
    return {"products": {description_of(model): list(model.objects.values_list("pk", flat=True))}, "spec": spec}


def _photo(size: tuple[int, int]) -> bytes:
    return encoded(draw_product(size))


@pytest.mark.parametrize(("provider", "options"), [("productai", {}), ("pergai", {"scale": "2x"})])
def test_a_result_above_the_bound_is_left_out_before_it_costs(
    provider: str, options: Any, account: Account, make_product: Make, fakes: Fakes, settings: Any
) -> None:
    settings.PRODUCT_IMAGERY |= {"RESULT_PIXELS": 1_000_000}
    small, large = make_product(content=_photo((480, 500))), make_product(content=_photo((600, 500)))
    credential = account(provider)
    told: Quote = quote(**_upscale(credential, **options))
    assert (told.to_do, told.untakeable, told.pictures) == (1, 1, 2)
    assert "RESULT_PIXELS" in told.untakeable_because[0]
    started = enhance(**_upscale(credential, **options), channel="command")
    assert [item.object_id for item in started.enhancement.items.all()] == [str(small.pk)]
    skipped = [(one.product_id, one.reason) for one in started.skipped]
    assert skipped == [(f"shop.product:{large.pk}", "result_too_large")]
    hurry()
    assert fakes.charged(provider) == 1


def test_nothing_but_too_large_ones_says_so(account: Account, make_product: Make, settings: Any) -> None:
    settings.PRODUCT_IMAGERY |= {"RESULT_PIXELS": 1_000_000}
    make_product(content=_photo((600, 500)))
    with pytest.raises(NothingToDo, match="Nothing was started or spent.*RESULT_PIXELS"):
        enhance(**_upscale(account("productai")), channel="command")


def test_a_phone_photo_is_enlarged_by_default(account: Account, make_product: Make) -> None:
    make_product(content=_photo((4000, 3000)))
    assert quote(**_upscale(account("productai"))).to_do == 1
    assert quote(**_upscale(account("pergai"), scale="4x")).to_do == 1


def test_what_cannot_be_told_at_the_start_is_looked_at_before_it_is_sent(
    account: Account, make_product: Make, fakes: Fakes, settings: Any
) -> None:
    product = make_product(content=_photo((600, 500)))
    enhancement = enhance(**_upscale(account("productai")), channel="command").enhancement
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "RESULT_PIXELS": 1_000_000}
    hurry()
    item = enhancement.items.get()
    assert (item.status, item.error_code) == (ItemStatus.FAILED, "result_too_large")
    assert "Nothing was sent or spent" in item.error_message
    assert fakes.created == []
    assert sum(CreditEntry.objects.values_list("amount", flat=True)) == 0
    assert product.pk


def test_a_name_is_looked_at_as_well(account: Account, make_product: Make, fakes: Fakes, settings: Any) -> None:
    make_product(content=_photo((600, 500)))
    enhancement = enhance(**_upscale(account("pergai")), channel="command").enhancement
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "RESULT_PIXELS": 1_000_000}
    hurry()
    assert enhancement.items.get().error_code == "result_too_large"
    assert fakes.created == []


def test_this_machine_leaves_out_what_it_could_not_enlarge(make_product: Make, settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {"PROCESSES": 1, "MAX_PIXELS": 1_000_000}
    make_product(content=_photo((600, 500)))
    spec = spec_of_operation("upscale", {})
    told = quote({description_of(Product): [Product.objects.get().pk]}, spec)
    assert (told.to_do, told.untakeable) == (0, 1)


def test_the_pages_and_the_api_show_what_is_left_out(
    account: Account, make_product: Make, settings: Any, person: Any, capsys: Any
) -> None:
    settings.PRODUCT_IMAGERY |= {"RESULT_PIXELS": 1_000_000}
    make_product(content=_photo((600, 500)))
    account("productai")
    with pytest.raises(CommandError, match="RESULT_PIXELS"):
        call_command("imagery_enhance", "shop.Product", all=True, operation="upscale", credential="productai")
    call_command("imagery_enhance", "shop.Product", all=True, operation="upscale", credential="productai", dry_run=True)
    assert "untakeable" in capsys.readouterr().out


def test_a_product_that_is_gone_is_not_bought_for(account: Account, order: Order, fakes: Fakes) -> None:
    enhancement = order(account("aigenstudio"), 2)
    gone = enhancement.items.first()
    assert gone is not None
    Product.objects.filter(pk=gone.object_id).delete()
    hurry()
    gone.refresh_from_db()
    assert (gone.status, gone.error_code) == (ItemStatus.FAILED, "product_gone")
    assert fakes.charged("aigenstudio") == 1


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The target field of the example's products, with some of it changed."""
    field: Any = Product._meta.get_field("enhanced_photo")
    return lambda **changes: [monkeypatch.setattr(field, name, value) for name, value in changes.items()]


def test_a_field_that_is_too_short_is_refused_before_it_costs(
    target: Any, account: Account, order: Order, fakes: Fakes, person: Any
) -> None:
    target(max_length=40)
    with pytest.raises(RequestError, match=r"Nothing was started or spent.*too short.*needs 48.*max_length=255"):
        order(account("paqshot"))
    assert not Enhancement.objects.exists()


def test_a_system_check_names_the_field_that_is_too_short(target: Any, capsys: Any) -> None:
    target(max_length=40)
    call_command("check")
    assert "product_imagery.W010" in capsys.readouterr().err
    with pytest.raises(SystemCheckError):
        call_command("check", fail_level="WARNING")


def test_names_that_the_shop_makes_itself_are_tried_on_each_row(
    target: Any, account: Account, make_product: Make, django_assert_num_queries: Any
) -> None:
    make_product(sku="short")
    make_product(sku="a-rather-long-number-of-an-article")
    target(max_length=60, upload_to=lambda product, name: f"articles/{product.sku}/{name}")
    told = quote(**_upscale(account("productai")))
    assert (told.to_do, told.untakeable) == (1, 1)
    assert "max_length=255" in told.untakeable_because[0]


def test_a_shop_whose_code_fails_on_a_row_is_not_stopped(target: Any, account: Account, make_product: Make) -> None:
    make_product()
    target(upload_to=lambda product, name: 1 // 0)
    assert quote(**_upscale(account("productai"))).to_do == 1


def test_a_storage_that_takes_nothing_is_found_out_before_it_costs(
    account: Account, order: Order, make_product: Make, fakes: Fakes, settings: Any
) -> None:
    saved: list[str] = []

    def refuse(save: Callable[[str, Any], str], name: str, content: Any) -> str:
        saved.append(name)
        raise PermissionError(13, "Permission denied")

    product = make_product()
    spec = _upscale(account("productai"))
    with storing(refuse), pytest.raises(StorageError, match="takes no files now.*Nothing was started or spent"):
        enhance(**spec, channel="command")
    assert saved[0] == "products/enhanced/product-imagery-test.txt"
    assert len(saved) == 2  # the second under a name that no other process can have
    enhance(**spec, channel="command")
    assert product.pk
    assert not list(Path(settings.MEDIA_ROOT).rglob("product-imagery-test*"))


def test_a_storage_is_tried_once_in_a_while_only(account: Account, make_product: Make, monkeypatch: Any) -> None:
    make_product()
    tried: list[Any] = []
    monkeypatch.setattr(probe, "try_out", lambda *arguments: tried.append(arguments))
    for _ in range(3):
        quote(**_upscale(account("productai", label=f"A{_}")))
    assert len(tried) == 1


def test_the_queries_do_not_grow_with_the_pictures(
    account: Account, gallery: Collection, django_assert_max_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    spec = _upscale(account("productai"), Collection)
    counts = []
    for more in (0, 12):
        for position in range(more):
            row = CollectionPhoto(collection=gallery, position=position + 5)
            row.image.save(f"more-{position}.jpg", ContentFile(_photo((120, 100))))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            quote(**spec)
        counts.append(len(queries))
    assert counts[0] == counts[1]
