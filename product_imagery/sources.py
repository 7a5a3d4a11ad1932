"""How an operation gets the source picture: a file of ours, bytes, or an address that the provider fetches."""

from __future__ import annotations

from pathlib import Path

from django.core.files.storage import Storage

from product_imagery.conf import get_settings
from product_imagery.exceptions import FetchError, ProviderRefused, StorageError, UnsafeAddress
from product_imagery.imaging.digest import digest_of
from product_imagery.imaging.magic import HEAD, suffix_of
from product_imagery.net.addresses import check_address
from product_imagery.net.download import FetchLimits, fetch
from product_imagery.storage import store


def read_source(storage: Storage, name: str, path: Path, url: str = "") -> str:
    """Copy the source file ``name`` to ``path``; return its SHA-256 (hex).

    Where the storage does not have it yet, it is fetched from ``url`` and stored. The copy is cut just above the size
    limit, which the decoder then refuses. Raises ``StorageError``, ``FetchError`` and ``UnsafeAddress``.
    """
    most = get_settings().max_bytes
    try:
        return store.copy_out(storage, name, path, most)
    except StorageError as error:
        if error.code != "missing":
            raise
        if not url:
            message = (
                "The source picture is no longer in the storage, so nothing was sent or paid. "
                "Put the file back, or start from the picture that stands on the product now."
            )
            raise StorageError(message, code="missing", detail=error.detail) from error
    fetch(url, path, FetchLimits(most_bytes=most))
    with path.open("rb") as handle:
        if not suffix_of(handle.read(HEAD)):  # not stored: the next time there may be the picture
            raise FetchError("There is no picture at the address that the source comes from.", code="not_an_image")
    digest = digest_of(path)
    store.keep(storage, name, path, digest)
    return digest


def check_reachable(address: str) -> None:
    """Make sure that a provider may fetch from an address that somebody gave.

    Raises ``ProviderRefused`` with the code ``source_unreachable``; ``FetchError`` while its name cannot be looked up.
    """
    try:
        check_address(address)
    except UnsafeAddress as error:
        sentence = "The provider cannot fetch the second picture: its address is not public."
        raise ProviderRefused(sentence, code="source_unreachable", detail=address) from error


def public_address(storage: Storage, name: str, signed: str) -> str:
    """An address at which a provider can fetch a file: the storage's own, or else ``signed``, one of this site.

    An address of the storage with a query is signed for a time that may be over before the provider comes: ``signed``
    is good for as long as work may wait, and goes first.

    Raises ``FetchError`` when its name cannot be looked up at the moment, and ``ProviderRefused`` with the code
    ``source_unreachable`` when neither can be reached from outside: before anything is sent or paid.
    """
    address, trouble = "", None
    own = store.address_of(storage, name)
    for candidate in (signed, own) if "?" in own else (own, signed):
        if candidate.startswith(("https://", "http://")):
            address = address or candidate
            try:
                check_address(candidate)
            except UnsafeAddress:
                continue
            except FetchError as error:  # a name that cannot be looked up now says nothing about tomorrow
                trouble = error
                continue
            return candidate
    if trouble is not None:
        raise trouble
    sentence = (
        "The provider cannot fetch the source picture: this site's address is not public. "
        "Set PUBLIC_BASE_URL, or keep the pictures in a storage with public addresses."
    )
    raise ProviderRefused(sentence, code="source_unreachable", detail=address)
