"""Foreign addresses: what is refused before any connection, and what a download may do to us."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from product_imagery import fetching
from product_imagery.exceptions import FetchError, UnsafeAddress
from product_imagery.fetching import FetchLimits, check_address, fetch, post

_PRIVATE = [
    "127.0.0.1",
    "127.1.2.3",
    "0.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.1",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::1]",
    "[100::1]",
    "[2001::1]",
    "[2001:db8::1]",
    "[2002:7f00:1::]",
    "[2002:a00:1::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[2001:20::1]",
    "[2620:4f:8000::1]",
]
_NAMES = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "metadata",
    "metadata.google.internal",
    "kubernetes.default.svc",
    "router.lan",
    "printer.local",
    "intranet",
    "x.corp",
    "wpad.home",
    "1.0.0.127.in-addr.arpa",
    "a.onion",
    "x.test",
    "x.invalid",
    "single",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "2130706433",
    "0x7f000001",
    "127.1",
    "127.0.1",
    "017700000001",
    "0",
    "0.0",
    "1.1",
    "①②⑦.⓪.⓪.①",
    "xn--.com",
    "-a.com",
    "a..com",
]
_WHOLE = [
    "http://example.com/a.png", "https://example.com:8443/a.png", "https://example.com:22/", "https://example.com:0/",
    "https://example.com:6379/", "https://example.com:99999/", "https://user@example.com/", "https://u:p@example.com/",
    "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "data:image/png;base64,AA==", "//example.com/",
    "https:///a", "https://", "", "example.com", "javascript:alert(1)", "https://exa mple.com/", "https://example.com\\@x/",
    "https://example.com/\r\nHost: x", "https://example.com/\t", "https://[::1%25eth0]/", "https://[fe80::1%25lo]/",
    "https://example.com/\x00", "https://[::1", "https://example.com#@127.0.0.1:80\\", "https://ex\u00e4mple.com/",
]  # fmt: skip
#: each address plainly, with its port, and without encryption
_FORMS = ("https://{}/x.png", "https://{}:443/", "http://{}/x.png")
CORPUS = [form.format(host) for host in _PRIVATE for form in _FORMS]
CORPUS += [f"https://{host}/x.png" for host in _NAMES] + _WHOLE


def test_the_corpus_is_large_enough() -> None:
    assert len(set(CORPUS)) >= 200


@pytest.mark.parametrize("url", CORPUS)
def test_no_refused_address_is_ever_connected_to(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises((UnsafeAddress, FetchError)):
        fetch(url, tmp_path / "x", FetchLimits(wall_seconds=3))
    assert not (tmp_path / "x").exists()


def test_a_name_with_one_private_address_is_refused_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", (address, 443)) for address in ("93.184.215.14", "10.0.0.7")]
    monkeypatch.setattr(fetching.socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(UnsafeAddress, match="public internet") as refusal:
        check_address("https://shop.example.com/a.png")
    assert "10.0.0.7" in refusal.value.detail  # for the operator: who asks is not told what is inside
    assert "10.0.0.7" not in refusal.value.message
    found.pop()
    assert check_address("https://shop.example.com/a.png").address == "93.184.215.14"


def test_a_name_that_moves_inside_is_refused_although_its_connection_is_kept(
    server: _Server, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E4: each download looks the name up and checks it; what it connects to is what was checked."""
    server.RequestHandlerClass.protocol_version = "HTTP/1.1"  # type: ignore[attr-defined]
    server.answer = _send
    port = server.server_address[1]
    answers = ["127.0.0.1"]
    looked_up: list[str] = []

    def lookup(host: str, *_: Any, **__: Any) -> list[Any]:
        looked_up.append(host)
        return [(2, 1, 6, "", (answers[0], port))]

    monkeypatch.setattr(fetching.socket, "getaddrinfo", lookup)
    monkeypatch.setattr(fetching, "is_public", lambda address: str(address) == "127.0.0.1")
    monkeypatch.setattr(fetching, "_check_public", lambda *_: None)
    settings.PRODUCT_IMAGERY = {}
    kept = fetching.open_connections(4)
    url = f"http://shop.example.com:{port}/a.png"
    for _ in range(2):
        fetch(url, tmp_path / "x", None, kept)
    assert {seen["host"] for seen in server.seen} == {f"shop.example.com:{port}"}
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

    monkeypatch.setattr(fetching.socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(FetchError):
        fetch("https://shop.example.com/a.png", tmp_path / "x")
    assert tried == [("93.184.0.1", 443)]


def test_a_name_server_that_sleeps_holds_nobody_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E19: lookups have a pool of their own and the download's clock."""
    go = threading.Event()
    monkeypatch.setattr(fetching.socket, "getaddrinfo", lambda *_, **__: go.wait(20) and [])
    began = time.monotonic()
    with pytest.raises(FetchError) as caught:
        fetch("https://shop.example.com/a.png", tmp_path / "x", FetchLimits(wall_seconds=0.5))
    go.set()
    assert caught.value.code == "no_such_host"
    assert time.monotonic() - began < 10


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    seen: list[dict[str, str]]
    asked: list[str]
    answer: Callable[[Any], None]


@pytest.fixture
def server(settings: Any) -> Iterator[_Server]:
    """A server that does what ``server.answer`` says, let through by the setting."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.seen.append({name.lower(): value for name, value in self.headers.items()})
            server.answer(self)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    server.seen = []
    settings.PRODUCT_IMAGERY = {"FETCH_ALLOW": (f"127.0.0.1:{server.server_address[1]}",)}
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def _address(server: _Server, path: str = "/a.png") -> str:
    return f"http://127.0.0.1:{server.server_address[1]}{path}"


def _send(handler: Any, status: int = 200, body: bytes = b"bytes", **headers: str) -> None:
    handler.send_response(status)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in ({"Content-Length": str(len(body))} | given).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def test_a_file_arrives_without_any_credentials(server: _Server, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.answer = _send
    fetch(_address(server), tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"bytes"
    assert set(server.seen[0]) == {"host", "user-agent", "accept-encoding"}


class TestNamesOverTls:
    """E4: the connection goes to the address that was checked; certificate and Host are asked for by name."""

    @pytest.fixture
    def named(self, server: _Server, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> _Server:
        """``server`` with a certificate for pictures.example.com, by an authority that is trusted."""
        key, certificate = _certificate(tmp_path, "pictures.example.com")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.sni_callback = lambda _, name, __: asked.append(str(name))
        server.asked = asked = []
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.answer = _send
        trusted = ssl.create_default_context(cafile=str(certificate))
        monkeypatch.setattr(fetching, "_tls", lambda: trusted)
        port = server.server_address[1]
        real = socket.getaddrinfo
        names = ("pictures.example.com", "other.example.com")
        settings.PRODUCT_IMAGERY = {"FETCH_ALLOW": tuple(f"{name}:{port}" for name in names)}
        monkeypatch.setattr(
            fetching.socket, "getaddrinfo", lambda host, *a, **k: real("127.0.0.1" if host in names else host, *a, **k)
        )
        return server

    def test_a_certificate_for_the_name_is_good(self, named: _Server, tmp_path: Path) -> None:
        port = named.server_address[1]
        fetch(f"https://pictures.example.com:{port}/a.png", tmp_path / "x")
        assert (tmp_path / "x").read_bytes() == b"bytes"
        assert named.asked == ["pictures.example.com"]
        assert named.seen[0]["host"] == f"pictures.example.com:{port}"

    def test_one_for_another_name_is_not(self, named: _Server, tmp_path: Path) -> None:
        with pytest.raises(FetchError, match="connection"):
            fetch(f"https://other.example.com:{named.server_address[1]}/a.png", tmp_path / "x")
        assert named.asked == ["other.example.com"]
        assert not named.seen


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
def test_each_hop_of_a_redirect_is_checked(server: _Server, tmp_path: Path, location: str) -> None:
    server.answer = lambda handler: _send(handler, 302, Location=location)
    with pytest.raises(UnsafeAddress):
        fetch(_address(server), tmp_path / "x")
    assert len(server.seen) == 1


@pytest.mark.parametrize("location", CORPUS)
def test_no_redirect_leads_to_a_refused_address(location: str, server: _Server, tmp_path: Path) -> None:
    server.answer = lambda handler: _send(handler, 302, Location="".join(location.split()) or "//")
    with pytest.raises((UnsafeAddress, FetchError)):
        fetch(_address(server), tmp_path / "x", FetchLimits(wall_seconds=3))
    assert not (tmp_path / "x").exists()


def test_at_most_three_redirects_are_followed(server: _Server, tmp_path: Path) -> None:
    server.answer = lambda handler: _send(handler, 307, Location="/again")
    with pytest.raises(UnsafeAddress, match="too many"):
        fetch(_address(server), tmp_path / "x")
    assert len(server.seen) == 4


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda handler: _send(handler, 404), "gone"),
        (lambda handler: _send(handler, 500), "fetch_failed"),
        (lambda handler: _send(handler, Content_Length="10000000000"), "too_large"),
        (lambda handler: _send(handler, body=b"x" * 2000), "too_large"),
        (lambda handler: _send(handler, Content_Encoding="gzip"), "compressed"),
        (lambda handler: _send(handler, Content_Length="900"), "truncated"),
    ],
)
def test_a_download_ends_with_its_reason(server: _Server, tmp_path: Path, answer: Any, code: str) -> None:
    server.answer = answer
    with pytest.raises(FetchError) as failure:
        fetch(_address(server), tmp_path / "x", FetchLimits(most_bytes=1000))
    assert failure.value.code == code


@pytest.mark.parametrize("part", ["headers", "body"])
def test_no_server_can_hold_us_longer_than_the_wall_clock(server: _Server, tmp_path: Path, part: str) -> None:
    def drip(handler: Any) -> None:
        if part == "body":
            handler.send_response(200)
            handler.end_headers()
        with contextlib.suppress(OSError):  # the caller has had enough
            for _ in range(100):
                handler.wfile.write(b"H")
                time.sleep(0.1)

    server.answer = drip
    began = time.monotonic()
    with pytest.raises(FetchError):
        fetch(_address(server), tmp_path / "x", FetchLimits(wall_seconds=1))
    assert time.monotonic() - began < 6  # a hundred drips would take ten


class TestPosting:
    """Events to other programs: short answers in little time, no redirects, nowhere but where it was checked."""

    def test_body_and_headers_arrive_and_the_beginning_of_the_answer_comes_back(self, server: _Server) -> None:
        server.answer = lambda handler: _send(handler, 503, handler.rfile.read(5), Retry_After="120")
        reply = post(_address(server), b"hello", {"webhook-id": "msg_1"})
        assert (reply.status, reply.body, reply.retry_after) == (503, b"hello", 120.0)
        assert server.seen[0]["webhook-id"] == "msg_1"
        assert "authorization" not in server.seen[0]

    def test_a_redirect_is_an_answer_like_others(self, server: _Server) -> None:
        server.answer = lambda handler: _send(handler, 307, Location="http://127.0.0.1:1/")
        assert post(_address(server), b"{}", {}).status == 307
        assert len(server.seen) == 1

    def test_of_an_endless_answer_only_the_beginning_is_read(self, server: _Server) -> None:
        def flood(handler: Any) -> None:
            handler.send_response(200)
            handler.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(1000):
                    handler.wfile.write(b"x" * 65_536)
                flooded.append(True)

        flooded: list[bool] = []
        server.answer = flood
        assert len(post(_address(server), b"{}", {}).body) == 16 * 1024
        assert not flooded

    def test_a_receiver_that_drips_or_says_nothing_is_left(self, server: _Server, monkeypatch: Any) -> None:
        def drip(handler: Any) -> None:
            with contextlib.suppress(OSError):
                for _ in range(100):
                    handler.wfile.write(b"H")
                    time.sleep(0.1)

        server.answer = drip
        monkeypatch.setattr(fetching, "_POST_SECONDS", 1.0)
        began = time.monotonic()
        with pytest.raises(FetchError):
            post(_address(server), b"{}", {})
        assert time.monotonic() - began < 6

    @pytest.mark.parametrize("url", ["http://localhost/", "https://10.0.0.1/", "https://[::1]/", "https://a.internal/"])
    def test_not_into_the_shop_s_own_network(self, url: str) -> None:
        with pytest.raises(UnsafeAddress):
            post(url, b"{}", {})


def test_a_host_that_is_not_to_be_asked_is_not_asked_by_a_redirect_either(server: _Server, tmp_path: Path) -> None:
    def no_strangers(host: str) -> None:
        if host != "127.0.0.1":
            raise UnsafeAddress(f"{host} is a stranger")

    port = server.server_address[1]
    server.answer = lambda handler: _send(handler, 302, Location=f"http://localhost:{port}/x")
    with pytest.raises(UnsafeAddress, match="localhost is a stranger"):
        fetch(_address(server), tmp_path / "x", check_host=no_strangers)
    assert len(server.seen) == 1


@pytest.mark.parametrize("location", ["https://[::1", "http://[", "https://exa mple.com/"])
def test_a_redirect_that_cannot_be_read_is_refused(server: _Server, tmp_path: Path, location: str) -> None:
    server.answer = lambda handler: _send(handler, 302, Location=location)
    with pytest.raises(UnsafeAddress):
        fetch(_address(server), tmp_path / "x")


def test_a_private_address_behind_many_public_ones_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """E3."""
    found = [(0, 0, 0, "", (f"93.184.216.{number}", 443)) for number in range(1, 41)] + [
        (0, 0, 0, "", ("10.0.0.1", 443))
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(UnsafeAddress):
        fetching.check_address("https://shop.example.com/")
