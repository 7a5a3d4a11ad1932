"""The documented limits of all providers, on a clock that runs faster: python -m tests.chaos.limits [--slower 5]

Three hundred pictures at four fakes that count as their vendors say they do (windows shortened, figures as documented)
and answer 429 to whoever asks too much. Printed for each limit that was pressed: how much of it was used, which is the
time that so many calls take at the documented rate over the time they took, from the moment when it was first used up.
Exits with 1 at the first 429, or where a provider's limit that binds first was used by less than 95 %.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.fakes.server import Fakes, Request, serving

_SPEED = {"aigenstudio": 40, "productai": 5, "paqshot": 5, "pergai": 5}
_ITEMS = {"aigenstudio": 50, "productai": 45, "paqshot": 180, "pergai": 25}
_LEAST = 0.95


class Strict(Fakes):
    """Fakes that keep to their limits: ``limits`` are (counted, most, seconds) by provider, ``active`` jobs at once."""

    def __init__(self) -> None:
        super().__init__(work_seconds=0.4)
        self.limits: dict[str, list[tuple[str, int, float]]] = {}
        self.active: dict[str, int] = {}
        self.log: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.refused: list[str] = []

    def _limited(self, provider: str, method: str, path: str, body: bytes) -> Any:
        creates = method == "POST"
        images = len(json.loads(body).get("images", [1])) if creates else 0
        counts = {"requests": 1, "creates": int(creates), "reads": int(not creates), "images": images}
        now = time.monotonic()
        with self.lock:
            for counted, most, seconds in self.limits[provider]:
                used = sum(1 for at in self.log[provider, counted] if at > now - seconds)
                if used + counts[counted] > most:
                    self.refused.append(f"{provider}: {used} + {counts[counted]} {counted} of {most}")
                    return 429, {"error": "rate_limited", "message": "Too many."}
            busy = {one.key or one.id for one in self.created if one.provider == provider and self._is_open(one)}
            costs = creates and path != "/products"
            if costs and self.active[provider] and len(busy) >= self.active[provider]:
                self.refused.append(f"{provider}: {len(busy)} jobs are open")
                return 429, {"error": "rate_limited", "message": "Too many jobs."}
            for counted, amount in counts.items():
                self.log[provider, counted] += [now] * amount
        return None

    def _is_open(self, one: Any) -> bool:
        return bool(time.time() - one.at < self.work_seconds)

    def respond(self, slug: str, request: Request) -> Any:
        limited = self._limited(slug, request.method, request.path, request.body)
        return limited or super().respond(slug, request)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slower", type=int, default=1, help="5: limits of a minute on the documented clock (8 min)")
    slower = parser.parse_args().slower
    fakes = Strict()
    with tempfile.TemporaryDirectory(prefix="imagery-limits-") as folder, serving(fakes) as base:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
        os.environ |= {"IMAGERY_PUBLIC_BASE_URL": base, "IMAGERY_FETCH_ALLOW": base.removeprefix("http://")}
        return run(fakes, slower)


def run(fakes: Strict, slower: int) -> int:
    import django

    django.setup()
    from django.core.management import call_command

    from product_imagery.flows.worker.loop import run_slice
    from product_imagery.models import EnhancementItem
    from tests.chaos import shop

    call_command("migrate", verbosity=0)
    shop.stock(4)
    shop.repeat(max(_ITEMS.values()))
    for provider, speed in _SPEED.items():
        _order(provider, max(1, speed // slower), fakes)
    began = time.monotonic()
    run_slice(until_idle=True)
    done = EnhancementItem.objects.filter(status="completed").count()
    print(f"{done} of {sum(_ITEMS.values())} pictures in {time.monotonic() - began:.0f} s; 429: {len(fakes.refused)}")
    problems = fakes.refused[:5] + [""][done == sum(_ITEMS.values()) :]
    for provider, limits in fakes.limits.items():
        best = 0.0
        for limit in limits:
            used = _used(fakes, provider, limit)
            if used is not None:
                print(f"  {provider}: {limit[1]} {limit[0]} in {limit[2]:g} s: {100 * used:.1f} % used")
                best = max(best, used)
        problems += [f"{provider}: {100 * best:.1f} % of the limit that binds was used"] if best < _LEAST else []
    print("\n".join(problems) or "no call was refused")
    return 1 if problems else 0


def _used(fakes: Strict, provider: str, limit: tuple[str, int, float]) -> float | None:
    """Of a limit, while creates were waiting; nothing for one that was not reached twice in that time.

    A window's last call and the last one of the window that follows are at least ``seconds`` apart.
    """
    counted, most, seconds = limit
    pressed = max(fakes.log[provider, "creates"])
    moments = sorted(at for at in fakes.log[provider, counted] if at <= pressed)
    windows = len(moments) // most
    return (windows - 1) * seconds / (moments[windows * most - 1] - moments[most - 1]) if windows > 1 else None


def _order(provider: str, speed: int, fakes: Strict) -> None:
    """An account whose limits are the documented ones on the faster clock, and its share of the work."""
    import importlib

    from example_project.shop.models import Product
    from product_imagery.flows.enhancements.specs import spec_of_operation
    from product_imagery.flows.enhancements.start import enhance
    from product_imagery.products import description_of
    from product_imagery.provider_kit.registry import get_provider
    from tests.chaos import paid

    declared = get_provider(provider)
    own = {str(limit.counted): [limit.most, limit.seconds // speed] for limit in declared.limits}
    fakes.limits[provider] = [(counted, most, seconds) for counted, (most, seconds) in own.items()]
    fakes.active[provider] = declared.active_jobs
    module = importlib.import_module(f"product_imagery.providers.{provider}.provider")
    for name in ("_FIRST_LOOK", "_NEXT_LOOK"):
        if hasattr(module, name):
            setattr(module, name, getattr(module, name) / speed)
    account = paid._account(provider, fakes.base)
    account.own_limits, account.allowed_active = own, None
    account.save()
    ids = list(Product.objects.order_by("pk").values_list("pk", flat=True)[: _ITEMS[provider]])
    spec = spec_of_operation(paid._OPERATIONS[provider], paid._OPTIONS.get(provider, {}), account)
    enhance({description_of(Product): ids}, spec, channel="command")


if __name__ == "__main__":
    assert Path("manage.py").exists(), "run me from the project's folder"
    sys.exit(main())
