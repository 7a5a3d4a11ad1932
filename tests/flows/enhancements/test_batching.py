"""Few creates, which use up hourly limits exactly."""

from __future__ import annotations

import pytest

from product_imagery.flows.enhancements.batching import batch_sizes, batches
from product_imagery.models import ProviderCredential


def _account(provider: str, images_an_hour: int) -> ProviderCredential:
    return ProviderCredential(provider=provider, own_limits={"images": [images_an_hour, 3600]})


@pytest.mark.parametrize(("hourly", "sizes"), [(60, [20, 20, 20]), (50, [17, 17, 16]), (25, [13, 12]), (4, [4])])
def test_creates_of_nearly_one_size_fill_the_hour(hourly: int, sizes: list[int]) -> None:
    credential = _account("aigenstudio", hourly)
    assert credential.declared.batch == 20
    assert batch_sizes(credential) == sizes
    assert sum(sizes) == hourly


def test_a_provider_of_single_pictures_gets_one_at_a_time() -> None:
    assert batch_sizes(_account("productai", 25)) == [1]


def test_all_pictures_are_divided_in_their_order_and_the_sizes_repeat() -> None:
    things = list(range(30))
    parts = list(batches(things, _account("aigenstudio", 25)))
    assert [len(part) for part in parts] == [13, 12, 5]
    assert [thing for part in parts for thing in part] == things
    assert list(batches([], _account("aigenstudio", 25))) == []
