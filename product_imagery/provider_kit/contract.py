"""The contract of a provider: its declarations, its input, and its methods."""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

from product_imagery.exceptions import OptionError
from product_imagery.provider_kit.options import Option, clean_options
from product_imagery.provider_kit.outcomes import Outcome, Undecidable
from product_imagery.provider_kit.requests import Request
from product_imagery.texts import gettext, gettext_noop

SANDBOX, LIVE = "sandbox", "live"  #: environments of keys


class Operation(enum.StrEnum):
    """Kinds of work on a picture."""

    WHITE_BACKGROUND = "white_background"
    REMOVE_BACKGROUND = "remove_background"
    SCENE = "scene"
    UPSCALE = "upscale"
    EXPAND = "expand"
    EDIT = "edit"


#: operation → its name, to be translated where it is shown
NAMES: Mapping[Operation, str] = {
    Operation.WHITE_BACKGROUND: gettext_noop("white background"),
    Operation.REMOVE_BACKGROUND: gettext_noop("remove background"),
    Operation.SCENE: gettext_noop("scene"),
    Operation.UPSCALE: gettext_noop("upscale"),
    Operation.EXPAND: gettext_noop("expand"),
    Operation.EDIT: gettext_noop("edit"),
}


class Form(enum.StrEnum):
    """Form in which a provider receives source pictures."""

    FILE = "file"  #: a readable file on this machine
    URL = "url"  #: an address that the provider fetches
    BASE64 = "base64"  #: the bytes, inside the request
    NAME = "name"  #: its name in a storage that the provider shares


class Counted(enum.StrEnum):
    """Quantity that a limit counts."""

    REQUESTS = "requests"  #: every call
    CREATES = "creates"
    READS = "reads"
    IMAGES = "images"  #: source pictures of creates


@dataclass(frozen=True)
class Limit:
    """At most ``most`` of the ``counted`` quantity in any ``seconds``, for one credential."""

    counted: Counted
    most: int
    seconds: int


@dataclass(frozen=True)
class Field:
    """A field of a credential besides its key: a secret, or a choice.

    A secret is never shown again. A choice settles what the vendor's documentation leaves open; the first of
    ``choices`` is the default.
    """

    name: str
    label: str
    help: str = ""
    secret: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer:
    """A provider's declaration of one operation: the options that it honours, its price and its pace.

    ``cost`` is the price of one picture in the provider's ``currency``. ``seconds`` is a first estimate of the time for
    one picture, used until there are measurements. ``price`` returns the cost if it depends on the options. ``fault``
    returns a sentence if options contradict each other, else an empty string. ``growth`` returns the factor by which
    the sides of the result are longer than those of the source.
    """

    options: tuple[Option, ...] = ()
    cost: Decimal = Decimal(0)
    seconds: float = 10.0
    price: Callable[[Mapping[str, Any]], Decimal] | None = None
    fault: Callable[[Mapping[str, Any]], str] | None = None
    growth: Callable[[Mapping[str, Any]], float] = lambda options: 1.0

    def clean(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all options, validated one by one and together, with defaults for those not given.

        Raises ``OptionError``.
        """
        options = clean_options(self.options, given)
        sentence = self.fault(options) if self.fault else ""
        if sentence:
            raise OptionError(sentence)
        return options

    def complete(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return cleaned options, with the defaults of those that an upgrade has added since they were cleaned."""
        return self.defaults() | dict(options)

    def defaults(self) -> dict[str, Any]:
        """Return all options at their defaults."""
        return {option.name: option.cleaned_default for option in self.options}

    def identifying(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options that tell one piece of work from another.

        One that an upgrade has ``added`` is not among them while it is at its default.
        """
        added = {option.name: option.cleaned_default for option in self.options if option.added}
        return {name: value for name, value in options.items() if name not in added or value != added[name]}

    def prices(self) -> dict[str, Decimal]:
        """Return the cost of one picture by the values of the option that it depends on.

        The only key is ``""`` if the cost depends on no option.
        """
        if self.price is None:
            return {"": self.cost}
        defaults = {option.name: option.default for option in self.options}
        for option in self.options:
            found = {value: self.price({**defaults, option.name: value}) for value in option.choices or ()}
            if len(set(found.values())) > 1:
                return found
        return {"": self.price(defaults)}

    def cost_of(self, options: Mapping[str, Any]) -> Decimal:
        """Return the cost of one picture with these options."""
        return self.price(self.complete(options)) if self.price else self.cost

    def growth_of(self, options: Mapping[str, Any]) -> float:
        """Return the factor by which the sides of the result are longer than those of the source."""
        return self.growth(self.complete(options))


@dataclass(frozen=True)
class JobInput:
    """One source picture of a job: its id, and a file or an address, as the provider's ``form`` requires."""

    item_id: int
    external_id: str = ""
    path: Path | None = None
    url: str = ""
    name: str = ""


AGAIN = "again"  #: key of remembered facts: the suffix of the client reference of a job that was sent again
HINTED = "hinted"  #: key of remembered facts: the id from a webhook that may belong to a lost job
NEWEST = "newest"  #: key of remembered facts: the last known id of the credential when the job was sent
FOUND_AGAIN = "found_again"  #: code of the warning for a picture whose job was found by such a hint


def mark_of(job_uuid: str, remembered: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return the client reference of a job: a new one each time it is sent again, with the same beginning."""
    return f"pi-{job_uuid}{remembered.get(AGAIN, '')}"


def next_again(remembered: Mapping[str, str]) -> dict[str, str]:
    """Return the facts to remember before a job is sent again."""
    return {AGAIN: f"-{int(remembered.get(AGAIN, '-0')[1:]) + 1}"}


@dataclass(frozen=True)
class Job:
    """Input of a provider's methods.

    ``folder`` is scratch space. ``settings`` are plain values: those of the site for a provider that computes here,
    else the choices that the credential makes for ``fields``. ``remembered`` holds the facts of ``Remember``.

    ``intent`` are the exact bytes of the last create, which was sent or was about to be, and ``begun_at`` its time
    (Unix time). They are ``outdated`` if they contain pictures that are gone, or addresses that may have expired.
    ``webhook_url`` is an address of this site, or empty if the provider could not reach it.
    """

    uuid: str
    operation: Operation
    options: Mapping[str, Any]
    inputs: tuple[JobInput, ...]
    folder: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    remote_id: str = ""
    remembered: Mapping[str, str] = field(default_factory=dict)
    intent: bytes = b""
    outdated: bool = False
    begun_at: float = 0.0
    webhook_url: str = ""

    @property
    def mark(self) -> str:
        """Client reference of this job, unique among all jobs. It changes when a person sends the job again."""
        return mark_of(self.uuid, self.remembered)


@dataclass(frozen=True)
class Delivery:
    """An incoming webhook: header names in lower case, ``body`` as received, ``settings`` as in ``Job``."""

    headers: Mapping[str, str]
    body: bytes
    received_at: float
    settings: Mapping[str, str] = field(default_factory=dict)


Conversation: TypeAlias = Generator[Request, Any, Outcome]

MOST_PATIENCE = 120.0


class Provider:
    """Base class of providers.

    A provider does no I/O: its methods are generators that yield requests and are sent the responses.

    - ``repeatable``: a job whose response was lost can simply be done again, because it costs nothing.
    - ``computes``: the work is done on this machine, instead of waiting for another one.
    - ``form``: the form in which it receives pictures; ``formats``: accepted file formats, by Pillow's names.
    - ``batch``: pictures per create; ``active_jobs``: jobs of a credential at the same time (0: no limit).
    - ``deadline``: seconds after which a running job is presented to a person.
    - ``patience``: seconds that one call may take, at most ``MOST_PATIENCE``.
    - ``webhook_headers``: the headers of webhooks that are stored and read, in lower case.
    - ``own_address``: every customer has a base URL of their own; ``base_url`` is only an example.
    - ``review_warnings``: codes of warnings that require a review before publication.
    - ``key_prefixes``: possible beginnings of keys, if known.
    - ``confirms_hints``: ``reconcile`` can tell whether the job under ``HINTED`` is the lost one.
    - ``lost_pause``: seconds without a further create after one that ended with an error of the provider and whose
      outcome only a person can find out. It doubles each time.
    """

    slug: ClassVar[str]
    label: ClassVar[str]
    currency: ClassVar[str] = gettext_noop("credits")
    offers: ClassVar[Mapping[Operation, Offer]] = {}
    repeatable: ClassVar[bool] = False
    computes: ClassVar[bool] = False
    needs_credential: ClassVar[bool] = True
    key_prefixes: ClassVar[tuple[str, ...]] = ()
    warning_texts: ClassVar[Mapping[str, str]] = {
        "unchanged": gettext_noop("The provider sent the source back as it was."),
        "tiny": gettext_noop("The picture is too small for a shop."),
        FOUND_AGAIN: gettext_noop(
            "Its request was lost and found again by its prompt: make sure that it shows this product."
        ),
    }
    review_warnings: ClassVar[frozenset[str]] = frozenset({"unchanged", "tiny", FOUND_AGAIN})
    base_url: ClassVar[str] = ""
    own_address: ClassVar[bool] = False
    form: ClassVar[Form] = Form.FILE
    max_source_bytes: ClassVar[int] = 10_000_000 - 1  #: “below 10 MB”, as the strictest provider demands
    batch: ClassVar[int] = 1
    limits: ClassVar[tuple[Limit, ...]] = ()
    active_jobs: ClassVar[int] = 0
    deadline: ClassVar[float] = 1800.0
    patience: ClassVar[float] = 60.0
    formats: ClassVar[tuple[str, ...]] = ("JPEG", "PNG", "WEBP")
    fields: ClassVar[tuple[Field, ...]] = ()
    webhooks: ClassVar[bool] = False
    webhook_headers: ClassVar[tuple[str, ...]] = ()
    confirms_hints: ClassVar[bool] = False
    lost_pause: ClassVar[float] = 0.0

    def form_in(self, settings: Mapping[str, str]) -> Form:
        """Return the form of pictures for a credential with these choices."""
        return self.form

    def submit(self, job: Job) -> Conversation:
        """Create the job at the provider, or do it."""
        raise NotImplementedError

    def poll(self, job: Job) -> Conversation:
        """Read an accepted job. Ends with ``Running``, ``Finished`` or ``Refused``."""
        raise NotImplementedError

    def reconcile(self, job: Job) -> Conversation:
        """Look up a create whose response was lost. Ends with ``Accepted``, ``NotAccepted`` or ``Undecidable``."""
        yield from ()
        return Undecidable(
            gettext("%(label)s offers no way to look up whether the request was accepted.") % {"label": self.label}
        )

    def check_credential(self) -> Conversation:
        """Make the cheapest call that requires a valid key. Ends with ``Running`` if the key is valid."""
        yield from ()
        return Undecidable(
            gettext("%(label)s offers no call that checks a key without spending.") % {"label": self.label}
        )

    def probe(self) -> Conversation:
        """Make a free call, which has to succeed before the next create after one whose response was lost.

        A refusal counts as success: the provider is down only while this raises ``ProviderUnavailable`` or ``NotSent``.
        """
        return self.check_credential()

    def authorisation(self, key: str) -> Mapping[str, str]:
        """Return the headers that carry the key."""
        return {"Authorization": f"Bearer {key}"}

    def fault_of_key(self, key: str) -> str:
        """Return a sentence why this cannot be a key of the provider, or an empty string."""
        if not self.key_prefixes or key.startswith(self.key_prefixes):
            return ""
        return gettext("A key of %(label)s begins with %(beginnings)s: this one belongs elsewhere.") % {
            "label": self.label,
            "beginnings": " or ".join(self.key_prefixes),
        }

    def environment(self, key: str) -> str:
        """Return ``SANDBOX`` or ``LIVE`` if the key shows it, else an empty string."""
        return ""

    def verify(self, delivery: Delivery, secrets: Mapping[str, tuple[str, ...]]) -> bool:
        """Return whether a webhook is genuine. ``secrets`` are the credential's by field name, newest first."""
        return False

    def event_id(self, delivery: Delivery) -> str:
        """Return the id by which repeated deliveries of an event are recognised; empty if there is none."""
        return ""

    def hints(self, delivery: Delivery) -> tuple[str, ...]:
        """Return the ids of the provider's jobs to poll now; empty means all open ones."""
        return ()
