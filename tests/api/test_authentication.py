"""Authentication and permissions: keys, sessions, scopes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from product_imagery.models import ApiKey
from tests.api.conftest import BASE, Caller, error_of

pytestmark = pytest.mark.django_db

Call = Callable[..., Caller]


class TestKeys:
    """G1, G2: API keys."""

    def test_key_is_stored_as_a_digest(self, caller: Call) -> None:
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
    def test_bad_keys_all_get_the_same_401(self, header: str, caller: Call) -> None:
        text = caller().text
        response = Client().get(BASE + "operations", headers={"Authorization": header.format(text)})
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == "Bearer"

    def test_revoked_expired_and_orphaned_keys_are_invalid(self, caller: Call) -> None:
        revoked, expired, gone = caller("a"), caller("b"), caller("c")
        assert revoked.key.revoke()
        assert not revoked.key.revoke()
        ApiKey.objects.filter(pk=expired.key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        get_user_model().objects.filter(username="c").update(is_active=False)
        for one in (revoked, expired, gone):
            assert error_of(one.get("operations")) == (401, "invalid_api_key")

    @pytest.mark.parametrize("name", ["api_key", "key", "token", "access_token"])
    def test_keys_in_urls_and_other_headers_are_refused(self, name: str, caller: Call) -> None:
        one = caller()
        assert error_of(one.get(f"operations?{name}={one.text}")) == (401, "unsupported_authentication")
        response = Client().get(BASE + "operations", headers={"X-Api-Key": one.text})
        assert error_of(response) == (401, "unsupported_authentication")

    def test_both_the_scope_and_the_owner_s_permission_are_required(self, caller: Call) -> None:
        reader = caller(scopes=("read",))
        assert reader.get("enhancements").status_code == 200
        assert error_of(reader.post("enhancements", {})) == (403, "missing_scope")
        idle = caller("idle")
        get_user_model().objects.get(username="idle").user_permissions.clear()
        assert error_of(idle.get("enhancements")) == (403, "missing_permission")

    def test_command_makes_lists_and_revokes_keys(self) -> None:
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

    def test_admin_makes_changes_and_revokes_keys(self, person: Callable[..., Client]) -> None:
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

    def test_key_for_a_more_powerful_owner_is_refused(self, person: Callable[..., Client]) -> None:
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
    """G21: sessions of staff, with CSRF protection."""

    def test_staff_session_requires_the_csrf_token_for_unsafe_methods(self, person: Callable[..., Client]) -> None:
        client = person("*")
        assert client.get(BASE + "enhancements").status_code == 200
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = client.cookies
        response = strict.post(BASE + "quote", "{}", content_type="application/json")
        assert response.status_code == 403

    def test_session_without_staff_status_is_not_authenticated(self, client: Client) -> None:
        client.force_login(get_user_model().objects.create_user("customer"))
        assert error_of(client.get(BASE + "enhancements")) == (401, "not_authenticated")
