"""Driver of conversations with providers."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from product_imagery.exceptions import EngineError, ImageryError, ProviderError
from product_imagery.provider_kit.outcomes import Refused
from product_imagery.provider_kit.requests import Request

Handler = Callable[[Request], Any]
T = TypeVar("T")


def drive(conversation: Generator[Any, Any, T], handler: Handler) -> T | Refused:
    """Run ``conversation`` to its end, with ``handler`` for its requests, and return its result.

    An ``ImageryError`` of the handler is thrown into the conversation. One that the conversation raises becomes
    ``Refused``, except ``EngineError`` and ``ProviderError``: these are raised, as their meaning depends on the step.
    """
    response: Any = None
    failure: ImageryError | None = None
    while True:
        try:
            request = conversation.throw(failure) if failure is not None else conversation.send(response)
        except StopIteration as end:
            outcome: T = end.value
            return outcome
        except EngineError:
            raise
        except ImageryError as error:
            if isinstance(error, ProviderError):
                raise
            return Refused(error.code, error.message, error.detail)
        failure = None
        try:
            response = handler(request)
        except ImageryError as error:
            failure = error
