"""Programs that press the API at the same moment: python -m tests.chaos.api

Eight processes send a hundred requests each under one key that may make sixty a minute; fifty processes send the same
create under one Idempotency-Key, and one of them dies before it hears the answer. Just sixty may pass, and one
enhancement may come of it, with the same answer for all who live. On the database of ``DATABASE_URL``, or SQLite.
Exits with 1 otherwise.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

_BASE = "/imagery/api/v1/"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="imagery-api-") as folder:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
        import django

        django.setup()
        return _run(Path(folder))


def _run(folder: Path) -> int:
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from product_imagery.models import ApiKey, Enhancement
    from tests.chaos import shop

    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    call_command("flush", verbosity=0, interactive=False)
    shop.stock(1)
    boss = get_user_model().objects.create_superuser("boss")
    _, limited = ApiKey.objects.issue(owner=boss, name="limited", scopes=["read"], requests_per_minute=60)
    _, wide = ApiKey.objects.issue(owner=boss, name="wide", scopes=["read", "enhance"], requests_per_minute=100_000)
    passed = Counter(status for answers in _together(8, _reader(limited), folder) for status in answers)
    print(f"800 requests of 8 processes at a limit of 60: {dict(passed)}")
    body = {
        "operation": "upscale",
        "images": [{"product": f"shop.product:{pk}"} for pk in shop.product_ids()],
    }
    answers = [answer for found in _together(50, _creator(wide, body), folder) for answer in found]
    first = _creator(wide, body)(1)
    same = {json.dumps(answer, sort_keys=True) for answer in [*answers, *first]}
    made = Enhancement.objects.count()
    print(f"50 equal creates: {made} enhancement, {len(answers)} answers, {len(same)} different")
    return 0 if passed[200] == 60 and made == len(same) == 1 and len(answers) >= 49 else 1


def _reader(text: str) -> Callable[[int], list[Any]]:
    def read(_number: int) -> list[Any]:
        from django.test import Client

        client = Client(headers={"Authorization": f"Bearer {text}"})
        return [client.get(_BASE + "operations").status_code for _ in range(100)]

    return read


def _creator(text: str, body: Any) -> Callable[[int], list[Any]]:
    def create(number: int) -> list[Any]:
        from django.test import Client

        headers = {"Authorization": f"Bearer {text}", "Idempotency-Key": "the-same-key"}
        sent = json.dumps(body)
        answer = Client(headers=headers).post(_BASE + "enhancements", sent, content_type="application/json")
        if not number:
            os.kill(os.getpid(), signal.SIGKILL)
        return [[answer.status_code, answer.json()]]

    return create


def _together(number: int, do: Callable[[int], list[Any]], folder: Path) -> list[list[Any]]:
    """Do it in so many processes from the same moment on; what each returned, if it lived."""
    from django.db import connections

    connections.close_all()
    begin, children = time.time() + 1, []
    for one in range(number):
        child = os.fork()
        if not child:
            time.sleep(max(0.0, begin - time.time()))
            (folder / f"answer-{one}").write_text(json.dumps(do(one)))
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    found = sorted(folder.glob("answer-*"))
    answers = [json.loads(path.read_text()) for path in found]
    for path in found:
        path.unlink()
    return answers


if __name__ == "__main__":
    assert Path("manage.py").exists(), "run me from the project's folder"
    sys.exit(main())
