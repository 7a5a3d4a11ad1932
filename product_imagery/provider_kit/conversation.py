"""The words of a conversation with a provider: what its generators ask for, and what they end with."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias


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
class RemotePicture:
    """A finished picture at a foreign address. It is fetched without any key. ``warnings`` are codes for a reviewer."""

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
class HttpRequest:
    """A call of the provider's API: ``path`` below the credential's base address, ``body`` the exact bytes.

    ``creates`` says that it may cost money, so that it is written down before and never repeated blindly.
    """

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    creates: bool = False


@dataclass(frozen=True)
class Remember:
    """Facts that have to survive before the next request is sent."""

    facts: Mapping[str, str]


@dataclass(frozen=True)
class Accepted:
    """The provider has the job. ``check_after`` is seconds until the first look; ``balance`` what is left there.

    ``reserved`` is what the provider has put aside for it, if it says so.
    """

    remote_id: str
    status: str = ""
    check_after: float = 5.0
    balance: Decimal | None = None
    reserved: Decimal | None = None


@dataclass(frozen=True)
class Running:
    """Not done yet. ``status`` is the provider's own word, kept as it came."""

    status: str = ""
    check_after: float = 5.0


@dataclass(frozen=True)
class Finished:
    """The job is done and these are its pictures; ``cost`` is what it really cost, if the provider says so.

    ``expired``: what cannot be fetched now is gone for good. A picture that is missing, also among the failures, may
    still come: it is asked for again. ``remote_id`` is the job's id where only this answer tells it.
    """

    pictures: tuple[Picture | RemotePicture, ...]
    failures: tuple[Failure, ...] = ()
    status: str = ""
    cost: Decimal | None = None
    expired: bool = False
    remote_id: str = ""


@dataclass(frozen=True)
class Refused:
    """The provider will not do this job; asking again as it stands is useless. ``charged``: it cost all the same."""

    code: str
    message: str
    detail: str = ""
    charged: bool = False


@dataclass(frozen=True)
class NotAccepted:
    """A reconciliation's answer: the provider has no such job, so it may be sent.

    It has to be said twice, unless it is ``certain``: lists lag behind.
    """

    certain: bool = False


@dataclass(frozen=True)
class Undecidable:
    """A reconciliation's answer: it cannot be told; ``why`` is a sentence for the person who has to decide.

    ``candidates`` are ids of what it may be, which that person is shown where no job here has them.

    Where there are none of these, it was not accepted, after two looks: if ``whole`` says that nothing can be missing
    in the provider's list, or if ``listed``, the ids of all its entries, shows the account's other jobs of this time.
    Without a list, or with one whose silence proves nothing, ``listed`` is ``None``.
    """

    why: str
    candidates: tuple[str, ...] = ()
    listed: frozenset[str] | None = None
    whole: bool = False


Request: TypeAlias = Compute | HttpRequest | Remember
Outcome: TypeAlias = Accepted | Running | Finished | Refused | NotAccepted | Undecidable
Conversation: TypeAlias = Generator[Request, Any, Outcome]
