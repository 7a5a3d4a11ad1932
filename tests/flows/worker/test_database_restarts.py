"""Databases that restart, and people who meet on the same rows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections
from django.test import Client
from django.urls import reverse

from example_project.shop.models import Product
from product_imagery.exceptions import StateError
from product_imagery.flows.results import review
from product_imagery.management.commands import imagery_worker
from product_imagery.models import Enhancement, ImageVersion, ProviderJob, ResultImage, WorkerLease
from product_imagery.models.worker_lease import WorkerLeaseQuerySet
from product_imagery.states import JobState, Publication, Review
from tests.fakes.statements import failing

Make = Callable[..., Product]
Enlarge = Callable[..., Enhancement]
Work = Callable[[], Any]

_threads = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def _terminate_others() -> None:
    """Every connection of this database but the one that is made here is cut, as by a restart."""
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    other.close()


@_threads
@pytest.mark.postgresql
def test_the_worker_survives_restarts_of_the_database(make_product: Make, enlarge: Enlarge) -> None:
    enlarge(*[make_product() for _ in range(8)], auto_approve=True)
    ended = threading.Event()

    def restart_again_and_again() -> None:
        while not ended.wait(0.6):
            _terminate_others()

    restarts = threading.Thread(target=restart_again_and_again)
    restarts.start()
    threading.Timer(4, ended.set).start()
    try:
        call_command("imagery_worker", "--until-idle", stdout=StringIO(), stderr=StringIO())
    finally:
        ended.set()
        restarts.join()
        connections.close_all()
    assert set(ProviderJob.objects.values_list("state", flat=True)) == {JobState.DONE}
    assert ImageVersion.objects.count() == ResultImage.objects.count() == 8


@pytest.mark.django_db
def test_the_worker_waits_for_a_database_that_is_away(
    make_product: Make, enlarge: Enlarge, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = WorkerLeaseQuerySet.acquire_seat, []

    def away_twice(*arguments: Any, **named: Any) -> WorkerLease | None:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("FATAL: sorry, too many clients already")
        return real(*arguments, **named)

    monkeypatch.setattr(WorkerLeaseQuerySet, "acquire_seat", away_twice)
    monkeypatch.setattr(imagery_worker, "STANDBY_SECONDS", 0.01)
    enlarge(make_product())
    told = StringIO()
    call_command("imagery_worker", "--until-idle", stdout=StringIO(), stderr=told)
    assert ProviderJob.objects.get().state == JobState.DONE
    assert "too many clients" in told.getvalue()


@_threads
@pytest.mark.postgresql
def test_two_people_who_lock_the_same_rows_crosswise_get_no_error(
    make_product: Make, enlarge: Enlarge, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    enlarge(make_product())
    work()
    result = ResultImage.objects.get()
    inside, go_on = threading.Event(), threading.Event()
    real, errors = review.reject, []

    def reject(*arguments: Any, **named: Any) -> None:
        inside.set()
        go_on.wait(10)
        real(*arguments, **named)

    def taking(step: Callable[[], object]) -> threading.Thread:
        def run() -> None:
            try:
                step()
            except StateError:
                pass  # the other one was faster
            except OperationalError as error:
                errors.append(error)
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    monkeypatch.setattr(review, "reject", reject)
    first = taking(lambda: review.regenerate(ResultImage.objects.get(), actor=None))
    inside.wait(10)
    second = taking(lambda: review.approve(result, actor=None, publish=True))
    threading.Timer(0.5, go_on.set).start()
    first.join(30)
    second.join(30)
    assert errors == []
    assert ResultImage.objects.get().review in (Review.APPROVED, Review.REJECTED)


@pytest.mark.django_db
def test_a_person_who_meets_a_lock_is_told_so(
    make_product: Make, enlarge: Enlarge, work: Work, person: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    enlarge(make_product())
    work()
    monkeypatch.setattr("product_imagery.flows.guard.WAITS", (0.0,))
    result = ResultImage.objects.get()
    page = reverse("admin:product_imagery_enhancement_review", args=[result.enhancement_id])
    client = person("*")
    locked = OperationalError("canceling statement due to lock timeout")
    with failing(locked, 'UPDATE "product_imagery_resultimage" SET "review"') as stopped:
        shown = client.post(page, {"approve_and_publish": result.pk}, follow=True)
    assert len(stopped) == 2
    assert "Somebody else is changing the same things" in shown.content.decode()
    result.refresh_from_db()
    assert result.publication == Publication.NONE
