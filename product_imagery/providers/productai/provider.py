"""ProductAI.photo: one picture a call, paid when it starts, no way to look up a lost create.

Facts: the vendor's API page (endpoints, models, token prices, limits, webhooks). A create is therefore sent once; what
became of a lost one is decided by a person, unless a webhook names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from product_imagery.exceptions import CredentialRefused, ProviderError, ProviderRefused, ProviderUnavailable
from product_imagery.provider_kit.contract import (
    FOUND_AGAIN,
    HINTED,
    NEWEST,
    Counted,
    Delivery,
    Form,
    Job,
    Limit,
    Offer,
    Operation,
)
from product_imagery.provider_kit.conversation import (
    Accepted,
    Conversation,
    Finished,
    Outcome,
    Refused,
    RemotePicture,
    Running,
    Undecidable,
)
from product_imagery.provider_kit.http import Answer, Fields, HostedProvider, hinted
from product_imagery.provider_kit.options import Kind, Option
from product_imagery.provider_kit.remote import Resource, Verb

#: model → tokens, taken when the job starts
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
_FIRST_LOOK, _NEXT_LOOK = 15.0, 15.0  #: fifteen requests a minute have to serve all open jobs
_FAILED = ("ERROR", "FAILED", "TIMEOUT")
#: the first is documented, the others are what the vendor's own code takes as well
_PICTURE_FIELDS = ("image_url", "output_url", "result_url", "url")
_REFUSALS = ("INVALID_IMAGE_URL", "INVALID_MODEL", "JOB_NOT_FOUND")
_TWO_PICTURES = ("seedream", "nanobanana", "nanobananapro")
_REFERENCE = Option(
    "reference",
    Kind.URL,
    "",
    f"https address of a second picture to go by ({', '.join(_TWO_PICTURES)} only)",
    maximum=2000,
)
_MODEL = Option("model", Kind.CHOICE, "nanobanana", "the vendor's model", choices={name: name for name in TOKENS})


def _prompt(default: str) -> Option:
    return Option("prompt", Kind.TEXT, default, "what the picture should show", minimum=1, maximum=2000)


def _tokens(options: Mapping[str, Any]) -> Decimal:
    return Decimal(TOKENS[options["model"]])


def _generating(prompt: str) -> Offer:
    options = (_MODEL, _prompt(prompt), _REFERENCE)
    return Offer(options, cost=Decimal(3), seconds=30, price=_tokens, fault=_fault)


def _fault(options: Mapping[str, Any]) -> str:
    reference, model = options["reference"], options["model"]
    if reference and model not in _TWO_PICTURES:
        return f"The model {model} takes one picture. For a reference choose one of: {', '.join(_TWO_PICTURES)}."
    return ""


class ProductAI(HostedProvider):
    """Every job is read with the key before anything of it is believed: its webhooks are not signed."""

    slug = "productai"
    label = "ProductAI.photo"
    currency = "tokens"
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
        """``x-api-key``."""
        return {"x-api-key": key}

    def submit(self, job: Job) -> Conversation:
        """Start one generation, or one upscale."""
        source: dict[str, Any] = {"image_url": job.inputs[0].url}
        if job.operation is Operation.UPSCALE:
            answer = yield from self.post("api/upscale", source, creates=True)
        else:
            if job.options.get("reference"):
                source["image_url"] = [source["image_url"], job.options["reference"]]
            content = {"model": job.options["model"], **source, "prompt": job.options["prompt"]}
            answer = yield from self.post("api/generate", content, creates=True)
        found = _data(answer)
        return Accepted(str(found.integer("id")), found.text("status", ""), _FIRST_LOOK)

    def poll(self, job: Job) -> Conversation:
        """Read the job."""
        answer = yield from self.get(f"api/job/{job.remote_id}")
        return _outcome(job, _data(answer))

    def reconcile(self, job: Job) -> Conversation:
        """There is no list. A webhook that names a job nobody knows here is about this one if that has its prompt, and
        was made after all that were known when this one was sent. Where none was known, a person is offered the id.
        """
        hinted, prompt = job.remembered.get(HINTED, ""), job.options.get("prompt", "")
        newest = job.remembered.get(NEWEST, "")
        if not hinted:
            return Undecidable("ProductAI.photo offers no way to look up whether the request was accepted.")
        found = _data((yield from self.get(f"api/job/{hinted}")))
        is_later = newest.isdigit() and int(hinted) > int(newest)
        if found.text("prompt", "") != prompt or (newest and not is_later):
            return Undecidable(f"A webhook named the job {hinted}, but whether that is this one cannot be told.")
        if not prompt or not newest:
            why = f"A webhook named the job {hinted}, which is probably this one. Look at it there, then decide."
            return Undecidable(why, (hinted,))
        return Accepted(hinted, found.text("status", ""), 1.0)

    def check_credential(self) -> Conversation:
        """Read a job that cannot exist."""
        return (yield from self.read_nothing("api/job/0", 400, 404))

    def error_in(self, answer: Answer) -> ProviderError | None:
        """An empty balance comes under any HTTP status."""
        code, message, details = _told(answer)
        says = f" It says: “{f'{message} {details}'.strip() or code}”"
        if "OUT_OF_TOKENS" in (code, message):
            sentence = f"The account at {self.label} has no tokens left. Top it up, then resume it.{says}"
            return CredentialRefused(sentence, code="out_of_tokens", status=answer.status, own=True)
        if code in _REFUSALS:
            sentence = f"{self.label} refused the request.{says}"
            return ProviderRefused(sentence, code=code, status=answer.status, own=True)
        return None

    def explain(self, answer: Answer) -> tuple[str, str, str]:
        """The message with its details."""
        code, message, details = _told(answer)
        return code, f"{message} {details}".strip(), ""

    def verify(self, delivery: Delivery, secrets: Mapping[str, tuple[str, ...]]) -> bool:
        """Nothing is signed: the address alone is secret, and a call is never more than a hint to read a job."""
        return True

    def hints(self, delivery: Delivery) -> tuple[str, ...]:
        """``job_id`` comes as text with success, and not at all with an error."""
        name = hinted(delivery, "job_id")
        return (name,) if name.isascii() and name.isdigit() and len(name) < 20 else ()


def _told(answer: Answer) -> tuple[str, str, str]:
    """``{"name", "message", "details"}``, or ``{"status": "ERROR", "message", "code"}``: code, message and details."""
    try:
        error = answer.fields()
        return error.text("code", "") or error.text("name", ""), error.text("message", ""), _details(error)
    except ProviderUnavailable:
        return "", "", ""


def _details(error: Fields) -> str:
    try:
        return error.text("details", "")
    except ProviderUnavailable:  # a list, or an object
        return ""


def _data(answer: Answer) -> Fields:
    body = answer.fields()
    if body.text("status") != "OK":
        raise ProviderUnavailable(
            "The provider's answer says neither yes nor no.", detail=answer.body[:200].decode(errors="replace")
        )
    return body.object("data")


def _outcome(job: Job, found: Fields) -> Outcome:
    status = found.text("status")
    if status.upper() in _FAILED:
        sentence = "ProductAI.photo could not make this picture; it gives no reason. Its tokens are spent."
        return Refused("provider_failed", sentence, charged=True)
    if status.upper() != "COMPLETED":
        return Running(status, _NEXT_LOOK)
    url = next((url for name in _PICTURE_FIELDS if (url := found.text(name, ""))), "")
    warnings = (FOUND_AGAIN,) if job.remembered.get(HINTED) == job.remote_id else ()
    return Finished((RemotePicture(job.inputs[0].item_id, url, warnings=warnings),) if url else (), status=status)
