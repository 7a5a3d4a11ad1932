"""The API of Acme Pictures for tests, written from its API page."""

from __future__ import annotations

import uuid
from typing import Any

from acme_imagery.provider import Acme
from product_imagery.provider_kit.contract import Operation
from product_imagery.testing.stand_in import Charge, Reply, Request, StandIn


class AcmeStandIn(StandIn):
    """Charges when a job is created."""

    provider = Acme
    key = "acme_loopback_key_0001"
    operation = Operation.WHITE_BACKGROUND
    cost = 2

    def respond(self, request: Request) -> Reply:
        """``POST jobs``, ``GET jobs`` and ``GET jobs/<id>``."""
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return 401, self.refusal("bad_key", "This key is not known.")
        if request.method == "POST":
            return 201, {"job": self._job(self.charge(uuid.uuid4().hex, request.json))}
        if request.path == "/jobs":
            return 200, {"jobs": [self._job(one) for one in self.charges]}
        found = self.find(request.last)
        return (200, {"job": self._job(found)}) if found else (404, self.refusal("not_found", "There is no such job."))

    def refusal(self, code: str, message: str) -> Any:
        """``{"error": {"code", "message"}}``."""
        return {"error": {"code": code, "message": message}}

    def _job(self, one: Charge) -> dict[str, Any]:
        state = self.status_of(one, "working", "done")
        job = {"id": one.id, "reference": one.body["reference"], "state": state}
        return job | ({"result_url": self.server.file_url()} if state == "done" else {})
