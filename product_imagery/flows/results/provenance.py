"""Content Credentials (C2PA) of results: how a picture was made, signed with the certificate of the shop.

The package ``c2pa-python`` of the extra ``provenance`` writes them. It needs no network, except for time stamps.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from django.utils.translation import gettext

from product_imagery.conf import get_settings
from product_imagery.exceptions import ConfigurationError, StorageError
from product_imagery.imaging.encode import FORMATS, describe
from product_imagery.imaging.metadata import VOCABULARY
from product_imagery.provider_kit.outcomes import Picture

KEYS = ("certificate", "key", "time_stamps")
_CURVES = {256: "ES256", 384: "ES384", 521: "ES512"}  #: bits of the key → algorithm
_WITHOUT_THUMBNAIL = {"builder": {"thumbnail": {"enabled": False}}}  # which can be larger than the picture


def sign(picture: Picture) -> Picture:
    """Return the picture with a signed copy of its file, or as it is where ``PROVENANCE`` names no certificate.

    Raises ``StorageError``: a shop that signs its pictures keeps none without a signature.
    """
    if not get_settings().provenance:
        return picture
    source = Path(picture.file["path"])
    target = source.with_name(f"signed-{source.name}")
    try:
        _write(source, target, picture)
    except (ConfigurationError, OSError) as error:
        sentence = gettext("The picture could not be signed with the certificate of PROVENANCE.")
        raise StorageError(sentence, detail=repr(error)) from error
    signed = describe(target, picture.file["format"], (picture.file["width"], picture.file["height"]))
    target.replace(source)
    return replace(picture, file={**signed.as_dict(), "path": str(source)})


def open_signer() -> Any:
    """Return a signer with the certificate of the settings.

    Raises ``ConfigurationError`` for a missing package, a file that cannot be read, or a key that does not fit.
    """
    try:
        import c2pa  # noqa: PLC0415  the ``provenance`` extra
    except ImportError as error:
        raise ConfigurationError("c2pa is not installed. Run “pip install product-imagery[provenance]”.") from error
    named = get_settings().provenance
    if unknown := set(named) - set(KEYS):
        raise ConfigurationError(f"PROVENANCE has unknown keys: {', '.join(sorted(unknown))}.")
    try:
        certificate, key = (Path(named[one]).read_bytes() for one in KEYS[:2])
        algorithm = c2pa.C2paSigningAlg[_algorithm_of(key, certificate)]
        return c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, certificate, key, named.get("time_stamps")))
    except KeyError as error:
        raise ConfigurationError(f"PROVENANCE lacks {error}.") from error
    except (OSError, TypeError, ValueError, c2pa.C2paError) as error:
        raise ConfigurationError(f"PROVENANCE names no certificate and key that can sign: {error}") from error


def _algorithm_of(pem: bytes, chain: bytes) -> str:
    """Return the name of the algorithm for a private key. Raises ``ValueError``, also where no certificate fits it."""
    key, own = load_pem_private_key(pem, None), load_pem_x509_certificates(chain)[0]
    if own.public_key() != key.public_key():
        raise ValueError("the first certificate is not that of the key")
    if own.not_valid_after_utc < datetime.now(UTC):
        raise ValueError(f"the certificate has expired on {own.not_valid_after_utc:%Y-%m-%d}")
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.key_size in _CURVES:
        return _CURVES[key.key_size]
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ED25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "PS256"
    raise ValueError("the key is none of ECDSA (P-256, P-384, P-521), Ed25519 and RSA")


def _write(source: Path, target: Path, picture: Picture) -> None:
    """Write a signed copy. Raises ``ConfigurationError``, ``OSError``."""
    manifest = {
        "claim_generator_info": [{"name": "product_imagery", "version": version("product-imagery")}],
        "format": FORMATS[picture.file["format"]][2],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [_made(picture)]}}],
    }
    with open_signer() as signer:
        import c2pa  # noqa: PLC0415  the ``provenance`` extra

        try:
            context = c2pa.Context(settings=c2pa.Settings.from_dict(_WITHOUT_THUMBNAIL))
            with c2pa.Builder(json.dumps(manifest), context) as builder:
                builder.sign_file(source, target, signer)
        except c2pa.C2paError as error:  # also where the time stamp authority does not respond
            raise ConfigurationError(f"PROVENANCE: {error}") from error


def _made(picture: Picture) -> dict[str, str]:
    return {"action": "c2pa.created", "digitalSourceType": f"{VOCABULARY}{picture.mark}"}
