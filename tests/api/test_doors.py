"""Who may come in: keys and sessions, what they may do, how often; the form of every answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from product_imagery.models import ApiKey, RateUse
from tests.api.conftest import BASE, Caller

pytestmark = pytest.mark.django_db

Call = Callable[..., Caller]


def _error(answer: Any) -> tuple[int, str]:
    error = answer.json()["error"]
    assert set(error) >= {"code", "message", "request_id"}
    assert answer["X-Request-Id"] == error["request_id"]
    return answer.status_code, error["code"]


class TestKeys:
    """G1, G2: what is stored, what is taken, what is not."""

    def test_a_key_is_shown_once_and_stored_as_a_digest(self, caller: Call) -> None:
        text = caller().text
        row = ApiKey.objects.values().get()
        assert text.startswith("pik_live_")
        assert len(text) > 50
        assert not any(text in str(value) for value in row.values())
        assert text.startswith(row["prefix"])

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Bearer",
            "Bearer ",
            "Bearer pik_live_00000000_nonsense",
            "Token {}",
            "Bearer {}x",
            "Basic {}",
            "{}",
            "Bearer é",
        ],
    )
    def test_bad_keys_get_one_answer(self, header: str, caller: Call) -> None:
        text = caller().text
        answer = Client().get(BASE + "operations", headers={"Authorization": header.format(text)})
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == "Bearer"

    def test_revoked_expired_and_orphaned_keys(self, caller: Call) -> None:
        revoked, expired, gone = caller("a"), caller("b"), caller("c")
        assert revoked.key.revoke()
        assert not revoked.key.revoke()
        ApiKey.objects.filter(pk=expired.key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        get_user_model().objects.filter(username="c").update(is_active=False)
        for one in (revoked, expired, gone):
            assert _error(one.get("operations")) == (401, "invalid_api_key")

    @pytest.mark.parametrize("name", ["api_key", "key", "token", "access_token"])
    def test_keys_in_addresses_and_other_headers_are_refused(self, name: str, caller: Call) -> None:
        one = caller()
        assert _error(one.get(f"operations?{name}={one.text}")) == (401, "unsupported_authentication")
        answer = Client().get(BASE + "operations", headers={"X-Api-Key": one.text})
        assert _error(answer) == (401, "unsupported_authentication")

    def test_scopes_and_the_owner_s_permissions_both_count(self, caller: Call) -> None:
        reader = caller(scopes=("read",))
        assert reader.get("enhancements").status_code == 200
        assert _error(reader.post("enhancements", {})) == (403, "missing_scope")
        idle = caller("idle")
        get_user_model().objects.get(username="idle").user_permissions.clear()
        assert _error(idle.get("enhancements")) == (403, "missing_permission")

    def test_from_the_shell(self) -> None:
        get_user_model().objects.create_superuser("boss")
        made, listed = StringIO(), StringIO()
        call_command("imagery_key", "make", "PIM", "--owner", "boss", "--test", "--days", "1", stdout=made, stderr=made)
        text = made.getvalue().split()[-1]
        assert text.startswith("pik_test_")
        assert Client().get(BASE + "operations", headers={"Authorization": f"Bearer {text}"}).status_code == 200
        call_command("imagery_key", "list", stdout=listed)
        assert text not in listed.getvalue()
        assert text[:17] in listed.getvalue()
        call_command("imagery_key", "revoke", text[:17], stdout=made)
        assert Client().get(BASE + "operations", headers={"Authorization": f"Bearer {text}"}).status_code == 401
        for arguments in (["make", "x", "--owner", "nobody"], ["make", "x", "--owner", "boss", "--scopes", "fly"]):
            with pytest.raises(CommandError):
                call_command("imagery_key", *arguments)

    def test_in_the_admin(self, person: Callable[..., Client]) -> None:
        client = person("*")
        owner = get_user_model().objects.get()
        form = {"name": "Shop floor", "owner": owner.pk, "scopes": ["read"]}
        page = client.post(reverse("admin:product_imagery_apikey_add"), form, follow=True)
        text = re.search(r"pik_live_[\w-]+", page.content.decode())[0]  # type: ignore[index]
        headers = {"Authorization": f"Bearer {text}"}
        assert Client().get(BASE + "operations", headers=headers).status_code == 200
        key = ApiKey.objects.get()
        change = reverse("admin:product_imagery_apikey_change", args=[key.pk])
        assert text not in client.get(change).content.decode()
        client.post(change, {"name": "Renamed", "scopes": ["read", "review"], "requests_per_minute": "5"})
        assert ApiKey.objects.get().scopes == ["read", "review"]
        assert Client().get(BASE + "operations", headers=headers).status_code == 200
        chosen = {"action": "revoke", "_selected_action": [str(key.pk)]}
        client.post(reverse("admin:product_imagery_apikey_changelist"), chosen)
        assert Client().get(BASE + "operations", headers=headers).status_code == 401

    def test_nobody_makes_a_key_that_may_more_than_its_maker(self, person: Callable[..., Client]) -> None:
        """J10: a key does what its owner may do."""
        person("*")
        boss = get_user_model().objects.get()
        client = person("add_apikey", "view_apikey", "change_apikey")
        form = {"name": "Mine", "owner": boss.pk, "scopes": ["read"]}
        page = client.post(reverse("admin:product_imagery_apikey_add"), form)
        assert page.status_code == 200
        assert not ApiKey.objects.exists()
        own = get_user_model().objects.exclude(pk=boss.pk).get()
        client.post(reverse("admin:product_imagery_apikey_add"), form | {"owner": own.pk})
        assert ApiKey.objects.get().owner == own


class TestSessions:
    """G21: people of the staff, with CSRF."""

    def test_staff_may_look_and_need_the_csrf_token_to_do(self, person: Callable[..., Client]) -> None:
        client = person("*")
        assert client.get(BASE + "enhancements").status_code == 200
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = client.cookies
        answer = strict.post(BASE + "quote", "{}", content_type="application/json")
        assert answer.status_code == 403

    def test_customers_of_the_shop_are_nobody_here(self, client: Client) -> None:
        client.force_login(get_user_model().objects.create_user("customer"))
        assert _error(client.get(BASE + "enhancements")) == (401, "not_authenticated")


class TestForm:
    """Every answer has the same form."""

    def test_presets_are_open_and_have_a_request_id(self, client: Client) -> None:
        answer = client.get(BASE + "presets", headers={"X-Request-Id": "import-7"})
        assert answer.status_code == 200
        assert answer.json()["request_id"] == answer["X-Request-Id"] == "import-7"
        assert {"id", "name", "description"} <= set(answer.json()["presets"][0])
        odd = client.get(BASE + "presets", headers={"X-Request-Id": "a b\tc" + "x" * 99})
        assert odd["X-Request-Id"].startswith("req_")

    @pytest.mark.parametrize(
        ("path", "method", "expected"),
        [
            ("nowhere", "get", (404, "not_found")),
            ("presets", "delete", (405, "method_not_allowed")),
            ("enhancements/00000000-0000-4000-8000-000000000000", "get", (404, "not_found")),
            ("enhancements/not-a-uuid", "get", (404, "not_found")),
        ],
    )
    def test_errors(self, path: str, method: str, expected: tuple[int, str], caller: Call, client: Client) -> None:
        headers = {"Authorization": f"Bearer {caller().text}"}
        assert _error(getattr(client, method)(BASE + path, headers=headers)) == expected

    @pytest.mark.parametrize(
        ("body", "kind", "expected"),
        [
            (b"{", "application/json", (400, "invalid_json")),
            (b"[" * 100_000, "application/json", (400, "invalid_json")),
            (b"a=1", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
            (b"[]", "application/json", (400, "invalid_request")),
            (b'{"images": 7}', "application/json", (400, "invalid_request")),
            (
                b'{"preset": "white", "operation": "upscale", "images": []}',
                "application/json",
                (400, "invalid_request"),
            ),
        ],
    )
    def test_bad_bodies(self, body: bytes, kind: str, expected: tuple[int, str], caller: Call, client: Client) -> None:
        headers = {"Authorization": f"Bearer {caller().text}", "Idempotency-Key": "some-key-1"}
        assert _error(client.post(BASE + "enhancements", body, content_type=kind, headers=headers)) == expected

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=10001", "cursor=abc"])
    def test_bad_pages(self, query: str, caller: Call) -> None:
        assert _error(caller().get(f"generations?{query}")) == (400, "invalid_request")


class TestLimits:
    """G13, G14: exact, weighted, by key."""

    def test_so_many_and_no_more(self, caller: Call) -> None:
        one = caller(requests_per_minute=12)
        answers = [one.get("enhancements", **{"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(15)]
        assert [answer.status_code for answer in answers] == [200] * 12 + [429] * 3
        assert answers[0]["X-RateLimit-Remaining"] == "11"
        assert _error(answers[-1]) == (429, "rate_limited")
        assert 0 < int(answers[-1]["Retry-After"]) <= 61
        assert caller("another", requests_per_minute=12).get("enhancements").status_code == 200

    def test_creates_weigh_more_and_old_uses_are_forgotten(self, caller: Call) -> None:
        one = caller(requests_per_minute=12)
        assert [one.post("enhancements", {}).status_code for _ in range(3)] == [400, 400, 429]
        RateUse.objects.update(at=timezone.now() - timedelta(seconds=61))
        assert one.get("enhancements").status_code == 200


class TestWeights:
    """What costs more counts more, but never more than a key has."""

    def test_a_small_key_can_start_and_download(self, caller: Callable[..., Caller], make_product: Any) -> None:
        one = caller(requests_per_minute=4)
        body = {"operation": "upscale", "images": [{"product": f"shop.product:{make_product().pk}"}]}
        assert one.post("enhancements", body).status_code == 202
        refused = one.get("enhancements")
        assert refused.status_code == 429
        assert 55 <= int(refused["Retry-After"]) <= 60

    def test_one_waits_for_as_much_as_is_wanted(self, caller: Callable[..., Caller], make_product: Any) -> None:
        one = caller(requests_per_minute=6)
        first = RateUse.objects.create(key=one.key, weight=1)
        RateUse.objects.filter(pk=first.pk).update(at=timezone.now() - timedelta(seconds=50))
        second = RateUse.objects.create(key=one.key, weight=2)
        RateUse.objects.filter(pk=second.pk).update(at=timezone.now() - timedelta(seconds=20))
        body = {"operation": "upscale", "images": [{"product": f"shop.product:{make_product().pk}"}]}
        refused = one.post("enhancements", body)  # five of six, three are used: not before the second is forgotten
        assert refused.status_code == 429
        assert 35 <= int(refused["Retry-After"]) <= 41

    def test_live_and_test_keys_have_idempotency_keys_of_their_own(
        self, caller: Callable[..., Caller], make_product: Any
    ) -> None:
        body = {"operation": "upscale", "images": [{"product": f"shop.product:{make_product().pk}"}]}
        for one in (caller(is_test=True), caller()):
            assert one.post("enhancements", body, key="the-same-key").status_code == 202
