// The script of engine's pages. Every page works without it; with it, pages stay as things are.
"use strict";

(() => {
  /** A page is drawn again once in so long at most. */
  const MOST_OFTEN_MS = 1000;

  /** Times in the reader's own zone; the element's title keeps UTC. */
  function localize(root) {
    const exact = new Intl.DateTimeFormat(undefined, {
      year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
      hourCycle: "h23",
    });
    for (const time of root.querySelectorAll("time[datetime]")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      if (time.hasAttribute("data-ago")) {
        time.title = exact.format(at);
      } else {
        time.title = time.dateTime;
        time.textContent = exact.format(at);
      }
    }
  }

  /** How long ago, counted on between two answers of the server. */
  function count() {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const seconds = (Date.now() - new Date(time.dateTime).getTime()) / 1000;
      const far = Math.abs(seconds);
      if (Number.isNaN(far)) continue;
      const [number, unit] = far < 60 ? [far, "s"] : far < 3600 ? [far / 60, "min"]
        : far < 86400 ? [far / 3600, "h"] : [far / 86400, "d"];
      const said = far < 5 ? "now" : seconds < 0 ? `in ${Math.floor(number)} ${unit}` : `${Math.floor(number)} ${unit} ago`;
      if (time.textContent !== said) time.textContent = said;
    }
  }

  /** Whether somebody is at something in there that must not be taken away. */
  function busy(part) {
    const at = document.activeElement;
    return part.contains(at) && /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName);
  }

  /** The live parts of the page that show one of these topics. */
  function parts(topics) {
    const all = [...document.querySelectorAll("[data-live][id]")];
    return topics.has("all") ? all : all.filter((part) => part.dataset.live.split(" ").some((topic) => topics.has(topic)));
  }

  /** Puts what is new into the parts of the page that show these topics, and leaves the rest alone. */
  function patch(fresh, topics) {
    for (const part of parts(topics)) {
      const next = fresh.getElementById(part.id);
      if (!next || busy(part)) continue;
      localize(next);
      if (next.innerHTML === part.dataset.was) continue;
      const was = next.innerHTML;
      const open = [...part.querySelectorAll("details[open][id]")].map((details) => details.id);
      const focus = document.activeElement && part.contains(document.activeElement) ? path(part, document.activeElement) : null;
      const scrolls = [...part.querySelectorAll(".wide, .picture")].map((box) => [box.scrollLeft, box.scrollTop]);
      part.replaceChildren(...next.childNodes);
      part.dataset.was = was;
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      [...part.querySelectorAll(".wide, .picture")].forEach((box, i) => {
        if (scrolls[i]) [box.scrollLeft, box.scrollTop] = scrolls[i];
      });
      if (focus) find(part, focus)?.focus({ preventScroll: true });
    }
    filterAll();
    count();
  }

  /** The way from a part to an element in it, by places among siblings. */
  function path(part, element) {
    const way = [];
    for (let at = element; at !== part; at = at.parentElement) way.unshift([...at.parentElement.children].indexOf(at));
    return way;
  }

  function find(part, way) {
    return way.reduce((at, i) => at?.children[i], part);
  }

  const changed = new Set();
  let asking = false;
  let timer = 0;
  let drawn = 0;

  /** Asks for the page once more and patches what changed. */
  async function refresh() {
    clearTimeout(timer);
    timer = 0;
    if (asking || changed.size === 0) return;
    asking = true;
    drawn = Date.now();
    const topics = new Set(changed);
    changed.clear();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
      if (answer.ok) patch(new DOMParser().parseFromString(await answer.text(), "text/html"), topics);
      await tail();
    } catch {
      // Signed out, or the service is gone: the stream tells.
    } finally {
      asking = false;
      later();
    }
  }

  /** Draws what changed, when it may be drawn again and somebody looks. */
  function later() {
    if (changed.size === 0 || timer !== 0 || asking || document.hidden) return;
    timer = setTimeout(refresh, Math.max(0, drawn + MOST_OFTEN_MS - Date.now()));
  }

  /** Asks for the lines of the log that are not here yet. */
  async function tail() {
    const log = document.getElementById("log");
    if (!log) return;
    for (;;) {
      const answer = await fetch(`${log.dataset.log}?after=${log.dataset.after}`, { redirect: "error" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const lines = [...fresh.querySelectorAll(".line")];
      if (lines.length === 0) return;
      const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 24;
      log.querySelector(".none")?.remove();
      for (const line of lines) {
        localize(line);
        log.append(line);
        log.dataset.after = line.dataset.number;
      }
      filterAll();
      if (atEnd) log.scrollTop = log.scrollHeight;
    }
  }

  /** Shows only what holds what was typed. */
  function filter(input) {
    const typed = input.value.trim().toLowerCase();
    const part = document.getElementById(input.dataset.filter);
    for (const row of part ? part.querySelectorAll("[data-name]") : []) {
      row.hidden = !row.dataset.name.toLowerCase().includes(typed);
    }
  }

  function filterAll() {
    for (const input of document.querySelectorAll("input[data-filter]")) {
      if (input.value !== "") filter(input);
    }
  }

  /** Arrow keys go from node to node of the graph: to the nearest in that direction. */
  function walk(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const from = event.target.closest?.("[data-graph] a");
    if (!way || !from) return;
    event.preventDefault();
    const middle = (box) => [box.left + box.width / 2, box.top + box.height / 2];
    const [x, y] = middle(from.getBoundingClientRect());
    let best = null;
    for (const to of from.closest("svg").querySelectorAll("a")) {
      if (to === from) continue;
      const [tx, ty] = middle(to.getBoundingClientRect());
      const along = (tx - x) * way[0] + (ty - y) * way[1];
      const aside = Math.abs((tx - x) * way[1]) + Math.abs((ty - y) * way[0]);
      const far = along + aside * 2;
      if (along > 4 && (best === null || far < best.far)) best = { to, far };
    }
    best?.to.focus();
    best?.to.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Calls `hear` with each message of the stream, which all pages of the browser share; answers how to leave it. */
  function subscribe(hear) {
    if (window.SharedWorker) {
      const worker = new SharedWorker(document.body.dataset.worker, { name: "engine" });
      worker.port.addEventListener("message", (event) => hear(event.data.name, event.data.topics));
      worker.port.start();
      return () => { worker.port.postMessage("bye"); worker.port.close(); };
    }
    // A stream of its own, as long as somebody looks at the page.
    let stream = null;
    const look = () => {
      stream?.close();
      if (document.hidden) return;
      stream = new EventSource("/events");
      for (const name of ["hello", "changed", "error"]) {
        stream.addEventListener(name, (event) => hear(name, event.data ?? ""));
      }
    };
    document.addEventListener("visibilitychange", look);
    look();
    return () => { document.removeEventListener("visibilitychange", look); stream?.close(); };
  }

  function listen() {
    const sign = document.getElementById("live");
    if (!sign) return;
    let seen = false;
    const hear = (name, topics) => {
      sign.hidden = name === "error";
      if (name === "changed") {
        const told = new Set(topics.split(" "));
        if (parts(told).length > 0) for (const topic of told) changed.add(topic);
      }
      // What happened while nobody listened.
      if (name === "hello" && seen) changed.add("all");
      seen ||= name === "hello";
      later();
    };
    const leave = subscribe(hear);
    document.addEventListener("visibilitychange", later);
    addEventListener("pagehide", leave, { once: true });
    // A page that comes back as it was has left the stream.
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  }

  /** Says something above the page. */
  function say(text) {
    const banner = document.createElement("p");
    banner.className = "banner bad";
    banner.setAttribute("role", "alert");
    banner.textContent = text;
    document.getElementById("said").replaceChildren(banner);
  }

  /** Forms that only ask for something to be done send it from here, once, and the page shows what came of it. */
  async function submit(event) {
    const form = event.target;
    const asks = form.dataset.ask;
    if (asks && !confirm(asks)) { event.preventDefault(); return; }
    const here = form.closest("[data-live], .card, .head");
    if (form.method !== "post" || !here || form.querySelector("input:not([type=hidden]), select, textarea")) return;
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const body = new URLSearchParams(new FormData(form));
      // The page behind the form is not asked for: whether it can be drawn says nothing about what was done.
      const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" });
      if (answer.type === "opaqueredirect") {
        changed.add("all");
        await refresh();
        return;
      }
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
      if (answer.ok && fresh) {
        localize(fresh);
        document.getElementById("main").replaceChildren(...fresh.childNodes);
      } else {
        say(fresh?.querySelector("p")?.textContent ?? `The service answered ${answer.status}.`);
      }
    } catch {
      say("The service did not answer. Load the page again to see whether it was done before you ask once more.");
    } finally {
      button.disabled = false;
    }
  }

  localize(document);
  for (const hidden of document.querySelectorAll("input[data-filter][hidden], .keys[hidden]")) hidden.hidden = false;
  for (const input of document.querySelectorAll("input[data-filter]")) input.addEventListener("input", () => filter(input));
  document.addEventListener("keydown", walk);
  document.addEventListener("submit", submit);
  const log = document.getElementById("log");
  if (log) log.scrollTop = log.scrollHeight;
  setInterval(count, 5000);
  listen();
})();
