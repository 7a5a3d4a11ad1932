"""The API of ProductAI.photo on loopback, for tests: ids are numbers, and there is no list."""

from __future__ import annotations

import itertools
from typing import Any

from product_imagery.provider_kit.contract import Operation
from product_imagery.providers.productai.provider import ProductAI
from product_imagery.testing.stand_in import Reply, Request, StandIn, StandInServer

_UPSCALE_COST = 20


class ProductAIStandIn(StandIn):
    """Charges when a job starts."""

    provider = ProductAI
    key = "loopbackkey00000000000000000001"
    operation = Operation.SCENE
    cost = 3

    def __init__(self, server: StandInServer) -> None:
        super().__init__(server)
        self._numbers = itertools.count(41_001)

    def respond(self, request: Request) -> Reply:
        """Two creates, and one read."""
        if request.headers.get("x-api-key") != self.key:
            return 401, self.refusal("ApiError", "INVALID_API_KEY")
        if request.method == "POST":
            return self._create(request)
        found = self.find(request.last)
        if found is None:
            return 404, self.refusal("ApiError", "JOB_NOT_FOUND")
        status = self.status_of(found, "RUNNING", "COMPLETED")
        data = {"id": int(found.id), "status": status, "prompt": found.body.get("prompt")}
        picture = {"image_url": self.server.file_url()} if status == "COMPLETED" else {}
        return 200, {"status": "OK", "data": data | picture}

    def refusal(self, code: str, message: str) -> Any:
        """``{"name", "message", "details"}``."""
        return {"name": code, "message": message, "details": ""}

    def _create(self, request: Request) -> Reply:
        content, number = request.json, next(self._numbers)
        self.charge(str(number), content, _UPSCALE_COST if request.path.endswith("upscale") else self.cost)
        return 200, {"status": "OK", "data": {"id": number, "status": "RUNNING", "prompt": content.get("prompt")}}
