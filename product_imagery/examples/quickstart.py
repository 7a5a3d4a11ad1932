"""Enhance local pictures: `quickstart.py *.jpg`. Needs httpx, and API and KEY in the environment."""

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
    """Send a request; wait while the rate limit is exceeded."""
    while True:
        response = client.request(method, path, **request)
        if response.status_code == 429:
            time.sleep(int(response.headers["Retry-After"]))
            continue
        if response.is_error:
            raise SystemExit(f"{response.status_code}: {response.json()['error']}")
        return response.json()


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
