"""Fifty starts at the same moment against a budget for twenty: python -m tests.chaos.budget

Each start costs 5 of a budget of 100. Processes of their own, one database (``DATABASE_URL``, or SQLite). Just twenty
may pass, and the fake provider must see exactly twenty creates. Exits with 1 otherwise.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from decimal import Decimal

from tests.fakes.server import Fakes, serving

_STARTS, _BUDGET, _COST = 50, Decimal(100), 5


def main() -> int:
    fakes = Fakes()
    with tempfile.TemporaryDirectory(prefix="imagery-budget-") as folder, serving(fakes) as base:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
        os.environ |= {"IMAGERY_PUBLIC_BASE_URL": base, "IMAGERY_FETCH_ALLOW": base.removeprefix("http://")}
        import django

        django.setup()
        return _race(fakes, base)


def _race(fakes: Fakes, base: str) -> int:
    from django.core.management import call_command
    from django.db import connections

    from tests.chaos import paid, shop

    call_command("migrate", verbosity=0)
    call_command("flush", verbosity=0, interactive=False)
    shop.stock(1)
    shop.repeat(_STARTS)
    account = paid._account("aigenstudio", base)
    account.budget_day = _BUDGET
    account.save()
    ids, begin = shop.product_ids(), time.time() + 2
    connections.close_all()
    children = []
    for product in ids:
        child = os.fork()
        if not child:
            os._exit(_start(account.pk, product, begin))
        children.append(child)
    ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    shop.work_hosted()
    expected = int(_BUDGET / _COST)
    print(
        f"{ended.count(0)} of {_STARTS} starts passed, {ended.count(3)} were over the budget, {ended.count(1)} failed"
    )
    print(f"{len(fakes.created)} creates, {expected} expected")
    return 0 if ended.count(0) == len(fakes.created) == expected and ended.count(3) == _STARTS - expected else 1


def _start(account: int, product: int, begin: float) -> int:
    from example_project.shop.models import Product
    from product_imagery.exceptions import RequestError
    from product_imagery.flows.enhancements.specs import spec_of_operation
    from product_imagery.flows.enhancements.start import enhance
    from product_imagery.models import ProviderCredential
    from product_imagery.products import description_of

    try:
        spec = spec_of_operation("white_background", {}, ProviderCredential.objects.get(pk=account))
        time.sleep(max(0.0, begin - time.time()))
        enhance({description_of(Product): [product]}, spec, channel="command")
    except RequestError as error:
        return 3 if error.code == "over_budget" else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
