"""Registration of our own model with pictures, as a shop registers its products."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from product_imagery.models import Upload
from product_imagery.products import ProductImages, ProductPicture, register


@register(Upload)
class UploadedPictures(ProductImages):
    """Description of uploads: one picture each, which may not have been fetched yet."""

    source = "source"
    target = "enhanced"
    name = "name"

    def list_pictures(self, ids: Sequence[Any]) -> Iterator[ProductPicture]:
        """Yield the pictures of these uploads, with the addresses from which they are fetched."""
        addresses = dict(Upload.objects.filter(pk__in=list(ids)).exclude(source_url="").values_list("pk", "source_url"))
        by_id = {str(pk): address for pk, address in addresses.items()}
        for picture in super().list_pictures(ids):
            yield dataclasses.replace(picture, source_url=by_id.get(picture.object_id, ""))
