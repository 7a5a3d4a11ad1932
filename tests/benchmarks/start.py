"""Start, cancel and retry of many products while others write: python -m tests.benchmarks.start [--products 10000]

Another connection writes every 100 ms, and four people log in, again and again. Printed for each step: its seconds, the
longest wait of that writer, and the statuses of the logins. What the worker does is done in its rounds, a tenth of a
second apart. On SQLite, or the database of ``DATABASE_URL``; the rows are left there. Exits with 1 where the writer
waited for a second or longer, or a login failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

_PAUSE = 0.1
_LOGINS = 4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=10_000)
    products = parser.parse_args().products
    with tempfile.TemporaryDirectory(prefix="imagery-start-") as folder:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
        import django

        django.setup()
        return _run(products)


class Others:
    """Who else uses the shop: one that writes, some that log in. ``__exit__`` stops them."""

    def __init__(self) -> None:
        self.longest, self.writes, self.statuses = 0.0, 0, Counter[Any]()
        self._stop = threading.Event()
        steps = [self._write, *[self._log_in] * _LOGINS]
        self._threads = [threading.Thread(target=self._repeat, args=(step,), daemon=True) for step in steps]

    def __enter__(self) -> Others:
        for thread in self._threads:
            thread.start()
        time.sleep(0.3)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, step: Callable[[], None]) -> None:
        from django.db import connection

        while not self._stop.is_set():
            step()
            time.sleep(_PAUSE)
        connection.close()

    def _write(self) -> None:
        from example_project.shop.models import Product

        began = time.monotonic()
        try:
            Product.objects.filter(sku="S0").update(price=1)
        except Exception as error:  # noqa: BLE001  that is what is counted
            self.statuses[f"write: {error}"] += 1
        self.longest, self.writes = max(self.longest, time.monotonic() - began), self.writes + 1

    def _log_in(self) -> None:
        from django.test import Client

        client = Client(raise_request_exception=False)
        answer = client.post("/admin/login/?next=/admin/", {"username": "boss", "password": "secret"})
        self.statuses[answer.status_code] += 1


def _run(products: int) -> int:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection

    from example_project.shop.models import Product
    from product_imagery import background
    from product_imagery.flows.enhancements import cancel, retry
    from product_imagery.flows.enhancements.prepare import prepare_due
    from product_imagery.flows.enhancements.specs import spec_of_operation
    from product_imagery.flows.enhancements.start import enhance, quote
    from product_imagery.models import Enhancement
    from product_imagery.products import description_of

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("migrate", verbosity=0)
    call_command("flush", verbosity=0, interactive=False)
    get_user_model().objects.create_superuser("boss", password="secret")
    rows = [Product(title=f"P{n}", sku=f"S{n}", price=1, photo=f"{n}.jpg") for n in range(products)]
    Product.objects.bulk_create(rows, batch_size=500)
    chosen = {description_of(Product): list(Product.objects.values_list("pk", flat=True))}
    spec = spec_of_operation("upscale", {})
    latest = Enhancement.objects.order_by("-pk")

    def prepare() -> None:
        while prepare_due():
            time.sleep(_PAUSE)

    def cancel_latest() -> None:
        cancel.cancel(latest[0])

    def finish_cancelling() -> None:
        while cancel.cancel_returned():
            time.sleep(_PAUSE)

    steps: dict[str, Callable[[], Any]] = {
        "quote": lambda: quote(chosen, spec),
        "start": lambda: enhance(chosen, spec, channel="command"),
        "worker: prepare": prepare,
        "cancel": cancel_latest,
        "worker: cancel the rest": finish_cancelling,
        "retry": lambda: retry.retry(latest[0]),
        "worker: queue again": prepare,
    }
    print(f"{connection.vendor}, {products:,} products: seconds, longest wait of a writer, logins by status")
    with background.awake():
        return max([_measure(name, step) for name, step in steps.items()])


def _measure(name: str, step: Callable[[], Any]) -> int:
    with Others() as others:
        began = time.monotonic()
        step()
        took = time.monotonic() - began
    print(f"  {name:<26} {took:6.2f} s   {others.longest:6.3f} s of {others.writes:3} writes   {dict(others.statuses)}")
    return int(others.longest >= 1 or set(others.statuses) - {302} != set())


if __name__ == "__main__":
    sys.exit(main())
