"""PergAI: a create makes a product, then a generation or a tool works on it. Lists show a lost create.

Source: the vendor's API page (paths, fields, the four statuses). It documents no upload: sources must be in the
vendor's own storage already, under the same names as in the shop's, in the folder of the option ``image_folder``.
Without that option nothing is started.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from product_imagery.exceptions import ProviderUnavailable
from product_imagery.provider_kit.base import LIST, HostedProvider
from product_imagery.provider_kit.contract import Conversation, Counted, Form, Job, Limit, Offer, Operation
from product_imagery.provider_kit.json_reader import Fields
from product_imagery.provider_kit.options import Kind, Option
from product_imagery.provider_kit.outcomes import (
    Accepted,
    Candidate,
    Finished,
    NotAccepted,
    Outcome,
    Refused,
    RemotePicture,
    Running,
    Undecidable,
)
from product_imagery.provider_kit.refusals import REFUSALS, ErrorInfo
from product_imagery.provider_kit.remote import Resource, Verb
from product_imagery.provider_kit.requests import HttpRequest, Remember
from product_imagery.provider_kit.response import Response
from product_imagery.texts import gettext, gettext_noop

_FIRST_LOOK, _NEXT_LOOK = 10.0, 15.0
_PRODUCT = "product_id"
_PICTURE = "picture_url"
_PICTURE_FIELDS = ("resultImagePath", "imageUrl", "url")  #: the name of a tool's picture is not documented
_PRODUCT_FIELD = b'"imagePath"'  #: only creates of products contain it
_BARE = (401, 402, 403, 429)  #: statuses that count as the vendor's own without a body
_PRICE = Decimal(1)  #: not documented: counts operations

_FOLDER = Option(
    "image_folder",
    Kind.TEXT,
    "",
    gettext_noop("folder in PergAI's storage that holds a copy of the shop's picture folder"),
    minimum=1,
    maximum=200,
    label=gettext_noop("Folder of the pictures"),
    changes_picture=False,
)
_CATEGORY = Option("category", Kind.TEXT, "clothing", gettext_noop("of the product at PergAI"), minimum=1, maximum=60)
_COMMON = (_FOLDER, _CATEGORY)
_MODELS = {
    "": gettext_noop("PergAI's choice"),
    **{name: name for name in ("nano-banana", "nano-banana-2", "nano-banana-pro")},
}
_MODEL = Option("model", Kind.CHOICE, "", gettext_noop("PergAI's model"), choices=_MODELS)
_SIZES = {"": gettext_noop("PergAI's choice"), "1024x1024": "1024 × 1024", "4k": "4k"}
_OWN = (Verb.LIST, Verb.SHOW, Verb.CREATE, Verb.DELETE)
_RATIOS = {"1:1": "1:1", "16:9": "16:9", "9:16": "9:16"}


def _side(name: str, label: str) -> Option:
    help_text = gettext_noop("of the original, in pixels; 0: not sent")
    return Option(name, Kind.INTEGER, 0, help_text, minimum=0, maximum=16_384, label=label)


class PergAI(HostedProvider):
    """Provider for PergAI. Each job makes a product there, under a unique name."""

    slug = "pergai"
    label = "PergAI"
    currency = gettext_noop("operations")
    base_url = "http://localhost:3002/api/external/v1"  #: the vendor's example
    own_address = True
    form = Form.NAME
    limits = (Limit(Counted.REQUESTS, 20, 60),)
    active_jobs = 2
    deadline = 1800.0
    patience = 120.0
    key_prefixes = ("pk_",)
    fields = (LIST,)
    resources = (
        Resource("products", "products", _OWN, required=("name", "category", "imagePath")),
        Resource("templates", "templates", (Verb.LIST,)),
        Resource("generations", "generations", (Verb.LIST, Verb.SHOW)),
        Resource(
            "collections", "collections", (*_OWN, Verb.ADD, Verb.DOWNLOAD), required=("name",), member="generationId"
        ),
    )
    list_names = ("data", "items", "results", "products", "generations", "templates", "collections")
    refusals = REFUSALS - {404}  # which can be about a path or about a product
    makes = "products"
    job_list = "generations"
    offers: ClassVar[Mapping[Operation, Offer]] = {
        Operation.REMOVE_BACKGROUND: Offer(_COMMON, cost=_PRICE, seconds=20),
        Operation.SCENE: Offer(
            (
                Option(
                    "scene", Kind.TEXT, "studio", gettext_noop("a name from PergAI's templates"), minimum=1, maximum=100
                ),
                Option("prompt", Kind.TEXT, "", gettext_noop("refines the scene"), maximum=1000),
                Option(
                    "ratio",
                    Kind.CHOICE,
                    "1:1",
                    gettext_noop("of the result"),
                    choices={"": gettext_noop("PergAI's choice"), **_RATIOS},
                ),
                _MODEL,
                *_COMMON,
            ),
            cost=_PRICE,
            seconds=30,
        ),
        Operation.UPSCALE: Offer(
            (
                Option("scale", Kind.CHOICE, "2x", choices={"1x": "1×", "2x": "2×", "4x": "4×"}),
                _side("width", gettext_noop("Width")),
                _side("height", gettext_noop("Height")),
                Option(
                    "sharp", Kind.BOOLEAN, True, gettext_noop("sharpen while enlarging"), label=gettext_noop("Sharp")
                ),
                _MODEL,
                *_COMMON,
            ),
            cost=_PRICE,
            seconds=30,
            growth=lambda options: float(options["scale"].rstrip("x")),
        ),
        Operation.EXPAND: Offer(
            (
                Option("ratio", Kind.CHOICE, "16:9", gettext_noop("of the result"), choices=_RATIOS),
                Option("prompt", Kind.TEXT, "", gettext_noop("what the new parts show"), maximum=1000),
                Option(
                    "resolution",
                    Kind.CHOICE,
                    "",
                    gettext_noop("of the result"),
                    choices=_SIZES,
                    label=gettext_noop("Resolution"),
                ),
                _MODEL,
                *_COMMON,
            ),
            cost=_PRICE,
            seconds=30,
        ),
    }

    def submit(self, job: Job) -> Conversation:
        """Create the product, unless that is done, then start the work on it."""
        product = job.remembered.get(_PRODUCT, "")
        if not product:
            path = f"{job.options['image_folder'].strip('/')}/{job.inputs[0].name}".lstrip("/")
            content = {"name": job.mark, "category": job.options["category"], "imagePath": path}
            made = yield from self.post("products", content, creates=True)
            product = _identity(made.fields(), "product")
            yield Remember({_PRODUCT: product})
        path, content = _work(job, product)
        response = yield from self.post(path, content, creates=True)
        found = _single(response.fields(), "generation")
        url = next((found.text(name) for name in _PICTURE_FIELDS if found.text(name, "")), "")
        # A tool can return the picture itself. Whether there is a generation to read as well is not documented.
        if url and (not found.text("id", "") or found.text("status", "").lower() == "completed"):
            yield Remember({_PICTURE: url})
            return _finished(job, url, "completed", found.text("id", "")[:120])
        return Accepted(found.identity(), check_after=_FIRST_LOOK)

    def reconcile(self, job: Job) -> Conversation:
        """Look up the create that was lost, a product or a generation; its stored bytes tell which.

        A product is looked up by its name. It costs nothing, and without it no generation was sent. A generation is
        looked up by its product; if the list does not show it, that is proof only where the list is complete.
        """
        if _PRODUCT_FIELD in job.intent:
            if not job.remembered.get(_PRODUCT):
                products = yield from self.entries(HttpRequest("GET", "products"))
                named = [str(one["id"]) for one in products if one.get("name") == job.mark and one.get("id")]
                if not named:
                    return NotAccepted()
                yield Remember({_PRODUCT: named[0]})
            return NotAccepted(certain=True)
        generations = yield from self.jobs_there(1)
        product = job.remembered.get(_PRODUCT)
        ours = [_candidate(one) for one in generations if one.get("productId") == product]
        if len(ours) == 1:
            return Accepted(ours[0].remote_id, check_after=1.0)
        if ours:
            names = ", ".join(one.remote_id for one in ours)
            why = gettext("PergAI shows several generations of this product: %(jobs)s.") % {"jobs": names}
            return Undecidable(why, tuple(ours))
        why = gettext("PergAI's list shows no generation of this product, but it may not be complete.")
        return self.absent(job, why, generations)

    def poll(self, job: Job) -> Conversation:
        """Read the generation. A picture that came without one has its address already."""
        if not job.remote_id:
            return _finished(job, job.remembered.get(_PICTURE, ""), "completed")
        response = yield from self.get(f"generations/{job.remote_id}")
        found = _single(response.fields(), "generation")
        status = found.text("status")
        if status.lower() == "failed":
            return Refused(
                "provider_failed", gettext("PergAI could not make this picture; it gives no reason."), charged=True
            )
        if status.lower() != "completed":
            return Running(status, _NEXT_LOOK)
        return _finished(job, found.text("resultImagePath"), status)

    def check_credential(self) -> Conversation:
        """List the products, which requires a valid key."""
        return (yield from self.read_list("products"))

    def error_info(self, response: Response) -> ErrorInfo:
        """Read the error envelope, which is not documented: JSON with ``error`` or ``message``.

        Some statuses count as the vendor's own without a body.
        """
        code, message, request_id = self.explain(response)
        bare = response.status in _BARE and not response.body.strip()
        return ErrorInfo(code, message, request_id, is_own=bool(code or message) or bare)

    def explain(self, response: Response) -> tuple[str, str, str]:
        """Return code and text from ``error`` or ``message``."""
        try:
            error = response.fields()
            if error.has("error"):
                error = error.object("error")
            return error.text("code", ""), error.text("message", "") or error.text("error", ""), ""
        except ProviderUnavailable:
            return "", "", ""

    def probe(self) -> Conversation:
        """List the templates, which are few, unlike products."""
        yield from self.get("templates")
        return Running("ok")


def _finished(job: Job, url: str, status: str, remote_id: str = "") -> Outcome:
    return Finished((RemotePicture(job.inputs[0].item_id, url),), status=status, remote_id=remote_id)


def _candidate(entry: Mapping[str, Any]) -> Candidate:
    picture = entry.get("resultImagePath")
    return Candidate(str(entry["id"]), picture if isinstance(picture, str) else "")


def _single(body: Fields, name: str) -> Fields:
    """Return the object in ``data`` or ``name``, or the body itself."""
    for key in ("data", name):
        if body.has(key):
            return body.object(key)
    return body


def _identity(body: Fields, name: str) -> str:
    return _single(body, name).identity()


def _work(job: Job, product: str) -> tuple[str, dict[str, Any]]:
    """Return path and body of the work on a product. Options that are left to PergAI are not sent."""
    options = job.options
    wanted = {"productId": product, "aiProvider": options.get("model", "")}
    match job.operation:
        case Operation.SCENE:
            path = "generations"
            wanted |= {"scene": options["scene"], "aspectRatio": options["ratio"], "customPrompt": options["prompt"]}
        case Operation.UPSCALE:
            path, wanted = "tools/upscale", wanted | {"scale": options["scale"], "useSharp": options["sharp"]}
            wanted |= {name: options[name] for name in ("width", "height") if options[name]}
        case Operation.EXPAND:
            path, wanted = "tools/expand", wanted | {name: options[name] for name in ("ratio", "prompt", "resolution")}
        case _:
            path = "tools/remove-bg"
    return path, {name: value for name, value in wanted.items() if value != ""}
