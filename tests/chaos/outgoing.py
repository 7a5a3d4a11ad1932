"""Kills workers while they tell other programs what happened: python -m tests.chaos.outgoing --events 1000 --kills 20

A receiver on loopback fails on three of ten calls, before or after it has taken the event. A fifth of the events belong
to transactions that are rolled back. At the end every other event has been taken and none of those; whatever came twice
came with the same id and the same bytes; every signature is good for the official library of Standard Webhooks. On the
database of ``DATABASE_URL``, or SQLite. Exits with 1 otherwise.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_ROLLED_BACK = 5  #: every so many events


class Receiver:
    """Takes events; fails as the dice say."""

    def __init__(self, rng: random.Random) -> None:
        self.came: dict[str, list[tuple[bytes, dict[str, str]]]] = defaultdict(list)
        self.taken: set[str] = set()
        self.calls = Counter[int]()
        self._rng, self._lock = rng, threading.Lock()

    def answer(self, body: bytes, headers: dict[str, str]) -> int:
        """The status for one call."""
        with self._lock:
            fails, late = self._rng.random() < 0.3, self._rng.random() < 0.5
            self.came[headers["webhook-id"]].append((body, headers))
            if not fails or late:
                self.taken.add(headers["webhook-id"])
            status = self._rng.choice((500, 503, 302, 404)) if fails else 200
            self.calls[status] += 1
        return status


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    receiver = Receiver(rng)
    server = _serve(receiver)
    address = f"127.0.0.1:{server.server_address[1]}"
    with tempfile.TemporaryDirectory(prefix="imagery-outgoing-") as folder:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
        os.environ |= {"IMAGERY_FETCH_ALLOW": address}
        import django

        django.setup()
        return _run(receiver, f"http://{address}/hook", options, rng)


def _serve(receiver: Receiver) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:  # whoever sent it was killed on the way
                return
            status = receiver.answer(body, {name.lower(): value for name, value in self.headers.items()})
            try:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:  # whoever sent it was killed
                pass

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _run(receiver: Receiver, url: str, options: Any, rng: random.Random) -> int:
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connections
    from django.db.models.functions import Now

    from product_imagery.flows.events import endpoints
    from product_imagery.models import EventDelivery, WebhookEndpoint, WorkerLease

    call_command("migrate", verbosity=0)
    call_command("flush", verbosity=0, interactive=False)
    boss = get_user_model().objects.create_superuser("boss")
    endpoint, secret = endpoints.make(
        owner=boss, url=url, events=["enhancement.completed"], description="", is_test=False
    )
    EventDelivery.objects.all().delete()
    WebhookEndpoint.objects.update(state="active")
    connections.close_all()
    nursery = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.nursery"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert nursery.stdout is not None
    announcing = threading.Thread(target=_announce, args=(endpoint, options.events))
    announcing.start()
    kills, began = 0, time.monotonic()
    while announcing.is_alive() or EventDelivery.objects.filter(state="waiting").exists():
        if time.monotonic() - began > 600:
            break
        if kills < options.kills:
            child = int(nursery.stdout.readline())
            time.sleep(rng.uniform(0.5, 2.5))
            os.kill(child, signal.SIGKILL)
            kills += 1
        else:
            time.sleep(0.3)
        # Time flies: what waits for its next attempt is due, what a dead worker held is free.
        waiting = EventDelivery.objects.filter(state="waiting")
        waiting.update(due_at=Now())
        if not WorkerLease.objects.filter(leased_until__gt=Now()).exists():
            waiting.release()
    os.killpg(nursery.pid, signal.SIGKILL)
    announcing.join()
    return _judge(receiver, secret, options, kills, time.monotonic() - began)


def _announce(endpoint: Any, number: int) -> None:
    """Events in transactions of their own, some of which come to nothing."""
    from django.db import connections, transaction

    from product_imagery.flows.events import outbox

    for one in range(number):
        try:
            with transaction.atomic():
                outbox.record_for(endpoint, "enhancement.completed", {"number": one})
                if one % _ROLLED_BACK == 0:
                    raise InterruptedError
        except InterruptedError:
            pass
        time.sleep(0.01)
    connections.close_all()


def _judge(receiver: Receiver, secret: str, options: Any, kills: int, seconds: float) -> int:
    from standardwebhooks.webhooks import Webhook, WebhookVerificationError

    from product_imagery.models import EventDelivery

    expected = {one for one in range(options.events) if one % _ROLLED_BACK}
    rows = {delivery.message_id: delivery for delivery in EventDelivery.objects.all()}
    checker = Webhook(secret)
    bad, heard, twice = 0, set(), 0
    for name, calls in receiver.came.items():
        twice += len(calls) > 1
        bad += len({body for body, _ in calls}) != 1 or name not in rows or calls[0][0].decode() != rows[name].body
        for body, headers in calls:
            try:
                event = checker.verify(body, headers)
            except WebhookVerificationError:
                bad += 1
                continue
            if name in receiver.taken:
                heard.add(event["data"]["number"])
    lost, ghosts = expected - heard, heard - expected
    states = Counter(delivery.state for delivery in rows.values())
    print(f"{kills} kills in {seconds:.0f} s; {sum(receiver.calls.values())} calls: {dict(receiver.calls)}")
    print(f"{len(expected)} events: {dict(states)}; {twice} came more than once")
    print(f"lost {len(lost)}, of what did not happen {len(ghosts)}, with other bytes or a bad signature {bad}")
    good = not lost and not ghosts and not bad and states == {"delivered": len(expected)} and kills == options.kills
    return 0 if good else 1


if __name__ == "__main__":
    assert Path("manage.py").exists(), "run me from the project's folder"
    sys.exit(main())
