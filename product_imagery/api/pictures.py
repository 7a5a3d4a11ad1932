"""Pictures that come with a request: base64 in JSON, files of a form, or addresses that a worker fetches from."""

from __future__ import annotations

import base64
import binascii
import hashlib
import posixpath
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.files.base import ContentFile, File
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from product_imagery import files
from product_imagery.api.products import Viewer, identity_of
from product_imagery.api.serializers.base import Body
from product_imagery.conf import get_settings
from product_imagery.exceptions import PictureError, UnsafeAddress
from product_imagery.fetching import check_syntax
from product_imagery.flows import upload as uploads
from product_imagery.models import Upload


@extend_schema_field(
    {"type": "string", "format": "byte", "description": "base64, or a data: address; in a form a file"}
)
class PictureField(serializers.Field[Any, Any, Any, Any]):
    """A picture: base64 text, or a file of a form."""

    def to_internal_value(self, data: Any) -> File[bytes]:
        """A file of at most ``MAX_BYTES``. Raises ``ValidationError``."""
        most = get_settings().max_bytes
        found = data if isinstance(data, File) else ContentFile(_decoded(data))
        if not 0 < found.size <= most:
            raise serializers.ValidationError(f"Send a picture of at most {most / 1e6:.0f} MB.")
        return found

    def to_representation(self, value: Any) -> str:
        """Pictures only come in."""
        raise NotImplementedError


def _decoded(data: Any) -> bytes:
    if not isinstance(data, str):
        raise serializers.ValidationError("Send the picture as base64, or as a file of a form.")
    text = data.partition(",")[2] if data.startswith("data:") else data
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise serializers.ValidationError("This is not base64.") from error


class PictureIn(Body):
    """One picture, in one of three ways."""

    product = serializers.CharField(max_length=200, required=False, help_text="id of a product, as shop.product:12")
    source_url = serializers.CharField(
        max_length=4096, required=False, help_text="https address from which a worker fetches the picture"
    )
    image = PictureField(required=False)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    external_id = serializers.CharField(
        max_length=128, required=False, allow_blank=True, default="", help_text="what you call it: comes back with it"
    )

    def validate_source_url(self, value: str) -> str:
        """One that may be fetched from, as far as can be told by looking at it."""
        try:
            check_syntax(value)
        except UnsafeAddress as error:
            raise serializers.ValidationError(error.message) from error
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One way, not two."""
        if sum(bool(attrs.get(way)) for way in ("product", "source_url", "image")) != 1:
            raise serializers.ValidationError({"product": ["Give one of product, source_url and image."]})
        return attrs


class NewProductIn(PictureIn):
    """A picture that belongs to no product of the shop."""

    product = None  # type: ignore[assignment]


class Brought:
    """The pictures that came with a request, by where they come from: the same one twice is one picture.

    Nothing is stored before ``store``; whoever accepts the request calls ``accept`` in its transaction.
    """

    def __init__(self, images: Sequence[dict[str, Any]], viewer: Viewer, *, fresh: bool = False) -> None:
        self._viewer, self._taken = viewer, list[Upload]()
        self._images = [image for image in images if not image.get("product")]
        for image in self._images:
            image["origin"] = _origin(image)
        self._passed_over = set[uuid.UUID]()
        self._known = self._find(fresh)

    @property
    def unseen(self) -> int:
        """How many pictures nobody has brought before."""
        return len({image["origin"] for image in self._images if image["origin"] not in self._known})

    def name_known(self) -> None:
        """Give the images that were brought before their ``product``."""
        for image in self._images:
            if image["origin"] in self._known:
                image["product"] = identity_of(self._known[image["origin"]])

    def store(self) -> None:
        """Store the others, outside any transaction. Raises ``ValidationError`` for what is no picture."""
        seen = set(self._known)
        mine: dict[str, Any] = {"owner": self._viewer.user, "is_test": self._viewer.makes_tests}
        referred = []
        for number, image in enumerate(self._images):
            if image["origin"] in seen:
                continue
            seen.add(image["origin"])
            about = {**mine, "origin": image["origin"], "name": _name(image)}
            if image.get("source_url"):
                referred.append(uploads.referring(image["source_url"], **about))
            else:
                self._taken.append(_stored(number, image["image"], about))
        self._taken += Upload.objects.bulk_create(referred, batch_size=500)

    def accept(self) -> None:
        """Keep what was stored, in the transaction that accepts the request, and give every image its ``product``.

        What somebody with the same pictures kept meanwhile is used instead: nothing is bought twice.
        """
        with_origin = {upload.origin: upload for upload in uploads.keep(self._taken, self._passed_over)} | self._known
        for image in self._images:
            image["product"] = identity_of(with_origin[image["origin"]])

    def discard(self) -> None:
        """Forget what was stored and not kept."""
        uploads.discard(self._taken)

    def _find(self, fresh: bool) -> dict[str, Upload]:
        """What was brought before. ``fresh`` fetches again what comes from an address, unless it is being worked on."""
        origins = {image["origin"] for image in self._images}
        found = uploads.known(self._viewer.user, self._viewer.makes_tests, origins)
        if fresh:
            fetched = {upload.pk for upload in found.values() if upload.source_url}
            self._passed_over = fetched - uploads.at_work(found.values())
        return {origin: upload for origin, upload in found.items() if upload.pk not in self._passed_over}


@contextmanager
def brought(images: Sequence[dict[str, Any]], viewer: Viewer, *, fresh: bool = False) -> Iterator[Brought]:
    """Store the pictures that came with a request; by the end, what was not kept is discarded."""
    found = Brought(images, viewer, fresh=fresh)
    try:
        found.store()
        yield found
    finally:
        found.discard()


def _origin(image: dict[str, Any]) -> str:
    """What tells pictures apart: their bytes, or the address that they come from."""
    if image.get("source_url"):
        return "url:" + hashlib.sha256(image["source_url"].encode()).hexdigest()
    digest = hashlib.sha256()
    for chunk in image["image"].chunks():
        digest.update(chunk)
    return "sha256:" + digest.hexdigest()


def _name(image: dict[str, Any]) -> str:
    """What to call it. Of an address only the path is shown: the rest may be a signature."""
    path = unquote(urlsplit(image["source_url"]).path) if image.get("source_url") else image["image"].name or ""
    shown = "".join(letter for letter in posixpath.basename(path) if letter.isprintable())
    return str(image.get("name") or image.get("external_id") or shown or "picture")


def _stored(number: int, content: File[bytes], about: dict[str, Any]) -> Upload:
    with tempfile.TemporaryDirectory(prefix=files.TEMPORARY) as folder:
        path = Path(folder, "picture")
        with path.open("wb") as target:
            for chunk in content.chunks():
                target.write(chunk)
        try:
            return uploads.take(path, **about)
        except PictureError as error:
            raise serializers.ValidationError({"images": {str(number): {"image": [error.message]}}}) from error
