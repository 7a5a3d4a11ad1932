"""Pictures in a request: as base64 in JSON, as files of a form, or as URLs from which a worker fetches them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import posixpath
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.files.base import ContentFile, File
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from product_imagery.api.products import ProductReference, Viewer, identity_of
from product_imagery.api.serializers.base import Body
from product_imagery.conf import get_settings
from product_imagery.exceptions import PictureError, UnsafeAddress
from product_imagery.flows.enhancements import uploads
from product_imagery.models import Upload
from product_imagery.net.addresses import check_syntax
from product_imagery.storage.scratch import TEMPORARY


@extend_schema_field(
    {
        "type": "string",
        "format": "byte",
        "description": "The picture as base64 or as a data: URL; in a form, as a file.",
    }
)
class PictureField(serializers.Field[Any, Any, Any, Any]):
    """A picture as base64 or as a file of a form."""

    def to_internal_value(self, data: Any) -> File[bytes]:
        """Return a file of at most ``MAX_BYTES`` bytes. Raises ``ValidationError``."""
        max_bytes = get_settings().max_bytes
        picture = data if isinstance(data, File) else ContentFile(_decoded(data))
        if not 0 < picture.size <= max_bytes:
            raise serializers.ValidationError(f"Send a picture of at most {max_bytes / 1e6:.0f} MB.")
        return picture

    def to_representation(self, value: Any) -> str:
        """Raise ``NotImplementedError``: the field is for input only."""
        raise NotImplementedError


def _decoded(data: Any) -> bytes:
    if not isinstance(data, str):
        raise serializers.ValidationError("Send the picture as base64, or as a file of a form.")
    text = data.partition(",")[2] if data.startswith("data:") else data
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise serializers.ValidationError("This is not valid base64.") from error


class PictureIn(Body):
    """A picture: exactly one of `product`, `source_url` and `image`."""

    product = serializers.CharField(max_length=200, required=False, help_text="Id of a product: app.model:key.")
    source_url = serializers.CharField(
        max_length=4096, required=False, help_text="An https URL from which a worker fetches the picture."
    )
    image = PictureField(required=False)
    name = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default="", help_text="Name to show for an upload."
    )
    external_id = serializers.CharField(
        max_length=128,
        required=False,
        allow_blank=True,
        default="",
        help_text="Your own id of the picture. Responses contain it.",
    )

    def validate_source_url(self, value: str) -> str:
        """Refuse a URL that must not be fetched, judging by its syntax. Raises ``ValidationError``."""
        try:
            check_syntax(value)
        except UnsafeAddress as error:
            raise serializers.ValidationError(error.message) from error
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require exactly one of the three forms. Raises ``ValidationError``."""
        if sum(bool(attrs.get(form)) for form in ("product", "source_url", "image")) != 1:
            raise serializers.ValidationError({"product": ["Send exactly one of product, source_url and image."]})
        return attrs


class NewProductIn(PictureIn):
    """A picture that belongs to no product of the shop."""

    product = None  # type: ignore[assignment]


@dataclass(frozen=True)
class IncomingPicture:
    """One picture of a request: a product by its id, a URL from which to fetch it, or a file."""

    product: str = ""
    source_url: str = ""
    image: File[bytes] | None = None
    name: str = ""
    external_id: str = ""

    @classmethod
    def from_validated(cls, validated: dict[str, Any]) -> IncomingPicture:
        """Return the picture of validated ``PictureIn`` data."""
        return cls(**{field.name: validated[field.name] for field in fields(cls) if field.name in validated})

    @cached_property
    def origin(self) -> str:
        """Identity of an upload: the SHA-256 of its bytes or of its URL; empty for a product."""
        if self.source_url:
            return "url:" + hashlib.sha256(self.source_url.encode()).hexdigest()
        if self.image is None:
            return ""
        digest = hashlib.sha256()
        for chunk in self.image.chunks():
            digest.update(chunk)
        return "sha256:" + digest.hexdigest()

    @property
    def label(self) -> str:
        """Name to show. Of a URL, only the file name is used: the query may be a signature."""
        path = unquote(urlsplit(self.source_url).path) if self.source_url else getattr(self.image, "name", "") or ""
        shown = "".join(letter for letter in posixpath.basename(path) if letter.isprintable())
        return self.name or self.external_id or shown or "picture"


class PictureIntake:
    """Store the uploads of a request, one for each origin, and refer to all its pictures as products.

    Call ``store`` outside of transactions, because it writes files; call ``accept`` in the transaction that accepts
    the request; call ``discard`` at the end.
    """

    def __init__(self, pictures: Sequence[IncomingPicture], viewer: Viewer, *, fresh: bool = False) -> None:
        self._viewer, self._pictures, self._stored = viewer, pictures, list[Upload]()
        self._origins = {picture.origin for picture in pictures} - {""}
        self._ignored = set[uuid.UUID]()
        self._known = self._find(fresh)

    @property
    def unseen(self) -> int:
        """Number of different pictures that the caller has not uploaded before."""
        return len(self._origins - self._known.keys())

    def known_references(self) -> list[ProductReference]:
        """Return references to the products and the earlier uploads among the pictures."""
        return self._references(self._known)

    def store(self) -> None:
        """Store the new uploads. Raises ``ValidationError`` for a file that is not a picture."""
        seen = set(self._known) | {""}
        ownership: dict[str, Any] = {"owner": self._viewer.user, "is_test": self._viewer.makes_tests}
        linked = []
        for position, picture in enumerate(self._pictures):
            if picture.origin in seen:
                continue
            seen.add(picture.origin)
            about = {**ownership, "origin": picture.origin, "name": picture.label}
            if picture.image is None:
                linked.append(uploads.referring(picture.source_url, **about))
            else:
                self._stored.append(_stored(position, picture.image, about))
        self._stored += Upload.objects.bulk_create(linked, batch_size=500)

    def accept(self) -> list[ProductReference]:
        """Keep the stored uploads and return references to all pictures.

        If a concurrent request has kept an upload of the same origin since, that one is used: nothing is bought twice.
        """
        kept = {upload.origin: upload for upload in uploads.keep(self._stored, self._ignored)}
        return self._references(kept | self._known)

    def discard(self) -> None:
        """Delete stored uploads that were not kept."""
        uploads.discard(self._stored)

    def _references(self, known: dict[str, Upload]) -> list[ProductReference]:
        return [
            ProductReference(picture.product or identity_of(known[picture.origin]), position, picture.external_id)
            for position, picture in enumerate(self._pictures)
            if picture.product or picture.origin in known
        ]

    def _find(self, fresh: bool) -> dict[str, Upload]:
        """Return earlier uploads by origin; with ``fresh``, without those from a URL that are not in use."""
        found = uploads.known(self._viewer.user, self._viewer.makes_tests, self._origins)
        if fresh:
            fetched = {upload.pk for upload in found.values() if upload.source_url}
            self._ignored = fetched - uploads.at_work(found.values())
        return {origin: upload for origin, upload in found.items() if upload.pk not in self._ignored}


@contextmanager
def receive_pictures(
    pictures: Sequence[IncomingPicture], viewer: Viewer, *, fresh: bool = False
) -> Iterator[PictureIntake]:
    """Store the uploads of a request, and delete at the end those that were not accepted."""
    intake = PictureIntake(pictures, viewer, fresh=fresh)
    try:
        intake.store()
        yield intake
    finally:
        intake.discard()


def _stored(position: int, content: File[bytes], about: dict[str, Any]) -> Upload:
    with tempfile.TemporaryDirectory(prefix=TEMPORARY) as folder:
        path = Path(folder, "picture")
        with path.open("wb") as target:
            for chunk in content.chunks():
                target.write(chunk)
        try:
            return uploads.take(path, **about)
        except PictureError as error:
            raise serializers.ValidationError({"images": {str(position): {"image": [error.message]}}}) from error
