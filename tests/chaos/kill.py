"""Kills workers at random while they work, and checks that every picture is there exactly once.

    python -m tests.chaos.kill --kills 200 --items 300 --seed 1

Two supervised workers run, a ``qcluster`` and an ``imagery_worker``. Each kill is a SIGKILL of one random process of
their trees (cluster, sentinel, pusher, monitor, worker, imaging process) or of a whole tree. A worker whose main
process is gone is started again. Exits with 1 and says what is wrong if anything is.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

_COMMANDS = {"cluster": ["qcluster"], "worker": ["imagery_worker"]}


class Workers:
    """The processes to be killed, and their supervisor."""

    def __init__(self) -> None:
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.hit: Counter[str] = Counter()

    def keep_up(self) -> None:
        for name, command in _COMMANDS.items():
            process = self.running.get(name)
            if process is None or process.poll() is not None:
                if process is not None:
                    self._kill_group(process)  # what a container or a cgroup does with the orphans
                self.running[name] = subprocess.Popen(
                    [sys.executable, "manage.py", *command],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )

    def kill_one(self, rng: random.Random) -> None:
        name = rng.choice(list(self.running))
        main = self.running[name]
        if rng.random() < 0.25:
            self._kill_group(main)
            self.hit[f"{name}: whole tree"] += 1
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            tree = [psutil.Process(main.pid), *psutil.Process(main.pid).children(recursive=True)]
            victim = rng.choice(tree)
            kind = (
                "imaging process"
                if "sandbox_child.py" in " ".join(victim.cmdline())
                else "main"
                if victim.pid == main.pid
                else "part"
            )
            victim.kill()
            self.hit[f"{name}: {kind}"] += 1

    def restart(self) -> None:
        """What a watchdog does that sees no progress: a cluster whose idle worker was killed never works again."""
        for process in self.running.values():
            self._kill_group(process)
        self.keep_up()

    def stop(self) -> None:
        for process in self.running.values():
            self._kill_group(process)

    def _kill_group(self, process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="imagery-chaos-") as folder:
        os.environ |= {"VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings", "PYTHONPATH": os.getcwd()}
        os.environ.pop("DATABASE_URL", None)
        return run(options.kills, options.items, random.Random(options.seed))


def run(kills: int, items: int, rng: random.Random) -> int:
    import django

    django.setup()
    from tests.chaos import shop

    shop.stock(items)
    shop.begin()
    workers, began = Workers(), time.monotonic()
    workers.keep_up()
    done = rounds = 0
    try:
        while done < kills:
            time.sleep(rng.uniform(0.2, 1.6))
            workers.kill_one(rng)
            done += 1
            workers.keep_up()
            shop.look_for_half_pictures(rng)
            if not shop.is_busy():
                shop.begin()
                rounds += 1
        _finish(workers, shop)
    finally:
        workers.stop()
    problems = shop.problems()
    for kind, count in sorted(workers.hit.items()):
        print(f"  killed {kind}: {count}")
    print(f"{done} kills, {shop.count()} items in {rounds + 1} rounds, {time.monotonic() - began:.0f} s")
    print(
        "\n".join(problems) or "every item done exactly once, no orphan file, no half picture, nothing left processing"
    )
    return 1 if problems else 0


def _finish(workers: Workers, shop: object) -> None:
    """Let the workers come to an end; restart them when nothing moves for a while, as a watchdog does."""
    last, since = -1, time.monotonic()
    while shop.is_busy():  # type: ignore[attr-defined]
        time.sleep(1)
        workers.keep_up()
        if (left := shop.left()) != last:  # type: ignore[attr-defined]
            last, since = left, time.monotonic()
        elif time.monotonic() - since > 30:
            workers.restart()
            since = time.monotonic()


if __name__ == "__main__":
    assert Path("manage.py").exists(), "run me from the project's folder"
    sys.exit(main())
