"""From pictures on a disk to finished ones beside them: `quickstart.py *.jpg`. Needs httpx, API and KEY."""

import json
import os
import pathlib
import sys
import time
import uuid

import httpx

client = httpx.Client(
    base_url=os.environ["API"] + "/", headers={"Authorization": f"Bearer {os.environ['KEY']}"}, timeout=60
)


def call(method: str, path: str, **request: object) -> dict:
    """One call; a limit that is reached is waited for."""
    while True:
        answer = client.request(method, path, **request)
        if answer.status_code == 429:
            time.sleep(int(answer.headers["Retry-After"]))
            continue
        if answer.is_error:
            raise SystemExit(f"{answer.status_code}: {answer.json()['error']}")
        return answer.json()


paths = [pathlib.Path(name) for name in sys.argv[1:]]
images = [{"image": {"file": path.name}, "external_id": path.name} for path in paths]
order = {"operation": "upscale", "options": {"factor": "2"}, "images": images}
enhancement = call(
    "POST",
    "enhancements",
    headers={"Idempotency-Key": str(uuid.uuid4())},
    data={"request": json.dumps(order)},
    files=[(path.name, (path.name, path.read_bytes())) for path in paths],
)["enhancement"]

while enhancement["status"] in ("queued", "processing") and not enhancement["stalled_items"]:
    time.sleep(1)
    enhancement = call("GET", f"enhancements/{enhancement['id']}")["enhancement"]

for item in enhancement["items"]:
    if item["status"] != "completed":
        print(item["external_id"], item["status"], item["error_message"])
        continue
    (result,) = item["results"]
    target = pathlib.Path(f"enhanced-{item['external_id']}").with_suffix("." + result["format"].lower())
    target.write_bytes(httpx.get(result["image_url"]).content)
    print(target, f"{result['width']}×{result['height']}")
