"""A shop buys a picture from Acme: its products, its database, the real worker, and Acme's stand-in over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command

from example_project.shop.models import Product
from product_imagery.models import ProviderCredential

pytest_plugins = ["product_imagery.testing.fixtures"]


@pytest.mark.django_db
def test_a_picture_of_acme_is_put_on_the_product(
    imagery_stand_ins: Any, imagery_picture: Any, settings: Any, tmp_path: Any
) -> None:
    base = imagery_stand_ins.base
    settings.MEDIA_ROOT = tmp_path
    settings.PRODUCT_IMAGERY = {"PUBLIC_BASE_URL": base, "FETCH_ALLOW": (base.removeprefix("http://"),)}
    product = Product.objects.create(title="Mug", sku="MUG-1", price=10)
    product.photo.save("mug.jpg", ContentFile(imagery_picture()))
    credential = ProviderCredential(provider="acme", label="Acme", base_url=f"{base}/acme")
    credential.set_secret(imagery_stand_ins["acme"].key)
    credential.save()

    chosen = ["shop.Product", "--all", "--operation", "white_background", "--credential", "Acme"]
    call_command("imagery_enhance", *chosen, "--option", "size=small", "--approve", "--wait")

    product.refresh_from_db()
    assert product.enhanced_photo
    (charge,) = imagery_stand_ins["acme"].charges
    assert charge.body["size"] == "small"
