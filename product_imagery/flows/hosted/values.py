"""Values that the modules of a hosted call hand on: the call with its ticket, and the result that it ends with."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from product_imagery.exceptions import ImageryError
from product_imagery.flows.hosted.credential_session import CredentialSession
from product_imagery.flows.results.fetch import Stored
from product_imagery.models import EnhancementItem, ProviderJob
from product_imagery.products import ProductImages
from product_imagery.provider_kit.outcomes import Outcome
from product_imagery.provider_kit.registry import get_offer, get_provider


@dataclass
class Ticket:
    """The right to make calls for one job until ``deadline`` (monotonic), when its lease may expire.

    ``counted``: the first call was counted when the job was leased. ``sent``: a create may have reached the provider.
    ``skew``: seconds by which the provider's clock is ahead of ours, if its response has a date.
    """

    job: ProviderJob
    session: CredentialSession
    deadline: float
    counted: bool = True
    sent: bool = False
    skew: float | None = None
    since: float = field(default_factory=time.monotonic)


@dataclass(eq=False)
class Call:
    """A leased job with everything that its thread needs. ``gone``: keys of items whose product was deleted."""

    job: ProviderJob
    items: list[EnhancementItem]
    ticket: Ticket
    descriptions: dict[int, ProductImages] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    error: ImageryError | None = None

    @property
    def provider(self) -> Any:
        """A fresh instance of the provider."""
        return get_provider(self.job.provider)()

    @property
    def grows(self) -> float:
        """Factor by which the sides of the result exceed the source's; 0 where it does not grow."""
        growth = get_offer(type(self.provider), self.job.operation).growth_of(self.job.options)
        return growth if growth > 1 else 0.0


@dataclass(frozen=True, eq=False)
class CallResult:
    """The end of a call: an outcome with its pictures stored, or an error. ``bad``: errors of items without one."""

    call: Call
    outcome: Outcome | None = None
    error: ImageryError | None = None
    pictures: list[Stored] = field(default_factory=list)
    bad: dict[int, ImageryError] = field(default_factory=dict)
    digests: dict[int, str] = field(default_factory=dict)

    @property
    def job(self) -> ProviderJob:
        """The job that the call was about."""
        return self.call.job

    @cached_property
    def collected(self) -> set[int]:
        """Keys of the items whose pictures are stored."""
        return {stored.picture.item_id for stored in self.pictures}
