"""Speed of the hosted pipeline beside bare loops: python -m tests.benchmarks.pipeline [--jobs 2000] [--seconds 0 2]

Of --rounds 3, in which ours and the bare loop take turns, the medians are printed. With --jobs 1000 10000 the memory
gained can be compared.

The fake ProductAI runs in a process of its own. Ours: one worker, everything written down, every picture decoded,
encoded anew and stored three times (picture, thumbnail, original). Beside it a bare ``httpx.Client`` loop with as many
threads (submit, poll, download, write a file; no database), and the vendor's documented loop (one job at a time, look
every five seconds), whose rate follows from its waits. The first look is set to the fake's own pace.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil

from tests.fakes.server import KEYS, Fakes, serving


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=[2000])
    parser.add_argument("--seconds", type=float, nargs="+", default=[0.0, 2.0])
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        _serve(options.serve)
        return
    for seconds, jobs in itertools.product(options.seconds, options.jobs):
        command = [sys.executable, "-m", "tests.benchmarks.pipeline", "--serve", str(seconds)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            base = server.stdout.readline().strip()
            _compare(base, jobs, seconds, options)
        finally:
            server.kill()


def _serve(seconds: float) -> None:
    with serving(Fakes(work_seconds=seconds)) as base:
        print(base, flush=True)
        time.sleep(3600)


def _compare(base: str, jobs: int, seconds: float, options: argparse.Namespace) -> None:
    threads = options.threads
    few = min(jobs, 10 * threads) if seconds else jobs  # a rate that waits decide is the same for few
    rounds = [(_bare(base, few, seconds, threads), *_ours(base, jobs, seconds, threads)) for _ in range(options.rounds)]
    bare, ours, queries, cpu, memory = map(statistics.median, zip(*rounds, strict=True))
    documented = 1 / (5 * max(1, -(-seconds // 5)))
    print(f"\n{jobs} jobs that take {seconds:g} s, {threads} threads")
    print(f"  bare httpx loop        {bare:7.1f} jobs/s")
    print(f"  ours, one worker       {ours:7.1f} jobs/s  {ours / bare:5.2f} of the bare loop")
    print(f"                         {queries:7.2f} queries, {cpu:.1f} ms CPU a job; {memory:.0f} MB more than before")
    print(
        f"  the documented loop    {documented:7.1f} jobs/s  ours is {ours / documented:.0f} times as fast", flush=True
    )


def _bare(base: str, jobs: int, seconds: float, threads: int) -> float:
    folder = Path(tempfile.mkdtemp())
    limits = httpx.Limits(max_connections=threads, max_keepalive_connections=threads)
    headers = {"x-api-key": KEYS["productai"]}
    with httpx.Client(limits=limits, timeout=60) as client, ThreadPoolExecutor(threads) as pool:

        def one(number: int) -> None:
            source = {"model": "nanobanana", "image_url": "http://x/", "prompt": "p"}
            answer = client.post(f"{base}/productai/api/generate", json=source, headers=headers)
            name = answer.json()["data"]["id"]
            time.sleep(seconds)
            while "image_url" not in (data := _read(client, base, name, headers)):
                time.sleep(0.1)
            (folder / str(number)).write_bytes(client.get(data["image_url"]).content)

        began = time.monotonic()
        list(pool.map(one, range(jobs)))
    return jobs / (time.monotonic() - began)


def _read(client: httpx.Client, base: str, name: int, headers: dict[str, str]) -> dict[str, str]:
    data: dict[str, str] = client.get(f"{base}/productai/api/job/{name}", headers=headers).json()["data"]
    return data


def _ours(base: str, jobs: int, seconds: float, threads: int) -> tuple[float, float, float, float]:
    os.environ |= {"VAR_DIR": tempfile.mkdtemp(), "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
    os.environ |= {"DEBUG": "0", "SECRET_KEY": "benchmark", "ALLOWED_HOSTS": "127.0.0.1"}
    os.environ |= {"IMAGERY_PUBLIC_BASE_URL": base, "IMAGERY_FETCH_ALLOW": base.removeprefix("http://")}
    program = f"from tests.benchmarks.pipeline import measured; measured({base!r}, {jobs}, {seconds}, {threads})"
    answer = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    rate, queries, cpu, memory = map(float, answer.stdout.split()[-4:])
    return rate, queries, cpu, memory


def measured(base: str, jobs: int, seconds: float, threads: int) -> None:
    """Run in a process of its own; prints jobs a second, queries and CPU milliseconds a job, megabytes gained."""
    import django
    from django.conf import settings

    settings.PRODUCT_IMAGERY |= {"CONNECTIONS": threads, "PROCESSES": 2, "CLAIM_SECONDS": 90.0}
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from product_imagery.flows.enhancements import prepare
    from product_imagery.flows.worker.loop import run_slice
    from product_imagery.models import EnhancementItem, ProviderCredential
    from product_imagery.providers.productai import provider
    from tests.chaos import paid, shop

    provider._FIRST_LOOK = provider._NEXT_LOOK = seconds
    call_command("migrate", verbosity=0)
    shop.stock(1)
    shop.repeat(jobs)
    account = paid._account("productai", base)
    assert ProviderCredential.objects.count() == 1
    ProviderCredential.objects.update(own_limits={"requests": [1_000_000, 60]}, allowed_active=0)
    paid._order(account)
    while prepare.prepare_due():  # before the clock runs: it measures the pipeline
        pass
    count = [0]

    def counting(execute: object, sql: str, params: object, many: bool, context: object) -> object:
        count[0] += 1
        return execute(sql, params, many, context)  # type: ignore[operator]

    before = psutil.Process().memory_info().rss
    began, cpu = time.monotonic(), time.process_time()
    with connection.execute_wrapper(counting):
        run_slice(until_idle=True)
    took, cpu = time.monotonic() - began, time.process_time() - cpu
    assert EnhancementItem.objects.filter(status="completed").count() == jobs
    memory = (psutil.Process().memory_info().rss - before) / 1024**2
    print(jobs / took, count[0] / jobs, cpu * 1000 / jobs, memory)


if __name__ == "__main__":
    main()
