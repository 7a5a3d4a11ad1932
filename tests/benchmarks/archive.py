"""The archive of a large collection: python -m tests.benchmarks.archive [--gigabytes 2]

Streams a collection through the API's own view and prints what the process gained in memory, beside a program that
makes the archive in memory first. ``unzip -t`` has the last word about the bytes.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import psutil

_BASE = "/imagery/api/v1/"
_SIZE = 10 * 1024 * 1024
_PEER = 200  #: megabytes that the peer packs: enough to see what it does


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    gigabytes = parser.parse_args().gigabytes
    with tempfile.TemporaryDirectory(prefix="imagery-archive-") as folder:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
        import django

        django.setup()
        return _run(round(gigabytes * 1024**3 / _SIZE), Path(folder))


def _run(number: int, folder: Path) -> int:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.contrib.contenttypes.models import ContentType
    from django.core.management import call_command
    from django.test import Client

    from example_project.shop.models import Product
    from product_imagery.models import (
        ApiKey,
        Collection,
        CollectionEntry,
        Enhancement,
        EnhancementItem,
        ProviderCredential,
        ResultImage,
    )

    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    boss = get_user_model().objects.create_superuser("boss")
    _, text = ApiKey.objects.issue(owner=boss, name="all", scopes=["read"])
    credential = ProviderCredential.objects.for_provider("local")
    enhancement = Enhancement.objects.create(operation="upscale", credential=credential, actor=boss, channel="api")
    collection = Collection.objects.create(owner=boss, name="Everything")
    product = ContentType.objects.get_for_model(Product)
    media = Path(settings.MEDIA_ROOT)
    media.mkdir(parents=True, exist_ok=True)
    content = os.urandom(_SIZE)
    for one in range(number):
        (media / f"{one}.jpg").write_bytes(content)
        item = EnhancementItem.objects.create(
            enhancement=enhancement, content_type=product, object_id=str(one), label=f"Product {one}", work_key=str(one)
        )
        result = ResultImage.objects.create(
            item=item,
            enhancement=enhancement,
            owner=boss,
            image=f"{one}.jpg",
            format="JPEG",
            width=1,
            height=1,
            size=_SIZE,
        )
        CollectionEntry.objects.create(collection=collection, result=result)
    process = psutil.Process()
    before, most = process.memory_info().rss, 0
    began = time.monotonic()
    response = Client(headers={"Authorization": f"Bearer {text}"}).get(f"{_BASE}collections/{collection.uuid}/download")
    path = folder / "all.zip"
    with path.open("wb") as target:
        for piece in response.streaming_content:
            target.write(piece)
            most = max(most, process.memory_info().rss)
    took, gained = time.monotonic() - began, (most - before) / 1024**2
    size = path.stat().st_size
    print(f"{number} pictures, {size / 1024**3:.2f} GB in {took:.0f} s: {gained:.0f} MB gained")
    print(f"Content-Length is right: {int(response['Content-Length']) == size}")
    tested = subprocess.run(["unzip", "-tq", str(path)], capture_output=True, text=True, check=False)
    print(f"unzip -t: {tested.stdout.strip() or tested.stderr.strip()}")
    print(f"made in memory, {_PEER} MB: {_in_memory(media):.0f} MB gained")
    return 0 if gained < 50 and tested.returncode == 0 else 1


def _in_memory(media: Path) -> float:
    before = psutil.Process().memory_info().rss
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(media.glob("*.jpg"))[: _PEER * 1024**2 // _SIZE]:
            archive.writestr(path.name, path.read_bytes())
    return (psutil.Process().memory_info().rss - before) / 1024**2


if __name__ == "__main__":
    assert Path("manage.py").exists(), "run me from the project's folder"
    sys.exit(main())
