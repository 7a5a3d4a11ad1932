"""AI Gen Studio: up to twenty pictures per create, which an ``Idempotency-Key`` makes safe to repeat.

Sources: the vendor's API conventions and quick start (endpoints, envelopes, statuses, error envelope), and its public
pages on limits, credits, idempotency, source images and webhooks. Assumptions beyond these are named constants.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Generator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from product_imagery.exceptions import ProviderError, ProviderUnavailable, RateLimited
from product_imagery.provider_kit.base import HostedProvider
from product_imagery.provider_kit.contract import (
    LIVE,
    SANDBOX,
    Conversation,
    Counted,
    Delivery,
    Form,
    Job,
    Limit,
    Offer,
    Operation,
    mark_of,
    next_again,
)
from product_imagery.provider_kit.json_reader import Fields
from product_imagery.provider_kit.options import Kind, Option
from product_imagery.provider_kit.outcomes import (
    Accepted,
    Failure,
    Finished,
    Outcome,
    RemotePicture,
    Running,
    Undecidable,
)
from product_imagery.provider_kit.remote import Resource, Verb
from product_imagery.provider_kit.requests import HttpRequest, Remember
from product_imagery.provider_kit.response import Response
from product_imagery.texts import gettext, gettext_noop

_PATH = "product-image-enhancements"
_PRESETS_PATH = "product-image-enhancement-presets"
_FINAL = ("completed", "partially_completed", "failed", "cancelled")
_CONFLICT = "idempotency_conflict"
_EVENT = re.compile(r"^[A-Za-z0-9_-]{1,128}$")  #: without a dot, which separates the signed parts
_TRUSTED_SECONDS = 24 * 3600  #: assumed life of an idempotency key; the vendor states none
_SKEW_SECONDS = 300  #: tolerance of a webhook's timestamp; the vendor leaves it to the receiver
_FIRST_LOOK, _NEXT_LOOK = 30.0, 30.0  #: seconds; 120 reads an hour and one active batch allow a poll every 30
_CREDITS = Decimal(5)

_PRESETS = {
    "single_product_white_background": gettext_noop("One product on white"),
    "marketplace_clean_catalog": gettext_noop("Marketplace catalogue"),
    "clean_catalog_group": gettext_noop("Catalogue, several products"),
}
_PRESERVATION = Option(
    "preservation_level",
    Kind.CHOICE,
    "strict",
    gettext_noop("how closely the product is preserved"),
    choices={
        "strict": gettext_noop("strict"),
        "balanced": gettext_noop("balanced"),
        "creative": gettext_noop("creative"),
    },
    label=gettext_noop("Preservation of the product"),
)
_INSTRUCTIONS = Option("instructions", Kind.TEXT, "", gettext_noop("for the whole batch"), maximum=4000)


def _offer(default: str) -> Offer:
    preset = Option("preset", Kind.CHOICE, default, gettext_noop("the vendor's look"), choices=_PRESETS)
    return Offer((preset, _PRESERVATION, _INSTRUCTIONS), cost=_CREDITS, seconds=60)


class AIGenStudio(HostedProvider):
    """Provider for AI Gen Studio. A job is one enhancement there, of as many pictures as the limits allow."""

    slug = "aigenstudio"
    label = "AI Gen Studio"
    base_url = "https://aigenstudio.app/api/v1"
    form = Form.URL
    batch = 20
    limits = (
        Limit(Counted.IMAGES, 25, 3600),
        Limit(Counted.CREATES, 5, 3600),
        Limit(Counted.READS, 120, 3600),
    )
    active_jobs = 1
    deadline = 2 * 3600.0
    webhooks = True
    webhook_headers = ("x-aigen-signature", "x-aigen-timestamp", "x-aigen-event-id")
    resources = (
        Resource("presets", _PRESETS_PATH, (Verb.LIST,)),
        Resource("enhancements", _PATH, (Verb.SHOW,)),
    )
    list_names = ("presets",)
    refusals = frozenset({400, 401, 402, 403, 404, 422, 429})  # not 409, which means that something was accepted
    offers: ClassVar[Mapping[Operation, Offer]] = {
        Operation.WHITE_BACKGROUND: _offer("single_product_white_background"),
        Operation.EDIT: _offer("marketplace_clean_catalog"),
    }

    key_prefixes = ("aigen_live_", "aigen_test_")

    def environment(self, key: str) -> str:
        """Return ``SANDBOX`` for a key that begins with ``aigen_test_``, ``LIVE`` for ``aigen_live_``."""
        return {"aigen_test_": SANDBOX, "aigen_live_": LIVE}.get(key[:11], "")

    def submit(self, job: Job) -> Conversation:
        """Create one enhancement of all pictures of the job.

        A second try sends the same bytes with the same key. If these bytes are outdated, new ones get a new key.
        """
        mark = job.mark
        if job.intent and not job.outdated:
            return self._accepted((yield from self._repeat(job, creates=True)))
        if job.intent:
            again = next_again(job.remembered)
            yield Remember(again)
            mark = mark_of(job.uuid, again)
        content = {
            "images": [{"source_url": given.url, "external_id": given.external_id} for given in job.inputs],
            "preset": job.options["preset"],
            "preservation_level": job.options["preservation_level"],
        }
        if job.options["instructions"]:
            content["instructions"] = job.options["instructions"]
        if job.webhook_url.startswith("https://"):
            content["webhook_url"] = job.webhook_url
        response = yield from self.post(_PATH, content, creates=True, Idempotency_Key=mark, X_Request_Id=mark)
        return self._accepted(response)

    def reconcile(self, job: Job) -> Conversation:
        """Repeat the create with the same bytes and key. The vendor returns what it has, and charges once."""
        if not job.intent or time.time() - job.begun_at > _TRUSTED_SECONDS:
            return Undecidable(gettext("The request is too old to be repeated safely."))
        try:
            response = yield from self._repeat(job)
        except ProviderUnavailable as error:
            if error.code != _CONFLICT:
                raise
            return Undecidable(gettext("%(message)s It is not repeated with another key.") % {"message": error.message})
        return self._accepted(response)

    def poll(self, job: Job) -> Conversation:
        """Read the enhancement. Its items are matched by ``external_id``, never by their order."""
        response = yield from self.get(f"{_PATH}/{job.remote_id}")
        found = response.fields().object("enhancement")
        status = found.text("status")
        if status not in _FINAL:
            return Running(status, _NEXT_LOOK)
        return _result(job, status, found)

    def check_credential(self) -> Conversation:
        """List the presets, then probe a nonexistent enhancement: a valid key gets 404, an invalid one 401."""
        yield from self.read_list(_PRESETS_PATH)
        return (yield from self.read_nothing(f"{_PATH}/00000000-0000-4000-8000-000000000000", 404))

    def error_in(self, response: Response) -> ProviderError | None:
        """Return the error for a 409.

        An idempotency conflict means that something was accepted; any other one that a batch is active, so wait.
        """
        code, message, _request_id = self.explain(response)
        if response.status == 409 and code == _CONFLICT:
            sentence = gettext("%(label)s has this request already, with other content. It says: “%(said)s”") % {
                "label": self.label,
                "said": message or code,
            }
            return ProviderUnavailable(sentence, code=_CONFLICT, status=409)
        if response.status == 409:
            limited = RateLimited(gettext("Another batch of this account is in progress."), code="busy", status=409)
            limited.retry_after = 60.0
            return limited
        return None

    def explain(self, response: Response) -> tuple[str, str, str]:
        """Read ``{"error": {"code", "message", "request_id"}}``."""
        try:
            error = response.fields().object("error")
            return error.text("code", ""), error.text("message", ""), error.text("request_id", "")
        except ProviderUnavailable:
            return "", "", ""

    def verify(self, delivery: Delivery, secrets: Mapping[str, tuple[str, ...]]) -> bool:
        """Check ``v1=`` and the HMAC-SHA256 of ``timestamp.event_id.body``, keyed by the hex SHA-256 of the API key."""
        stamp = delivery.headers.get("x-aigen-timestamp", "")
        event = delivery.headers.get("x-aigen-event-id", "")
        given = delivery.headers.get("x-aigen-signature", "")
        sent_at = _moment(stamp)
        if not _EVENT.match(event) or sent_at is None or abs(sent_at - delivery.received_at) > _SKEW_SECONDS:
            return False
        message = f"{stamp}.{event}.".encode() + delivery.body
        expected = [
            "v1=" + hmac.new(hashlib.sha256(key.encode()).hexdigest().encode(), message, hashlib.sha256).hexdigest()
            for key in secrets.get("key", ())
        ]
        return any(hmac.compare_digest(given.encode(), one.encode()) for one in expected)

    def event_id(self, delivery: Delivery) -> str:
        """Return the vendor's event id."""
        return delivery.headers.get("x-aigen-event-id", "")

    def _repeat(self, job: Job, *, creates: bool = False) -> Generator[HttpRequest, Response, Response]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": job.mark, "X-Request-Id": job.mark}
        return (yield from self.call(HttpRequest("POST", _PATH, job.intent, headers, creates=creates)))

    def _accepted(self, response: Response) -> Outcome:
        body = response.fields()
        found = body.object("enhancement")
        balance, reserved = body.amount("remaining_paid_credits"), found.amount("credits_reserved")
        return Accepted(found.identity(), found.text("status", "queued"), _FIRST_LOOK, balance, reserved)


def _result(job: Job, status: str, found: Fields) -> Outcome:
    by_external = {given.external_id: given.item_id for given in job.inputs}
    pictures: dict[int, RemotePicture] = {}
    failures: dict[int, Failure] = {}
    for item in found.objects("items"):
        pk = by_external.get(item.text("external_id", ""))
        url = item.text("result_url", "")
        if pk is None:
            continue
        if url:
            pictures.setdefault(pk, RemotePicture(pk, url))
        elif (code := item.text("error_code", "") or item.text("status", "")) not in ("", "completed"):
            sentence = item.text("error_message", "") or gettext(
                "The provider could not make this picture (%(code)s)."
            ) % {"code": code}
            failures.setdefault(pk, Failure(pk, code[:60], sentence))
    if status in ("failed", "cancelled"):  # after any other end, missing items may still appear
        sentence = gettext("The provider could not make this picture (%(status)s).") % {"status": status}
        failures = {given.item_id: Failure(given.item_id, status, sentence) for given in job.inputs} | failures
    failed = tuple(failure for pk, failure in failures.items() if pk not in pictures)
    return Finished(tuple(pictures.values()), failed, status, found.amount("credits_used"))


def _moment(stamp: str) -> float | None:
    """Return Unix seconds for Unix seconds, Unix milliseconds or ISO 8601; ``None`` for anything else."""
    if stamp.isascii() and stamp.isdigit() and len(stamp) <= 13:
        return int(stamp) / (1000 if len(stamp) == 13 else 1)
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return None
