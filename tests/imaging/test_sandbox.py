"""The imaging process: what goes wrong in it stays in it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from product_imagery.exceptions import EngineError, PictureError
from product_imagery.imaging.sandbox import ImagingPool, PoolLimits


@pytest.fixture
def pool() -> Iterator[ImagingPool]:
    limited = ImagingPool(PoolLimits(processes=2, memory=1024**3, cpu_seconds=5, wall_seconds=4, pictures=3))
    yield limited
    limited.close()


def test_runs_a_function_elsewhere(pool: ImagingPool) -> None:
    assert pool.run("os:getpid") != os.getpid()


def test_an_error_of_ours_arrives_as_itself(pool: ImagingPool) -> None:
    with pytest.raises(PictureError) as caught:
        pool.run("tests.imaging.misbehave:refuse")
    assert (caught.value.code, caught.value.message) == ("empty", "The file is empty.")


def test_any_other_error_keeps_its_traceback_for_the_operator(pool: ImagingPool) -> None:
    with pytest.raises(EngineError) as caught:
        pool.run("tests.imaging.misbehave:fail")
    assert "ZeroDivisionError" in caught.value.detail
    assert "ZeroDivisionError" not in caught.value.message


def test_memory_is_bounded(pool: ImagingPool) -> None:
    with pytest.raises(PictureError) as caught:
        pool.run("tests.imaging.misbehave:eat", size=3 * 1024**3)
    assert caught.value.code == "too_demanding"
    assert pool.run("os:getpid") != os.getpid()


def test_a_crash_takes_only_its_own_process(pool: ImagingPool) -> None:
    with pytest.raises(EngineError) as caught:
        pool.run("os:abort")
    assert caught.value.code == "engine_crashed"
    assert pool.run("os:getpid") != os.getpid()


def test_a_picture_that_takes_too_long_is_stopped(pool: ImagingPool) -> None:
    with pytest.raises(EngineError) as caught:
        pool.run("tests.imaging.misbehave:sleep")
    assert caught.value.code == "engine_timeout"


def test_no_secret_and_no_descriptor_reaches_it(pool: ImagingPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "canary-secret")
    told = pool.run("tests.imaging.misbehave:tell")
    assert "canary-secret" not in str(told)
    assert "DJANGO_SETTINGS_MODULE" not in told["environment"]
    assert all(target.startswith(("pipe:", "/dev/null", "socket:")) for target in told["descriptors"])


def test_processes_are_reused_and_retire(pool: ImagingPool) -> None:
    pids = [pool.run("os:getpid") for _ in range(5)]
    assert len(set(pids)) == 2


def test_many_threads_share_the_processes(pool: ImagingPool) -> None:
    with ThreadPoolExecutor(8) as threads:
        pids = set(threads.map(lambda _: pool.run("tests.imaging.misbehave:slow_pid"), range(6)))
    assert len(pids) <= 4


def test_closing_leaves_no_process_behind() -> None:
    pool = ImagingPool(PoolLimits(processes=1))
    pid = pool.run("os:getpid")
    pool.close()
    assert not psutil.pid_exists(pid)


def test_closing_ends_a_call_that_is_under_way_as_stopped() -> None:
    pool = ImagingPool(PoolLimits(processes=1))
    pid = pool.run("os:getpid")
    with ThreadPoolExecutor(1) as threads:
        under_way = threads.submit(pool.run, "tests.imaging.misbehave:sleep")
        while not under_way.running():
            time.sleep(0.01)
        time.sleep(0.3)
        pool.close()
        with pytest.raises(EngineError, match="stopping"):
            under_way.result(timeout=10)
    assert not psutil.pid_exists(pid)
