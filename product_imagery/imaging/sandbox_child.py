"""Main program of an imaging process: requests on standard input, responses on standard output.

``imaging.sandbox`` runs this file isolated (``python -I``) and with an almost empty environment. A request names a
function and its keyword arguments; the function returns a value that JSON can represent. The process exits as soon as
its parent is gone, that is, when standard input is closed, even in the middle of a request.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import select
import struct
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

HEADER = struct.Struct(">I")


def main() -> None:
    """Serve requests until the parent is gone."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    responses = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # output of a library must not reach the protocol
    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    if memory:
        with contextlib.suppress(ValueError, OSError):  # a lower limit is in force, or the system has none
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    threading.Thread(target=_end_with_parent, args=(sys.stdin.fileno(),), daemon=True).start()
    requests = sys.stdin.buffer
    while True:
        header = requests.read(HEADER.size)
        if len(header) < HEADER.size:
            return
        request = json.loads(requests.read(HEADER.unpack(header)[0]))
        _allow_cpu(seconds)
        response = json.dumps(_respond(request)).encode()
        responses.write(HEADER.pack(len(response)) + response)


def _end_with_parent(descriptor: int) -> None:
    closed = select.poll()
    closed.register(descriptor, 0)  # a hang-up is always reported, also with an empty event mask
    closed.poll()
    os._exit(0)


def _allow_cpu(seconds: int) -> None:
    """Allow so many seconds of CPU time from now on, by raising the soft limit; 0 means no limit."""
    if seconds:
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + seconds, hard))


def _respond(request: dict[str, Any]) -> dict[str, Any]:
    module, _, name = request["call"].partition(":")
    try:
        result = getattr(importlib.import_module(module), name)(**request["arguments"])
    except MemoryError:
        sentence = "The picture needs more memory than is allowed for one picture."
        return {"error": {"kind": "PictureError", "code": "too_demanding", "message": sentence, "detail": ""}}
    except Exception as error:  # noqa: BLE001  process boundary: the parent has to learn of every error
        return {"error": _describe(error)}
    return {"result": result}


def _describe(error: Exception) -> dict[str, Any]:
    if isinstance(error, ModuleNotFoundError):
        template = "The package %(name)s is not installed. Run “pip install product-imagery[local]”."
        sentence = {"message": template % {"name": error.name}, "template": template, "values": {"name": error.name}}
        return {"kind": "EngineError", "code": "not_installed", "detail": "", **sentence}
    known = hasattr(error, "code") and hasattr(error, "message")
    described = {
        "kind": type(error).__name__ if known else "EngineError",
        "code": str(getattr(error, "code", "engine")) if known else "engine",
        "message": str(getattr(error, "message", "")) if known else "The picture could not be processed.",
        "detail": str(getattr(error, "detail", "")) if known else traceback.format_exc(limit=-6),
    }
    return described | _parts(getattr(error, "message", ""))


def _parts(message: Any) -> dict[str, Any]:
    """Return template and values of a sentence, if it has them, so that the parent can translate it."""
    if not hasattr(message, "template"):
        return {}
    values = {name: one if isinstance(one, int | float) else str(one) for name, one in message.values.items()}
    return {"template": message.template, "values": values}


if __name__ == "__main__":
    main()
