"""Fixtures: the fake providers on loopback, an account at each, and a worker that does not wait for the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models.functions import Now

from example_project.shop.models import Product
from product_imagery.flows.enhancements.specs import spec_of_operation
from product_imagery.flows.enhancements.start import enhance
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import Enhancement, LimitUse, ProviderCredential, ProviderJob
from product_imagery.products import description_of
from product_imagery.states import JobState
from tests.fakes.server import KEYS, STAND_INS, Fakes, serving

#: what the fixtures below are
Account = Callable[..., ProviderCredential]
Order = Callable[..., Enhancement]

OPERATIONS = {slug: str(stand_in.operation) for slug, stand_in in STAND_INS.items()}
WHSEC = "whsec_example"
_WAITING = (JobState.QUEUED, JobState.RUNNING, JobState.CHECKING)


@pytest.fixture
def fakes(settings: Any) -> Iterator[Fakes]:
    """The fake providers; the site's own public address leads to them as well, which is enough for a source."""
    fakes = Fakes()
    with serving(fakes) as base:
        settings.PRODUCT_IMAGERY = {
            "PROCESSES": 1,
            "CONNECTIONS": 8,
            "PUBLIC_BASE_URL": base,
            "FETCH_ALLOW": (base.removeprefix("http://"),),
        }
        yield fakes


@pytest.fixture
def account(db: None, fakes: Fakes) -> Callable[..., ProviderCredential]:
    """An account at a fake provider."""

    def open_account(provider: str, **fields: Any) -> ProviderCredential:
        key = fields.pop("key", KEYS[provider])
        credential = ProviderCredential(
            provider=provider,
            label=fields.pop("label", provider),
            base_url=f"{fakes.base}/{provider}",
            **{"consecutive_failures": 0, **fields},  # one that has worked before
        )
        credential.set_secret(key)
        credential.save()
        return credential

    return open_account


@pytest.fixture
def paqshot(account: Callable[..., ProviderCredential]) -> ProviderCredential:
    """An account at Paqshot that can tell its provider's calls."""
    credential = account("paqshot")
    credential.set_secret(WHSEC, "webhook_secret")
    credential.save()
    return credential


@pytest.fixture
def order(make_product: Any) -> Callable[..., Enhancement]:
    """Start an enhancement of so many new products with an account."""

    def begin(credential: ProviderCredential, pictures: int = 1, **arguments: Any) -> Enhancement:
        spec = spec_of_operation(
            OPERATIONS[credential.provider],
            arguments.pop("options", STAND_INS[credential.provider].options),
            credential,
        )
        ids = [make_product(sku=f"{credential.label}-{n}-{Product.objects.count()}").pk for n in range(pictures)]
        return enhance({description_of(Product): ids}, spec, channel="command", **arguments).enhancement

    return begin


@pytest.fixture
def stalled(account: Callable[..., ProviderCredential], order: Callable[..., Enhancement], fakes: Fakes) -> ProviderJob:
    """A job at ProductAI whose create was charged and never answered."""
    order(account("productai"))
    fakes.fail("productai.create", "lose")
    hurry()
    return ProviderJob.objects.get(state=JobState.STALLED)


def hurry(rounds: int = 30, *, forget_limits: bool = True) -> None:
    """Let a worker do what is due, and make everything else due, until nothing waits any more."""
    for _ in range(rounds):
        waiting = ProviderJob.objects.filter(state__in=_WAITING, credential__paused_at=None)
        if not waiting.exists():
            return
        waiting.update(due_at=Now())
        ProviderCredential.objects.update(cooldown_until=None, creates_after=None)
        if forget_limits:
            LimitUse.objects.all().delete()
        run_slice(seconds=0.05)
