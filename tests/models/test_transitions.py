"""Transitions: one module writes states, along the edges that the documentation lists."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models import TextChoices

import product_imagery
from example_project.shop.models import Product
from product_imagery.flows.worker.loop import run_slice
from product_imagery.models import EnhancementItem, ProviderJob, ResultImage, transitions
from product_imagery.states import ItemStatus, JobState, Review

_PACKAGE = Path(product_imagery.__file__).parent
_DOCUMENTED = (_PACKAGE.parent / "docs" / "how-a-job-travels.md").read_text()
_STATES = {"state", "status", "review", "publication"}
_WRITES = {"update", "release", "acquire", "bulk_update", "update_or_create", "write_each"}
#: the states of webhook endpoints, and the HTTP statuses of deliveries and of remembered responses
_OTHERS = {
    "flows/events/sender.py": {"state", "status"},
    "flows/events/endpoints.py": {"state"},
    "models/event.py": {"state"},
    "api/idempotency.py": {"status"},
}


def _written(tree: ast.AST) -> Iterator[str]:
    """States that a module writes: ``update(state=…)``, ``{"state": …}`` in an update, ``row.state = …; row.save()``.

    What is only set on an instance, to match the row that a transition has written, is no write.
    """
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    for call in calls:
        if call.func.attr in _WRITES:
            yield from (word.arg for word in call.keywords if word.arg in _STATES)
            named = [part.value for part in ast.walk(call) if isinstance(part, ast.Constant)]
            yield from (name for name in named if name in _STATES)
    if any(call.func.attr == "save" for call in calls):
        targets = [target for node in ast.walk(tree) if isinstance(node, ast.Assign) for target in node.targets]
        yield from (one.attr for one in targets if isinstance(one, ast.Attribute) and one.attr in _STATES)


def test_no_other_module_writes_a_state() -> None:
    writers = {}
    for path in _PACKAGE.rglob("*.py"):
        if "migrations" in path.parts or path == Path(transitions.__file__):
            continue
        written = set(_written(ast.parse(path.read_text())))
        if written:
            writers[str(path.relative_to(_PACKAGE))] = written
    assert writers == _OTHERS


def test_the_search_finds_each_way_to_write_a_state() -> None:
    source = (
        'a.update(state=1)\nb.release(**{"publication": 2})\nc.status = 3\nc.save()\nd.bulk_update(rows, ["review"])\n'
    )
    assert set(_written(ast.parse(source))) == _STATES


def _rows(heading: str) -> set[tuple[str, str]]:
    """Pairs (from, to) of the table of transitions below a heading."""
    section = _DOCUMENTED.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = section.partition("| from | to |")[2]
    return {
        (start, end)
        for starts, ends in re.findall(r"^\| (`[^|]+) \| (`[^|]+) \|", table, re.M)
        for start in re.findall(r"`(\w+)`", starts)
        for end in re.findall(r"`(\w+)`", ends)
    }


@pytest.mark.parametrize(
    ("heading", "edges"),
    [
        ("Job", transitions.JOB_EDGES),
        ("Item", transitions.ITEM_EDGES),
        ("Result", transitions.PUBLICATION_EDGES),
        ("Review", transitions.REVIEW_EDGES),
    ],
)
def test_the_documentation_lists_the_edges(heading: str, edges: dict[TextChoices, tuple[TextChoices, ...]]) -> None:
    assert _rows(heading) == {(str(start), str(end)) for end, starts in edges.items() for start in starts}


@pytest.mark.django_db
class TestJobs:
    @pytest.fixture
    def job(self, make_product: Callable[..., Product], enlarge: Callable[..., Any]) -> ProviderJob:
        enlarge(make_product())
        return ProviderJob.objects.get()

    _STEPS: dict[JobState, Callable[[Any], int]] = {
        JobState.QUEUED: transitions.requeue,
        JobState.CHECKING: lambda jobs: transitions.mark_checking(jobs, 1.0),
        JobState.RUNNING: lambda jobs: transitions.mark_accepted(jobs, "a", "", 1.0),
        JobState.DONE: transitions.mark_done,
        JobState.FAILED: transitions.mark_failed,
        JobState.CANCELLED: transitions.mark_cancelled,
        JobState.STALLED: lambda jobs: transitions.mark_stalled(jobs, "Why."),
    }

    @pytest.mark.parametrize("end", list(_STEPS))
    @pytest.mark.parametrize("start", list(JobState))
    def test_a_step_is_made_along_an_edge_and_nowhere_else(
        self, job: ProviderJob, start: JobState, end: JobState
    ) -> None:
        ended = start in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
        ProviderJob.objects.update(state=start, finished_at="2026-01-01T00:00Z" if ended else None)
        moved = self._STEPS[end](ProviderJob.objects.filter(pk=job.pk))
        job.refresh_from_db()
        exists = start in transitions.JOB_EDGES[end]
        assert (moved, job.state) == ((1, end) if exists else (0, start))
        assert (job.finished_at is not None) == (job.state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED))

    def test_a_step_ends_the_lease(self, job: ProviderJob) -> None:
        assert transitions.mark_sending(ProviderJob.objects.all(), 60.0)
        assert transitions.mark_accepted(ProviderJob.objects.all(), "a", "", 1.0) == 1
        job.refresh_from_db()
        assert (job.lease_token, job.leased_until) == (None, None)

    def test_many_rows_are_one_update(
        self, make_product: Callable[..., Product], enlarge: Callable[..., Any], django_assert_num_queries: Any
    ) -> None:
        for _ in range(3):
            enlarge(make_product())
        with django_assert_num_queries(1):
            assert transitions.mark_cancelled(ProviderJob.objects.all()) == 3

    def test_ended_items_may_be_started_anew(self, job: ProviderJob) -> None:
        assert transitions.end_items(EnhancementItem.objects.all(), ItemStatus.FAILED, error_code="x") == 1
        item = EnhancementItem.objects.get()
        assert (item.active_key, item.error_code) == (None, "x")
        assert item.finished_at
        assert transitions.reopen_items(EnhancementItem.objects.all()) == 1
        item.refresh_from_db()
        assert (item.active_key, item.error_code, item.finished_at) == (item.work_key, "", None)


@pytest.mark.django_db
def test_a_result_is_judged_once(make_product: Callable[..., Product], enlarge: Callable[..., Any]) -> None:
    enlarge(make_product())
    run_slice(until_idle=True)
    results = ResultImage.objects.all()
    assert transitions.judge(results, Review.REJECTED, None) == 1
    assert transitions.judge(results, Review.APPROVED, None) == 0
    assert results.get().review == Review.REJECTED
