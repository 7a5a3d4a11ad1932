"""Access to source pictures: as a local copy, or at an address that a provider can fetch.

An upload that was given by its URL is fetched when its bytes are first needed.
"""

from __future__ import annotations

from pathlib import Path

from django.core.files.storage import Storage
from django.utils.translation import gettext

from product_imagery.conf import get_settings
from product_imagery.exceptions import FetchError, ProviderRefused, StorageError, UnsafeAddress
from product_imagery.imaging.digest import digest_of
from product_imagery.imaging.magic import HEAD, suffix_of
from product_imagery.net.addresses import check_address
from product_imagery.net.download import FetchLimits, fetch
from product_imagery.storage import store


def read_source(storage: Storage, name: str, path: Path, url: str = "", seconds: float = 60.0) -> str:
    """Copy the source file ``name`` to ``path``; return its SHA-256 (hex).

    A file that is not in the storage yet is fetched from ``url`` within ``seconds`` and stored. The copy is truncated
    just above the size limit, so that the decoder refuses it. Raises ``StorageError``, ``FetchError`` and
    ``UnsafeAddress``.
    """
    most = get_settings().max_bytes
    try:
        return store.copy_out(storage, name, path, most)
    except StorageError as error:
        if error.code != "missing":
            raise
        if not url:
            message = gettext(
                "The source picture is no longer in the storage, so nothing was sent or paid. Put the file back, "
                "or start from the picture that stands on the product now."
            )
            raise StorageError(message, code="missing", detail=error.detail) from error
    fetch(url, path, FetchLimits(most_bytes=most, wall_seconds=seconds))
    with path.open("rb") as handle:
        if not suffix_of(handle.read(HEAD)):  # not stored: the next try may find a picture
            raise FetchError(gettext("There is no picture at the address of the source."), code="not_an_image")
    digest = digest_of(path)
    store.keep(storage, name, path, digest)
    return digest


def check_reachable(address: str) -> None:
    """Check that an address from a user is public, so that the provider can fetch it.

    Raises ``ProviderRefused`` (``source_unreachable``), or ``FetchError`` if the host name cannot be resolved now.
    """
    try:
        check_address(address)
    except UnsafeAddress as error:
        sentence = gettext("The provider cannot fetch the second picture: its address is not public.")
        raise ProviderRefused(sentence, code="source_unreachable", detail=address) from error


def public_address(storage: Storage, name: str, signed: str) -> str:
    """Return an address at which a provider can fetch a file: that of the storage, or ``signed``, one of this site.

    A storage address with a query is a signed one, which may expire before the provider fetches it. ``signed`` is valid
    for as long as work may wait, so it is preferred in this case.

    Raises, before anything is sent or paid: ``ProviderRefused`` (``source_unreachable``) if neither address is public,
    ``FetchError`` if a host name cannot be resolved now.
    """
    address, unresolved = "", None
    own = store.address_of(storage, name)
    for candidate in (signed, own) if "?" in own else (own, signed):
        if candidate.startswith(("https://", "http://")):
            address = address or candidate
            try:
                check_address(candidate)
            except UnsafeAddress:
                continue
            except FetchError as error:  # the host name may be resolved later
                unresolved = error
                continue
            return candidate
    if unresolved is not None:
        raise unresolved
    sentence = gettext(
        "The provider cannot fetch the source picture: this site's address is not public. Set "
        "PUBLIC_BASE_URL, or keep the pictures in a storage with public addresses."
    )
    raise ProviderRefused(sentence, code="source_unreachable", detail=address)
