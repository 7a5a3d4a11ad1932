"""The schema as a file, for generators of clients: ``python -m tests.api.schema_file`` writes it anew."""

from __future__ import annotations

import json
import os
from pathlib import Path

import django

FILE = Path(__file__).parents[2] / "product_imagery" / "api" / "openapi.json"


def text() -> str:
    """What belongs into the file."""
    from product_imagery.api.views.schema import described

    return json.dumps(described(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    django.setup()
    FILE.write_text(text())
