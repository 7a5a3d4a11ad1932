"""Threads of a worker on one core, where PIN_THREADS says so; imaging processes have all that the worker has."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest

from product_imagery.flows.worker import cores
from product_imagery.flows.worker.loop import run_slice
from product_imagery.imaging import affinity
from product_imagery.imaging.sandbox import ImagingPool, PoolLimits

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no affinities")


def test_threads_begun_inside_share_the_core_and_all_is_as_before_afterwards():
    before = os.sched_getaffinity(0)
    with cores.one_core(), ThreadPoolExecutor(1) as threads:
        inside = threads.submit(os.sched_getaffinity, 0).result()
        here = os.sched_getaffinity(0)
    assert inside == here
    assert len(inside) == 1
    assert os.sched_getaffinity(0) == before


def test_an_imaging_process_has_all_cores_of_its_worker():
    pool = ImagingPool(PoolLimits(processes=1))
    before = os.sched_getaffinity(0)
    try:
        with cores.one_core():
            pool.run("json:dumps", obj={})
        (child,) = psutil.Process().children()
        assert set(child.cpu_affinity()) == before
    finally:
        pool.close()


def test_a_process_that_has_ended_is_no_trouble():
    affinity.give(2**22 + 1, affinity.allowed())


def test_another_thread_keeps_its_cores():
    before, inside = os.sched_getaffinity(0), []
    go, done = threading.Event(), threading.Event()

    def other() -> None:
        go.wait(10)
        inside.append(os.sched_getaffinity(0))
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with cores.one_core():
        go.set()
        assert done.wait(10)
    thread.join()
    assert inside == [before]


@pytest.mark.django_db
@pytest.mark.parametrize("pinned", [False, True])
def test_a_worker_keeps_its_threads_on_one_core_only_where_the_setting_says_so(pinned: bool, settings: Any) -> None:
    settings.PRODUCT_IMAGERY = {"PIN_THREADS": pinned}
    before, inside = os.sched_getaffinity(0), set[int]()
    run_slice(seconds=0.5, watch=lambda: inside.update(os.sched_getaffinity(0)))
    assert (len(inside) == 1) if pinned else (inside == before)
    assert os.sched_getaffinity(0) == before
