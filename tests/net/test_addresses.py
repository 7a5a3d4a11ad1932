"""The policy for addresses: what a name leads to is checked before anything connects."""

from __future__ import annotations

import socket

import pytest

from product_imagery.exceptions import UnsafeAddress
from product_imagery.net.addresses import check_address
from tests.net.unsafe_urls import CORPUS


def test_the_corpus_is_large_enough() -> None:
    assert len(set(CORPUS)) >= 200


def test_a_name_with_one_private_address_is_refused_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", (address, 443)) for address in ("93.184.215.14", "10.0.0.7")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(UnsafeAddress, match="public internet") as refusal:
        check_address("https://shop.example.com/a.png")
    assert "10.0.0.7" in refusal.value.detail  # for the operator: who asks is not told what is inside
    assert "10.0.0.7" not in refusal.value.message
    found.pop()
    assert check_address("https://shop.example.com/a.png").address == "93.184.215.14"


def test_a_private_address_behind_many_public_ones_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """E3."""
    found = [(0, 0, 0, "", (f"93.184.216.{number}", 443)) for number in range(1, 41)] + [
        (0, 0, 0, "", ("10.0.0.1", 443))
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(UnsafeAddress):
        check_address("https://shop.example.com/")
