"""Downloads: no connection to a refused address, and bounds for what a server may do to us."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from product_imagery.exceptions import FetchError, UnsafeAddress
from product_imagery.net import addresses
from product_imagery.net.connections import Connections
from product_imagery.net.download import FetchLimits, fetch
from tests.net.conftest import Server, send, url_of
from tests.net.unsafe_urls import CORPUS


@pytest.mark.parametrize("url", CORPUS)
def test_no_refused_address_is_ever_connected_to(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises((UnsafeAddress, FetchError)):
        fetch(url, tmp_path / "x", FetchLimits(wall_seconds=3))
    assert not (tmp_path / "x").exists()


def test_a_name_that_moves_inside_is_refused_although_its_connection_is_kept(
    server: Server, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E4: each download looks the name up and checks it; what it connects to is what was checked."""
    server.RequestHandlerClass.protocol_version = "HTTP/1.1"  # type: ignore[attr-defined]
    server.answer = send
    trusted = _named(server, tmp_path, "shop.example.com")
    port = server.server_address[1]
    answers = ["127.0.0.1"]
    looked_up: list[str] = []

    def lookup(host: str, *_: Any, **__: Any) -> list[Any]:
        looked_up.append(host)
        return [(2, 1, 6, "", (answers[0], port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr(addresses, "is_public", lambda address: str(address) == "127.0.0.1")
    settings.PRODUCT_IMAGERY = {}
    kept = Connections(trusted, keep=True)
    url = "https://shop.example.com/a.png"
    for _ in range(2):
        fetch(url, tmp_path / "x", None, kept)
    assert {seen["host"] for seen in server.seen} == {"shop.example.com"}
    assert looked_up == ["shop.example.com", "127.0.0.1", "shop.example.com"]  # whoever connects knows the address only
    answers[0] = "10.0.0.7"
    with pytest.raises(UnsafeAddress):
        fetch(url, tmp_path / "x", None, kept)
    assert len(server.seen) == 2
    kept.close()


def test_a_name_with_thousands_of_addresses_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E18."""
    found = [(2, 1, 6, "", (f"93.184.{n // 250}.{n % 250 + 1}", 443)) for n in range(3000)]
    tried: list[Any] = []

    def connect(address: Any, *_: Any, **__: Any) -> Any:
        tried.append(address)
        raise TimeoutError

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(FetchError):
        fetch("https://shop.example.com/a.png", tmp_path / "x")
    assert tried == [("93.184.0.1", 443)]


def test_a_name_server_that_sleeps_holds_nobody_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E19: lookups have a pool of their own and the download's clock."""
    go, ended = threading.Event(), []

    def sleep(*_: Any, **__: Any) -> list[Any]:
        go.wait(20)
        ended.append(True)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", sleep)
    with pytest.raises(FetchError) as caught:
        fetch("https://shop.example.com/a.png", tmp_path / "x", FetchLimits(wall_seconds=0.5))
    assert not ended
    go.set()
    assert caught.value.code == "no_such_host"


def test_a_file_arrives_without_any_credentials(server: Server, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.answer = send
    fetch(url_of(server), tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"bytes"
    assert set(server.seen[0]) == {"host", "user-agent", "accept-encoding"}


class TestNamesOverTls:
    """E4: the connection goes to the address that was checked; certificate and Host are asked for by name."""

    @pytest.fixture
    def named(self, server: Server, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
        """``server`` with a certificate for pictures.example.com, by an authority that is trusted."""
        server.answer = send
        server.trusting = Connections(_named(server, tmp_path, "pictures.example.com"), keep=False)
        port = server.server_address[1]
        real = socket.getaddrinfo
        names = ("pictures.example.com", "other.example.com")
        settings.PRODUCT_IMAGERY = {"FETCH_ALLOW": tuple(f"{name}:{port}" for name in names)}
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *a, **k: real("127.0.0.1" if host in names else host, *a, **k)
        )
        return server

    def test_a_certificate_for_the_name_is_good(self, named: Server, tmp_path: Path) -> None:
        port = named.server_address[1]
        fetch(f"https://pictures.example.com:{port}/a.png", tmp_path / "x", None, named.trusting)
        assert (tmp_path / "x").read_bytes() == b"bytes"
        assert named.asked == ["pictures.example.com"]
        assert named.seen[0]["host"] == f"pictures.example.com:{port}"

    def test_one_for_another_name_is_not(self, named: Server, tmp_path: Path) -> None:
        with pytest.raises(FetchError, match="connection"):
            fetch(f"https://other.example.com:{named.server_address[1]}/a.png", tmp_path / "x", None, named.trusting)
        assert named.asked == ["other.example.com"]
        assert not named.seen


def _named(server: Server, folder: Path, name: str) -> ssl.SSLContext:
    """Let a server show a certificate for ``name``; return what trusts its authority, and note the names asked for."""
    key, certificate = _certificate(folder, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.asked = asked = []
    context.sni_callback = lambda _, asked_for, __: asked.append(str(asked_for))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return ssl.create_default_context(cafile=str(certificate))


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "key.pem", folder / "certificate.pem"
    pem = serialization.Encoding.PEM
    paths[0].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    paths[1].write_bytes(made.public_bytes(pem))
    return paths


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:1/x", "https://169.254.169.254/", "file:///etc/passwd", "//10.0.0.1/"]
)
def test_each_hop_of_a_redirect_is_checked(server: Server, tmp_path: Path, location: str) -> None:
    server.answer = lambda handler: send(handler, 302, Location=location)
    with pytest.raises(UnsafeAddress):
        fetch(url_of(server), tmp_path / "x")
    assert len(server.seen) == 1


@pytest.mark.parametrize("location", CORPUS)
def test_no_redirect_leads_to_a_refused_address(location: str, server: Server, tmp_path: Path) -> None:
    server.answer = lambda handler: send(handler, 302, Location="".join(location.split()) or "//")
    with pytest.raises((UnsafeAddress, FetchError)):
        fetch(url_of(server), tmp_path / "x", FetchLimits(wall_seconds=3))
    assert not (tmp_path / "x").exists()


def test_at_most_three_redirects_are_followed(server: Server, tmp_path: Path) -> None:
    server.answer = lambda handler: send(handler, 307, Location="/again")
    with pytest.raises(UnsafeAddress, match="too many"):
        fetch(url_of(server), tmp_path / "x")
    assert len(server.seen) == 4


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda handler: send(handler, 404), "gone"),
        (lambda handler: send(handler, 500), "fetch_failed"),
        (lambda handler: send(handler, Content_Length="10000000000"), "too_large"),
        (lambda handler: send(handler, body=b"x" * 2000), "too_large"),
        (lambda handler: send(handler, Content_Encoding="gzip"), "compressed"),
        (lambda handler: send(handler, Content_Length="900"), "truncated"),
    ],
)
def test_a_download_ends_with_its_reason(server: Server, tmp_path: Path, answer: Any, code: str) -> None:
    server.answer = answer
    with pytest.raises(FetchError) as failure:
        fetch(url_of(server), tmp_path / "x", FetchLimits(most_bytes=1000))
    assert failure.value.code == code


@pytest.mark.parametrize("part", ["headers", "body"])
def test_no_server_can_hold_us_longer_than_the_wall_clock(server: Server, tmp_path: Path, part: str) -> None:
    sent_all = []

    def drip(handler: Any) -> None:
        if part == "body":
            handler.send_response(200)
            handler.end_headers()
        with contextlib.suppress(OSError):  # the caller has had enough
            for _ in range(100):
                handler.wfile.write(b"H")
                time.sleep(0.1)
            sent_all.append(True)

    server.answer = drip
    with pytest.raises(FetchError):
        fetch(url_of(server), tmp_path / "x", FetchLimits(wall_seconds=1))
    assert not sent_all


def test_a_host_that_is_not_to_be_asked_is_not_asked_by_a_redirect_either(server: Server, tmp_path: Path) -> None:
    def no_strangers(host: str) -> None:
        if host != "127.0.0.1":
            raise UnsafeAddress(f"{host} is a stranger")

    port = server.server_address[1]
    server.answer = lambda handler: send(handler, 302, Location=f"http://localhost:{port}/x")
    with pytest.raises(UnsafeAddress, match="localhost is a stranger"):
        fetch(url_of(server), tmp_path / "x", check_host=no_strangers)
    assert len(server.seen) == 1


@pytest.mark.parametrize("location", ["https://[::1", "http://[", "https://exa mple.com/"])
def test_a_redirect_that_cannot_be_read_is_refused(server: Server, tmp_path: Path, location: str) -> None:
    server.answer = lambda handler: send(handler, 302, Location=location)
    with pytest.raises(UnsafeAddress):
        fetch(url_of(server), tmp_path / "x")
