"""What keeps an installation healthy over years: forgetting, clocks, addresses that move, forms that were left open."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from product_imagery.exceptions import RequestError
from product_imagery.flows.hosted import credentials
from product_imagery.flows.results import review
from product_imagery.flows.worker import health, maintenance
from product_imagery.models import (
    Enhancement,
    EnhancementItem,
    ImageVersion,
    LimitUse,
    ProviderCredential,
    ProviderJob,
    ResultImage,
    WebhookDelivery,
)
from product_imagery.models.credential_secrets import OVERLAP
from product_imagery.states import ItemStatus, JobState
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import KEYS, Fakes
from tests.fakes.webhooks import aigen_headers, deliver, paqshot_headers, url_of

pytestmark = pytest.mark.django_db

_CANARY = "a canary in the prompt"
Person = Callable[..., Client]


class TestForgetting:
    """H10: what people wrote goes after the time that the shop has set; pictures and money stay."""

    @pytest.fixture
    def done(self, account: Account, order: Order, client: Client) -> Enhancement:
        """An enhancement that ended forty days ago, with a prompt, on its product."""
        credential = account("productai")
        enhancement = order(credential, options={"prompt": _CANARY}, auto_approve=True)
        EnhancementItem.objects.update(external_id=_CANARY)
        hurry()
        told = json.dumps({"prompt": _CANARY, "job_id": "7"}).encode()
        assert deliver(client, url_of(credential), told, {}) == 200
        long_ago = timezone.now() - timedelta(days=40)
        Enhancement.objects.update(finished_at=long_ago)
        WebhookDelivery.objects.update(received_at=long_ago)
        return enhancement

    def test_no_word_is_left(self, done: Enhancement) -> None:
        assert _tables_with(_CANARY)
        out = StringIO()
        call_command("imagery_purge", "--days", "41", stdout=out)
        call_command("imagery_purge", "--days", "30", "--dry-run", stdout=out)
        assert _tables_with(_CANARY)
        call_command("imagery_purge", "--days", "30", "--json", stdout=out)
        assert '"enhancements": 1' in out.getvalue()
        assert _tables_with(_CANARY) == []
        assert ResultImage.objects.get().image.size > 0
        assert ImageVersion.objects.get().after_name

    def test_workers_do_it_where_it_is_set(self, done: Enhancement, settings: Any) -> None:
        maintenance.clear_up()
        assert _tables_with(_CANARY)
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "RETENTION_DAYS": 30}
        maintenance.clear_up()
        assert _tables_with(_CANARY) == []

    def test_what_is_no_word_stays(self, done: Enhancement) -> None:
        """Each job has options of its own, such as another seed."""
        job = ProviderJob.objects.get()
        ProviderJob.objects.update(options={**job.options, "seed": 42})
        call_command("imagery_purge", "--days", "30", stdout=StringIO())
        job.refresh_from_db()
        assert (job.options["seed"], job.options["model"], job.options["prompt"]) == (42, "nanobanana", "")
        assert "seed" not in Enhancement.objects.get().options

    def test_nothing_is_bought_without_its_prompt(self, done: Enhancement, fakes: Fakes) -> None:
        call_command("imagery_purge", "--days", "30", stdout=StringIO())
        with pytest.raises(RequestError, match="forgotten"):
            review.regenerate(ResultImage.objects.get(), actor=None)
        hurry()
        assert fakes.charged("productai") == 1

    def test_it_is_said_when_no_time_is_set(self) -> None:
        with pytest.raises(CommandError, match="--days"):
            call_command("imagery_purge")


def _tables_with(text: str) -> list[str]:
    """Names of our tables that hold the text anywhere."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith("product_imagery"):
                cursor.execute(f'SELECT * FROM "{table}"')
                rows = [bytes(cell) if isinstance(cell, memoryview) else cell for row in cursor for cell in row]
                found += [table] if text in repr(rows) else []
    return found


class TestClocks:
    """K5: a wrong clock makes signatures fail; the doctor says so before anybody wonders."""

    def test_the_doctor_compares_with_the_providers(
        self, account: Account, order: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        credential = account("productai")
        order(credential)
        hurry(1)
        assert health.wrong_clocks() == []
        slow = SimpleNamespace(time=lambda: time.time() - 600)
        monkeypatch.setattr("product_imagery.provider_kit.headers.time", slow)
        hurry()
        assert health.wrong_clocks() == [credential]
        out = StringIO()
        with pytest.raises(SystemExit):
            call_command("imagery_doctor", stdout=out)
        assert "s from ours" in out.getvalue()

    def test_it_is_written_once(self, account: Account, order: Order) -> None:
        order(account("productai"), 6)
        ProviderCredential.objects.update(clock_skew=900)
        with CaptureQueriesContext(connection) as asked:
            hurry()
        assert sum('SET "clock_skew"' in query["sql"] for query in asked) == 1
        assert abs(ProviderCredential.objects.get().clock_skew) < 30


class TestAddresses:
    """K13: an address for webhooks that has become known is replaced, without losing a call."""

    def test_the_old_one_works_through_the_overlap(
        self,
        paqshot: ProviderCredential,
        client: Client,
        person: Person,
    ) -> None:
        body, old = b'{"id": "gen_1"}', url_of(paqshot)
        change = reverse("admin:product_imagery_providercredential_changelist")
        chosen = {"action": "move_webhook", "_selected_action": [str(paqshot.pk)]}
        person("view_providercredential").post(change, chosen)
        assert url_of(ProviderCredential.objects.get()) == old
        person("change_providercredential", "view_providercredential").post(change, chosen)
        new = url_of(ProviderCredential.objects.get())
        assert new != old
        for address in (old, new):
            assert deliver(client, address, body, paqshot_headers(body)) == 200
        ProviderCredential.objects.update(moved_at=timezone.now() - timedelta(seconds=OVERLAP + 1))
        assert deliver(client, old, body, paqshot_headers(body)) == 404
        assert deliver(client, new, body, paqshot_headers(body)) == 200

    def test_it_is_shown_with_a_button(self, paqshot: ProviderCredential, person: Person) -> None:
        page = person("*").get(reverse("admin:product_imagery_providercredential_change", args=[paqshot.pk]))
        assert f"{url_of(paqshot)}" in page.content.decode()
        assert 'data-copies="imagery-webhook"' in page.content.decode()


class TestForms:
    """J4: two people edit one account."""

    def test_the_second_one_is_told(self, account: Account, person: Person) -> None:
        credential = account("aigenstudio")
        page = reverse("admin:product_imagery_providercredential_change", args=[credential.pk])
        client = person("*")
        first = _sent_by(client.get(page))
        assert client.post(page, first | {"budget_day": "5"}).status_code == 302
        late = client.post(page, first | {"key": "aigen_test_another_key_2", "budget_day": ""})
        assert "Somebody changed this account" in late.content.decode()
        credential.refresh_from_db()
        assert (credential.budget_day, credential.secret().reveal()) == (5, KEYS["aigenstudio"])

    def test_what_workers_wrote_meanwhile_stays(self, account: Account, person: Person) -> None:
        credential = account("aigenstudio")
        page = reverse("admin:product_imagery_providercredential_change", args=[credential.pk])
        client = person("*")
        form = _sent_by(client.get(page))
        credential.pause("the key is refused", stops_reads=True)
        assert client.post(page, form | {"budget_day": "5"}).status_code == 302
        credential.refresh_from_db()
        assert credential.paused_reason == "the key is refused"


def _sent_by(page: Any) -> dict[str, str]:
    """What a browser would send of a form that nobody has touched."""
    form = page.context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {
        name: json.dumps(value) if isinstance(value, dict) else str(value)
        for name, value in values.items()
        if value not in (None, False, "")
    }


@pytest.mark.parametrize(("hosts", "status"), [(["127.0.0.1"], "completed"), (["cdn.example.com"], "failed")])
def test_pictures_come_only_from_where_the_setting_says(
    hosts: list[str], status: str, account: Account, order: Order, fakes: Fakes, settings: Any
) -> None:
    """E14."""
    settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "RESULT_HOSTS": {"paqshot": hosts}}
    order(account("paqshot"))
    hurry()
    item = EnhancementItem.objects.get()
    assert item.status == status
    if status == ItemStatus.FAILED:
        assert "127.0.0.1" in item.error_message
        assert item.job.collectable  # with another setting it is collected without being paid again


def test_a_call_about_somebody_elses_job_changes_nothing(
    paqshot: ProviderCredential,
    order: Order,
    fakes: Fakes,
    client: Client,
) -> None:
    """K9: staging and live share an account."""
    order(paqshot)
    hurry(1)
    before = ProviderJob.objects.values().get()
    body = b'{"event": "generation.completed", "id": "gen_of_another_site", "status": "completed"}'
    assert deliver(client, url_of(paqshot), body, paqshot_headers(body)) == 200
    assert ProviderJob.objects.values().get() == before
    hurry()
    assert (fakes.charged("paqshot"), ResultImage.objects.count()) == (1, 1)


def test_what_a_dead_worker_took_of_a_limit_comes_back(account: Account, order: Order, fakes: Fakes) -> None:
    """J12: its window ends like any other."""
    credential = account("productai", own_limits={"creates": [1, 60]})
    order(credential, 2)
    LimitUse.objects.create(credential=credential, counted="creates", amount=1)  # and it died
    hurry(1, forget_limits=False)
    assert fakes.charged("productai") == 0
    LimitUse.objects.update(at=timezone.now() - timedelta(seconds=63))
    hurry(1, forget_limits=False)
    assert fakes.charged("productai") == 1
    assert ProviderJob.objects.filter(state=JobState.QUEUED).count() == 1


def test_signatures_are_compared_in_constant_time(
    paqshot: ProviderCredential,
    account: Account,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """D20: by the one function that does, on texts of the same length."""
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def spy(one: Any, other: Any) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    credential = account("aigenstudio")
    assert deliver(client, url_of(paqshot), b"{}", paqshot_headers(b"{}", "whsec_wrong")) == 401
    assert deliver(client, url_of(credential), b"{}", aigen_headers(b"{}", key="aigen_test_wrong_key_01")) == 401
    assert {(64, 64)} <= set(compared)


def test_a_storm_of_calls_costs_the_same_for_each(
    paqshot: ProviderCredential,
    order: Order,
    client: Client,
) -> None:
    """D21: however much is under way, a call is one insert and a look brought forward."""
    counts = []
    for number in range(2):
        order(paqshot, 1 + 15 * number)
        hurry(1)
        body = json.dumps({"id": f"gen_{number}", "status": "completed"}).encode()
        with CaptureQueriesContext(connection) as asked:
            assert deliver(client, url_of(paqshot), body, paqshot_headers(body)) == 200
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 14


def test_moving_twice_forgets_the_oldest(account: Account, client: Client) -> None:
    credential = account("aigenstudio")
    addresses = [url_of(credential)]
    for _ in range(2):
        credentials.move_webhook(ProviderCredential.objects.get())
        addresses.append(url_of(ProviderCredential.objects.get()))
    statuses = [deliver(client, address, b"{}", aigen_headers(b"{}")) for address in addresses]
    assert statuses == [404, 200, 200]
