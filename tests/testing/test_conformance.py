"""Our own providers keep the promises, and a provider that breaks one is caught."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from product_imagery.exceptions import ProviderRefused
from product_imagery.provider_kit.contract import Conversation, Delivery, Job
from product_imagery.provider_kit.outcomes import Finished, NotAccepted, Running
from product_imagery.provider_kit.registry import hosted_providers
from product_imagery.provider_kit.requests import HttpRequest
from product_imagery.providers.paqshot.provider import Paqshot
from product_imagery.providers.paqshot.stand_in import PaqshotStandIn
from product_imagery.testing import conformance
from product_imagery.testing.conformance import CASES, Case
from product_imagery.testing.stand_in import all_stand_ins

STAND_INS = all_stand_ins()


def test_every_hosted_provider_has_a_stand_in() -> None:
    assert sorted(STAND_INS) == sorted(hosted_providers())


@pytest.mark.parametrize("slug", sorted(STAND_INS))
@pytest.mark.parametrize("case", CASES)
def test_our_providers_keep_the_promises(case: Case, slug: str) -> None:
    case(STAND_INS[slug])


class Unmarked(Paqshot):
    """Does not say that its create may cost something."""

    def call(self, request: HttpRequest) -> Any:
        return (yield from super().call(HttpRequest(request.method, request.path, request.body, request.headers)))


class Mixed(Paqshot):
    """Delivers to another picture's item."""

    def poll(self, job: Job) -> Conversation:
        outcome = yield from super().poll(job)
        return replace(outcome, pictures=(replace(outcome.pictures[0], item_id=7),))


class Hasty(Paqshot):
    """Takes what is not running for finished, and what it cannot read for refused."""

    def poll(self, job: Job) -> Conversation:
        outcome = yield from super().poll(job)
        return Finished(()) if isinstance(outcome, Running) else outcome

    def error_in(self, answer: Any) -> Any:
        if answer.status == 200 and not answer.body.startswith(b'{"id": "'):
            return ProviderRefused("It cannot be read.", own=True)
        return super().error_in(answer)


class Forgetful(Paqshot):
    """Sends a lost create again without a look."""

    def reconcile(self, job: Job) -> Conversation:
        yield from ()
        return NotAccepted(certain=True)


class Credulous(Paqshot):
    """Believes whoever calls."""

    def verify(self, delivery: Delivery, secrets: Mapping[str, tuple[str, ...]]) -> bool:
        return True


class Keyless(Paqshot):
    """Does not send its key."""

    def authorisation(self, key: str) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {PaqshotStandIn.key}"}


class Wordless(Paqshot):
    """Does not read the error envelope."""

    def explain(self, answer: Any) -> tuple[str, str, str]:
        return "", "", ""


class Costly(Paqshot):
    """Checks its key with a picture."""

    def check_credential(self) -> Conversation:
        yield from self.post("generate", {"product_image": "", "style": "x"}, creates=True)
        return Running("ok")


class Patient(Paqshot):
    """Waits longer for one call than a worker does."""

    patience = 600.0


@pytest.mark.parametrize(
    ("broken", "case"),
    [
        (Patient, conformance.the_declaration_can_be_used),
        (Mixed, conformance.a_job_makes_a_picture_of_each_source),
        (Unmarked, conformance.only_creates_cost_anything),
        (Hasty, conformance.an_unknown_status_means_still_running),
        (Hasty, conformance.a_strange_response_to_a_create_refuses_nothing),
        (Hasty, conformance.an_unreadable_response_to_a_read_ends_nothing),
        (Forgetful, conformance.a_lost_create_is_never_paid_twice),
        (Credulous, conformance.strange_webhooks_do_no_harm),
        (Keyless, conformance.a_bad_key_is_recognised),
        (Wordless, conformance.an_own_refusal_is_final_and_costs_nothing),
        (Wordless, conformance.being_asked_to_slow_down_is_obeyed),
        (Costly, conformance.a_good_key_is_checked_for_nothing),
    ],
)
def test_a_broken_promise_is_caught(broken: type[Paqshot], case: Case) -> None:
    stand_in = type("StandIn", (PaqshotStandIn,), {"provider": broken})
    with pytest.raises(AssertionError):
        case(stand_in)
