"""Makes the twelve wedges one by one in a shop of its own, and says how soon the doctor and the health URL notice.

    python -m tests.chaos.wedges            # all of them
    python -m tests.chaos.wedges locked away

Each has a temporary SQLite shop, a web server and, where it matters, workers: real processes. A time counts from the
moment the wedge is complete and its work due. Two need root, for a tmpfs. Exits with 1 when one is not noticed within a
minute.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

_TOKEN = "token-of-the-wedges"
_PATIENCE = 75.0
_PROMISE = 60.0
_OWN_PORT = 9  #: where nobody listens


def free_port() -> int:
    """A port of this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Shop:
    """A shop in a folder of its own, and its processes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.environment = os.environ | {
            "VAR_DIR": str(folder),
            "MEDIA_ROOT": str(folder / "media"),
            "DJANGO_SETTINGS_MODULE": "tests.chaos.wedge_settings",
            "ALLOWED_HOSTS": "127.0.0.1",
            "WEDGE_TOKEN": _TOKEN,
        }
        self.environment.pop("DATABASE_URL", None)
        self._processes: list[subprocess.Popen[bytes]] = []

    def run(self, code: str, **environment: str) -> None:
        """Run Python in the shop, to its end."""
        begin = "import django; django.setup(); from tests.chaos import wedge_shop as shop; "
        subprocess.run([sys.executable, "-c", begin + code], env=self.environment | environment, check=True)

    def start(self, *command: str, **environment: str) -> None:
        """Start a process that goes on."""
        self._processes.append(
            subprocess.Popen(
                [sys.executable, *command],
                env=self.environment | environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )

    def serve(self, **environment: str) -> None:
        """Start the web server and wait for its first answer."""
        self.environment |= environment
        self.start("-m", "tests.chaos.wedge_shop", "serve", str(self.port))
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.1)

    def work(self, **environment: str) -> None:
        """Start a worker."""
        self.start("manage.py", "imagery_worker", **environment)

    def doctor(self) -> dict[str, str]:
        """What the command says is wrong."""
        done = subprocess.run(
            [sys.executable, "manage.py", "imagery_doctor", "--json"],
            env=self.environment,
            capture_output=True,
            check=False,
            timeout=_PROMISE,
        )
        return _wrong(json.loads(done.stdout)) if done.returncode == 1 else {}

    def url(self) -> dict[str, str]:
        """What the health URL says is wrong."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/imagery/health/")
        request.add_header("Authorization", f"Bearer {_TOKEN}")
        try:
            urllib.request.urlopen(request, timeout=60).close()
        except urllib.error.HTTPError as error:
            return _wrong(json.load(error)["checks"])
        except OSError:  # it does not answer yet
            pass
        return {}

    def stop(self) -> None:
        """End all processes that were started here."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wrong(findings: list[dict[str, str]]) -> dict[str, str]:
    return {one["what"]: one["detail"] for one in findings if not one["ok"]}


def no_worker(shop: Shop) -> Iterator[str]:
    """Work is due and nothing runs."""
    shop.run("shop.order(2)")
    yield "workers"


def locked(shop: Shop) -> Iterator[str]:
    """Another process holds SQLite's write lock."""
    shop.run("shop.order(2)")
    shop.work()
    holder = sqlite3.connect(shop.folder / "shop.sqlite3", timeout=30, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    yield "database"
    holder.close()


def receiver(shop: Shop) -> Iterator[str]:
    """Code of the shop that hangs in the worker. Everything else goes on."""
    shop.run("shop.order(4)")
    shop.work(WEDGE="receiver")
    yield "tasks"


def away(shop: Shop) -> Iterator[str]:
    """The database does not answer."""
    shop.environment["DATABASE_URL"] = f"postgres://nobody@127.0.0.1:{_OWN_PORT}/none"
    yield "database"


def storage(shop: Shop) -> Iterator[str]:
    """The storage of results hangs."""
    shop.run("shop.order(2)")
    shop.environment["WEDGE"] = "storage"
    shop.work()
    yield "storage"


def dying(shop: Shop) -> Iterator[str]:
    """Each worker takes its slot and dies; a supervisor starts the next one."""
    shop.run("shop.order(2)")
    shop.start("-m", "tests.chaos.wedge_shop", "dying")
    yield "workers"


def ahead(shop: Shop) -> Iterator[str]:
    """A slot is dated one hour ahead."""
    shop.run("shop.order(2); shop.date_ahead()")
    yield "clocks"


def provider(shop: Shop) -> Iterator[str]:
    """Nobody listens at a provider's address."""
    shop.run("shop.order(2, hosted=True)")
    shop.work()
    yield "providers"


def target(shop: Shop) -> Iterator[str]:
    """The products' folder is read-only (root)."""
    shop.run("shop.order(2)")
    folder = shop.folder / "media/products/enhanced"
    folder.mkdir(parents=True, exist_ok=True)
    with _tmpfs(folder, "ro"):
        shop.work()
        yield "target storages"
        shop.stop()


def temporary(shop: Shop) -> Iterator[str]:
    """The disk of temporary files is full (root)."""
    shop.run("shop.order(2)")
    folder = shop.folder / "tmp"
    folder.mkdir()
    with _tmpfs(folder, "size=1m"):
        (folder / "filler").write_bytes(bytes(1000 * 1024))
        shop.environment["TMPDIR"] = str(folder)
        shop.work()
        yield "temporary files"
        shop.stop()


def engine(shop: Shop) -> Iterator[str]:
    """The engine has too little memory to make any picture."""
    shop.run("shop.order(2)")
    shop.environment["WEDGE"] = "memory"
    shop.work()
    yield "engine"


def accounts(shop: Shop) -> Iterator[str]:
    """An account of a removed provider, one that is paused, an unreadable key, a stalled picture."""
    shop.run("shop.spoil_accounts()")
    yield "accounts"


_WEDGES: dict[str, Callable[[Shop], Iterator[str]]] = {
    one.__name__: one
    for one in (
        no_worker, locked, receiver, away, storage, dying, ahead, provider, target, temporary, engine, accounts,
    )
}  # fmt: skip


@contextlib.contextmanager
def _tmpfs(folder: Path, option: str) -> Iterator[None]:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", option, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PermissionError(f"needs root for a tmpfs: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def _measure(name: str) -> bool:
    wedge = _WEDGES[name]
    with tempfile.TemporaryDirectory(prefix="wedge-", ignore_cleanup_errors=True) as folder:
        shop = Shop(Path(folder))
        try:
            shop.run("shop.stock(6)")
            making = wedge(shop)
            what = next(making)
            shop.serve()
            noticed = _watch(shop, what)
            making.close()
        except PermissionError as error:
            print(f"{name:10}  left out: {error}", flush=True)
            return True
        finally:
            shop.stop()
    return _report(name, what, noticed)


def _watch(shop: Shop, what: str) -> dict[str, tuple[float, str]]:
    """By command and URL: seconds until ``what`` is told, and what is told."""
    begun, noticed = time.monotonic(), dict[str, tuple[float, str]]()
    while len(noticed) < 2 and time.monotonic() - begun < _PATIENCE:
        for way, ask in (("doctor", shop.doctor), ("url", shop.url)):
            if way not in noticed and what in (told := ask()):
                noticed[way] = (time.monotonic() - begun, told[what])
        time.sleep(1)
    return noticed


def _report(name: str, what: str, noticed: dict[str, tuple[float, str]]) -> bool:
    print(f"{name}: {str(_WEDGES[name].__doc__).splitlines()[0]}", flush=True)
    for way in ("doctor", "url"):
        seconds, told = noticed.get(way, (float("inf"), "NOT NOTICED"))
        print(f"  {way:6} {seconds:5.1f} s  {what}: {told}", flush=True)
    return all(way in noticed and noticed[way][0] <= _PROMISE + 5 for way in ("doctor", "url"))


def main() -> int:
    """Make the wedges that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*_WEDGES, []], metavar="WEDGE", help=", ".join(_WEDGES))
    names = parser.parse_args().names or list(_WEDGES)
    noticed = [_measure(name) for name in names]
    return int(not all(noticed))


if __name__ == "__main__":
    sys.exit(main())
