"""Leases: one row, one holder, whoever comes late writes nothing. The same for all models that have one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from example_project.shop.models import Product
from product_imagery.conf import MOST_LEASE
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import EventDelivery, ProviderJob, ResultImage, WebhookEndpoint, WorkerLease
from product_imagery.models.db_time import from_now
from product_imagery.models.leases import Lease

pytestmark = pytest.mark.django_db

Row: TypeAlias = Any


def _job(make: Callable[..., Product], enlarge: Callable[..., Any], person: Callable[..., Any]) -> Row:
    enlarge(make())
    return ProviderJob.objects.get()


def _result(make: Callable[..., Product], enlarge: Callable[..., Any], person: Callable[..., Any]) -> Row:
    enlarge(make())
    run_slice(until_idle=True)
    ResultImage.objects.update(review="approved", publication="waiting")
    return ResultImage.objects.get()


def _event(make: Callable[..., Product], enlarge: Callable[..., Any], person: Callable[..., Any]) -> Row:
    person("*")
    owner = get_user_model().objects.get()
    endpoint = WebhookEndpoint.objects.create(owner=owner, url="https://example.com/", state="active")
    return EventDelivery.objects.create(endpoint=endpoint, kind="item.completed", body="{}")


def _seat(make: Callable[..., Product], enlarge: Callable[..., Any], person: Callable[..., Any]) -> Row:
    return WorkerLease.objects.create(number=0)


@pytest.fixture(params=[_job, _result, _event, _seat], ids=["job", "publication", "event", "worker"])
def row(request: Any, make_product: Any, enlarge: Any, person: Any) -> Row:
    """A row of each model that is leased."""
    return request.param(make_product, enlarge, person)


def _acquire(row: Row, seconds: float = 60.0) -> Row | None:
    rows = type(row).objects
    token = rows.filter(pk=row.pk).acquire(seconds)
    return rows.get(lease_token=token) if token else None


def test_every_leased_model_is_tested_here() -> None:
    assert set(Lease.__subclasses__()) == {ProviderJob, ResultImage, EventDelivery, WorkerLease}


def test_a_row_has_one_holder(row: Row) -> None:
    rows = type(row).objects
    assert rows.free().count() == 1
    holder = _acquire(row)
    assert holder is not None
    assert _acquire(row) is None
    assert not rows.free().exists()
    assert rows.is_held([holder]) == {row.pk}


def test_a_released_row_is_free_and_its_holder_writes_nothing(row: Row) -> None:
    rows = type(row).objects
    holder = _acquire(row)
    assert rows.held(holder).release() == 1
    assert rows.free().count() == 1
    assert rows.held(holder).release() == 0
    assert rows.renew([holder], 60) == set()
    assert rows.is_held([holder]) == set()


def test_a_row_without_a_lease_is_held_by_nobody(row: Row) -> None:
    rows = type(row).objects
    assert not rows.held(row).exists()
    assert rows.is_held([row]) == set()


def test_an_expired_lease_goes_to_the_next_and_the_first_is_too_late(row: Row) -> None:
    rows = type(row).objects
    late = _acquire(row, seconds=-1)
    assert rows.expired().count() == 1
    holder = _acquire(row)
    assert holder is not None
    assert not rows.held(late).exists()
    assert rows.renew([late], 60) == set()
    assert rows.is_held([late, holder]) == {row.pk}


def test_renewing_moves_the_deadline(row: Row) -> None:
    rows = type(row).objects
    holder = _acquire(row, seconds=-1)
    assert rows.renew([holder], 60) == {row.pk}
    assert not rows.expired().exists()
    assert _acquire(row) is None


def test_a_lease_dated_further_ahead_than_it_could_be_is_free(row: Row) -> None:
    rows = type(row).objects
    rows.filter(pk=row.pk).update(lease_token=uuid.uuid4(), leased_until=from_now(MOST_LEASE + 60))
    assert rows.expired().count() == 1
    assert _acquire(row) is not None


@pytest.mark.parametrize("half", [{"lease_token": uuid.uuid4()}, {"leased_until": from_now(60)}])
def test_token_and_deadline_come_together(row: Row, half: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        type(row).objects.filter(pk=row.pk).update(**half)
