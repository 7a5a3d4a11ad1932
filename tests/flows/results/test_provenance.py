"""Results are signed with the certificate of the shop, and one that cannot sign is found by a system check."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.core.checks import run_checks
from PIL import Image

from example_project.shop.models import Product
from product_imagery.exceptions import StorageError
from product_imagery.flows.results import fetch
from product_imagery.flows.results.provenance import sign
from product_imagery.imaging.encode import write_picture
from product_imagery.imaging.metadata import SourceType
from product_imagery.models import ResultImage
from product_imagery.provider_kit.outcomes import Picture
from tests.conftest import draw_product

c2pa = pytest.importorskip("c2pa", reason="the extra “provenance” is not installed")

_NO_USE = dict.fromkeys(
    ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"),
    False,
)


def _name(text: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Shop"), x509.NameAttribute(NameOID.COMMON_NAME, text)]
    )


def _certificate(own: Any, issuer: Any, *, issues: bool) -> x509.Certificate:
    """Make a certificate: ``own`` and ``issuer`` are keys; ``issues``: it is that of the authority."""
    now, identifier = datetime.now(UTC), x509.SubjectKeyIdentifier.from_public_key(issuer.public_key())
    usage = x509.KeyUsage(digital_signature=not issues, key_cert_sign=issues, crl_sign=issues, **_NO_USE)
    builder = x509.CertificateBuilder(
        issuer_name=_name("authority"),
        subject_name=_name("authority" if issues else "signer"),
        public_key=own.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=1),
        not_valid_after=now + timedelta(days=30),
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=issues, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
    )
    if not issues:
        use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(use, critical=False)
    return builder.sign(issuer, hashes.SHA256())


@pytest.fixture(params=["P-256", "RSA"])
def certified(request: Any, tmp_path: Path, settings: Any) -> Path:
    """A shop that signs, with the folder of its certificate."""
    authority = ec.generate_private_key(ec.SECP256R1())
    own: Any = (
        ec.generate_private_key(ec.SECP256R1()) if request.param == "P-256" else rsa.generate_private_key(65537, 2048)
    )
    chain = (_certificate(own, authority, issues=False), _certificate(authority, authority, issues=True))
    pem = serialization.Encoding.PEM
    (tmp_path / "chain.pem").write_bytes(b"".join(one.public_bytes(pem) for one in chain))
    secret = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(secret)
    files = {"certificate": str(tmp_path / "chain.pem"), "key": str(tmp_path / "key.pem")}
    settings.PRODUCT_IMAGERY = {"PROCESSES": 1, "PROVENANCE": files}
    return tmp_path


def _told(content: bytes, media_type: str) -> dict[str, Any]:
    """Return what a verifier reads from a file."""
    return json.loads(c2pa.Reader(media_type, io.BytesIO(content)).json())


@pytest.mark.django_db
def test_a_result_tells_a_verifier_how_it_was_made(
    certified: Path, make_product: Callable[..., Product], enlarge: Callable[..., Any], work: Callable[[], Any]
) -> None:
    enlarge(make_product())
    work()
    result = ResultImage.objects.get()
    told = _told(result.image.read(), "image/jpeg")
    assert told["validation_state"] == "Valid"
    assert [one["code"] for one in told["validation_status"]] == ["signingCredential.untrusted"]  # made by ourselves
    (action,) = told["manifests"][told["active_manifest"]]["assertions"][0]["data"]["actions"]
    assert action["digitalSourceType"].endswith("/algorithmicallyEnhanced")
    assert hashlib.sha256(result.image.open().read()).hexdigest() == result.sha256


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_every_format_is_signed_and_keeps_its_pixels(certified: Path, format: str) -> None:
    picture = draw_product((200, 160))
    encoded = write_picture(picture, certified / "picture", format=format, mark=SourceType.COMPOSITE)
    with Image.open(encoded.path) as opened:
        pixels = opened.tobytes()
    small = write_picture(picture, certified / "small", format="webp")
    signed = sign(Picture(1, encoded.as_dict(), small.as_dict(), mark=str(SourceType.COMPOSITE)))
    content = Path(signed.file["path"]).read_bytes()
    assert (len(content), signed.file["sha256"]) != (encoded.size, encoded.sha256)
    assert _told(content, f"image/{format}")["validation_state"] == "Valid"
    with Image.open(io.BytesIO(content)) as opened:
        assert opened.tobytes() == pixels


def test_a_shop_without_a_certificate_signs_nothing(tmp_path: Path) -> None:
    encoded = write_picture(draw_product((200, 160)), tmp_path / "picture", format="jpeg").as_dict()
    picture = Picture(1, encoded, encoded)
    assert sign(picture) is picture


@pytest.mark.parametrize("broken", ["chain.pem", "key.pem"])
def test_a_certificate_that_cannot_sign_is_found(certified: Path, broken: str) -> None:
    assert not [one for one in run_checks() if one.id == "product_imagery.E006"]
    (certified / broken).write_text("no key")
    (found,) = [one for one in run_checks() if one.id == "product_imagery.E006"]
    assert "PROVENANCE" in found.msg


def test_a_key_of_the_settings_that_is_unknown_is_named(certified: Path, settings: Any) -> None:
    settings.PRODUCT_IMAGERY["PROVENANCE"]["certficate"] = "x"
    settings.PRODUCT_IMAGERY = dict(settings.PRODUCT_IMAGERY)
    (found,) = [one for one in run_checks() if one.id == "product_imagery.E006"]
    assert "certficate" in found.msg


def test_a_picture_that_cannot_be_signed_is_not_stored(certified: Path) -> None:
    encoded = write_picture(draw_product((200, 160)), certified / "picture", format="jpeg").as_dict()
    (certified / "key.pem").unlink()
    with pytest.raises(StorageError, match="could not be signed"):
        fetch.store(Picture(1, encoded, encoded, mark="algorithmicallyEnhanced"), uuid4())
