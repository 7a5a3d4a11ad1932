"""Secrets: encrypted at rest with the site's keys, bound to the row and column they belong to, masked when shown.

The keys are ``PRODUCT_IMAGERY["SECRET_KEYS"]``, newest first, or are derived from ``SECRET_KEY`` and its fallbacks.
With no key that fits, ``SecretError`` is raised and what is stored stays as it is.

The module is not called ``secrets``: started in this folder, as ``python -m django makemessages`` is, Python would find
it in place of the standard library's.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
from typing import Any, NoReturn

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.translation import gettext

from product_imagery.conf import get_settings
from product_imagery.exceptions import SecretError


class Secret:
    """A value that only ``reveal`` shows: masked in text, refused in pickles and JSON."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self.__value

    @property
    def hint(self) -> str:
        """``••••`` and the last four characters; only ``••••`` for a value of fewer than 12."""
        return f"••••{self.__value[-4:]}" if len(self.__value) >= 12 else "••••"

    def __repr__(self) -> str:
        return "Secret(••••)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.__value.encode(), other.reveal().encode())

    def __hash__(self) -> int:
        return hash(self.__value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not pickled or copied.")


class MaskedStr(str):
    """A string with a masked ``repr``: it is sent as it is, and a traceback with variables shows ``••••``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'••••'"


def seal(value: str, place: str) -> str:
    """Encrypt ``value`` for ``place``, for example ``credential/<uuid>/key``. The result is text."""
    return _fernet().encrypt(json.dumps([place, value]).encode()).decode()


def unseal(token: str, place: str) -> Secret:
    """Decrypt what ``seal`` made. Raises ``SecretError`` without a fitting key, or if it was made for another place."""
    try:
        sealed_for, value = json.loads(_fernet().decrypt(token.encode()))
    except (InvalidToken, ValueError) as error:
        message = gettext(
            "A stored key cannot be read: the site's SECRET_KEY or SECRET_KEYS changed. Enter the key again."
        )
        raise SecretError(message) from error
    if not hmac.compare_digest(str(sealed_for), place):
        raise SecretError(
            gettext("A stored key was entered for another account or address. Enter the key again."),
            code="secret_moved",
        )
    return Secret(value)


def sealed_at(token: str) -> int:
    """Return the Unix time at which the secret in ``token`` was entered, which ``reseal`` keeps; 0 for no token."""
    try:
        return _fernet().extract_timestamp(token.encode())
    except InvalidToken:
        return 0


def reseal(token: str) -> str:
    """Return the token encrypted with the newest key. Raises ``SecretError``."""
    try:
        return _fernet().rotate(token.encode()).decode()
    except InvalidToken as error:
        raise SecretError(gettext("A stored key cannot be read with any of the site's keys.")) from error


def _fernet() -> MultiFernet:
    own = get_settings().secret_keys
    return _of(tuple(own) or tuple(map(_derived, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))))


@functools.lru_cache(maxsize=1)
def _of(keys: tuple[str | bytes, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def _derived(key: Any) -> bytes:
    material = key if isinstance(key, bytes) else str(key).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(b"product_imagery vault:" + material).digest())
