"""Large selections: one short request, and workers that make the items batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.models import Max, Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext

from example_project.shop.models import Collection, Product
from product_imagery.exceptions import NothingToDo, RequestError, StateError
from product_imagery.flows.enhancements import cancel, items, prepare, retry
from product_imagery.flows.enhancements.prepare import prepare_due
from product_imagery.flows.enhancements.specs import WorkSpec, spec_of_operation
from product_imagery.flows.enhancements.start import enhance, quote
from product_imagery.models import (
    CreditEntry,
    Enhancement,
    EnhancementItem,
    Preparation,
    ProviderCredential,
    ProviderJob,
    ResultImage,
    transitions,
)
from product_imagery.products import description_of
from product_imagery.states import EnhancementStatus, ItemStatus, JobState

Make = Callable[..., Product]
Enlarge = Callable[..., Enhancement]
Work = Callable[[], Any]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "BATCH", 2)
    monkeypatch.setattr(cancel, "BATCH_JOBS", 2)
    monkeypatch.setattr(retry, "BATCH_JOBS", 2)


def _rows(number: int) -> list[Product]:
    first = Product.objects.aggregate(last=Max("pk"))["last"] or 0
    rows = [Product(title=f"P{n}", sku=f"S{n}", price=1, photo=f"{n}.jpg") for n in range(first, first + number)]
    return Product.objects.bulk_create(rows)


def _figures(enhancement: Enhancement) -> Any:
    return Enhancement.objects.with_progress().get(pk=enhancement.pk)


def _prepared(enhancement: Enhancement) -> Enhancement:
    while prepare_due():
        pass
    return Enhancement.objects.get(pk=enhancement.pk)


@pytest.fixture
def paid() -> ProviderCredential:
    """An account where a picture costs 1."""
    return ProviderCredential.objects.create(provider="paqshot", label="Paq", base_url="http://127.0.0.1:9/paqshot")


def _spec(account: ProviderCredential) -> WorkSpec:
    return spec_of_operation("white_background", {}, account)


def _order(account: ProviderCredential, products: list[Product], **how: Any) -> Enhancement:
    chosen = {description_of(Product): [one.pk for one in products]}
    return enhance(chosen, _spec(account), channel="command", **how).enhancement


def test_a_large_start_writes_a_header_and_the_worker_does_the_rest(enlarge: Enlarge) -> None:
    begun = enlarge(*_rows(5))
    assert EnhancementItem.objects.count() == 0
    figures = _figures(begun)
    assert (figures.preparing, figures.unprepared, figures.total, figures.open) == (True, 5, 5, 5)
    counts = []
    while prepare_due():
        counts.append(begun.items.count())
    assert counts == [2, 4, 5]
    assert not _figures(begun).preparing
    assert [item.label for item in begun.items.all()] == [f"P{n}" for n in range(5)]


def test_its_pictures_are_made(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    begun = enlarge(*(make_product(sku=f"{n}") for n in range(3)))
    work()
    assert Enhancement.objects.get(pk=begun.pk).status == EnhancementStatus.COMPLETED
    assert ResultImage.objects.count() == 3


def test_a_command_that_waits_prepares_and_makes_them(make_product: Make, capsys: Any) -> None:
    for number in range(3):
        make_product(sku=f"{number}")
    call_command("imagery_enhance", "shop.Product", all=True, operation="upscale", wait=True)
    told = capsys.readouterr().out
    assert "3 pictures queued" in told
    assert "3 completed" in told


def test_a_small_selection_is_ready_at_once(enlarge: Enlarge) -> None:
    assert enlarge(*_rows(2)).items.count() == 2
    assert not Preparation.objects.exists()


def test_what_ends_early_does_not_close_it(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    begun = enlarge(*(make_product(sku=f"{n}") for n in range(3)))
    prepare_due()
    Preparation.objects.update(due_at="2999-01-01T00:00:00Z")
    transitions.mark_cancelled(ProviderJob.objects.all())
    transitions.end_items(EnhancementItem.objects.all(), ItemStatus.CANCELLED)
    items.update_status([begun.pk])
    assert Enhancement.objects.get(pk=begun.pk).is_active


def test_a_worker_that_dies_in_a_batch_leaves_no_half_and_makes_nothing_twice(
    enlarge: Enlarge, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = enlarge(*_rows(5))
    prepare_due()
    update_status = items.update_status
    monkeypatch.setattr(items, "update_status", lambda *_: (_ for _ in ()).throw(DatabaseError("cut")))
    prepare_due()
    assert begun.items.count() == 2
    monkeypatch.setattr(items, "update_status", update_status)
    Preparation.objects.update(due_at="2001-01-01T00:00:00Z")
    _prepared(begun)
    assert sorted(begun.items.values_list("label", flat=True)) == [f"P{n}" for n in range(5)]


def test_two_workers_at_one_batch_make_it_once(enlarge: Enlarge) -> None:
    begun = enlarge(*_rows(5))
    first, second = Preparation.objects.due()[0], Preparation.objects.due()[0]
    items.make_batch(first)
    items.make_batch(second)
    assert begun.items.count() == 2


def test_what_always_fails_ends_with_its_reason(enlarge: Enlarge, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = enlarge(*_rows(5))
    prepare_due()
    monkeypatch.setattr(items, "make_plan", lambda *_, **__: 1 / 0)
    for _try in range(prepare._TRIES):
        Preparation.objects.update(due_at="2001-01-01T00:00:00Z")
        prepare_due()
    begun.refresh_from_db()
    assert not begun.is_preparing
    assert begun.omitted == {"not_prepared": 3}
    assert "nothing was spent for those" in begun.note
    assert begun.is_active  # with the two that were made


def test_what_somebody_else_started_meanwhile_is_left_out(enlarge: Enlarge) -> None:
    rows = _rows(5)
    begun = enlarge(*rows)
    enlarge(*rows[3:])
    begun = _prepared(begun)
    assert begun.items.count() == 3
    assert begun.omitted == {"under_way": 2}


def test_what_is_gone_meanwhile_is_left_out(enlarge: Enlarge) -> None:
    rows = _rows(5)
    begun = enlarge(*rows)
    rows[0].delete()
    begun = _prepared(begun)
    assert begun.items.count() == 4
    assert begun.omitted == {"gone": 1}


def test_a_gallery_larger_than_a_batch(gallery: Collection, enlarge: Enlarge) -> None:
    begun = _prepared(enlarge(gallery))
    assert sorted(begun.items.values_list("slot", flat=True)) == sorted(str(photo.pk) for photo in gallery.photos.all())


class TestMoney:
    def test_the_whole_cost_is_reserved_at_once(self, paid: ProviderCredential) -> None:
        paid.budget_day = 7
        paid.save()
        begun = _order(paid, _rows(5))
        with pytest.raises(RequestError, match="2 are left"):
            _order(paid, _rows(3))
        prepare_due()
        with pytest.raises(RequestError, match="2 are left"):
            _order(paid, _rows(3))
        _prepared(begun)
        with pytest.raises(RequestError, match="2 are left"):
            _order(paid, _rows(3))
        assert _order(paid, _rows(2)).items.count() == 2
        assert CreditEntry.objects.aggregate(total=Sum("amount"))["total"] == 7

    def test_too_dear_is_refused_before_anything_is_written(self, paid: ProviderCredential) -> None:
        with pytest.raises(RequestError, match="more than its budget of 4"):
            _order(paid, _rows(5), budget=Decimal(4))
        assert not Enhancement.objects.exists()

    def test_what_is_left_out_is_released(self, paid: ProviderCredential) -> None:
        paid.budget_day = 5
        paid.save()
        rows = _rows(5)
        begun = _order(paid, rows)
        rows[0].delete()
        _prepared(begun)
        assert CreditEntry.objects.aggregate(total=Sum("amount"))["total"] == 4
        assert _order(paid, _rows(1)).items.count() == 1

    def test_cancelled_while_it_is_prepared(self, paid: ProviderCredential) -> None:
        begun = _order(paid, _rows(5))
        prepare_due()
        assert cancel.cancel(begun) == 5
        assert prepare_due() == 0
        begun.refresh_from_db()
        assert (begun.status, begun.omitted) == (EnhancementStatus.CANCELLED, {"cancelled": 3})
        assert set(begun.items.values_list("status", flat=True)) == {ItemStatus.CANCELLED}
        assert CreditEntry.objects.aggregate(total=Sum("amount"))["total"] == 0
        assert not Preparation.objects.exists()

    def test_cancelled_before_anything_is_made(self, paid: ProviderCredential) -> None:
        begun = _order(paid, _rows(5))
        assert cancel.cancel(begun) == 5
        begun.refresh_from_db()
        assert begun.status == EnhancementStatus.CANCELLED

    def test_many_are_tried_again_by_the_worker(self, paid: ProviderCredential) -> None:
        begun = _prepared(_order(paid, _rows(5)))
        cancel.cancel(begun)
        while cancel.cancel_returned():
            pass
        paid.budget_day = 6
        paid.save()
        begun.refresh_from_db()
        assert retry.retry(begun) == 5
        with pytest.raises(RequestError, match="left"):
            _order(paid, _rows(2))
        with pytest.raises(StateError, match="still being prepared"):
            retry.retry(begun)
        assert _prepared(begun).is_active
        assert set(begun.items.values_list("status", flat=True)) == {ItemStatus.QUEUED}
        assert begun.jobs.filter(state=JobState.QUEUED).count() == 5
        assert CreditEntry.objects.aggregate(total=Sum("amount"))["total"] == 5
        assert not Preparation.objects.exists()

    def test_a_dear_retry_is_refused(self, paid: ProviderCredential) -> None:
        begun = _prepared(_order(paid, _rows(5), budget=Decimal(5)))
        ProviderJob.objects.update(state=JobState.FAILED, finished_at="2026-01-01T00:00:00Z")
        begun.items.update(status=ItemStatus.FAILED, active_key=None, finished_at="2026-01-01T00:00:00Z")
        with pytest.raises(RequestError, match="of this enhancement 0 are left"):
            retry.retry(begun)
        assert not Preparation.objects.exists()


def test_cancel_of_many_goes_on_in_the_worker(enlarge: Enlarge) -> None:
    begun = _prepared(enlarge(*_rows(5)))
    assert cancel.cancel(begun) == 5  # the test's own transaction: one batch, the rest is left to the worker
    assert begun.items.filter(status=ItemStatus.CANCELLED).count() == 2
    while cancel.cancel_returned():
        pass
    begun.refresh_from_db()
    assert begun.status == EnhancementStatus.CANCELLED


def test_the_number_of_queries_does_not_grow(enlarge: Enlarge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "BATCH", 500)
    spec, description = spec_of_operation("upscale", {}), description_of(Product)
    enlarge(*_rows(1))  # fills caches
    quoted, begun = [], []
    for number in (10, 2000):
        chosen = {description: [row.pk for row in _rows(number)]}
        with CaptureQueriesContext(connection) as queries:
            assert quote(chosen, spec).to_do == number
        quoted.append(len(queries))
        with CaptureQueriesContext(connection) as queries:
            enhance(chosen, spec, channel="command")
        begun.append(len(queries))
    assert quoted[0] == quoted[1] < 10
    assert begun[1] <= begun[0] < 20


def test_the_page_says_that_it_is_prepared(enlarge: Enlarge, person: Callable[..., Client]) -> None:
    begun = enlarge(*_rows(5))
    page = person("*").get(f"/admin/product_imagery/enhancement/{begun.pk}/change/").content.decode()
    assert "Being prepared: 5 pictures are still to be queued" in page


def test_the_status_says_that_it_is_prepared(enlarge: Enlarge, capsys: Any) -> None:
    begun = enlarge(*_rows(5))
    call_command("imagery_status")
    assert f"{begun.pk} is being prepared: 5 pictures are not queued yet" in capsys.readouterr().out


def test_the_same_selection_twice_at_once(enlarge: Enlarge) -> None:
    rows = _rows(5)
    first, second = enlarge(*rows), enlarge(*rows)
    _prepared(first)
    second = _prepared(second)
    assert (first.items.count(), second.items.count()) == (5, 0)
    assert second.omitted == {"under_way": 5}
    assert not second.is_active
    with pytest.raises(NothingToDo):
        enlarge(*rows)
