"""One rule for the answer to a create: refused only by the provider's own word, everything else is looked up first."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from product_imagery.flows.hosted import credentials
from product_imagery.models import CreditEntry, EnhancementItem, ProviderCredential, ProviderJob
from product_imagery.states import ItemStatus, JobState
from tests.fakes.hosted import Account, Order, hurry
from tests.fakes.server import KEYS, Fakes

pytestmark = pytest.mark.django_db

PROVIDERS = ("aigenstudio", "productai", "paqshot", "pergai")
#: how a lost create ends: AI Gen Studio and PergAI tell what became of it
_END = {
    "aigenstudio": JobState.DONE,
    "pergai": JobState.DONE,
    "productai": JobState.STALLED,
    "paqshot": JobState.STALLED,
}
_PRICE = {"aigenstudio": 5, "productai": 3, "paqshot": 1, "pergai": 1}
_PAGE = {"Content-Type": "text/html; charset=utf-8"}
#: what comes back although the provider has accepted and charged
_ANSWERS: dict[str, dict[str, Any]] = {
    "web page": {"status": 200, "body": b"<html>Sign in</html>", "headers": _PAGE},
    "moved": {"status": 302, "headers": {"Location": "https://example.com/login"}},
    "see other": {"status": 303, "headers": {"Location": "/v1/jobs/1"}},
    "empty": {"status": 200},
    "no content": {"status": 204},
    "cut": {"status": 200, "body": b'{"id": "gen_'},
    "something else": {"status": 200, "body": b'{"ok": true}', "headers": {"Content-Type": "application/json"}},
    "foreign 400": {"status": 400, "body": b"<html>Bad Request</html>", "headers": _PAGE},
    "foreign 403": {"status": 403, "body": b"<html>blocked by the firewall</html>", "headers": _PAGE},
    "foreign 404": {"status": 404, "body": b"404 page not found"},
    "foreign 405": {"status": 405},
    "foreign 404 in JSON": {"status": 404, "body": b'{"message": "no Route matched"}'},
    "foreign 429": {"status": 429, "body": b"<html>Slow down</html>", "headers": _PAGE},
    "teapot": {"status": 418, "body": b"{}"},
    "gateway": {"status": 502, "body": b"<html>Bad Gateway</html>", "headers": _PAGE},
}


def _booked(provider: str) -> int:
    entries = CreditEntry.objects.filter(credential__provider=provider)
    return int(entries.aggregate(total=Sum("amount"))["total"] or 0)


def _go_on(credential: ProviderCredential) -> None:
    """What a person does who reads that the account is paused."""
    for _ in range(2):
        hurry()
        call_command("imagery_credential", "resume", credential.label, stdout=StringIO())
    hurry()


@pytest.mark.parametrize("answer", _ANSWERS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_was_accepted_is_never_bought_again(
    provider: str, answer: str, account: Account, order: Order, fakes: Fakes
) -> None:
    credential = account(provider)
    order(credential)  # one that goes well: what comes after is not the first thing at a wrong address
    hurry()
    order(credential)
    fakes.fail(f"{provider}.create", "after", skip=1 if provider == "pergai" else 0, **_ANSWERS[answer])
    _go_on(credential)
    job = ProviderJob.objects.order_by("pk").last()
    assert job is not None
    assert fakes.charged(provider) == 2
    assert _booked(provider) == 2 * _PRICE[provider]
    assert job.state == _END[provider]


@pytest.mark.parametrize("answer", ["moved", "foreign 403", "foreign 404", "foreign 405"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_first_job_of_an_account_is_bought_once_as_well(
    provider: str, answer: str, account: Account, order: Order, fakes: Fakes
) -> None:
    credential = account(provider, consecutive_failures=1)
    order(credential)
    fakes.fail(f"{provider}.create", "after", skip=1 if provider == "pergai" else 0, **_ANSWERS[answer])
    _go_on(credential)
    assert fakes.charged(provider) == 1
    assert _booked(provider) == _PRICE[provider]
    assert ProviderJob.objects.get().state == _END[provider]


@pytest.mark.parametrize(
    ("provider", "status"),
    [
        *((provider, status) for provider in PROVIDERS for status in (400, 401)),
        *((provider, status) for provider in ("aigenstudio", "paqshot", "pergai") for status in (403, 422)),
        ("productai", 402),
    ],
)
def test_the_providers_own_refusal_is_believed_and_its_words_come_after_ours(
    provider: str, status: int, account: Account, order: Order, fakes: Fakes
) -> None:
    credential = account(provider)
    order(credential)
    body = fakes.envelope(provider, "no_such_thing", "scene must be one of studio, nature")
    fakes.fail(f"{provider}.create", "status", status=status, body=body)
    hurry(2)
    credential.refresh_from_db()
    told = credential.paused_reason if status in (401, 402, 403) else EnhancementItem.objects.get().error_message
    assert credential.declared.label in told.partition(" It says: ")[0]
    assert "scene must be one of studio, nature" in told
    assert ProviderJob.objects.get().state == (JobState.QUEUED if status in (401, 402, 403) else JobState.FAILED)
    assert fakes.charged(provider) == 0


def test_a_body_in_no_envelope_is_kept_for_the_operator(account: Account, order: Order, fakes: Fakes) -> None:
    order(account("pergai"))
    fakes.fail("pergai.create", "after", status=400, body=b"imagePath: no such file", skip=1)
    hurry(1)
    assert "imagePath: no such file" in EnhancementItem.objects.get().error_detail


class TestWrongAddress:
    """A base address at which there is no such API."""

    @pytest.mark.parametrize("provider", PROVIDERS)
    def test_no_picture_fails_and_the_account_pauses_once(
        self, provider: str, account: Account, order: Order, fakes: Fakes
    ) -> None:
        credential = account(provider)
        credential.base_url = f"{fakes.base}/nowhere/api"
        credential.set_secret(KEYS[provider])
        credential.save()
        order(credential, 10)
        hurry(5)
        credential.refresh_from_db()
        assert "check the base address" in credential.paused_reason
        assert set(EnhancementItem.objects.values_list("status", flat=True)) == {ItemStatus.QUEUED}
        credential.base_url = f"{fakes.base}/{provider}"
        credential.set_secret(KEYS[provider])
        credential.save()
        credentials.resume(credential)
        hurry(60)
        assert set(EnhancementItem.objects.values_list("status", flat=True)) == {ItemStatus.COMPLETED}
        assert fakes.charged(provider) == 10

    @pytest.mark.parametrize("provider", PROVIDERS)
    def test_it_is_not_confirmed(self, provider: str, account: Account, fakes: Fakes) -> None:
        good = account(provider)
        assert "accepts the key" in credentials.check(good)
        for path in ("nowhere", f"pages/{provider}"):
            bad = account(provider, label=path)
            bad.base_url = f"{fakes.base}/{path}"
            bad.set_secret(KEYS[provider])
            bad.save()
            with pytest.raises(CommandError, match="could not be confirmed"):
                call_command("imagery_credential", "check", path, stdout=(told := StringIO()))
            assert "check the base address" in told.getvalue().lower()


class TestReads:
    """Looks at work that is under way."""

    @pytest.mark.parametrize(
        "hiccup",
        [
            {"status": 401},
            {"status": 402},
            {"status": 302, "headers": {"Location": "/login"}},
            {"status": 200, "body": b"<html>Wait</html>", "headers": _PAGE},
        ],
        ids=lambda one: str(one["status"]),
    )
    @pytest.mark.parametrize("provider", PROVIDERS)
    def test_one_bad_look_pauses_nobody(
        self, provider: str, hiccup: dict[str, Any], account: Account, order: Order, fakes: Fakes
    ) -> None:
        credential = account(provider)
        order(credential)
        hurry(1)
        fakes.fail(f"{provider}.read", "status", **hiccup)
        hurry()
        credential.refresh_from_db()
        assert (credential.paused_at, EnhancementItem.objects.get().status) == (None, ItemStatus.COMPLETED)

    def test_words_that_differ_each_time_are_the_same_refusal(
        self, account: Account, order: Order, fakes: Fakes
    ) -> None:
        credential = account("paqshot")
        order(credential)
        hurry(1)
        for number in range(3):
            body = fakes.envelope("paqshot", "unauthorized", f"Request {number} was not let in.")
            fakes.fail("paqshot.read", "status", status=401, body=body)
            hurry(1)
        credential.refresh_from_db()
        assert "Enter a valid one. It says: “Request 1 was not let in.”" in credential.paused_reason

    @pytest.mark.parametrize("status", [200, 401])
    def test_what_is_said_again_and_again_does(self, status: int, account: Account, order: Order, fakes: Fakes) -> None:
        credential = account("paqshot")
        order(credential)
        hurry(1)
        page = {"body": b"<html>", "headers": _PAGE} if status == 200 else {"body": json.dumps({}).encode()}
        fakes.fail("paqshot.read", "status", times=50, status=status, **page)
        hurry(10)
        credential.refresh_from_db()
        assert credential.paused_reason.startswith("Paqshot")
        assert credential.stops_reads
        assert ProviderJob.objects.get().state == JobState.RUNNING
