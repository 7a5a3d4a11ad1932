"""What a provider declares, what it is given and what it answers."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from product_imagery.exceptions import OptionError
from product_imagery.provider_kit.conversation import Conversation, Undecidable
from product_imagery.provider_kit.options import Option, clean_options

SANDBOX, LIVE = "sandbox", "live"  #: environments of keys


class Operation(enum.StrEnum):
    """What can be done to a picture."""

    WHITE_BACKGROUND = "white_background"
    REMOVE_BACKGROUND = "remove_background"
    SCENE = "scene"
    UPSCALE = "upscale"
    EXPAND = "expand"
    EDIT = "edit"


class Form(enum.StrEnum):
    """How a provider takes source pictures."""

    FILE = "file"  #: a readable file on this machine
    URL = "url"  #: an address that the provider fetches
    BASE64 = "base64"  #: the bytes, inside the request
    NAME = "name"  #: its name in a storage that the provider shares


class Counted(enum.StrEnum):
    """What a limit counts."""

    REQUESTS = "requests"  #: every call
    CREATES = "creates"
    READS = "reads"
    IMAGES = "images"  #: source pictures of creates


@dataclass(frozen=True)
class Limit:
    """At most ``most`` of what is ``counted`` in any ``seconds`` of one credential."""

    counted: Counted
    most: int
    seconds: int


@dataclass(frozen=True)
class Field:
    """A part of a credential besides its key: a secret, never shown again, or a reading of what the vendor leaves open.

    ``choices`` are the readings, the first of which is taken where nobody has chosen.
    """

    name: str
    label: str
    help: str = ""
    secret: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Offer:
    """How one provider does one operation: the options it honours, its price and its pace.

    ``cost`` is in the provider's own ``currency`` for one picture; ``seconds`` is a first guess of the time one picture
    takes, used until there are measured ones. ``price`` tells the cost where it depends on the options; ``fault`` says
    in a sentence why options do not go together, or nothing; ``growth`` how many times longer than the source's the
    sides of the result are.
    """

    options: tuple[Option, ...] = ()
    cost: Decimal = Decimal(0)
    seconds: float = 10.0
    price: Callable[[Mapping[str, Any]], Decimal] | None = None
    fault: Callable[[Mapping[str, Any]], str] | None = None
    growth: Callable[[Mapping[str, Any]], float] = lambda options: 1.0

    def clean(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All options, checked one by one and together, with defaults for those not given. Raises ``OptionError``."""
        options = clean_options(self.options, given)
        sentence = self.fault(options) if self.fault else ""
        if sentence:
            raise OptionError(sentence)
        return options

    def prices(self) -> dict[str, Decimal]:
        """The cost of one picture, by the values of the choice that it depends on; under no name where on none."""
        if self.price is None:
            return {"": self.cost}
        defaults = {option.name: option.default for option in self.options}
        for option in self.options:
            found = {value: self.price({**defaults, option.name: value}) for value in option.choices or ()}
            if len(set(found.values())) > 1:
                return found
        return {"": self.price(defaults)}

    def cost_of(self, options: Mapping[str, Any]) -> Decimal:
        """The cost of one picture with these options."""
        return self.price(options) if self.price else self.cost


@dataclass(frozen=True)
class JobInput:
    """One source picture of a job: its own id, and a readable file or an address, as the provider's ``form`` asks."""

    item_id: int
    external_id: str = ""
    path: Path | None = None
    url: str = ""
    name: str = ""


AGAIN = "again"  #: what is remembered under this name tells a job that was sent again from its first sending
HINTED = "hinted"  #: under this name the id that a webhook told, and that may be a lost job's
NEWEST = "newest"  #: under this name the last id of the account that was known when that job was sent
FOUND_AGAIN = "found_again"  #: the warning about a picture whose job was found by such a hint


def mark_of(job_uuid: str, remembered: Mapping[str, str] = MappingProxyType({})) -> str:
    """What a provider knows a job by: another one each time it is sent anew. All of them begin like the first."""
    return f"pi-{job_uuid}{remembered.get(AGAIN, '')}"


def next_again(remembered: Mapping[str, str]) -> dict[str, str]:
    """What is to be remembered before a job is sent anew."""
    return {AGAIN: f"-{int(remembered.get(AGAIN, '-0')[1:]) + 1}"}


@dataclass(frozen=True)
class Job:
    """What a provider is given. ``folder`` is scratch space; ``settings`` are plain values: of the site where it
    computes, else the account's readings of its ``fields``.

    ``remembered`` holds what ``Remember`` wrote; ``intent`` the exact bytes of the create that was sent or begun, which
    are ``outdated`` when they name pictures that are gone, or addresses that may have run out.
    ``begun_at`` is when that was (Unix time); ``webhook_url`` is ours, empty where nobody could reach it.
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
        """What the provider may know this job by, and nobody else gives; another one when a person sends it again."""
        return mark_of(self.uuid, self.remembered)


@dataclass(frozen=True)
class Delivery:
    """An inbound webhook call: header names in lower case, ``body`` as received, ``settings`` as those of a job."""

    headers: Mapping[str, str]
    body: bytes
    received_at: float
    settings: Mapping[str, str] = field(default_factory=dict)


MOST_PATIENCE = 120.0


class Provider:
    """Base class. A provider does no I/O: its methods are generators that yield requests and are sent the answers.

    ``repeatable`` says that a job whose answer was lost may simply be done again, because it costs nothing;
    ``computes`` that its work is computing on this machine rather than waiting for another one. ``form`` is how it
    takes pictures, ``batch`` how many of them in one create, ``active_jobs`` how many jobs of a credential it works on
    at once (0: no limit), ``deadline`` the seconds after which a running job is shown to a person, ``patience`` those
    that one call may take (at most ``MOST_PATIENCE``), ``formats`` what sources may be, as Pillow calls them.
    ``webhook_headers`` are the headers of its webhook calls that are read, in lower case; no others are kept.
    ``own_address`` says that every customer has a base address of his own, of which ``base_url`` is only a sample.
    ``review_warnings`` are the codes of warnings with which nothing is published before a person has looked.
    ``key_prefixes`` is what its keys begin with, if that is known. ``confirms_hints`` says that ``reconcile`` can tell
    whether the job named under ``HINTED`` is the lost one. ``lost_pause`` is how many seconds no create is sent
    after one that ended with an error of the provider's, where only a person can find out what became of it; it doubles
    each time.
    """

    slug: ClassVar[str]
    label: ClassVar[str]
    currency: ClassVar[str] = "credits"
    offers: ClassVar[Mapping[Operation, Offer]] = {}
    repeatable: ClassVar[bool] = False
    computes: ClassVar[bool] = False
    needs_credential: ClassVar[bool] = True
    key_prefixes: ClassVar[tuple[str, ...]] = ()
    warning_texts: ClassVar[Mapping[str, str]] = {
        "unchanged": "The provider sent the source back as it was.",
        "tiny": "The picture is too small for a shop.",
        FOUND_AGAIN: "Its request was lost and found again by its prompt: make sure that it shows this product.",
    }
    review_warnings: ClassVar[frozenset[str]] = frozenset({"unchanged", "tiny", FOUND_AGAIN})
    base_url: ClassVar[str] = ""
    own_address: ClassVar[bool] = False
    form: ClassVar[Form] = Form.FILE
    max_source_bytes: ClassVar[int] = 10_000_000 - 1  #: “below 10 MB”, as the strictest of them says
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
        """How pictures are sent with an account whose readings are these."""
        return self.form

    def submit(self, job: Job) -> Conversation:
        """Hand the job over. Ends with what the provider made of it."""
        raise NotImplementedError

    def poll(self, job: Job) -> Conversation:
        """Read a job that was accepted: ``Running``, ``Finished`` or ``Refused``."""
        raise NotImplementedError

    def reconcile(self, job: Job) -> Conversation:
        """Find out what became of a create whose answer was lost: ``Accepted``, ``NotAccepted`` or ``Undecidable``."""
        yield from ()
        return Undecidable(f"{self.label} offers no way to look up whether the request was accepted.")

    def check_credential(self) -> Conversation:
        """Make the cheapest call that needs the key. Ends with ``Running`` when it is good."""
        yield from ()
        return Undecidable(f"{self.label} offers no call that checks a key without spending.")

    def probe(self) -> Conversation:
        """Make a call that costs nothing: it has to go well before the next create after one whose answer was lost.

        A refusal is an answer as well. The provider is not well while it raises ``ProviderUnavailable`` or ``NotSent``.
        """
        return self.check_credential()

    def authorisation(self, key: str) -> Mapping[str, str]:
        """The headers that carry the key."""
        return {"Authorization": f"Bearer {key}"}

    def fault_of_key(self, key: str) -> str:
        """Why this can be no key of the provider's, in a sentence, or nothing."""
        if not self.key_prefixes or key.startswith(self.key_prefixes):
            return ""
        return f"A key of {self.label} begins with {' or '.join(self.key_prefixes)}: this one belongs elsewhere."

    def environment(self, key: str) -> str:
        """``SANDBOX`` or ``LIVE`` where keys tell, otherwise nothing."""
        return ""

    def verify(self, delivery: Delivery, secrets: Mapping[str, tuple[str, ...]]) -> bool:
        """Whether a webhook call is genuine. ``secrets`` are the credential's, newest first, by field name."""
        return False

    def event_id(self, delivery: Delivery) -> str:
        """What identifies the event among repetitions; empty where the provider gives nothing."""
        return ""

    def hints(self, delivery: Delivery) -> tuple[str, ...]:
        """Ids of the provider's jobs that are worth a look now; empty means: all that are open."""
        return ()
