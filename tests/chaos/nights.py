"""Night after night over the whole shop, at a vendor that counts: python -m tests.chaos.nights [--products 4]

``imagery_enhance … --all --approve --wait`` three nights in a row, over products whose published picture takes the
place of their photo and over a gallery; on the fourth night with another look. Printed for each night: what was bought,
and from which files (SHA-256). On SQLite, or the database of ``DATABASE_URL``, which is emptied. Exits with 1 unless
everything is bought on the first night, nothing on the next two, and the fourth one starts from the originals.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
from typing import Any

from tests.fakes.server import KEYS, Fakes, serving

_MODELS = ("shop.Product", "shop.Collection")
_NIGHTS = ((), (), (), ("--option", "background=off_white"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=4)
    products = parser.parse_args().products
    fakes = Fakes()
    with tempfile.TemporaryDirectory(prefix="imagery-nights-") as folder, serving(fakes) as base:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
        os.environ |= {"IMAGERY_PUBLIC_BASE_URL": base, "IMAGERY_FETCH_ALLOW": base.removeprefix("http://")}
        import django

        django.setup()
        return _run(fakes, products)


def _run(fakes: Fakes, products: int) -> int:
    from django.db import connection

    originals = _open(fakes, products)
    print(f"{connection.vendor}: {len(originals)} pictures; originals {_short(originals)}")
    problems = []
    for number, options in enumerate(_NIGHTS, start=1):
        before = len(fakes.created)
        worked_on = _night(options)
        bought = len(fakes.created) - before
        print(f"night {number} {' '.join(options):<32} bought {bought}, made from {_short(worked_on)}")
        wanted = len(originals) if number in (1, 4) else 0
        problems += [f"night {number}: {bought} bought instead of {wanted}"] if bought != wanted else []
        problems += [f"night {number}: not from the originals"] if worked_on and worked_on != originals else []
    print("\n".join(problems) or "bought once, and each look made from the originals")
    return 1 if problems else 0


def _open(fakes: Fakes, products: int) -> set[str]:
    """Open the shop; the digests of its pictures."""
    from django.core.files.base import ContentFile
    from django.core.management import call_command

    from example_project.shop.models import Collection, CollectionPhoto, Product
    from product_imagery.models import ProviderCredential
    from product_imagery.products import ProductImages, register, unregister
    from tests.conftest import draw_product, encoded

    call_command("migrate", verbosity=0)
    call_command("flush", verbosity=0, interactive=False)
    unregister(Product)
    register(Product)(type("OneField", (ProductImages,), {"source": "photo", "name": "title"}))
    account = ProviderCredential(
        provider="paqshot", label="Paqshot", base_url=f"{fakes.base}/paqshot", consecutive_failures=0
    )
    account.set_secret(KEYS["paqshot"])
    account.save()
    collection = Collection.objects.create(title="Summer")
    fields: list[Any] = []
    for number in range(products):
        content = encoded(draw_product((400 + number, 400)))
        product = Product(title=f"Product {number}", sku=f"S{number}", price=1)
        photo = CollectionPhoto(collection=collection, position=number)
        product.photo.save("photo.jpg", ContentFile(content))
        photo.image.save("photo.jpg", ContentFile(content + b"\0"))
        fields += [product.photo, photo.image]
    return {hashlib.sha256(field.storage.open(field.name).read()).hexdigest() for field in fields}


def _night(options: tuple[str, ...]) -> set[str]:
    """Run the nightly commands; the digests of what they worked on."""
    from django.core.management import CommandError, call_command

    from product_imagery.models import EnhancementItem

    last = EnhancementItem.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    look = ("--operation", "white_background", "--credential", "Paqshot", *options)
    for model in _MODELS:
        try:
            call_command("imagery_enhance", model, "--all", "--approve", "--wait", "--json", *look, stdout=sys.stderr)
        except CommandError as nothing:
            if "have this look already" not in str(nothing):
                raise
    made = EnhancementItem.objects.filter(pk__gt=last, status="completed")
    return set(made.values_list("source_digest", flat=True))


def _short(digests: set[str]) -> str:
    return ", ".join(sorted(digest[:8] for digest in digests)) or "nothing"


if __name__ == "__main__":
    sys.exit(main())
