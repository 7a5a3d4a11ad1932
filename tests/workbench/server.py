"""A server of the shop in a process of its own: a theme is chosen before Django is set up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.workbench.page import Page

_ROOT = Path(__file__).parent.parent.parent
_PROGRAM = "from tests.workbench.server import serve; serve()"


@dataclass(frozen=True)
class Site:
    """A running shop: its theme, its address, the session of a merchant, and its pages."""

    theme: str
    address: str
    session: str
    pages: list[Page]


def environment_of(theme: str, folder: Path, products: int = 0, language: str = "en") -> dict[str, str]:
    """Return the environment of processes of a shop: ``products`` of one kind, or 0 for a shop in every state."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.workbench.settings", "IMAGERY_THEME": theme}
    environment |= {"VAR_DIR": str(folder), "DEBUG": "1", "IMAGERY_PRODUCTS": str(products)}
    environment |= {"IMAGERY_LANGUAGE": language}
    environment.pop("DATABASE_URL", None)
    return environment


@contextmanager
def running(theme: str, folder: Path, products: int = 0, language: str = "en") -> Iterator[Site]:
    """Build a shop in ``folder`` and serve it under a theme, in a language, until the block ends."""
    environment = environment_of(theme, folder, products, language)
    server = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], env=environment, cwd=_ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None
        line = next((line for line in server.stdout if line.startswith("{")), "")
        assert line, f"the shop under {theme} did not start"
        told = json.loads(line)
        yield Site(theme, told["address"], told["session"], [Page(**page) for page in told["pages"]])
    finally:
        server.kill()
        server.wait()


def serve() -> None:
    """Build the shop, print its facts as one line of JSON, and serve it until the process is killed."""
    import django

    django.setup()
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    from tests.workbench.shop import build, build_plain

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    products = int(os.environ["IMAGERY_PRODUCTS"])
    session, pages = build_plain(products) if products else build()
    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(StaticFilesHandler(get_wsgi_application()))
    facts = {"address": f"http://127.0.0.1:{server.server_port}", "session": session}
    print(json.dumps({**facts, "pages": [vars(page) for page in pages]}), flush=True)
    server.serve_forever()
