"""The schema is complete, and the examples of the documentation run."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.db import connection
from django.test import Client
from django.urls import URLPattern

from product_imagery.api import urls
from product_imagery.api.views.fallback import Fallback
from product_imagery.api.views.schema import FILE, Schema
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import Event, ResultImage
from tests.api.conftest import BASE, Caller
from tests.api.schema_file import generate, text
from tests.conftest import draw_product, encoded

pytestmark = pytest.mark.django_db

_EXAMPLES = Path(urls.__file__).parents[1] / "examples"


@pytest.fixture
def schema(client: Client) -> Any:
    return client.get(BASE + "schema").json()


def _routes() -> list[URLPattern]:
    views = [one for one in urls.urlpatterns if hasattr(one.callback, "cls")]
    return [one for one in views if one.callback.cls not in (Fallback, Schema)]


def _operations(schema: Any) -> list[tuple[str, str, Any]]:
    return [(path, method, operation) for path, all in schema["paths"].items() for method, operation in all.items()]


def test_schema_describes_every_route_and_method(schema: Any) -> None:
    assert len(schema["paths"]) == len(_routes())
    assert {method for _, method, _ in _operations(schema)} == {"get", "post", "delete"}
    for _, _, operation in _operations(schema):
        assert operation["summary"]
        assert "401" in operation["responses"]
    assert set(schema["webhooks"]) == set(Event.values)


def test_every_operation_has_valid_examples(schema: Any) -> None:
    for path, method, operation in _operations(schema):
        contents = [operation.get("requestBody", {}).get("content", {}).get("application/json")]
        contents += [
            response.get("content", {}).get("application/json") for response in operation["responses"].values()
        ]
        shown = 0
        for content in filter(None, contents):
            for example in content.get("examples", {}).values():
                whole = {**content["schema"], "components": schema["components"]}
                jsonschema.validate(example["value"], whole)
                known = _fields(schema, content["schema"])
                assert set(example["value"]) <= known, (path, method)
                shown += 1
        assert shown >= (1 if path.endswith(("/download",)) or (method == "get" and path == "/presets") else 2), path


def _fields(schema: Any, part: Any) -> set[str]:
    name = part["$ref"].rpartition("/")[2]
    return set(schema["components"]["schemas"][name]["properties"])


def test_packaged_file_equals_the_generated_schema() -> None:
    assert FILE.read_text() == text(), "run python -m tests.api.schema_file"


def test_packaged_file_is_served_without_generation(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drf_spectacular.generators.SchemaGenerator.get_schema", None)
    served = client.get(BASE + "schema").json()
    del served["servers"]
    assert served == json.loads(FILE.read_text())


def test_schema_has_idempotency_key_and_page_bounds(schema: Any) -> None:
    create = schema["paths"]["/enhancements"]["post"]
    header = next(one for one in create["parameters"] if one["name"] == "Idempotency-Key")
    assert header["required"]
    assert header["schema"]["minLength"] == 8
    names = {one["name"]: one["schema"] for one in schema["paths"]["/generations"]["get"]["parameters"]}
    assert names["limit"]["maximum"] == 100
    assert {"limit", "offset", "cursor", "review", "publication", "created_after"} < set(names)


def test_schema_has_servers_and_authentication(schema: Any) -> None:
    assert schema["servers"] == [{"url": "http://testserver/imagery/api/v1"}]
    assert schema["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert schema["paths"]["/presets"]["get"].get("security", [{}]) == [{}]


def test_generation_has_no_warnings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert generate()["openapi"].startswith("3.1")


class TestPages:
    def test_guide_shows_examples_and_events(self, client: Client) -> None:
        page = client.get(BASE + "docs")
        content = page.content.decode()
        for name in ("quickstart.sh", "quickstart.py", "quickstart.mjs"):
            assert name in content
        assert "http://testserver/imagery/api/v1" in content
        assert all(event in content for event in Event.values)
        assert "default-src &#x27;none&#x27;" not in content
        assert "default-src 'none'" in page["Content-Security-Policy"]

    @pytest.mark.parametrize("name", ["swagger", "redoc"])
    def test_pages_load_nothing_from_other_hosts(self, name: str, client: Client) -> None:
        pytest.importorskip("drf_spectacular_sidecar", reason="the extra docs is not installed")
        content = client.get(BASE + f"docs/{name}").content.decode()
        assert "://" not in content.replace("data:,", "")
        assert "drf_spectacular_sidecar" in content

    def test_page_names_the_missing_extra(self, client: Client, settings: Any) -> None:
        settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "drf_spectacular_sidecar"]
        page = client.get(BASE + "docs/swagger")
        assert page.status_code == 404
        assert "product-imagery[docs]" in page.content.decode()


@pytest.fixture
def worker(live_server: Any) -> Iterator[Any]:
    """Run a worker beside the live server."""
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            run_slice(seconds=0.5, stop=stop)
        connection.close()  # of this thread: an open one would keep the test database from being removed

    thread = threading.Thread(target=run)
    thread.start()
    yield live_server
    stop.set()
    thread.join()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
class TestExamples:
    """The programs of the guide run unchanged."""

    def _environment(self, server: Any, one: Caller, **more: str) -> dict[str, str]:
        return {**os.environ, "API": server.url + BASE.rstrip("/"), "KEY": one.text, **more}

    def _run(self, command: list[str], **how: Any) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **how)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="curl and jq are not installed")
    def test_curl(self, worker: Any, caller: Callable[..., Caller], make_product: Any) -> None:
        product = f"shop.product:{make_product().pk}"
        environment = self._environment(worker, caller(), PRODUCT=product)
        said = self._run(["sh", str(_EXAMPLES / "quickstart.sh")], env=environment)
        assert "white  Pure white" in said
        assert '"to_do": 1' in said
        result = ResultImage.objects.get()
        assert f"completed\n{result.uuid}  {worker.url}/media/" in said

    def test_httpx(self, worker: Any, caller: Callable[..., Caller], tmp_path: Path) -> None:
        (tmp_path / "good.jpg").write_bytes(encoded(draw_product()))
        (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff no picture")
        command = [sys.executable, str(_EXAMPLES / "quickstart.py"), "good.jpg", "bad.jpg"]
        said = self._run(command, env=self._environment(worker, caller()), cwd=tmp_path)
        assert "enhanced-good.jpeg 480×400" in said
        assert "bad.jpg failed" in said
        assert (tmp_path / "enhanced-good.jpeg").read_bytes()[:3] == b"\xff\xd8\xff"

    @pytest.mark.skipif(not shutil.which("node"), reason="Node is not installed")
    def test_javascript(self, worker: Any, caller: Callable[..., Caller], make_product: Any, settings: Any) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        settings.PRODUCT_IMAGERY = {**settings.PRODUCT_IMAGERY, "FETCH_ALLOW": (f"127.0.0.1:{port}",)}
        product = f"shop.product:{make_product().pk}"
        own = {"PRODUCT": product, "PORT": port, "SELF": f"http://127.0.0.1:{port}/"}
        environment = self._environment(worker, caller(), **own)
        assert "enhancement.completed completed" in self._run(
            ["node", str(_EXAMPLES / "quickstart.mjs")], env=environment
        )
