"""Exceptions of this package.

ImageryError                 code, message (a sentence for a person), detail (for the log)
├── ConfigurationError       settings or registration are wrong; the developer has to act
│   └── RegistrationError    a ``ProductImages`` description does not fit its model
├── RequestError             the request cannot be carried out; the caller has to change it
│   ├── OptionError          an option is unknown, malformed or not honoured by the provider
│   ├── NothingToDo          the selection holds no picture that still needs work
│   └── StateError           the object is not in a state that allows this step
├── PictureError             the file is not a picture that we accept
├── EngineError              the imaging process failed, ran out of memory or out of time
│   └── ModelMissing         the matting model has not been fetched yet
├── StorageError             a file could not be stored or read back
├── PublicationConflict      the product changed meanwhile; nothing was overwritten
├── SecretError              a stored key cannot be read: the site's secrets have changed
├── UnsafeAddress            the address is not one that we connect to
├── FetchError               a remote file could not be fetched; it may be available later
└── ProviderError            an error response of a provider, or no response
    ├── NotSent              the request provably did not reach the provider
    ├── RateLimited          refused for now; ``retry_after`` seconds, if the provider gave them
    ├── CredentialRefused    key, plan or balance: nothing works until a person acts
    ├── ProviderRefused      the provider refuses this request for good
    └── ProviderUnavailable  no readable response: the outcome of the request is unknown
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_FINAL = ("missing", "gone", "too_large", "not_an_image", "unreadable_name", "compressed", "product_gone")
#: code → tries after which an error that could be temporary counts as permanent
_MOST_TRIES = {"truncated": 2}


class ImageryError(Exception):
    """Base class. ``message`` is for the merchant, ``detail`` for the operator only."""

    code = "error"
    final = False  #: whether another try is useless

    def __init__(self, message: str, *, code: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.detail = detail

    @property
    def is_final(self) -> bool:
        """True if another try is useless: a file that is missing, gone, too large or not a picture stays so."""
        return self.final or self.code in _FINAL

    def may_pass(self, tries: int, most: int) -> bool:
        """Return whether to try again after ``tries`` tries, this one included, of at most ``most``."""
        return not self.is_final and tries < min(most, _MOST_TRIES.get(self.code, most))


class ConfigurationError(ImageryError):
    """The installation is configured wrongly."""

    code = "configuration"


class RegistrationError(ConfigurationError):
    """The description of a model's pictures is wrong."""

    code = "registration"


class RequestError(ImageryError):
    """The request cannot be carried out as it stands."""

    code = "bad_request"


class OptionError(RequestError):
    """An option is unknown, malformed, or one that the provider does not honour."""

    code = "bad_option"


@dataclass(frozen=True)
class Skipped:
    """A product of which nothing is made, for a ``reason``: one of the codes of ``flows.enhancements.plan``.

    ``model`` is the class and ``object_id`` the primary key as text; ``work_key`` identifies the work that was asked
    for, and is empty for a product without a picture.
    """

    model: type[Any]
    object_id: str
    reason: str
    work_key: str = ""

    @property
    def product_id(self) -> str:
        """Id of the product for programs: ``shop.product:12``."""
        return f"{self.model._meta.label_lower}:{self.object_id}"


class NothingToDo(RequestError):
    """No selected picture needs this work. ``skipped`` names each product with its reason."""

    code = "nothing_to_do"

    def __init__(self, message: str, *, code: str = "", detail: str = "", skipped: tuple[Skipped, ...] = ()) -> None:
        super().__init__(message, code=code, detail=detail)
        self.skipped = skipped


class StateError(RequestError):
    """The current state does not allow this step, often because somebody else was faster."""

    code = "wrong_state"


class PictureError(ImageryError):
    """The file is not a picture that we accept. See ``imaging.decode`` for the codes."""

    code = "bad_picture"
    final = True


class EngineError(ImageryError):
    """The imaging process failed, was stopped, or took too long."""

    code = "engine"


class ModelMissing(EngineError):
    """The matting model is not on this machine."""

    code = "model_missing"


class StorageError(ImageryError):
    """The storage failed to store or to return a file."""

    code = "storage"


class PublicationConflict(ImageryError):
    """The product's picture was changed after the work was started."""

    code = "conflict"


class SecretError(ImageryError):
    """A stored secret cannot be decrypted with the available keys."""

    code = "secret_unreadable"


class UnsafeAddress(ImageryError):
    """The address is not https, not public, or otherwise not one that we fetch from."""

    code = "unsafe_address"
    final = True


class FetchError(ImageryError):
    """The file could not be fetched."""

    code = "fetch_failed"


class ProviderError(ImageryError):
    """Base of the errors of hosted providers.

    ``status`` is the HTTP status, if there was a response. ``own`` tells that the error is in the provider's own error
    envelope; without that, a create may have been accepted. ``creating`` tells that a request that may cost money was
    sent. ``absent`` tells that a second, free call found no API at the address either.
    """

    code = "provider"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        detail: str = "",
        status: int | None = None,
        request_id: str = "",
        own: bool = False,
    ) -> None:
        super().__init__(message, code=code, detail=detail)
        self.status, self.request_id, self.own = status, request_id, own
        self.creating = self.absent = False


class NotSent(ProviderError):
    """The request provably did not reach the provider."""

    code = "not_sent"


class RateLimited(ProviderError):
    """The provider's limit, or our own count of it, is reached: try again later."""

    code = "rate_limited"
    retry_after: float | None = None


class CredentialRefused(ProviderError):
    """The provider refuses the key, the plan or the balance."""

    code = "credential_refused"


class ProviderRefused(ProviderError):
    """The provider refuses this request for good."""

    code = "provider_refused"


class ProviderUnavailable(ProviderError):
    """The outcome of the request is unknown."""

    code = "provider_unavailable"
