"""Outcomes with which a provider's generators end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Picture:
    """A finished picture in a local file, with its thumbnail.

    ``file`` and ``thumbnail`` have the fields of ``imaging.encode.Encoded``. ``product`` comes from a provider
    that knows where the product is, so that the comparison with the source need not find it: ``mask``, the path of a
    greyscale picture of the thumbnail's size, and ``frame``, the box of the source that the picture shows, in shares of
    its sides, which may be less than 0 or more than 1.
    """

    item_id: int
    file: Mapping[str, Any]
    thumbnail: Mapping[str, Any]
    confidence: float = 1.0
    warnings: tuple[str, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict)
    mark: str = ""
    product: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RemotePicture:
    """A finished picture at a remote address. It is fetched without any key; ``warnings`` are codes for a reviewer."""

    item_id: int
    url: str
    report: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """One picture of a job that the provider could not make."""

    item_id: int
    code: str
    message: str


@dataclass(frozen=True)
class Accepted:
    """The provider has accepted the job.

    ``check_after`` is the time until the first poll in seconds, ``balance`` the credit that is left there, ``reserved``
    the credit that the provider has reserved for the job, if it says so.
    """

    remote_id: str
    status: str = ""
    check_after: float = 5.0
    balance: Decimal | None = None
    reserved: Decimal | None = None


@dataclass(frozen=True)
class Running:
    """The job is not finished. ``status`` is the provider's own, kept verbatim."""

    status: str = ""
    check_after: float = 5.0


@dataclass(frozen=True)
class Finished:
    """The job is finished; ``cost`` is the actual cost, if the provider tells it.

    An item that is neither among the pictures nor among the failures may still appear, so the job is polled again.
    ``expired`` means that a picture that cannot be fetched now is lost. ``remote_id`` is the id of the job, if only
    this response contains it.
    """

    pictures: tuple[Picture | RemotePicture, ...]
    failures: tuple[Failure, ...] = ()
    status: str = ""
    cost: Decimal | None = None
    expired: bool = False
    remote_id: str = ""


@dataclass(frozen=True)
class Refused:
    """The provider refuses the job, and repeating it is useless. ``charged``: it cost money nevertheless."""

    code: str
    message: str
    detail: str = ""
    charged: bool = False


@dataclass(frozen=True)
class NotAccepted:
    """Outcome of a reconciliation: the provider has no such job, so it can be sent.

    Unless it is ``certain``, a second reconciliation has to confirm it, because lists lag behind.
    """

    certain: bool = False


@dataclass(frozen=True)
class Candidate:
    """A job at the provider that may be a lost one.

    ``picture`` is the address of its picture, or of a small copy, if the provider tells it: it is fetched without any
    key. ``made_at``: when the provider accepted the job.
    """

    remote_id: str
    picture: str = ""
    made_at: datetime | None = None


@dataclass(frozen=True)
class Undecidable:
    """Outcome of a reconciliation: unknown. ``why`` is a sentence for the person who has to decide.

    ``candidates`` may be the lost job. The person is shown those that belong to no job here.

    Without such candidates, two reconciliations prove that the job was not accepted, in two cases: ``whole`` means that
    the provider's list is complete; or ``listed``, the ids of all its entries, contains the credential's other jobs of
    the same time. ``listed`` is ``None`` if there is no list, or if a job that is missing from it proves nothing.
    """

    why: str
    candidates: tuple[Candidate, ...] = ()
    listed: frozenset[str] | None = None
    whole: bool = False


Outcome: TypeAlias = Accepted | Running | Finished | Refused | NotAccepted | Undecidable
