"""Kills workers that buy pictures at (fake) hosted providers, and compares what was paid with what arrived.

    python -m tests.chaos.paid --kills 300 --items 60 --seed 1

Workers die by SIGKILL at every boundary that a provider can see (a create arrives, is charged, is answered; a look or
a download arrives) and at random moments; some creates take a second to arrive, whoever sent them may be dead by then.
Now and then one is not killed but stopped (SIGSTOP) for longer than its leases last, and goes on afterwards.
The fakes keep a ledger of charges: at the end each picture was charged once and is there, or waits for a person with an
explanation; then that person decides by the ledger, and all are there. Waits are wound forward, except that nothing is
looked up while a create is on its way: that is what the grace is for.
Runs on the database of ``DATABASE_URL``, or on SQLite. Exits with 1 and says what is wrong if anything is.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.fakes.server import KEYS, STAND_INS, Fakes, serving

_WIDE = {"requests": [10**6, 1], "images": [10**6, 1], "creates": [10**6, 1], "reads": [10**6, 1]}
_OPERATIONS = {slug: str(stand_in.operation) for slug, stand_in in STAND_INS.items()}
_OPTIONS = {slug: stand_in.options for slug, stand_in in STAND_INS.items()}
_STOPS = 0.1  #: share of workers that are stopped instead of killed
_STOP_SECONDS = 6.0  #: a lease lasts for four, see ``settings``


class Nurseries:
    """Workers, forked from processes that have everything loaded, and replaced when they die."""

    def __init__(self, workers: int, fakes: Deadly) -> None:
        command = [sys.executable, "-m", "tests.chaos.nursery"]
        self._processes = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) for _ in range(workers)
        ]
        self._pids: dict[int, int] = {}
        self._fakes, self._chance = fakes, fakes.chance
        self.killed: Counter[str] = Counter()
        self.paused = 0
        self.left = 0
        self._lock = threading.Lock()
        for number, process in enumerate(self._processes):
            threading.Thread(target=self._listen, args=(number, process), daemon=True).start()

    def _listen(self, number: int, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._pids[number] = int(line)

    def kill(self, where: str) -> None:
        """Kill one of the workers that run now."""
        with self._lock:
            if self.left <= 0 or not self._pids:
                return
            number = self._chance.choice(list(self._pids))
            with contextlib.suppress(ProcessLookupError):
                if self._chance.random() < _STOPS:
                    self._pause(self._pids[number])
                    return
                os.kill(self._pids.pop(number), signal.SIGKILL)
                self.left -= 1
                self.killed[where] += 1

    def _pause(self, pid: int) -> None:
        os.kill(pid, signal.SIGSTOP)
        self.paused += 1
        late = object()  # what it was about to send may still be sent
        self._fakes.on_their_way.add(late)

        def go_on() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
            time.sleep(1.0)
            self._fakes.on_their_way.discard(late)

        threading.Timer(_STOP_SECONDS, go_on).start()

    def stop(self) -> None:
        """End all of them."""
        self.left = 0
        for process in self._processes:
            process.kill()
        for pid in self._pids.values():
            os.kill(pid, signal.SIGKILL)


class Deadly(Fakes):
    """Fakes at whose boundaries workers die."""

    def __init__(self, seed: int) -> None:
        super().__init__(work_seconds=0.05)
        self.chance = random.Random(seed)
        self.kill: Any = None
        self.on_their_way: set[object] = set()

    async def at(self, boundary: str) -> None:
        """Tell that a boundary is reached."""
        deadly = 0.08 if boundary.startswith("look") else 0.35  # looks are many
        if self.kill and self.chance.random() < deadly:
            self.kill(boundary)
            if boundary == "create arrived" and self.chance.random() < 0.3:
                self.on_their_way.add(create := object())
                await asyncio.sleep(1.0)
                self.on_their_way.discard(create)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--items", type=int, default=60, help="of each provider in each round")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="at once")
    options = parser.parse_args()
    fakes = Deadly(options.seed)
    with tempfile.TemporaryDirectory(prefix="imagery-chaos-") as folder, serving(fakes) as base:
        os.environ |= {
            "SLOTS": "40",
            "VAR_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "PYTHONPATH": os.getcwd(),
        }
        os.environ |= {"IMAGERY_PUBLIC_BASE_URL": base, "IMAGERY_FETCH_ALLOW": base.removeprefix("http://")}
        return run(fakes, options.kills, options.items, options.workers)


def run(fakes: Deadly, kills: int, items: int, workers: int) -> int:
    import django

    django.setup()
    from django.core.management import call_command

    from tests.chaos import shop

    call_command("migrate", verbosity=0)
    call_command("flush", verbosity=0, interactive=False)
    shop.stock(items)
    accounts = [_account(provider, fakes.base) for provider in _OPERATIONS]
    nursery, began, rounds = Nurseries(workers, fakes), time.monotonic(), 0
    fakes.kill = nursery.kill
    problems: list[str] = []
    decided: Counter[str] = Counter()
    nursery.left = kills
    try:
        while nursery.left > 0 and not problems:
            rounds += 1
            for account in accounts:
                _order(account)
            problems += _work(fakes, nursery) + _check(fakes, after_decisions=False)
            decided += _decide(fakes)
            problems += _work(fakes, nursery) + _check(fakes, after_decisions=True)
    finally:
        nursery.stop()
    for where, count in sorted(nursery.killed.items()):
        print(f"  killed {where}: {count}")
    seconds = time.monotonic() - began
    print(f"  stopped for longer than a lease: {nursery.paused}")
    print(f"{sum(nursery.killed.values())} kills, {len(fakes.created)} pictures in {rounds} rounds, {seconds:.0f} s")
    print(f"  decided by a person: {dict(decided)}")
    print("\n".join(problems[:40]) or "every picture paid once and there, every doubt explained, nothing left open")
    return 1 if problems else 0


def _account(provider: str, base: str) -> Any:
    from product_imagery.models import ProviderCredential

    account = ProviderCredential(
        provider=provider, label=provider, base_url=f"{base}/{provider}", own_limits=_WIDE, allowed_active=0
    )
    account.set_secret(KEYS[provider])
    account.save()
    return account


def _order(account: Any) -> None:
    from example_project.shop.models import Product
    from product_imagery.flows.enhancements.specs import spec_of_operation
    from product_imagery.flows.enhancements.start import enhance
    from product_imagery.products import description_of

    ids = list(Product.objects.values_list("pk", flat=True))
    spec = spec_of_operation(_OPERATIONS[account.provider], _OPTIONS.get(account.provider, {}), account)
    size = 4 if account.provider == "aigenstudio" else len(ids)  # few pictures in a create, many creates to die at
    for begin in range(0, len(ids), size):
        enhance({description_of(Product): ids[begin : begin + size]}, spec, channel="command", fresh=True)


def _work(fakes: Deadly, nursery: Nurseries) -> list[str]:
    """Until nothing is open or moves: the clock of waits is wound forward, and workers die at random moments."""
    from django.db.models.functions import Now

    from product_imagery.models import ProviderCredential, ProviderJob
    from product_imagery.states import JobState

    waiting = (JobState.QUEUED, JobState.RUNNING, JobState.CHECKING)
    seen, patience = -1, 0.0
    while ProviderJob.objects.filter(state__in=(*waiting, JobState.SENDING)).exists():
        moved = ProviderJob.objects.exclude(state__in=(*waiting, JobState.SENDING)).count() - nursery.left
        if moved != seen:
            seen, patience = moved, time.monotonic() + 60
        if time.monotonic() > patience:
            return [
                f"job {job.pk} is {job.state} for ever: {job.note}"
                for job in ProviderJob.objects.filter(state__in=waiting)
            ]
        wound = waiting[: 2 if fakes.on_their_way else 3]
        ProviderJob.objects.filter(state__in=wound, leased_until=None, due_at__gt=Now()).update(due_at=Now())
        for (
            credential
        ) in ProviderCredential.objects.all():  # each alone: two of one statement can deadlock with workers
            ProviderCredential.objects.filter(pk=credential.pk).update(cooldown_until=None)
        time.sleep(fakes.chance.uniform(0.05, 0.3))
        if fakes.chance.random() < 0.15:
            nursery.kill("at random")
    return []


def _charges(fakes: Fakes) -> Counter[str]:
    """Item uuid, or provider and product, → how often it was charged."""
    from product_imagery.public_urls import read_signature

    found: Counter[str] = Counter()
    for one in fakes.created:
        if one.provider == "aigenstudio":
            found[one.id] += 1
        elif one.provider == "productai":
            signed = one.body["image_url"].rstrip("/").rpartition("/")[2]
            found[read_signature(signed)[0].replace("-", "")] += 1
        elif one.provider == "pergai":
            found[_pergai_item(fakes, one.body["productId"])] += 1
        else:
            content = base64.b64decode(one.body["product_image"])
            found[f"paqshot {hashlib.sha256(content).hexdigest()}"] += 1
    return found


def _pergai_item(fakes: Fakes, product: str) -> str:
    """The item's uuid, by the job's own name that its product bears."""
    from product_imagery.models import EnhancementItem

    name = next(one["name"] for one in fakes["pergai"].products if one["id"] == product)
    uuid = name.removeprefix("pi-")[:36]  # what follows tells that a person sent it again
    return EnhancementItem.objects.get(job__uuid=uuid).uuid.hex


def _check(fakes: Fakes, *, after_decisions: bool) -> list[str]:
    from product_imagery.models import EnhancementItem
    from product_imagery.states import ItemStatus

    charges, problems = _charges(fakes), []
    expected: Counter[str] = Counter()
    doubtful: Counter[str] = Counter()
    for item in EnhancementItem.objects.select_related("enhancement__credential", "job"):
        paqshot = item.enhancement.credential.provider == "paqshot"
        name = f"paqshot {_digest(item)}" if paqshot else item.uuid.hex
        if item.status == ItemStatus.COMPLETED:
            expected[name] += 1
            if item.results.count() != 1:
                problems.append(f"{name} has {item.results.count()} results")
        elif item.status == ItemStatus.STALLED and item.error_message and not after_decisions:
            doubtful[name] += 1
        else:
            problems.append(f"{name} is {item.status}: {item.error_message}")
    for name in {*charges, *expected, *doubtful}:
        least, most = expected[name], expected[name] + doubtful[name]
        if not least <= charges[name] <= most:
            problems.append(f"{name} was charged {charges[name]} times instead of {least} to {most}")
    return problems


_digests: dict[str, str] = {}


def _digest(item: Any) -> str:
    from django.core.files.storage import default_storage

    if item.source_name not in _digests:
        with default_storage.open(item.source_name) as handle:
            _digests[item.source_name] = hashlib.sha256(handle.read()).hexdigest()
    return _digests[item.source_name]


def _decide(fakes: Fakes) -> Counter[str]:
    """What a person does who looks at the provider's dashboard: adopt what is there, send again what is not."""
    from product_imagery.flows.enhancements import reconcile
    from product_imagery.models import ProviderJob
    from product_imagery.states import JobState

    known = set(ProviderJob.objects.exclude(remote_id="").values_list("remote_id", flat=True))
    done: Counter[str] = Counter()
    for job in ProviderJob.objects.filter(state=JobState.STALLED):
        item = job.items.get()
        for one in fakes.created:
            if one.provider != job.provider or one.id in known:
                continue
            if job.provider == "productai":
                from product_imagery.public_urls import read_signature

                ours = read_signature(one.body["image_url"].rstrip("/").rpartition("/")[2])[0] == str(item.uuid)
            elif job.provider == "pergai":
                ours = _pergai_item(fakes, one.body["productId"]) == item.uuid.hex
            else:
                content = base64.b64decode(one.body["product_image"])
                ours = hashlib.sha256(content).hexdigest() == _digest(item)
            if ours:
                known.add(one.id)
                reconcile.adopt(job, one.id, None)
                done["it was accepted"] += 1
                break
        else:
            reconcile.send_again(job, None)
            done["send again"] += 1
    return done


if __name__ == "__main__":
    assert Path("manage.py").exists(), "run me from the project's folder"
    sys.exit(main())
