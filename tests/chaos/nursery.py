"""Forks one worker after the other, each from the same loaded process; prints their process ids."""

from __future__ import annotations

import os
import sys
import time


def main() -> None:
    import django

    django.setup()
    from django.db import connections

    from product_imagery.flows.pump import pump_slice

    while True:
        connections.close_all()
        child = os.fork()
        if not child:
            if os.getppid() == 1:
                os._exit(0)
            while True:
                pump_slice(seconds=60)
                time.sleep(0.05)
        print(child, flush=True)
        os.waitpid(child, 0)


if __name__ == "__main__":
    sys.exit(main())
