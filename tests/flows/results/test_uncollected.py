"""What is paid for and cannot be taken now stays collectable, and says where it lies and what would help."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import Sum
from PIL import Image

from product_imagery.exceptions import FetchError, StorageError
from product_imagery.flows.results.uncollected import of_result
from product_imagery.models import CreditEntry, Enhancement, EnhancementItem, ProviderJob
from product_imagery.states import ItemStatus
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import Fakes

pytestmark = pytest.mark.django_db
PROVIDERS = ["aigenstudio", "productai", "paqshot", "pergai"]


def _large(side: int) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (side, side), "teal").save(target, "PNG")
    return target.getvalue()


def _item() -> EnhancementItem:
    return EnhancementItem.objects.get()


def _collects(enhancement: Enhancement, fakes: Fakes, provider: str) -> None:
    """A retry fetches the picture and buys nothing."""
    charged = fakes.charged(provider)
    booked = CreditEntry.objects.aggregate(total=Sum("amount"))["total"]
    call_command("imagery_retry", enhancement.pk, failed=True)
    hurry()
    assert _item().status == ItemStatus.COMPLETED, _item().error_message
    assert fakes.charged(provider) == charged == 1
    assert CreditEntry.objects.aggregate(total=Sum("amount"))["total"] == booked


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_result_above_the_bound_waits_for_the_setting(
    provider: str, account: Account, order: Order, fakes: Fakes, settings: Any
) -> None:
    settings.PRODUCT_IMAGERY |= {"RESULT_PIXELS": 1_000_000}
    fakes.picture = _large(1100)
    enhancement = order(account(provider))
    hurry(8)
    item = _item()
    assert (item.status, item.error_code) == (ItemStatus.FAILED, "too_many_pixels")
    for words in ("made and paid for", "1 megapixels", "Raise RESULT_PIXELS", "costs nothing", f"{fakes.base}/"):
        assert words in item.error_message
    assert "Upload" not in item.error_message
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "RESULT_PIXELS": 2_000_000}
    _collects(enhancement, fakes, provider)


def test_a_result_may_be_larger_than_a_source(account: Account, order: Order, fakes: Fakes, settings: Any) -> None:
    settings.PRODUCT_IMAGERY |= {"MAX_PIXELS": 500_000, "MAX_SIDE": 800}
    fakes.picture = _large(1100)
    order(account("paqshot"))
    hurry()
    assert _item().status == ItemStatus.COMPLETED


def test_what_the_memory_does_not_allow_is_told_by_its_own_setting(
    account: Account, order: Order, fakes: Fakes, settings: Any
) -> None:
    settings.PRODUCT_IMAGERY |= {"MEMORY_PER_PROCESS": 267 * 1024**2}
    assert "Raise MEMORY_PER_PROCESS" in of_result(FetchError("x", code="too_many_pixels"), "https://a/b", "P").message


def test_a_result_with_too_many_bytes_waits_for_the_setting(
    account: Account, order: Order, fakes: Fakes, settings: Any
) -> None:
    settings.PRODUCT_IMAGERY |= {"RESULT_BYTES": 500}
    enhancement = order(account("paqshot"))
    hurry(8)
    assert _item().error_code == "too_large"
    assert "Raise RESULT_BYTES" in _item().error_message
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "RESULT_BYTES": 5_000_000}
    _collects(enhancement, fakes, "paqshot")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_result_at_a_refused_address_can_be_collected_when_it_is_allowed(
    provider: str, account: Account, order: Order, fakes: Fakes, settings: Any
) -> None:
    elsewhere = {"Location": "https://127.0.0.1:9/x.png?token=secret"}
    fakes.fail("files.read", "status", times=99, status=302, headers=elsewhere)
    enhancement = order(account(provider))
    while not _item().error_code:
        hurry(1)
    assert _item().status == ItemStatus.PROCESSING, "not failed at once"
    hurry(8)
    item = _item()
    assert (item.status, item.error_code) == (ItemStatus.FAILED, "unsafe_address")
    assert "FETCH_ALLOW" in item.error_message
    assert "made and paid for" in item.error_message
    assert "secret" not in item.error_message
    fakes.faults.clear()
    _collects(enhancement, fakes, provider)


def test_a_result_at_a_foreign_host_names_the_setting(
    account: Account, order: Order, fakes: Fakes, settings: Any
) -> None:
    settings.PRODUCT_IMAGERY |= {"RESULT_HOSTS": {"paqshot": ["cdn.example.com"]}}
    enhancement = order(account("paqshot"))
    hurry(8)
    assert _item().error_code == "foreign_host"
    assert "Add 127.0.0.1 to RESULT_HOSTS" in _item().error_message
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "RESULT_HOSTS": {}}
    _collects(enhancement, fakes, "paqshot")


@pytest.mark.parametrize("content", [b"<html>Log in</html>", b"GIF89a", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"])
def test_what_is_no_picture_speaks_of_the_provider(
    content: bytes, account: Account, order: Order, fakes: Fakes
) -> None:
    good, fakes.picture = fakes.picture, content
    enhancement = order(account("productai"))
    hurry(14)
    item = _item()
    assert item.status == ItemStatus.FAILED
    assert "no picture that can be read" in item.error_message
    assert "Upload" not in item.error_message
    fakes.picture = good
    _collects(enhancement, fakes, "productai")


def test_every_reason_is_told_in_words_about_a_result() -> None:
    for code in ("gone", "truncated", "compressed", "no_such_host", "fetch_failed"):
        said = of_result(FetchError("It was lost.", code=code), "https://cdn.example/a.png?sig=1", "ProductAI")
        assert said.message.startswith("The picture is made and paid for. It lies at https://cdn.example/a.png, ")
        assert said.message.endswith("costs nothing.")
        assert (type(said), said.code) == (FetchError, code)
    said = of_result(StorageError("The picture could not be stored."), "not an address at all", "ProductAI")
    assert "Look after the storage of results" in said.message


def test_the_pages_and_commands_say_that_trying_again_is_free(
    account: Account, order: Order, fakes: Fakes, settings: Any, person: Any, capsys: Any
) -> None:
    settings.PRODUCT_IMAGERY |= {"RESULT_BYTES": 500}
    enhancement = order(account("paqshot"))
    hurry(8)
    page = person("*").get(f"/admin/product_imagery/enhancement/{enhancement.pk}/change/").content.decode()
    assert "1 of them is made and paid for already: it is only fetched, which costs nothing" in page
    call_command("imagery_retry", enhancement.pk, failed=True)
    assert "Already paid for and only fetched, at no cost: 1." in capsys.readouterr().out
    assert ProviderJob.objects.get().remote_id
