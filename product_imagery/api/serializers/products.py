"""Products of the shop, and pictures that belong to none of them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from product_imagery.api.addresses import address
from product_imagery.products import ProductPicture


class ProductPictureOut(serializers.Serializer[Any]):
    """One picture of a product: the file that is read, and the one that is written."""

    picture = serializers.CharField(
        source="slot", help_text="tells pictures of one product apart; empty for the only one"
    )
    source = serializers.CharField(source="source_name")  # type: ignore[assignment]
    enhanced = serializers.CharField(source="target_name")
    source_url = serializers.SerializerMethodField()
    enhanced_url = serializers.SerializerMethodField()

    def get_source_url(self, picture: ProductPicture) -> str:
        """Signed where the storage signs."""
        return address(self.context.get("request"), self.context["description"].storage, picture.source_name)

    def get_enhanced_url(self, picture: ProductPicture) -> str:
        """Signed where the storage signs; empty before anything was published."""
        return address(self.context.get("request"), self.context["description"].target_storage, picture.target_name)


class ProductOut(serializers.Serializer[Any]):
    """A product and its pictures."""

    id = serializers.CharField(help_text="app.model:key")
    name = serializers.CharField()
    images = ProductPictureOut(many=True)
