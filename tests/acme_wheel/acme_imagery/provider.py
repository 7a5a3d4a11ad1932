"""Acme Pictures: one picture a call; a lost create is found by the reference that it was sent with.

Facts: the vendor's API page (endpoints, states, error envelope, limits, prices).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from product_imagery.exceptions import ProviderUnavailable
from product_imagery.provider_kit.base import HostedProvider
from product_imagery.provider_kit.contract import Conversation, Counted, Form, Job, Limit, Offer, Operation
from product_imagery.provider_kit.options import Kind, Option
from product_imagery.provider_kit.outcomes import Accepted, Finished, NotAccepted, Refused, RemotePicture, Running
from product_imagery.provider_kit.response import Response

_FIRST_READ, _NEXT_READ = 10.0, 5.0  #: seconds until the job is read
_COLOUR = Option("colour", Kind.COLOUR, "#FFFFFF", "of the background")
_SIZE = Option("size", Kind.CHOICE, "large", "of the result", choices={"small": "1000 px", "large": "4000 px"})
_CREDITS = {"small": Decimal(1), "large": Decimal(2)}


def _price(options: Mapping[str, Any]) -> Decimal:
    return _CREDITS[options["size"]]


class Acme(HostedProvider):
    """Everything that the admin, the API and the worker need to know about Acme Pictures."""

    slug = "acme"
    label = "Acme Pictures"
    base_url = "https://api.acme.example/v1"
    form = Form.URL
    limits = (Limit(Counted.REQUESTS, 60, 60),)
    key_prefixes = ("acme_",)
    refusals = frozenset({400, 401, 402, 403, 404, 422, 429})
    job_list = "jobs"
    list_names = ("jobs",)
    offers: ClassVar[Mapping[Operation, Offer]] = {
        Operation.WHITE_BACKGROUND: Offer((_COLOUR, _SIZE), cost=Decimal(2), seconds=20, price=_price),
    }

    def submit(self, job: Job) -> Conversation:
        """Create a job; the reference is what Acme knows it by."""
        content = {"reference": job.mark, "image_url": job.inputs[0].url, **job.options}
        response = yield from self.post("jobs", content, creates=True)
        found = response.fields().object("job")
        return Accepted(found.identity(), found.text("state"), _FIRST_READ)

    def poll(self, job: Job) -> Conversation:
        """Read a job. A state that the API page does not name means that it still runs."""
        response = yield from self.get(f"jobs/{job.remote_id}")
        found = response.fields().object("job")
        state = found.text("state")
        if state == "failed":
            return Refused("provider_failed", f"{self.label} could not make this picture. Nothing was charged.")
        if state != "done":
            return Running(state, _NEXT_READ)
        return Finished((RemotePicture(job.inputs[0].item_id, found.text("result_url")),), status=state)

    def reconcile(self, job: Job) -> Conversation:
        """Look for the reference in the list, which the API page calls complete for a day."""
        jobs = yield from self.jobs_there(pages=1)
        found = next((entry for entry in jobs if entry.get("reference") == job.mark), None)
        return Accepted(str(found["id"]), check_after=1.0) if found else NotAccepted()

    def check_credential(self) -> Conversation:
        """Read the list of jobs: it costs nothing and needs the key."""
        return (yield from self.read_list("jobs"))

    def explain(self, response: Response) -> tuple[str, str, str]:
        """``{"error": {"code", "message"}}``."""
        try:
            error = response.fields().object("error")
            return error.text("code", ""), error.text("message", ""), ""
        except ProviderUnavailable:
            return "", "", ""
