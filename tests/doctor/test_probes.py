"""What is wedged is told, by command and URL, in a bounded time and with what to do."""

from __future__ import annotations

import json
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now
from django.db.utils import OperationalError
from django.test import Client
from django.utils import timezone

from example_project.shop.models import Product
from product_imagery.doctor import machine, probes, runner
from product_imagery.doctor.findings import Finding, Probe
from product_imagery.flows.results import review
from product_imagery.models import ProviderCredential, ProviderJob, ResultImage, WebhookDelivery, WorkerLease
from product_imagery.models.db_time import from_now

pytestmark = pytest.mark.django_db

_TOKEN = "a-token-for-the-load-balancer"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    """Nothing is reused of another test, and no test but one waits for a picture."""
    monkeypatch.setattr(machine, "engine", lambda: iter([Finding("engine", True)]))
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "HEALTH_TOKEN": _TOKEN}
    yield
    runner.forget()


def _doctor() -> dict[str, str]:
    """What is wrong, by what was looked at; the exit code says the same."""
    said = StringIO()
    try:
        call_command("imagery_doctor", "--json", stdout=said)
        code = 0
    except SystemExit as end:
        code = int(str(end.code))
    found = {one["what"]: one["detail"] for one in json.loads(said.getvalue()) if not one["ok"]}
    assert code == bool(found)
    return found


def _url(client: Client | None = None, **how: Any) -> Any:
    return (client or Client()).get("/imagery/health/", **how)


class TestProgress:
    """Rows that do not move are told, whoever claims to be alive."""

    def test_a_worker_that_shows_itself_and_moves_nothing(self, make_product: Any, enlarge: Any) -> None:
        enlarge(make_product())
        ProviderJob.objects.update(due_at=from_now(-90))
        WorkerLease.objects.create(number=0, seen_at=Now(), holder="web1:77")  # each worker dies at its start
        detail = _doctor()["workers"]
        assert "1 jobs of “This machine” have waited" in detail
        assert "although a worker shows itself" in detail
        assert "restart the workers" in detail

    def test_a_long_queue_that_moves_is_well(self, make_product: Any, enlarge: Any) -> None:
        enlarge(make_product(), make_product())
        ProviderJob.objects.update(due_at=from_now(-4000))
        WorkerLease.objects.create(number=0, seen_at=Now(), holder="web1:77")
        first = ProviderJob.objects.order_by("pk")[0]
        ProviderJob.objects.filter(pk=first.pk).update(state="done", finished_at=Now())
        assert "workers" not in _doctor()

    def test_a_slot_dated_ahead(self, make_product: Any, enlarge: Any) -> None:
        ahead = from_now(3600)
        WorkerLease.objects.create(
            number=0, lease_token=uuid.uuid4(), leased_until=ahead, seen_at=ahead, holder="deadhost:1"
        )
        enlarge(make_product())
        ProviderJob.objects.update(due_at=from_now(-90))
        found = _doctor()
        assert "no worker moves it" in found["workers"]
        assert "deadhost:1 is dated ahead" in found["clocks"]

    def test_a_product_storage_that_takes_nothing(
        self, make_product: Any, enlarge: Any, work: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        enlarge(make_product())
        work()
        review.approve(ResultImage.objects.get(), actor=None, publish=True)
        note = "The picture could not be stored."
        ResultImage.objects.update(reviewed_at=from_now(-70), publication_note=note)
        ResultImage.objects.all().acquire(30)
        WorkerLease.objects.update(seen_at=Now())
        assert f"because of this: “{note}”" in _doctor()["workers"]

    def test_calls_of_providers_that_nobody_acts_on(self) -> None:
        credential = ProviderCredential.objects.create(provider="paqshot", label="Main")
        WebhookDelivery.objects.create(credential=credential, body=b"{}")
        WebhookDelivery.objects.update(received_at=timezone.now() - timedelta(minutes=4))
        WorkerLease.objects.create(number=0, seen_at=Now(), holder="web1:77")
        assert "1 calls of providers have waited" in _doctor()["workers"]

    def test_calls_that_were_set_aside(self) -> None:
        credential = ProviderCredential.objects.create(provider="paqshot", label="Main")
        WebhookDelivery.objects.create(credential=credential, body=b"{}", set_aside_at=Now(), outcome="ValueError: x")
        assert "ValueError: x" in _doctor()["tasks"]


class Slow(FileSystemStorage):
    """A storage that hangs until it is let go."""

    go = threading.Event()
    saved: ClassVar[list[str]] = []

    def _save(self, name: str, content: Any) -> str:
        self.go.wait(60)
        self.saved.append(name)
        return name


class TestTheMachine:
    """Storages, temporary files, engine."""

    def test_a_storage_that_hangs_holds_nobody_up(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.STORAGES = {**settings.STORAGES, "slow": {"BACKEND": f"{__name__}.Slow"}}
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "STORAGE": "slow"}
        slow = Probe("storage", machine.storage_of_results, 0.2, "See whether the storage responds.", 20)
        monkeypatch.setattr(probes, "all_probes", lambda: [slow])
        assert _doctor()["storage"].startswith("No response within")
        assert _url(headers={"Authorization": f"Bearer {_TOKEN}"}).status_code == 503
        assert not Slow.saved
        Slow.go.set()

    def test_a_folder_of_products_that_takes_nothing(self, settings: Any, make_product: Any) -> None:
        make_product()
        Path(settings.MEDIA_ROOT, "products").mkdir(exist_ok=True)
        Path(settings.MEDIA_ROOT, "products/enhanced").write_text("no folder")
        assert "shop.Product" in _doctor()["target storages"]

    def test_the_test_files_are_taken_away(self, settings: Any, make_product: Any) -> None:
        make_product()
        _doctor()
        assert not list(Path(settings.MEDIA_ROOT).rglob("*imagery-doctor*"))

    def test_a_full_disk_of_temporary_files(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=32 * 1024))
        assert "set TMPDIR" in _doctor()["temporary files"]

    def test_an_engine_that_cannot_make_a_picture(
        self, model_file: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.undo()
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "MEMORY_PER_PROCESS": 200_000_000}
        assert "MEMORY_PER_PROCESS" in _doctor()["engine"]


class TestProviders:
    """The way to the providers."""

    def test_one_that_cannot_be_reached(self, settings: Any) -> None:
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "FETCH_ALLOW": ("127.0.0.1:9",)}
        account = ProviderCredential(provider="paqshot", label="Main", base_url="http://127.0.0.1:9/paqshot")
        account.set_secret("pk_live_0001")
        account.save()
        assert "cannot be reached at 127.0.0.1:9" in _doctor()["providers"]

    def test_one_that_fails_every_call(self, account: Any) -> None:
        account("paqshot", consecutive_failures=4, cooldown_until=timezone.now() + timedelta(minutes=5))
        assert "4 calls in a row failed" in _doctor()["providers"]


class TestTheDatabase:
    """Locked, away, or of another state."""

    @pytest.mark.parametrize(
        ("error", "advice"),
        [("database is locked", "End that process"), ("connection refused", "work goes on when the database responds")],
    )
    def test_one_that_takes_no_writes(self, error: str, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any) -> None:
            raise OperationalError(error)

        monkeypatch.setattr(connection, "ensure_connection", fail)
        found = _doctor()
        assert error in found["database"]
        assert advice in found["database"]

    def test_tables_of_an_older_state(self) -> None:
        with connection.schema_editor(atomic=False) if connection.vendor == "postgresql" else connection.cursor() as to:
            to.execute("ALTER TABLE product_imagery_workerlease RENAME COLUMN holder TO held_by")
        assert "product_imagery_workerlease lacks holder" in _doctor()["tables"]

    def test_tables_of_a_newer_version(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES ('product_imagery', '9999_later', %s)",
                [timezone.now()],
            )
        found = _doctor()
        assert "9999_later applied, which this version does not know" in found["tables"]
        assert "workers" not in found


class TestUrl:
    """``…/health/``."""

    def test_it_says_what_the_command_says(self, make_product: Any, enlarge: Any) -> None:
        assert _url(headers={"Authorization": f"Bearer {_TOKEN}"}).json()["ok"]
        enlarge(make_product())
        ProviderJob.objects.update(due_at=from_now(-90))
        answer = _url(data={"token": _TOKEN})
        assert answer.status_code == 503
        assert "no-store" in answer["Cache-Control"]
        wrong = [one for one in answer.json()["checks"] if not one["ok"]]
        assert [one["what"] for one in wrong] == ["workers"]
        assert Product.objects.count() == 1

    def test_who_may_ask(self, person: Any, settings: Any) -> None:
        assert _url().status_code == 403
        assert _url(headers={"Authorization": "Bearer wrong"}).status_code == 403
        assert _url(data={"token": "wrong"}).status_code == 403
        assert _url(person()).status_code == 200
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "HEALTH_TOKEN": ""}
        assert _url(data={"token": ""}).status_code == 403
        assert Client().post("/imagery/health/").status_code == 405

    def test_nothing_of_the_keys_is_told(self, account: Any) -> None:
        account("paqshot", key="pk_live_canary_4711")
        assert b"canary" not in _url(headers={"Authorization": f"Bearer {_TOKEN}"}).content
