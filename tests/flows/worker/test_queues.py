"""A queue of the host's own wakes the worker loop up: the examples of the documentation, run."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import django
import pytest
from django.core.checks import run_checks
from django_q.models import OrmQ, Schedule

import product_imagery
from product_imagery import background
from product_imagery.models import Enhancement, ResultImage

_PAGE = Path(product_imagery.__file__).parents[1] / "docs/operations.md"
_EXAMPLES = {
    re.search(r"^from (\S+) import", code, re.M)[1]: code  # type: ignore[index]
    for code in re.findall(r"```python\n(.+?)```", _PAGE.read_text(), re.S)
}
if django.VERSION < (6,):
    del _EXAMPLES["django.tasks"]
Commit = Callable[..., AbstractContextManager[list[Any]]]


@pytest.fixture
def queue(settings: Any) -> Iterator[ModuleType]:
    """A module of the shop with a function that queues."""
    module = ModuleType("shop_queue")
    sys.modules[module.__name__] = module
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "WAKE": "shop_queue.wake"}
    yield module
    del sys.modules[module.__name__]


def _run(library: str, queue: ModuleType) -> None:
    """Run the example in ``queue``, so that its tasks are done at once."""
    pytest.importorskip(library, reason=f"{library} is not installed")
    exec(_EXAMPLES[library], queue.__dict__)
    if library == "huey":
        queue.huey.immediate = True
    if library == "celery":
        queue.imagery.app.conf.task_always_eager = True


@pytest.mark.django_db
@pytest.mark.parametrize("library", _EXAMPLES)
def test_the_documented_queue_makes_the_picture(
    library: str,
    queue: ModuleType,
    enlarge: Callable[..., Enhancement],
    make_product: Callable[..., Any],
    django_capture_on_commit_callbacks: Commit,
) -> None:
    _run(library, queue)
    with django_capture_on_commit_callbacks(execute=True):
        enlarge(make_product())
    assert ResultImage.objects.count() == 1
    assert not OrmQ.objects.exists()


@pytest.mark.django_db
def test_a_queue_that_is_down_loses_nothing(
    queue: ModuleType,
    enlarge: Callable[..., Enhancement],
    make_product: Callable[..., Any],
    work: Callable[[], Any],
    django_capture_on_commit_callbacks: Commit,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def wake() -> None:
        raise ConnectionError("no broker")

    queue.wake = wake  # type: ignore[attr-defined]
    with django_capture_on_commit_callbacks(execute=True):
        enlarge(make_product())
    assert "due work waits for the schedule or a worker" in caplog.text
    assert work().done == 1


@pytest.mark.django_db
def test_our_schedule_goes_where_the_host_has_its_own(settings: Any) -> None:
    background.ensure_schedule()
    assert Schedule.objects.filter(func="product_imagery.tasks.pump").exists()
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "WAKE": "os.getcwd"}
    background.ensure_schedule()
    assert not Schedule.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["shop.nowhere.wake", "os.sep", "wake"])
def test_a_function_that_is_none_is_found_by_check(name: str, settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "WAKE": name}
    (found,) = [one for one in run_checks() if one.id == "product_imagery.E008"]
    assert name in found.msg
