"""Conformance cases: the promises that every hosted provider keeps, tried on its stand-in.

Each case is a function of a ``StandIn`` class and raises ``AssertionError`` where a promise is broken:

    @pytest.mark.parametrize("case", CASES)
    def test_acme_keeps_the_promises(case: Case) -> None:
        case(AcmeStandIn)
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

from product_imagery.exceptions import (
    CredentialRefused,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    RateLimited,
)
from product_imagery.provider_kit.contract import Conversation, Delivery
from product_imagery.provider_kit.declaration import fault_of_class
from product_imagery.provider_kit.outcomes import (
    Accepted,
    Finished,
    NotAccepted,
    Outcome,
    Refused,
    RemotePicture,
    Running,
    Undecidable,
)
from product_imagery.testing.bench import Bench
from product_imagery.testing.stand_in import StandIn

Case = Callable[[type[StandIn]], None]
CASES: list[Case] = []

_PAGE = {"Content-Type": "text/html"}
#: responses to a create that leave open whether it was accepted
_STRANGE: tuple[dict[str, Any], ...] = (
    {"status": 200, "body": b""},
    {"status": 200, "body": b"[]"},
    {"status": 200, "body": b'{"id": '},
    {"status": 200, "body": b"<html>Sign in</html>", "headers": _PAGE},
    {"status": 302, "headers": {"Location": "https://example.com/login"}},
    {"status": 404, "body": b"<html>Not found</html>", "headers": _PAGE},
    {"status": 418, "body": b"I am a teapot"},
    {"status": 500, "body": b"oops"},
    {"status": 503, "body": b""},
)
_STRANGE_BODIES = (b"", b"{", b"[]", b"null", b"7", b'{"id": {}}', b'{"id": null, "job_id": []}', b"\xff\xfe")
_MOST_STEPS = 8  #: creates of one job


def _case(check: Callable[[Bench], None]) -> Case:
    @functools.wraps(check)
    def run(stand_in: type[StandIn]) -> None:
        with Bench(stand_in) as bench:
            check(bench)

    CASES.append(run)
    return run


def _ends(bench: Bench, conversation: Conversation) -> Outcome | ProviderError:
    """The outcome of a conversation, or the error that it ends with."""
    try:
        return bench.run(conversation)
    except ProviderError as error:
        return error


def _pictures(outcome: object) -> list[RemotePicture]:
    return [one for one in outcome.pictures if isinstance(one, RemotePicture)] if isinstance(outcome, Finished) else []


@_case
def the_declaration_can_be_used(bench: Bench) -> None:
    """Slug, offers, limits and address are complete."""
    fault = fault_of_class(type(bench.provider))
    assert not fault, f"{type(bench.provider).__name__} {fault}"
    assert not bench.provider.computes, "these cases are for providers that work elsewhere"


@_case
def a_job_makes_a_picture_of_each_source(bench: Bench) -> None:
    """A full batch is created, read, and comes back, each picture under the id of its item."""
    batch = bench.provider.batch
    accepted = bench.run(bench.provider.submit(bench.job(batch)))
    assert isinstance(accepted, Accepted | Finished), f"submit ended with {accepted!r}"
    found = _pictures(bench.finish(accepted, batch))
    assert sorted(one.item_id for one in found) == list(range(1, batch + 1)), f"{found!r} for {batch} sources"
    assert all(one.url.startswith(bench.server.base) for one in found), f"{found!r} lie elsewhere"
    assert bench.charged == batch, f"{bench.charged} charges for {batch} pictures"


@_case
def only_creates_cost_anything(bench: Bench) -> None:
    """Every call that is charged is marked with ``creates=True``; reads are not."""
    accepted = bench.run(bench.provider.submit(bench.job()))
    steps = len(bench.calls)
    bench.finish(accepted)
    unmarked = [call.request for call in bench.calls if call.charged and not call.request.creates]
    assert not unmarked, f"charged without creates=True: {unmarked!r}"
    assert any(call.request.creates for call in bench.calls[:steps]), "submit marks no call with creates=True"
    assert not any(call.request.creates for call in bench.calls[steps:]), "poll marks a call with creates=True"


@_case
def an_unknown_status_means_still_running(bench: Bench) -> None:
    """The status is kept as it came, and the job is read again."""
    accepted = bench.run(bench.provider.submit(bench.job()))
    charge = bench.stand_in.charges[0]
    bench.server.statuses[charge.key or charge.id] = "archived"
    outcome = bench.finish(accepted)
    assert isinstance(outcome, Running), f"the status “archived” became {outcome!r}"
    assert outcome.status == "archived", f"the status “archived” is shown as “{outcome.status}”"
    bench.server.statuses.clear()
    assert _pictures(bench.finish(accepted)), "the job does not finish after an unknown status"


@_case
def a_strange_response_to_a_create_refuses_nothing(bench: Bench) -> None:
    """Redirects, pages, foreign errors and unreadable bodies leave open whether the create was accepted."""
    for step, response in itertools.product(range(_creates(bench)), _STRANGE):
        with Bench(type(bench.stand_in)) as fresh:
            fresh.server.fail(f"{fresh.slug}.create", "after", skip=step, **response)
            outcome = _ends(fresh, fresh.provider.submit(fresh.job()))
        assert isinstance(outcome, ProviderError), f"{response!r} to a create became {outcome!r}"
        assert not isinstance(outcome, RateLimited), f"{response!r} to a create became “try again”"
        assert not outcome.own, f"{response!r} to a create was taken for the provider's own refusal"


@_case
def an_own_refusal_is_final_and_costs_nothing(bench: Bench) -> None:
    """An error in the provider's own envelope, under a status that its contract names, is its refusal."""
    statuses = {400, 422} & set(getattr(bench.provider, "refusals", ()))
    assert statuses, "neither 400 nor 422 is among the refusals"
    for status in statuses:
        body = bench.server.envelope(bench.slug, "invalid_request", "scene must be one of studio, nature")
        bench.server.fail(f"{bench.slug}.create", "status", status=status, body=body)
        outcome = _ends(bench, bench.provider.submit(bench.job()))
        assert isinstance(outcome, ProviderRefused), f"an own refusal with {status} became {outcome!r}"
        assert outcome.own, f"an own refusal with {status} was not recognised"
        assert "scene must be one of" in outcome.message, f"the provider's sentence is not in “{outcome.message}”"
    assert bench.charged == 0


@_case
def a_bad_key_is_recognised(bench: Bench) -> None:
    """A create and the check of the key both say that the account cannot be used."""
    with Bench(type(bench.stand_in), key="a-key-that-nobody-has") as foreign:
        outcome = _ends(foreign, foreign.provider.submit(foreign.job()))
        assert isinstance(outcome, CredentialRefused), f"a create with a bad key became {outcome!r}"
        outcome = _ends(foreign, foreign.provider.check_credential())
        assert isinstance(outcome, CredentialRefused | Undecidable), f"the check of a bad key became {outcome!r}"
        assert foreign.charged == 0


@_case
def a_good_key_is_checked_for_nothing(bench: Bench) -> None:
    """``check_credential`` and ``probe`` go well and cost nothing."""
    for conversation in (bench.provider.check_credential(), bench.provider.probe()):
        outcome = _ends(bench, conversation)
        assert isinstance(outcome, Running | Undecidable), f"the check of a good key became {outcome!r}"
    assert bench.charged == 0
    assert not any(call.request.creates for call in bench.calls), "the check of a key marks a call with creates=True"


@_case
def being_asked_to_slow_down_is_obeyed(bench: Bench) -> None:
    """429 in the provider's own envelope means later, after the seconds that it names."""
    bench.server.fail(f"{bench.slug}.create", "status", status=429, headers={"Retry-After": "7"})
    outcome = _ends(bench, bench.provider.submit(bench.job()))
    assert isinstance(outcome, RateLimited), f"429 became {outcome!r}"
    assert outcome.retry_after == 7, f"Retry-After: 7 was read as {outcome.retry_after!r}"
    assert bench.charged == 0


@_case
def a_lost_create_is_never_paid_twice(bench: Bench) -> None:
    """A create without a response is found, sent again where it was not accepted, or left to a person."""
    for step, kind in itertools.product(range(_creates(bench)), ("lose", "drop")):
        with Bench(type(bench.stand_in)) as fresh:
            fresh.server.fail(f"{fresh.slug}.create", kind, skip=step)
            outcome = _ends(fresh, fresh.provider.submit(fresh.job()))
            assert isinstance(outcome, ProviderUnavailable), f"a lost response became {outcome!r}"
            outcome = _until_known(fresh)
            assert fresh.charged <= 1, f"create {step + 1}, {kind}: {fresh.charged} charges for one picture"
            if not isinstance(outcome, Undecidable):
                assert len(_pictures(fresh.finish(outcome))) == 1, f"create {step + 1}, {kind}: ended with {outcome!r}"


@_case
def an_unreadable_response_to_a_read_ends_nothing(bench: Bench) -> None:
    """A job that cannot be read is neither finished nor refused: it is read again."""
    accepted = bench.run(bench.provider.submit(bench.job()))
    assert isinstance(accepted, Accepted), f"submit ended with {accepted!r}"
    for body in (b"", b"[]", b'{"id": ', b"<html>Sign in</html>"):
        bench.server.fail(f"{bench.slug}.read", "after", status=200, body=body)
        outcome = _ends(bench, bench.provider.poll(bench.job(remote_id=accepted.remote_id)))
        assert not isinstance(outcome, Finished | Refused), f"{body!r} to a read became {outcome!r}"
        assert not getattr(outcome, "own", False), f"{body!r} to a read was taken for a refusal"
    assert _pictures(bench.finish(accepted)), "the job does not finish after unreadable responses"


@_case
def strange_webhooks_do_no_harm(bench: Bench) -> None:
    """A call that nobody signed is not genuine where calls are signed, and nothing in it raises an error."""
    provider = bench.provider
    for body in _STRANGE_BODIES:
        headers = dict.fromkeys(provider.webhook_headers, "x")
        delivery = Delivery(headers, body, received_at=1_700_000_000.0)
        secrets = {"key": (bench.key,), **{field.name: ("secret",) for field in provider.fields if field.secret}}
        genuine = provider.verify(delivery, secrets)
        signed = bool(provider.webhook_headers) or not provider.webhooks
        assert not (genuine and signed), f"a webhook call with the headers {headers!r} counts as genuine"
        assert all(isinstance(hint, str) for hint in provider.hints(delivery)), f"hints of {body!r} are no ids"
        assert isinstance(provider.event_id(delivery), str), f"the event id of {body!r} is no text"


def _creates(bench: Bench) -> int:
    """Return the number of calls of a submit that may cost money."""
    with Bench(type(bench.stand_in)) as fresh:
        fresh.run(fresh.provider.submit(fresh.job()))
        return sum(1 for call in fresh.calls if call.request.creates)


def _until_known(bench: Bench) -> Outcome:
    """Reconcile, and send what was not accepted once more, until a job is accepted or a person has to decide."""
    for _ in range(_MOST_STEPS):
        outcome = bench.run(bench.provider.reconcile(bench.job()))
        if not isinstance(outcome, NotAccepted):
            return outcome
        outcome = bench.run(bench.provider.submit(bench.job(outdated=True)))
        if isinstance(outcome, Accepted | Finished):
            return outcome
    raise AssertionError(f"after {_MOST_STEPS} tries nobody knows what became of a create")
