"""Clocks that were wrong: nothing waits longer for a date than that date could ever have been ahead."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db.models.functions import Now

from example_project.shop.models import Product
from product_imagery.conf import get_settings
from product_imagery.exceptions import ConfigurationError
from product_imagery.flows.results import review
from product_imagery.flows.worker.clocks import correct_dates
from product_imagery.flows.worker.loop import Slice, run_slice
from product_imagery.models import (
    ApiKey,
    Enhancement,
    EventDelivery,
    LimitUse,
    ProviderCredential,
    ProviderJob,
    RateUse,
    ResultImage,
    WebhookDelivery,
    WebhookEndpoint,
    WorkerLease,
)
from product_imagery.states import JobState, Publication

Make = Callable[..., Product]
Enlarge = Callable[..., Enhancement]
Work = Callable[[], Slice]

pytestmark = pytest.mark.django_db

_AHEAD = Now() + timedelta(hours=3)


def test_a_slot_dated_ahead_holds_nobody_up(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    enlarge(make_product())
    leased = {"lease_token": uuid.uuid4(), "leased_until": _AHEAD}
    WorkerLease.objects.create(number=0, seen_at=_AHEAD, cleared_at=_AHEAD, **leased)
    assert work().ran
    assert ProviderJob.objects.get().state == JobState.DONE
    assert not WorkerLease.objects.filter(seen_at__gt=Now() + timedelta(minutes=1)).exists()
    assert not WorkerLease.objects.filter(cleared_at__gt=Now() + timedelta(minutes=1)).exists()


def test_a_job_dated_ahead_is_done(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    enlarge(make_product())
    enlarge(make_product())
    ProviderJob.objects.update(due_at=_AHEAD)
    held = ProviderJob.objects.order_by("pk").last()
    assert held is not None
    ProviderJob.objects.filter(pk=held.pk).acquire(3 * 3600, state="sending", attempts=1)
    work()
    assert set(ProviderJob.objects.values_list("state", flat=True)) == {JobState.DONE}


def test_a_publication_dated_ahead_is_made(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    enlarge(make_product())
    work()
    review.approve(ResultImage.objects.get(), actor=None, publish=True)
    ResultImage.objects.update(lease_token=uuid.uuid4(), leased_until=_AHEAD)
    work()
    assert ResultImage.objects.get().publication == Publication.PUBLISHED


def test_what_is_dated_ahead_comes_back_to_now(person: Callable[..., Any]) -> None:
    person("*")
    owner = get_user_model().objects.get()
    credential = ProviderCredential.objects.create(provider="local", label="x", cooldown_until=_AHEAD, moved_at=_AHEAD)
    endpoint = WebhookEndpoint.objects.create(owner=owner, url="https://example.com/", state="active")
    EventDelivery.objects.create(endpoint=endpoint, kind="a", body="{}", due_at=Now() + timedelta(days=3))
    LimitUse.objects.create(credential=credential, counted="requests", amount=1, at=_AHEAD)
    RateUse.objects.create(
        key=ApiKey.objects.create(owner=owner, name="k", prefix="p", digest="d"), weight=1, at=_AHEAD
    )
    delivery = WebhookDelivery.objects.create(credential=credential, body=b"{}")
    WebhookDelivery.objects.filter(pk=delivery.pk).update(received_at=_AHEAD)
    assert correct_dates() == 6
    assert correct_dates() == 0
    assert ProviderCredential.objects.not_cooling_down().exists()
    assert EventDelivery.objects.filter(due_at__lte=Now()).count() == 1


def test_ordinary_waits_stay(make_product: Make, enlarge: Enlarge) -> None:
    enlarge(make_product())
    ProviderJob.objects.update(due_at=Now() + timedelta(hours=1))
    WorkerLease.objects.create(number=0, lease_token=uuid.uuid4(), leased_until=Now() + timedelta(seconds=15))
    assert correct_dates() == 0
    assert not run_slice(until_idle=True).ran


def test_leases_cannot_be_set_longer_than_the_bound(settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {"CLAIM_SECONDS": 3600.0}
    with pytest.raises(ConfigurationError, match="at most 900 seconds"):
        get_settings()
