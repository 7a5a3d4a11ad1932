"""The envelope of responses and errors."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from tests.api.conftest import BASE, Caller, error_of

pytestmark = pytest.mark.django_db

Call = Callable[..., Caller]


class TestEnvelope:
    """Every response has the same form."""

    def test_presets_are_public_and_echo_the_request_id(self, client: Client) -> None:
        response = client.get(BASE + "presets", headers={"X-Request-Id": "import-7"})
        assert response.status_code == 200
        assert response.json()["request_id"] == response["X-Request-Id"] == "import-7"
        assert {"id", "name", "description"} <= set(response.json()["presets"][0])
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
    def test_errors_have_status_and_code(
        self, path: str, method: str, expected: tuple[int, str], caller: Call, client: Client
    ) -> None:
        headers = {"Authorization": f"Bearer {caller().text}"}
        assert error_of(getattr(client, method)(BASE + path, headers=headers)) == expected

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
    def test_bad_bodies_have_status_and_code(
        self, body: bytes, kind: str, expected: tuple[int, str], caller: Call, client: Client
    ) -> None:
        headers = {"Authorization": f"Bearer {caller().text}", "Idempotency-Key": "some-key-1"}
        assert error_of(client.post(BASE + "enhancements", body, content_type=kind, headers=headers)) == expected

    @pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=10001", "cursor=abc"])
    def test_bad_page_parameters_are_refused(self, query: str, caller: Call) -> None:
        assert error_of(caller().get(f"generations?{query}")) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["enhancements", "quote", "products", "collections", "webhook-endpoints"])
def test_options_name_no_fields(path: str, caller: Call) -> None:
    response = Client().options(BASE + path, headers={"Authorization": f"Bearer {caller().text}"})
    assert (response.status_code, "POST" in response["Allow"]) == (200, True)
    assert set(response.json()) == {"name", "description", "renders", "parses"}
