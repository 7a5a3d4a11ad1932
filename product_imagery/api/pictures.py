"""Pictures that come with a request: base64 in JSON, files of a form, or addresses that a worker fetches from."""

from __future__ import annotations

import base64
import binascii
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile, File
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from product_imagery import files
from product_imagery.api.products import Viewer, identity_of
from product_imagery.conf import get_settings
from product_imagery.exceptions import ImageryError
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


class PictureIn(serializers.Serializer[Any]):
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

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One way, not two."""
        if sum(bool(attrs.get(way)) for way in ("product", "source_url", "image")) != 1:
            raise serializers.ValidationError({"product": ["Give one of product, source_url and image."]})
        return attrs


class NewProductIn(PictureIn):
    """A picture that belongs to no product of the shop."""

    product = None  # type: ignore[assignment]


@contextmanager
def brought(images: Sequence[dict[str, Any]], viewer: Viewer, *, fresh: bool = False) -> Iterator[list[Upload]]:
    """Store the pictures that came with a request, outside any transaction, and give each image its ``product``.

    Whoever accepts the request keeps them; what is not kept by the end is discarded. Raises ``ValidationError``.
    """
    taken: list[Upload] = []
    try:
        for number, image in enumerate(images):
            if not image.get("product"):
                try:
                    image["product"] = identity_of(_taken(image, viewer, fresh, taken))
                except ImageryError as error:
                    raise serializers.ValidationError({"images": {str(number): [error.message]}}) from error
        yield taken
    finally:
        uploads.discard(taken)


def _taken(image: dict[str, Any], viewer: Viewer, fresh: bool, taken: list[Upload]) -> Upload:
    """The upload of one image: a new one, unless its owner has the same."""
    mine: dict[str, Any] = {"owner": viewer.user, "is_test": viewer.makes_tests}
    if image.get("source_url"):
        url = image["source_url"]
        same = None if fresh else uploads.known(**mine, url=url)
        if same is None:
            taken.append(uploads.refer(url, name=_name(image, url.rpartition("/")[2]), **mine))
        return same or taken[-1]
    with tempfile.TemporaryDirectory(prefix=files.TEMPORARY) as folder:
        path = Path(folder, "picture")
        digest = _written(image["image"], path)
        same = uploads.known(**mine, digest=digest)
        if same is None:
            taken.append(uploads.take(path, digest, name=_name(image, image["image"].name or ""), **mine))
        return same or taken[-1]


def _name(image: dict[str, Any], otherwise: str) -> str:
    return str(image.get("name") or image.get("external_id") or otherwise or "picture")


def _written(content: File[bytes], path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as target:
        for chunk in content.chunks():
            target.write(chunk)
            digest.update(chunk)
    return digest.hexdigest()
