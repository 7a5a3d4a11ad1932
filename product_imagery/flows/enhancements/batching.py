"""Batching: how the pictures of an enhancement are divided into creates."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TypeVar

from product_imagery.models import ProviderCredential
from product_imagery.provider_kit.contract import Counted

T = TypeVar("T")


def batch_sizes(credential: ProviderCredential) -> list[int]:
    """Return numbers of pictures for successive creates, to be repeated in this order.

    They make few creates, and use up hourly limits exactly::

        at most 10 for one create, no hourly limit      [10]
        at most 10 for one create, 25 an hour           [9, 8, 8]: three creates fill the hour
        at most 10 for one create, 4 an hour            [4]
    """
    provider = credential.declared
    hourly = min((limit.most for limit in credential.limits() if limit.counted is Counted.IMAGES), default=0)
    if provider.batch == 1 or hourly <= provider.batch:
        return [min(provider.batch, hourly or provider.batch)]
    parts = -(-hourly // provider.batch)
    return [hourly // parts + (part < hourly % parts) for part in range(parts)]


def batches(things: Sequence[T], credential: ProviderCredential) -> Iterator[Sequence[T]]:
    """Divide the pictures of an enhancement into creates."""
    begin = 0
    for size in itertools.cycle(batch_sizes(credential)):
        if begin >= len(things):
            return
        yield things[begin : begin + size]
        begin += size
