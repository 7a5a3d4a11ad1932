"""Our own model with pictures, registered as a shop registers its products."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from product_imagery.models import Upload
from product_imagery.products import ProductImages, ProductPicture, register


@register(Upload)
class UploadedPictures(ProductImages):
    """One picture each, which may still have to be fetched."""

    source = "source"
    target = "enhanced"
    name = "name"

    def list_pictures(self, ids: Sequence[Any]) -> Iterator[ProductPicture]:
        """The pictures of these uploads, with the addresses that they come from."""
        addresses = dict(Upload.objects.filter(pk__in=list(ids)).exclude(source_url="").values_list("pk", "source_url"))
        by_id = {str(pk): address for pk, address in addresses.items()}
        for picture in super().list_pictures(ids):
            yield dataclasses.replace(picture, source_url=by_id.get(picture.object_id, ""))
