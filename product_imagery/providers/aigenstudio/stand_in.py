"""The API of AI Gen Studio on loopback, for tests: a create is idempotent by its key, a batch is one job."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from product_imagery.provider_kit.contract import Operation
from product_imagery.providers.aigenstudio.provider import AIGenStudio
from product_imagery.testing.stand_in import Charge, Reply, Request, StandIn, StandInServer

SANDBOX_KEY = "aigen_test_loopback_key_0001"  #: makes pictures that cost nothing


class AIGenStudioStandIn(StandIn):
    """A batch of charges has one ``key``, the id of its enhancement."""

    provider = AIGenStudio
    key = "aigen_live_loopback_key_0001"
    operation = Operation.WHITE_BACKGROUND
    cost = 5

    def __init__(self, server: StandInServer) -> None:
        super().__init__(server)
        self._batches: dict[str, tuple[str, str]] = {}  # idempotency key → digest of the body, id of the batch

    def respond(self, request: Request) -> Reply:
        """Presets, one create, and one read."""
        if request.path.endswith("-presets"):
            return 200, {"presets": [{"id": "single_product_white_background", "name": "White"}], "request_id": "r"}
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key not in (self.key, SANDBOX_KEY):
            return 401, self.refusal("invalid_api_key", "Bad key.")
        if request.method == "POST":
            return self._create(request, 0 if key == SANDBOX_KEY else self.cost)
        batch = [one for one in self.charges if one.key == request.last]
        if not batch:
            return 404, self.refusal("not_found", "Not found.")
        return 200, {"enhancement": self._state(batch), "request_id": "req_3"}

    def refusal(self, code: str, message: str) -> Any:
        """``{"error": {"code", "message", "request_id"}}``."""
        return {"error": {"code": code, "message": message, "request_id": "req_0"}}

    def _create(self, request: Request, cost: int) -> Reply:
        name, digest = request.headers.get("idempotency-key", ""), hashlib.sha256(request.body).hexdigest()
        with self.server.lock:
            known = self._batches.get(name)
            if known and known[0] != digest:
                return 409, self.refusal("idempotency_conflict", "Other body.")
            batch = known[1] if known else str(uuid.uuid4())
            if not known:
                self._batches[name] = (digest, batch)
                for image in request.json["images"]:
                    self.charge(image["external_id"], json.loads(request.body), cost, batch)
        total = sum(1 for one in self.server.created if one.key == batch)
        enhancement = {"id": batch, "status": "queued", "total_items": total, "credits_reserved": cost * total}
        return 200, {"enhancement": enhancement, "remaining_paid_credits": 85, "request_id": "req_4"}

    def _state(self, batch: list[Charge]) -> dict[str, Any]:
        done = self.is_done(batch[0])
        items = []
        for one in batch:
            bad = self.server.bad_items.get(one.id)
            good = done and not bad
            items.append(
                {
                    "id": str(uuid.uuid4()),
                    "external_id": one.id,
                    "status": "completed" if good else "failed",
                    "result_url": self.server.file_url() if good else None,
                    "error_code": bad,
                    "error_message": None,
                }
            )
        used = batch[0].cost * sum(1 for item in items if item["result_url"])
        status = self.status_of(batch[0], "processing", "completed")
        return {"id": batch[0].key, "status": status, "credits_used": used, "items": items}
