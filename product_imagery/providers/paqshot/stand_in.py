"""The API of Paqshot on loopback, for tests: one create, one read, and a list in pages."""

from __future__ import annotations

import time
import uuid
from typing import Any

from product_imagery.provider_kit.contract import Operation
from product_imagery.providers.paqshot.provider import Paqshot
from product_imagery.testing.stand_in import Charge, Reply, Request, StandIn


class PaqshotStandIn(StandIn):
    """Counts generations against a quota."""

    provider = Paqshot
    key = "pk_live_loopback_key_0001"
    operation = Operation.WHITE_BACKGROUND

    def respond(self, request: Request) -> Reply:
        """``generate``, ``generate/<id>`` and ``generations``."""
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return 401, self.refusal("unauthorized", "Bad key.")
        if request.method == "POST":
            one = self.charge(f"gen_{uuid.uuid4().hex}", request.json)
            return 202, self.state_of(one) | {"status": "processing", "estimated_seconds": 5}
        if request.path.endswith("/generations"):
            start, most = int(request.query.get("offset", 0)), int(request.query.get("limit", 20))
            return 200, {"generations": [self.state_of(one) for one in self.charges[::-1][start : start + most]]}
        found = self.find(request.last)
        return (200, self.state_of(found)) if found else (404, self.refusal("not_found", "No."))

    def refusal(self, code: str, message: str) -> Any:
        """``{"error": "<code>", "message": "<text>"}``."""
        return {"error": code, "message": message}

    def state_of(self, one: Charge) -> dict[str, Any]:
        """A generation, as the read and the list show it."""
        status = self.status_of(one, "processing", "completed")
        made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one.at))
        state = {"id": one.id, "status": status, "style": one.body["style"], "created_at": made}
        return state | ({"image_url": self.server.file_url()} if status == "completed" else {})
