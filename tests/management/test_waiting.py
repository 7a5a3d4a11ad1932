"""Commands that wait say what for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models.functions import Now

from product_imagery.exceptions import StorageError
from product_imagery.flows import local_jobs
from product_imagery.management import waiting
from product_imagery.models import EnhancementItem, ProviderJob, ResultImage
from product_imagery.models.db_time import from_now
from product_imagery.states import Publication

_LATER = {"error_code": "storage", "error_message": "The file cannot be read."}


@pytest.fixture
def retried_later(make_product: Any, enlarge: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A picture that is tried again in a minute; called, it is due."""
    enlarge(make_product())
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.0)
    ProviderJob.objects.update(due_at=from_now(60))
    EnhancementItem.objects.update(**_LATER)
    return lambda: ProviderJob.objects.update(due_at=Now())


def test_it_is_told_once_with_the_reason_and_the_time(retried_later: Any) -> None:
    told: list[str] = []
    wait = waiting.Waiting(told.append)
    for _ in range(3):
        wait()
    assert len(told) == 1
    assert told[0].startswith("Waiting for Red bottle: The file cannot be read. Tried again at ")
    EnhancementItem.objects.update(error_message="There is no room.")
    wait()
    assert "There is no room." in told[1]


def test_several_are_counted(retried_later: Any, make_product: Any, enlarge: Any) -> None:
    enlarge(make_product("Blue bottle"))
    ProviderJob.objects.update(due_at=from_now(60))
    EnhancementItem.objects.update(**_LATER)
    assert "(and 1 more)" in waiting.waiting_reason()[0]
    one = EnhancementItem.objects.first()
    assert one is not None
    assert "more" not in waiting.waiting_reason(one.enhancement)[0]


def test_a_publication_that_waits_is_told(make_product: Any, enlarge: Any, work: Any) -> None:
    enlarge(make_product())
    work()
    ResultImage.objects.update(
        review="approved", publication=Publication.WAITING, publication_note="The storage is slow."
    )
    assert waiting.waiting_reason() == ("Waiting for the publication of Red bottle: The storage is slow.", "")
    ResultImage.objects.update(publication=Publication.NONE)
    assert waiting.waiting_reason() == ("", "")


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_the_worker_says_what_it_waits_for(
    retried_later: Callable[[], None], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = threading.Event()
    write = waiting.Waiting.__call__

    def noted(self: Any) -> None:
        write(self)
        if self._reported and not told.is_set():
            told.set()
            retried_later()

    monkeypatch.setattr(waiting.Waiting, "__call__", noted)
    call_command("imagery_worker", until_idle=True)
    heard = capsys.readouterr()
    assert "Waiting for Red bottle: The file cannot be read." in heard.err
    assert "1 jobs done" in heard.out


def test_enhance_and_wait_says_what_it_waits_for(
    make_product: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_product()
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.0)
    read, failures = local_jobs.read_source, [StorageError("The file cannot be read.")]

    def read_later(*arguments: Any) -> str:
        if failures:
            raise failures.pop()
        return read(*arguments)

    monkeypatch.setattr(local_jobs, "read_source", read_later)
    call_command("imagery_enhance", "shop.Product", all=True, operation="upscale", wait=True)
    heard = capsys.readouterr()
    assert "Waiting for Red bottle: The file cannot be read. Tried again at" in heard.err
    assert "completed: 1 completed" in heard.out
