#!/bin/sh
# Enhance the picture of a product. Needs curl and jq, and in the environment:
#   API    https://shop.example/imagery/api/v1
#   KEY    pik_live_… or pik_test_…
#   PRODUCT  the id of a product, such as shop.product:12
set -eu
auth="Authorization: Bearer $KEY"

# 1. List the presets.
curl -fsS "$API/presets" | jq -r '.presets[] | "\(.id)  \(.description)"'

# 2. Ask for cost and duration.
request=$(jq -n --arg product "$PRODUCT" '{preset: "larger", images: [{product: $product, external_id: "SKU-1"}]}')
curl -fsS "$API/quote" -H "$auth" -H "Content-Type: application/json" -d "$request" | jq .quote

# 3. Start. Repeating the request with the same key returns the same response, not a second picture.
id=$(curl -fsS "$API/enhancements" -H "$auth" -H "Content-Type: application/json" \
  -H "Idempotency-Key: quickstart-sh-${PRODUCT##*:}" -d "$request" | jq -r .enhancement.id)

# 4. Poll until it is done.
status=queued
while [ "$status" = queued ] || [ "$status" = processing ]; do
  sleep 1
  status=$(curl -fsS "$API/enhancements/$id" -H "$auth" |
    jq -r '.enhancement | if .stalled_items > 0 then "a person has to decide" else .status end')
done
echo "$status"

# 5. Show the URLs of the pictures.
curl -fsS "$API/enhancements/$id" -H "$auth" | jq -r '.enhancement.items[].results[] | "\(.id)  \(.image_url)"'
