"""The API of PergAI on loopback, for tests: products cost nothing, generations do; collections can be downloaded."""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Mapping
from typing import Any, ClassVar

from product_imagery.provider_kit.contract import Operation
from product_imagery.providers.pergai.provider import PergAI
from product_imagery.testing.stand_in import Charge, Reply, Request, StandIn, StandInServer


class PergAIStandIn(StandIn):
    """``products`` and ``collections`` are what lies there; ``list_name`` is what the list of jobs is wrapped in."""

    provider = PergAI
    key = "pk_loopback_key_0001"
    operation = Operation.SCENE
    options: ClassVar[Mapping[str, Any]] = {"image_folder": "products"}

    def __init__(self, server: StandInServer) -> None:
        super().__init__(server)
        self.products: list[dict[str, Any]] = []
        self.collections: dict[str, dict[str, Any]] = {}
        self.list_name = "generations"

    def respond(self, request: Request) -> Reply:
        """Collections, changes of anything else, and reads."""
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return 401, {"message": "Unauthorized"}
        if request.path.startswith("/collections"):
            return self._collection(request)
        if request.method == "DELETE":
            return self._delete(request)
        return self._create(request) if request.method == "POST" else self.read(request.path)

    def refusal(self, code: str, message: str) -> Any:
        """``{"message"}``: there are no codes."""
        return {"message": message}

    def read(self, path: str) -> Reply:
        """The lists, or one generation."""
        if path == "/products":
            return 200, self.products
        if path == "/templates":
            return 200, {"templates": ["studio", "nature"]}
        if path == "/generations":
            return 200, {self.list_name: [self._state(one) for one in self.charges]}
        found = self.find(path.rpartition("/")[2])
        return (200, self._state(found)) if found else (404, {"message": "Not found"})

    def _create(self, request: Request) -> Reply:
        if request.path == "/products":
            self.products.append({"id": str(uuid.uuid4()), **request.json})
            return 201, self.products[-1]
        one = self.charge(str(uuid.uuid4()), request.json)
        return 201, {"data": self._state(one) | {"status": "pending"}}

    def _delete(self, request: Request) -> Reply:
        before = len(self.products)
        self.products = [one for one in self.products if one["id"] != request.last]
        return (204, None) if len(self.products) < before else (404, {"message": "Not found"})

    def _collection(self, request: Request) -> Reply:
        rest = request.path.split("/")[2:]
        if not rest:
            return self._make_collection(request) if request.method == "POST" else self._list_collections()
        found = self.collections.get(rest[0])
        if found is None:
            return 404, {"message": "Not found"}
        if request.method == "POST":
            found["items"].append(request.json["generationId"])
        elif request.method == "DELETE":
            del self.collections[rest[0]]
        elif rest[1:] == ["download"]:
            return 200, self._archive(found["items"])
        return 200, found

    def _make_collection(self, request: Request) -> Reply:
        made = {"id": str(uuid.uuid4()), "name": request.json["name"], "items": []}
        self.collections[made["id"]] = made
        return 201, made

    def _list_collections(self) -> Reply:
        return 200, {
            "collections": [one | {"_count": {"items": len(one["items"])}} for one in self.collections.values()]
        }

    def _archive(self, names: list[str]) -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            for name in names:
                archive.writestr(f"{name}.png", self.server.picture)
        return target.getvalue()

    def _state(self, one: Charge) -> dict[str, Any]:
        status = self.status_of(one, "processing", "completed")
        state = {"id": one.id, "productId": one.body["productId"], "status": status, "prompt": "studio"}
        return state | ({"resultImagePath": self.server.file_url()} if status == "completed" else {})
