"""What a provider declares, what it is given and what it answers."""

from __future__ import annotations

import enum
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from product_imagery.provider_kit.options import Option


class Operation(enum.StrEnum):
    """What can be done to a picture."""

    WHITE_BACKGROUND = "white_background"
    REMOVE_BACKGROUND = "remove_background"
    SCENE = "scene"
    UPSCALE = "upscale"
    EXPAND = "expand"
    EDIT = "edit"


@dataclass(frozen=True)
class Offer:
    """How one provider does one operation: the options it honours, its price and its pace.

    ``cost`` is in the provider's own ``currency`` for one picture; ``seconds`` is a first guess of the time one picture
    takes, used until there are measured ones.
    """

    options: tuple[Option, ...] = ()
    cost: Decimal = Decimal(0)
    seconds: float = 10.0


@dataclass(frozen=True)
class JobInput:
    """One source picture of a job: its own id and a readable file."""

    item_id: int
    path: Path


@dataclass(frozen=True)
class Job:
    """What a provider is given. ``folder`` is scratch space; ``settings`` are plain values of the site."""

    uuid: str
    operation: Operation
    options: Mapping[str, Any]
    inputs: tuple[JobInput, ...]
    folder: Path
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Compute:
    """A request for computing in an imaging process: ``call`` is ``"package.module:function"``."""

    call: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Picture:
    """A finished picture in a local file, with its thumbnail. Fields are those of ``imaging.encode.Encoded``."""

    item_id: int
    file: Mapping[str, Any]
    thumbnail: Mapping[str, Any]
    confidence: float = 1.0
    warnings: tuple[str, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict)
    mark: str = ""


@dataclass(frozen=True)
class Finished:
    """The job is done and these are its pictures."""

    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Refused:
    """The provider will not do this job; asking again as it stands is useless."""

    code: str
    message: str
    detail: str = ""


Request: TypeAlias = Compute
Outcome: TypeAlias = Finished | Refused
Conversation: TypeAlias = Generator[Request, Any, Outcome]


class Provider:
    """Base class. A provider does no I/O: its methods are generators that yield requests and are sent the answers.

    ``repeatable`` says that a job whose answer was lost may simply be done again, because it costs nothing;
    ``computes`` that its work is computing on this machine rather than waiting for another one.
    """

    slug: ClassVar[str]
    label: ClassVar[str]
    currency: ClassVar[str] = "credits"
    offers: ClassVar[Mapping[Operation, Offer]] = {}
    repeatable: ClassVar[bool] = False
    computes: ClassVar[bool] = False
    needs_credential: ClassVar[bool] = True
    warning_texts: ClassVar[Mapping[str, str]] = {}

    def submit(self, job: Job) -> Conversation:
        """Hand the job over. Ends with what the provider made of it."""
        raise NotImplementedError
