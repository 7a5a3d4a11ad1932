// Receive webhooks instead of polling, and verify their signatures. Needs Node 18 or newer, no packages.
// API and KEY as in the other examples; SELF is the public URL of this program, PORT the port it listens on.
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const { API, KEY, SELF, PORT, PRODUCT } = process.env;
let secret = null;

async function call(method, path, body) {
  const headers = { Authorization: `Bearer ${KEY}`, "Content-Type": "application/json", "Idempotency-Key": randomUUID() };
  const response = await fetch(`${API}/${path}`, { method, headers, body: body && JSON.stringify(body) });
  const content = await response.json();
  if (!response.ok) throw new Error(`${response.status}: ${JSON.stringify(content.error)}`);
  return content;
}

function isGenuine(headers, body) {
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const expected = createHmac("sha256", key).update(signed).digest();
  const fresh = Math.abs(Date.now() / 1000 - Number(headers["webhook-timestamp"])) < 300;
  return fresh && headers["webhook-signature"].split(" ").some((one) => {
    const given = Buffer.from(one.replace(/^v1,/, ""), "base64");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

createServer(async (request, response) => {
  let body = "";
  for await (const piece of request) body += piece;
  if (secret === null || !isGenuine(request.headers, body)) return response.writeHead(401).end();
  const event = JSON.parse(body);
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify({ challenge: event.data.challenge }));
  if (event.type === "enhancement.completed") {
    console.log(event.type, event.data.status);
    process.exit(0);
  }
}).listen(Number(PORT));

const made = await call("POST", "webhook-endpoints", { url: SELF, events: ["enhancement.completed"] });
secret = made.webhook_endpoint.secret;
let state = "pending";
while (state === "pending") {
  await new Promise((done) => setTimeout(done, 500));
  state = (await call("GET", `webhook-endpoints/${made.webhook_endpoint.id}`)).webhook_endpoint.state;
}
await call("POST", "enhancements", { operation: "upscale", images: [{ product: PRODUCT }] });
