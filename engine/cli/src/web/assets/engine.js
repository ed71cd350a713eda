// The script of engine's pages. Every page works without it; with it, pages stay as things are.
"use strict";

(() => {
  const QUIET_MS = 150;

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

  /** Puts what is new into the parts of the page that are live, and leaves the rest alone. */
  function patch(fresh) {
    for (const part of document.querySelectorAll("[data-live][id]")) {
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

  let asking = false;
  let again = false;

  /** Asks for the page once more and patches this one. */
  async function refresh() {
    if (asking) { again = true; return; }
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
      if (answer.ok) patch(new DOMParser().parseFromString(await answer.text(), "text/html"));
      await tail();
    } catch {
      // Signed out, or the service is gone: the stream tells.
    } finally {
      asking = false;
      if (again) { again = false; refresh(); }
    }
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

  function listen() {
    const sign = document.getElementById("live");
    if (!sign) return;
    let timer = 0;
    const later = () => {
      clearTimeout(timer);
      timer = setTimeout(refresh, QUIET_MS);
    };
    const stream = new EventSource("/events");
    let seen = false;
    stream.addEventListener("hello", () => {
      sign.hidden = false;
      // What happened while nobody listened.
      if (seen) later();
      seen = true;
    });
    stream.addEventListener("changed", later);
    stream.addEventListener("error", () => { sign.hidden = true; });
    addEventListener("pagehide", () => stream.close());
  }

  /** Forms that only ask for something to be done send it from here, and the page shows what came of it. */
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
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (!answer.ok || new URL(answer.url).pathname === "/login") { form.submit(); return; }
      await refresh();
    } catch {
      form.submit();
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
