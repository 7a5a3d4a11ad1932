"""What goes wrong in the shop of the wedges. Needs Django to be set up, except as a program."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from typing import Any

from django.apps import AppConfig
from django.core.files.storage import FileSystemStorage

_LONG = 600


class Hanging(FileSystemStorage):
    """A storage that does not come back."""

    def _save(self, name: str, content: Any) -> str:
        time.sleep(_LONG)
        return name


class HangingReceiver(AppConfig):
    """An app of the shop whose receiver hangs."""

    name = "tests.chaos"
    label = "hanging"

    def ready(self) -> None:
        from product_imagery import signals

        signals.item_completed.connect(lambda **_: time.sleep(_LONG), weak=False)


def stock(items: int) -> None:
    """Products with pictures."""
    from tests.chaos import shop

    shop.stock(items)


def order(pictures: int, *, hosted: bool = False) -> None:
    """Start an enhancement of so many products, without review; its jobs are due at once."""
    from example_project.shop.models import Product
    from product_imagery.flows.enhancements.specs import spec_of_operation
    from product_imagery.flows.enhancements.start import enhance
    from product_imagery.models import ProviderCredential
    from product_imagery.products import description_of

    ids = list(Product.objects.values_list("pk", flat=True)[:pictures])
    account = None
    if hosted:
        account = ProviderCredential(provider="paqshot", label="Main", base_url="http://127.0.0.1:9/paqshot")
        account.set_secret("pk_live_example_0001")
        account.save()
    spec = spec_of_operation("white_background", {}, account)
    enhance({description_of(Product): ids}, spec, channel="command", auto_approve=True)


def date_ahead() -> None:
    """A dead worker's slot, one hour ahead."""
    from product_imagery.models import WorkerLease
    from product_imagery.models.db_time import from_now

    ahead = from_now(3600)
    WorkerLease.objects.create(
        number=0, lease_token=uuid.uuid4(), leased_until=ahead, seen_at=ahead, holder="deadhost:1"
    )


def spoil_accounts() -> None:
    """Accounts that cannot work, each for its own reason."""
    from product_imagery.models import ProviderCredential

    ProviderCredential.objects.create(provider="acme", label="Of a removed provider")
    paused = ProviderCredential.objects.create(provider="paqshot", label="Paused")
    paused.pause("The account has no credits left.", stops_reads=False)
    ProviderCredential.objects.create(provider="pergai", label="Unreadable", sealed={"key": ["nonsense"]})


def _die_again_and_again() -> None:
    """A supervisor whose workers take a slot and die."""
    code = (
        "import django; django.setup(); from product_imagery.models import WorkerLease; "
        "slot = WorkerLease.objects.acquire_seat(seats=1, seconds=15, holder='dying:1'); slot and slot.release()"
    )
    while True:
        subprocess.run([sys.executable, "-c", code], check=False)
        time.sleep(5)


def _serve(port: int) -> None:
    """A web server that needs no database to start."""
    from django.core.servers.basehttp import run
    from django.core.wsgi import get_wsgi_application

    run("127.0.0.1", port, get_wsgi_application(), threading=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve(int(sys.argv[2]))
    _die_again_and_again()
