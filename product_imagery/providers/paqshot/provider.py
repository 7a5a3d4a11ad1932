"""Paqshot: one picture per create, as an address or as bytes. A lost create is found by its webhook or in the list.

Source: the vendor's API page (endpoints, fields, statuses, errors, 60 requests a minute, results kept for seven days,
webhook signature). The encodings of the signature and of base64 are not documented, so a credential can choose them.
The form of the list is an assumption, in a constant.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from product_imagery.exceptions import ProviderUnavailable
from product_imagery.imaging.magic import HEAD, suffix_of
from product_imagery.provider_kit.base import LIST, HostedProvider
from product_imagery.provider_kit.contract import (
    Conversation,
    Counted,
    Delivery,
    Field,
    Form,
    Job,
    Limit,
    Offer,
    Operation,
)
from product_imagery.provider_kit.json_reader import Fields
from product_imagery.provider_kit.options import Kind, Option
from product_imagery.provider_kit.outcomes import Accepted, Candidate, Finished, Refused, RemotePicture, Running
from product_imagery.provider_kit.remote import Resource, Verb
from product_imagery.provider_kit.response import Response
from product_imagery.provider_kit.webhooks import hinted
from product_imagery.texts import gettext, gettext_noop

_PAGES = 5  #: pages of the list that are searched for a lost create
_SKEW_SECONDS = 600.0  #: by which the vendor's clock may be behind ours
_NEXT_LOOK = 5.0
_KEPT = timedelta(days=7)
_BACKGROUNDS = re.compile(r"white|off_white|light_gray|black|#[0-9A-Fa-f]{6}")
SECRET = "webhook_secret"  # noqa: S105  the name of a field


_SCENE_TYPE = Option(
    "scene_type",
    Kind.CHOICE,
    "auto",
    label=gettext_noop("Kind of scene"),
    choices={
        "auto": gettext_noop("Chosen by Paqshot"),
        "action": gettext_noop("In use"),
        "abstract": gettext_noop("Abstract"),
        "product_packshot": gettext_noop("Packshot"),
    },
)
_RATIO = Option(
    "aspect_ratio",
    Kind.CHOICE,
    "1:1",
    gettext_noop("of the result"),
    label=gettext_noop("Shape"),
    choices={value: value for value in ("1:1", "4:3", "16:9", "9:16", "3:2", "2:3")},
)
_PEOPLE = Option(
    "people",
    Kind.CHOICE,
    "none",
    label=gettext_noop("People"),
    choices={
        "none": gettext_noop("not given"),
        "with_people": gettext_noop("With people"),
        "without_people": gettext_noop("Without people"),
    },
)
_STYLE = Option(
    "style",
    Kind.CHOICE,
    "lifestyle",
    label=gettext_noop("Style"),
    choices={
        "lifestyle": gettext_noop("Lifestyle"),
        "editorial": gettext_noop("Editorial"),
        "mockup": gettext_noop("Mock-up"),
    },
)
_LOCATION = Option(
    "location", Kind.TEXT, "", gettext_noop("office, outdoor, cafe, studio, urban, nature, or your own"), maximum=100
)
_PROMPT = Option("prompt", Kind.TEXT, "", gettext_noop("what else the picture should show"), maximum=500)
_BACKGROUND = Option(
    "background", Kind.TEXT, "white", gettext_noop("white, off_white, light_gray, black, or #RRGGBB"), maximum=10
)
_TYPES = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
_PRICE = Decimal(1)  #: the vendor counts generations against a quota and states no price


def _fault(options: Mapping[str, Any]) -> str:
    known = _BACKGROUNDS.fullmatch(options["background"])
    if known:
        return ""
    facts = {"known": gettext(_BACKGROUND.help), "given": options["background"]}
    return gettext("The background is one of %(known)s: not “%(given)s”.") % facts


class Paqshot(HostedProvider):
    """Provider for Paqshot. Pictures are sent inside the request, so no source has to be public by default."""

    slug = "paqshot"
    label = "Paqshot"
    currency = gettext_noop("generations")
    base_url = "https://api.paqshot.com/v1"
    form = Form.BASE64
    limits = (Limit(Counted.REQUESTS, 60, 60),)
    deadline = 600.0
    webhooks = True
    webhook_headers = ("x-paqshot-signature",)
    key_prefixes = ("pk_live_",)
    fields = (
        Field(
            SECRET,
            gettext_noop("Webhook secret"),
            gettext_noop("from the Paqshot dashboard; without it webhooks are refused"),
            True,
        ),
        Field(
            "signature",
            gettext_noop("Signatures of webhooks"),
            gettext_noop("their encoding, which Paqshot does not document"),
            choices=("hex", "base64"),
        ),
        Field(
            "image_as",
            gettext_noop("Pictures are sent"),
            gettext_noop(
                "as base64, whose form Paqshot does not document, or as addresses of this site, which has to be public"
            ),
            choices=(gettext_noop("bare"), gettext_noop("data_uri"), gettext_noop("url")),
        ),
        LIST,
    )
    resources = (
        Resource("generations", "generations", (Verb.LIST,), filters=("limit", "offset", "status")),
        Resource("generation", "generate", (Verb.SHOW,)),
    )
    list_names = ("data", "generations", "items", "results")
    refusals = frozenset({400, 401, 403, 404, 413, 422, 429})
    job_list = "generations"
    page = 100
    offers: ClassVar[Mapping[Operation, Offer]] = {
        Operation.WHITE_BACKGROUND: Offer(
            (_BACKGROUND, _SCENE_TYPE, _RATIO, _PEOPLE, _LOCATION, _PROMPT), cost=_PRICE, seconds=15, fault=_fault
        ),
        Operation.SCENE: Offer((_STYLE, _SCENE_TYPE, _RATIO, _PEOPLE, _LOCATION, _PROMPT), cost=_PRICE, seconds=15),
    }

    def form_in(self, settings: Mapping[str, str]) -> Form:
        """Return ``URL`` if the credential chooses addresses, else ``BASE64``."""
        return Form.URL if settings.get("image_as") == "url" else Form.BASE64

    def submit(self, job: Job) -> Conversation:
        """Send the picture or its address, with the options."""
        body: dict[str, Any] = {"product_image": _content(job), **_wishes(job)}
        if job.webhook_url.startswith("https://"):
            body["webhook_url"] = job.webhook_url
        response = yield from self.post("generate", body, creates=True)
        found = response.fields()
        soon = min(30.0, max(5.0, float(found.amount("estimated_seconds") or 5)))
        return Accepted(found.identity(), found.text("status", ""), soon)

    def poll(self, job: Job) -> Conversation:
        """Read the generation."""
        response = yield from self.get(f"generate/{job.remote_id}")
        found = response.fields()
        status = found.text("status")
        if status == "failed":
            reason = found.text("message", "") or found.text("error", "") or gettext("It gives no reason.")
            return Refused(
                "provider_failed",
                gettext("Paqshot could not make this picture. %(reason)s") % {"reason": reason},
                charged=True,
            )
        if status != "completed":
            return Running(status, _NEXT_LOOK)
        until = _kept_until(found)
        report = {"expires_at": until.isoformat()} if until else {}
        picture = RemotePicture(job.inputs[0].item_id, found.text("image_url"), report)
        return Finished((picture,), status=status, expired=until is not None and until.timestamp() < time.time())

    def reconcile(self, job: Job) -> Conversation:
        """Search the list for generations made since the create was committed, those of the same style first."""
        wanted = _wishes(job)
        made = yield from self.jobs_there(_PAGES)
        late = sorted(
            (entry for entry in made if _may_be(entry, job.begun_at)), key=lambda one: not _is_like(one, wanted)
        )
        why = gettext("Paqshot's list shows no such picture, but it may not be complete.")
        return self.absent(job, why, made, tuple(map(_candidate, late)))

    def check_credential(self) -> Conversation:
        """List one generation, which requires a valid key."""
        return (yield from self.read_list("generations", limit="1"))

    def explain(self, response: Response) -> tuple[str, str, str]:
        """Read ``{"error": "<code>", "message": "<text>"}``."""
        try:
            error = response.fields()
            return error.text("error", ""), error.text("message", ""), ""
        except ProviderUnavailable:
            return "", "", ""

    def verify(self, delivery: Delivery, secrets: Mapping[str, tuple[str, ...]]) -> bool:
        """Check the HMAC-SHA256 of the body, with or without ``sha256=``.

        Neither a time nor an id is signed, so a webhook can be a replay.
        """
        given = delivery.headers.get("x-paqshot-signature", "").strip().removeprefix("sha256=")
        digests = [hmac.digest(secret.encode(), delivery.body, hashlib.sha256) for secret in secrets.get(SECRET, ())]
        if delivery.settings.get("signature") == "base64":
            expected = [base64.b64encode(digest).decode() for digest in digests]
        else:
            given, expected = given.lower(), [digest.hex() for digest in digests]
        return any(hmac.compare_digest(given.encode(), one.encode()) for one in expected)

    def hints(self, delivery: Delivery) -> tuple[str, ...]:
        """Return ``id``, that of the generation."""
        name = hinted(delivery, "id")
        return (name,) if name else ()


def _content(job: Job) -> str:
    given = job.inputs[0]
    if given.path is None:
        return given.url
    picture = given.path.read_bytes()
    content = base64.b64encode(picture).decode()
    if job.settings.get("image_as") == "data_uri":
        return f"data:{_TYPES[suffix_of(picture[:HEAD])]};base64,{content}"
    return content


def _wishes(job: Job) -> dict[str, Any]:
    """Return the fields of a create besides picture and webhook, without empty ones."""
    options = dict(job.options)
    if job.operation is Operation.WHITE_BACKGROUND:
        options = {"style": "studio_packshot", **options}
    if options.get("people") == "none":
        del options["people"]
    return {name: value for name, value in options.items() if value != ""}


def _kept_until(found: Fields) -> datetime | None:
    """Return the time until which the result can be fetched; ``None`` if it is unknown."""
    stated, made_at = _moment(found.text("expires_at", "")), _moment(found.text("created_at", ""))
    if stated or made_at is None:
        return stated
    return made_at + _KEPT if made_at.year < MAXYEAR else None


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _may_be(entry: Mapping[str, Any], begun_at: float) -> bool:
    made_at = _moment(str(entry.get("created_at")))
    return made_at is None or made_at.timestamp() >= begun_at - _SKEW_SECONDS


def _candidate(entry: Mapping[str, Any]) -> Candidate:
    pictures = (entry.get(name) for name in ("thumbnail_url", "image_url"))
    picture = next((one for one in pictures if isinstance(one, str)), "")
    return Candidate(str(entry["id"]), picture, _moment(str(entry.get("created_at"))))


def _is_like(entry: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(entry.get(name, wanted[name]) == wanted[name] for name in ("style", "aspect_ratio") if name in wanted)
