// One stream of changes for all pages of a browser: a browser has few connections to a server.
"use strict";

const ports = new Set();
let stream = null;
let open = false;

function tell(message) {
  for (const port of ports) port.postMessage(message);
}

function listen() {
  stream = new EventSource("/events");
  stream.addEventListener("hello", () => { open = true; tell({ name: "hello", topics: "" }); });
  stream.addEventListener("changed", (event) => tell({ name: "changed", topics: event.data }));
  stream.addEventListener("error", () => { open = false; tell({ name: "error", topics: "" }); });
}

function leave(port) {
  ports.delete(port);
  if (ports.size > 0 || !stream) return;
  stream.close();
  stream = null;
  open = false;
}

addEventListener("connect", (event) => {
  const [port] = event.ports;
  ports.add(port);
  port.addEventListener("message", () => leave(port));
  port.start();
  // Closed for good: whoever was signed out may be signed in again.
  if (!stream || stream.readyState === EventSource.CLOSED) listen();
  else if (open) port.postMessage({ name: "hello", topics: "" });
});
