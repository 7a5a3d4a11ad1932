"""Code, rows and storages of the shop that fail, hang or are locked hold up nothing but themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction
from django.test import Client

from example_project.shop.models import Product
from product_imagery import signals
from product_imagery.flows.results import publish, review
from product_imagery.flows.worker import beside
from product_imagery.flows.worker.loop import Slice, run_slice
from product_imagery.models import Enhancement, ImageVersion, ProviderJob, ResultImage, WorkerTrouble
from product_imagery.products import ProductImages
from product_imagery.states import JobState, Publication
from tests.fakes.storages import storing

Make = Callable[..., Product]
Enlarge = Callable[..., Enhancement]
Work = Callable[[], Slice]

_threads = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture
def waiting(make_product: Make, enlarge: Enlarge, work: Work) -> ResultImage:
    """A result that waits to be put on its product."""
    enlarge(make_product())
    work()
    result = ResultImage.objects.get()
    review.approve(result, actor=None, publish=True)
    return result


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """What hangs in a test hangs until this is set."""
    monkeypatch.setattr(beside, "HUNG_SECONDS", 0.3)
    event = threading.Event()
    yield event
    event.set()
    for thread in threading.enumerate():
        if thread.name in ("imagery-receivers", "imagery-publish"):
            thread.join(10)


def _raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def _due_now() -> None:
    ResultImage.objects.all().release()


def test_a_lock_that_was_not_got_is_tried_again(waiting: ResultImage, work: Work) -> None:
    with pytest.MonkeyPatch.context() as patched:
        error = OperationalError("canceling statement due to lock timeout")
        patched.setattr(ProductImages, "write", _raising(error))
        for _ in range(8):
            _due_now()
            run_slice(seconds=0.05)
    waiting.refresh_from_db()
    assert waiting.publication == Publication.WAITING
    assert "is tried again" in waiting.publication_note
    _due_now()
    work()
    waiting.refresh_from_db()
    assert (waiting.publication, waiting.publication_note) == (Publication.PUBLISHED, "")


def test_a_file_that_is_missing_once_is_tried_again(waiting: ResultImage, work: Work) -> None:
    file = Path(waiting.image.path)
    away = file.rename(file.with_suffix(".away"))
    run_slice(seconds=0.05)
    waiting.refresh_from_db()
    assert (waiting.publication, waiting.publication_note[:26]) == (Publication.WAITING, "The file is no longer in t")
    away.rename(file)
    _due_now()
    work()
    waiting.refresh_from_db()
    assert waiting.publication == Publication.PUBLISHED


def test_shop_code_that_raises_is_set_aside_with_its_reason_and_can_be_tried_again(
    waiting: ResultImage, make_product: Make, enlarge: Enlarge, work: Work, person: Callable[..., Client]
) -> None:
    real = ProductImages.write
    bad = waiting.item.object_id

    def write(self: ProductImages, object_id: str, *arguments: Any, **named: Any) -> bool:
        if object_id == bad:
            raise KeyError("tax class")
        return real(self, object_id, *arguments, **named)

    enlarge(make_product(), auto_approve=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ProductImages, "write", write)
        for _ in range(5):
            _due_now()
            run_slice(seconds=0.3)
    waiting.refresh_from_db()
    assert ResultImage.objects.exclude(pk=waiting.pk).get().publication == Publication.PUBLISHED
    assert waiting.publication == Publication.CONFLICT
    assert "KeyError: 'tax class'" in waiting.publication_note
    review.publish(waiting, actor=None)
    work()
    waiting.refresh_from_db()
    assert (waiting.publication, waiting.publication_note) == (Publication.PUBLISHED, "")


def test_a_publication_that_never_ends_is_set_aside_with_its_reason(waiting: ResultImage, work: Work) -> None:
    ResultImage.objects.update(attempts=5)
    work()
    waiting.refresh_from_db()
    assert waiting.publication == Publication.CONFLICT
    assert "never came to an end" in waiting.publication_note
    review.publish(waiting, actor=None)
    work()
    waiting.refresh_from_db()
    assert waiting.publication == Publication.PUBLISHED


def test_a_result_that_is_not_on_its_product_any_more_says_nothing_of_conflicts(
    waiting: ResultImage, enlarge: Enlarge, work: Work
) -> None:
    ResultImage.objects.update(publication_note="changed at this very moment")
    work()
    enlarge(Product.objects.get(), options={"factor": "4"}, auto_approve=True)
    ResultImage.objects.update(publication_note="changed at this very moment")
    work()
    assert set(ResultImage.objects.values_list("publication", "publication_note")) == {
        (Publication.NONE, ""),
        (Publication.PUBLISHED, ""),
    }
    newer = ImageVersion.objects.order_by("pk").last()
    assert newer is not None
    ResultImage.objects.update(publication_note="changed at this very moment")
    publish.restore(newer, actor=None)
    assert set(ResultImage.objects.values_list("publication_note", flat=True)) == {""}


@_threads
def test_a_receiver_that_hangs_holds_nothing_up(
    make_product: Make, enlarge: Enlarge, work: Work, gate: threading.Event
) -> None:
    heard: list[str] = []

    def hang(**_: Any) -> None:
        heard.append(threading.current_thread().name)
        gate.wait(60)

    signals.item_completed.connect(hang)
    try:
        enlarge(*[make_product() for _ in range(4)], auto_approve=True)
        work()
    finally:
        signals.item_completed.disconnect(hang)
    assert set(ProviderJob.objects.values_list("state", flat=True)) == {JobState.DONE}
    assert set(ResultImage.objects.values_list("publication", flat=True)) == {Publication.PUBLISHED}
    assert heard == ["imagery-receivers"] * 4  # each of the four was told, beside the loop


@_threads
def test_a_receiver_that_hangs_is_told_of_until_it_ends(
    make_product: Make, enlarge: Enlarge, work: Work, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "LATE_SECONDS", 0.1)

    def hang(**_: Any) -> None:
        gate.wait(60)

    signals.item_completed.connect(hang)
    try:
        enlarge(make_product())
        work()
        run_slice(seconds=0.5)
        trouble = WorkerTrouble.objects.get(task="wait for the shop's code")
        assert "has not come back" in trouble.reason
        gate.set()
        for thread in threading.enumerate():
            if thread.name in ("imagery-receivers", "imagery-publish"):
                thread.join(10)
        run_slice(seconds=0.2)
    finally:
        signals.item_completed.disconnect(hang)
    assert not WorkerTrouble.objects.exists()


@_threads
def test_receivers_hear_of_things_in_their_order(make_product: Make, enlarge: Enlarge, work: Work) -> None:
    heard: list[str] = []

    def note(signal: Any, **_: Any) -> None:
        heard.append("item" if signal is signals.item_completed else "end")

    for signal in (signals.item_completed, signals.enhancement_finished):
        signal.connect(note)
    try:
        enlarge(*[make_product() for _ in range(3)])
        work()
    finally:
        for signal in (signals.item_completed, signals.enhancement_finished):
            signal.disconnect(note)
    assert heard == ["item"] * 3 + ["end"]


@_threads
def test_a_storage_that_hangs_for_one_picture_holds_nothing_up(
    make_product: Make, enlarge: Enlarge, work: Work, gate: threading.Event
) -> None:
    def slow(save: Callable[[str, Any], str], name: str, content: Any) -> str:
        if name.startswith("products/enhanced/slow-"):
            gate.wait(60)
        return save(name, content)

    enlarge(make_product("slow"), auto_approve=True)
    enlarge(*[make_product() for _ in range(3)], auto_approve=True)
    with storing(slow):
        run_slice(seconds=5)
    states = dict(ResultImage.objects.values_list("item__label", "publication"))
    assert states == {"slow": Publication.WAITING, "Red bottle": Publication.PUBLISHED}
    assert ImageVersion.objects.count() == 3


@_threads
@pytest.mark.postgresql  # SQLite has no row locks
def test_a_product_row_that_the_shop_has_locked_holds_nothing_up(
    make_product: Make, enlarge: Enlarge, work: Work, gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "HUNG_SECONDS", 60.0)
    monkeypatch.setattr(publish, "LOCK_MILLISECONDS", 200)
    locked = make_product("locked")
    holding = threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(Product.objects.filter(pk=locked.pk).select_for_update())
            holding.set()
            gate.wait(60)
        connections.close_all()

    shop = threading.Thread(target=hold)
    shop.start()
    holding.wait(10)
    enlarge(locked, auto_approve=True)
    enlarge(*[make_product() for _ in range(3)], auto_approve=True)
    run_slice(seconds=4)
    states = dict(ResultImage.objects.values_list("item__label", "publication"))
    assert states == {"locked": Publication.WAITING, "Red bottle": Publication.PUBLISHED}
    gate.set()
    shop.join(10)
    _due_now()
    work()
    assert ImageVersion.objects.count() == 4
