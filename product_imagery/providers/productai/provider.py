"""ProductAI.photo: one picture per create, charged at its start, without a way to look up a lost create.

Source: the vendor's API page (endpoints, models, token prices, limits, webhooks). A create is therefore sent only once.
If its response is lost, a person decides, unless a webhook names the job.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from product_imagery.exceptions import CredentialRefused, ProviderError, ProviderRefused, ProviderUnavailable
from product_imagery.provider_kit.base import HostedProvider
from product_imagery.provider_kit.contract import (
    FOUND_AGAIN,
    HINTED,
    NEWEST,
    Conversation,
    Counted,
    Delivery,
    Form,
    Job,
    Limit,
    Offer,
    Operation,
)
from product_imagery.provider_kit.json_reader import Fields
from product_imagery.provider_kit.options import Kind, Option
from product_imagery.provider_kit.outcomes import (
    Accepted,
    Candidate,
    Finished,
    Outcome,
    Refused,
    RemotePicture,
    Running,
    Undecidable,
)
from product_imagery.provider_kit.remote import Resource, Verb
from product_imagery.provider_kit.response import Response
from product_imagery.provider_kit.webhooks import hinted
from product_imagery.texts import gettext, gettext_noop

#: model → tokens, charged when the job starts
TOKENS = {
    "gpt-low": 2,
    "gpt-medium": 3,
    "gpt-high": 8,
    "kontext-pro": 3,
    "nanobanana": 3,
    "nanobananapro": 8,
    "seedream": 3,
}
_UPSCALE_TOKENS = 20
_FIRST_LOOK, _NEXT_LOOK = 15.0, 15.0  #: seconds: fifteen requests a minute are shared by all open jobs
_FAILED = ("ERROR", "FAILED", "TIMEOUT")
#: the first one is documented; the vendor's own code accepts the others too
_PICTURE_FIELDS = ("image_url", "output_url", "result_url", "url")
_REFUSALS = ("INVALID_IMAGE_URL", "INVALID_MODEL", "JOB_NOT_FOUND")
_TWO_PICTURES = ("seedream", "nanobanana", "nanobananapro")
_REFERENCE = Option(
    "reference",
    Kind.URL,
    "",
    gettext_noop("https address of a second picture as a reference (seedream, nanobanana, nanobananapro only)"),
    maximum=2000,
    label=gettext_noop("Second picture"),
)
_MODEL = Option(
    "model", Kind.CHOICE, "nanobanana", gettext_noop("the vendor's model"), choices={name: name for name in TOKENS}
)


def _prompt(default: str) -> Option:
    return Option("prompt", Kind.TEXT, default, gettext_noop("what the picture should show"), minimum=1, maximum=2000)


def _tokens(options: Mapping[str, Any]) -> Decimal:
    return Decimal(TOKENS[options["model"]])


def _generating(prompt: str) -> Offer:
    options = (_MODEL, _prompt(prompt), _REFERENCE)
    return Offer(options, cost=Decimal(3), seconds=30, price=_tokens, fault=_fault)


def _fault(options: Mapping[str, Any]) -> str:
    reference, model = options["reference"], options["model"]
    if reference and model not in _TWO_PICTURES:
        return gettext("The model %(model)s accepts one picture. For a reference choose one of: %(models)s.") % {
            "model": model,
            "models": ", ".join(_TWO_PICTURES),
        }
    return ""


class ProductAI(HostedProvider):
    """Provider for ProductAI.photo. Its webhooks are not signed, so they only cause a job to be read with the key."""

    slug = "productai"
    label = "ProductAI.photo"
    currency = gettext_noop("tokens")
    base_url = "https://api.productai.photo/v1"
    form = Form.URL
    limits = (Limit(Counted.REQUESTS, 15, 60),)
    deadline = 1800.0
    webhooks = True
    confirms_hints = True
    refusals = frozenset({400, 401, 402, 404, 429})
    lost_pause = 120.0
    resources = (Resource("job", "api/job", (Verb.SHOW,)),)
    offers: ClassVar[Mapping[Operation, Offer]] = {
        Operation.WHITE_BACKGROUND: _generating("The product, unchanged, on a pure white background."),
        Operation.SCENE: _generating("The product, unchanged, on a light wooden table in soft daylight."),
        Operation.EDIT: _generating("The product, unchanged, well lit."),
        Operation.UPSCALE: Offer((), cost=Decimal(_UPSCALE_TOKENS), seconds=30, growth=lambda options: 2.0),
    }

    def authorisation(self, key: str) -> Mapping[str, str]:
        """Return the header ``x-api-key``."""
        return {"x-api-key": key}

    def submit(self, job: Job) -> Conversation:
        """Start a generation or an upscale."""
        source: dict[str, Any] = {"image_url": job.inputs[0].url}
        if job.operation is Operation.UPSCALE:
            response = yield from self.post("api/upscale", source, creates=True)
        else:
            if job.options.get("reference"):
                source["image_url"] = [source["image_url"], job.options["reference"]]
            content = {"model": job.options["model"], **source, "prompt": job.options["prompt"]}
            response = yield from self.post("api/generate", content, creates=True)
        found = _data(response)
        return Accepted(str(found.integer("id")), found.text("status", ""), _FIRST_LOOK)

    def poll(self, job: Job) -> Conversation:
        """Read the job."""
        response = yield from self.get(f"api/job/{job.remote_id}")
        return _outcome(job, _data(response))

    def reconcile(self, job: Job) -> Conversation:
        """Check whether a webhook has named the lost job, as there is no list of jobs.

        A job that is unknown here is the lost one if it has the same prompt and a higher id than all jobs that were
        known when the lost one was sent. If none was known, a person has to confirm the id.
        """
        hinted, prompt = job.remembered.get(HINTED, ""), job.options.get("prompt", "")
        newest = job.remembered.get(NEWEST, "")
        if not hinted:
            return Undecidable(gettext("ProductAI.photo offers no way to look up whether the request was accepted."))
        found = _data((yield from self.get(f"api/job/{hinted}")))
        is_later = newest.isdigit() and int(hinted) > int(newest)
        if found.text("prompt", "") != prompt or (newest and not is_later):
            return Undecidable(
                gettext("A webhook named the job %(hinted)s, but it is not clear whether that is this one.")
                % {"hinted": hinted}
            )
        if not prompt or not newest:
            why = gettext(
                "A webhook named the job %(hinted)s, which is probably this one. Check it there, then decide."
            ) % {"hinted": hinted}
            return Undecidable(why, (Candidate(hinted, _picture_in(found)),))
        return Accepted(hinted, found.text("status", ""), 1.0)

    def check_credential(self) -> Conversation:
        """Probe a nonexistent job."""
        return (yield from self.read_nothing("api/job/0", 400, 404))

    def error_in(self, response: Response) -> ProviderError | None:
        """Return an error that can come with any HTTP status, such as an empty balance."""
        code, message, details = _error_parts(response)
        says = " " + gettext("It says: “%(said)s”") % {"said": f"{message} {details}".strip() or code}
        if "OUT_OF_TOKENS" in (code, message):
            sentence = gettext("The account at %(label)s has no tokens left. Top it up, then resume it.%(says)s") % {
                "label": self.label,
                "says": says,
            }
            return CredentialRefused(sentence, code="out_of_tokens", status=response.status, own=True)
        if code in _REFUSALS:
            sentence = gettext("%(label)s refused the request.%(says)s") % {"label": self.label, "says": says}
            return ProviderRefused(sentence, code=code, status=response.status, own=True)
        return None

    def explain(self, response: Response) -> tuple[str, str, str]:
        """Return code and message, with the details added to the message."""
        code, message, details = _error_parts(response)
        return code, f"{message} {details}".strip(), ""

    def verify(self, delivery: Delivery, secrets: Mapping[str, tuple[str, ...]]) -> bool:
        """Accept every webhook, as none is signed. The address is secret, and a webhook is only a hint."""
        return True

    def hints(self, delivery: Delivery) -> tuple[str, ...]:
        """Return ``job_id``, which is a text after a success and missing after an error."""
        name = hinted(delivery, "job_id")
        return (name,) if name.isascii() and name.isdigit() and len(name) < 20 else ()


def _error_parts(response: Response) -> tuple[str, str, str]:
    """Return code, message and details of an error, which has one of two forms.

    ``{"name", "message", "details"}`` or ``{"status": "ERROR", "message", "code"}``.
    """
    try:
        error = response.fields()
        return error.text("code", "") or error.text("name", ""), error.text("message", ""), _details(error)
    except ProviderUnavailable:
        return "", "", ""


def _details(error: Fields) -> str:
    try:
        return error.text("details", "")
    except ProviderUnavailable:  # a list, or an object
        return ""


def _data(response: Response) -> Fields:
    body = response.fields()
    if body.text("status") != "OK":
        raise ProviderUnavailable(
            gettext("The provider's response reports neither success nor failure."),
            detail=response.body[:200].decode(errors="replace"),
        )
    return body.object("data")


def _picture_in(found: Fields) -> str:
    return next((url for name in _PICTURE_FIELDS if (url := found.text(name, ""))), "")


def _outcome(job: Job, found: Fields) -> Outcome:
    status = found.text("status")
    if status.upper() in _FAILED:
        sentence = gettext("ProductAI.photo could not make this picture; it gives no reason. Its tokens are spent.")
        return Refused("provider_failed", sentence, charged=True)
    if status.upper() != "COMPLETED":
        return Running(status, _NEXT_LOOK)
    url = _picture_in(found)
    warnings = (FOUND_AGAIN,) if job.remembered.get(HINTED) == job.remote_id else ()
    return Finished((RemotePicture(job.inputs[0].item_id, url, warnings=warnings),) if url else (), status=status)
