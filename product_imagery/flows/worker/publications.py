"""Publications under way: in threads of their own, since storages and the shop's code may take their time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from product_imagery.conf import Settings
from product_imagery.flows.results import publish
from product_imagery.flows.worker.beside import Beside
from product_imagery.models import ResultImage

_PUBLISHERS = 4  #: publications at once
_EACH_MODEL = 3  #: of one model: where its storage hangs, others go on


class Publications:
    """Leases results that wait for their publication, and publishes them beside the worker loop."""

    def __init__(self, settings: Settings, wake: Callable[[], None]) -> None:
        self._settings = settings
        self.threads = Beside(_PUBLISHERS, "imagery-publish", wake)
        self._running: dict[Future[Any], ResultImage] = {}

    def collect(self) -> tuple[int, int]:
        """Forget publications that have ended. Return how many ended, and how many of them changed a product."""
        ended = [future for future in self._running if future.done()]
        for future in ended:
            del self._running[future]
        return len(ended), sum(future.exception() is None and future.result() is not None for future in ended)

    def begin(self) -> int:
        """Lease as many results as there are free threads, and begin to publish them; return how many."""
        items = [result.item for result in self.threads.living(self._running)]
        by_model = Counter(item.content_type_id for item in items)
        results = ResultImage.objects.acquire_publications(
            most=self.threads.room(),
            seconds=self._settings.claim_seconds,
            tries=self._settings.max_claims,
            busy={(item.content_type_id, item.object_id, item.slot) for item in items},
            full=[model for model, number in by_model.items() if number >= _EACH_MODEL],
        )
        for result in results:
            self._running[self.threads.submit(partial(publish.put_on_product, result))] = result
        return len(results)

    def renew(self, seconds: float) -> None:
        """Move the leases of publications that do not hang to ``seconds`` from now."""
        ResultImage.objects.renew(self.threads.living(self._running), seconds)
