"""Events sent to webhook endpoints: short responses, in little time, no redirects, and only to public addresses."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest

from product_imagery.exceptions import FetchError, UnsafeAddress
from product_imagery.net.post import post
from tests.net.conftest import Server, send, url_of


def test_body_and_headers_arrive_and_the_beginning_of_the_answer_comes_back(server: Server) -> None:
    server.answer = lambda handler: send(handler, 503, handler.rfile.read(5), Retry_After="120")
    reply = post(url_of(server), b"hello", {"webhook-id": "msg_1"})
    assert (reply.status, reply.body, reply.retry_after) == (503, b"hello", 120.0)
    assert server.seen[0]["webhook-id"] == "msg_1"
    assert "authorization" not in server.seen[0]


def test_a_redirect_is_an_answer_like_others(server: Server) -> None:
    server.answer = lambda handler: send(handler, 307, Location="http://127.0.0.1:1/")
    assert post(url_of(server), b"{}", {}).status == 307
    assert len(server.seen) == 1


def test_of_an_endless_answer_only_the_beginning_is_read(server: Server) -> None:
    def flood(handler: Any) -> None:
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(1000):
                handler.wfile.write(b"x" * 65_536)
            flooded.append(True)

    flooded: list[bool] = []
    server.answer = flood
    assert len(post(url_of(server), b"{}", {}).body) == 16 * 1024
    assert not flooded


def test_a_receiver_that_drips_or_says_nothing_is_left(server: Server, monkeypatch: Any) -> None:
    sent_all = []

    def drip(handler: Any) -> None:
        with contextlib.suppress(OSError):
            for _ in range(100):
                handler.wfile.write(b"H")
                time.sleep(0.1)
            sent_all.append(True)

    server.answer = drip
    monkeypatch.setattr("product_imagery.net.post.POST_SECONDS", 1.0)
    with pytest.raises(FetchError):
        post(url_of(server), b"{}", {})
    assert not sent_all


@pytest.mark.parametrize("url", ["http://localhost/", "https://10.0.0.1/", "https://[::1]/", "https://a.internal/"])
def test_not_into_the_shop_s_own_network(url: str) -> None:
    with pytest.raises(UnsafeAddress):
        post(url, b"{}", {})
