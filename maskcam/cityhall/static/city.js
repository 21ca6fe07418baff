// Says what a chart's bar is about, by pointer or arrow keys, and keeps the page fresh.
// All pages work without it.
"use strict";

function show(chart, hit) {
  chart.querySelectorAll(".hit.on").forEach((other) => other.classList.remove("on"));
  hit.classList.add("on");
  chart.querySelector(".readout").textContent = hit.dataset.tip ?? hit.querySelector("title").textContent;
}

function shownHits(chart) {
  const wide = chart.querySelector(".wide");
  if (!wide) return Array.from(chart.querySelectorAll(".hit"));
  const shown = wide.offsetParent === null ? chart.querySelector(".narrow") : wide;
  return Array.from(shown.querySelectorAll(".hit"));
}

document.addEventListener("pointerover", (event) => {
  const hit = event.target.closest?.(".chart .hit");
  if (hit) show(hit.closest(".chart"), hit);
});

document.addEventListener("keydown", (event) => {
  const chart = event.target.closest?.(".chart");
  const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
  if (!chart || !(event.key in steps)) return;
  const hits = shownHits(chart);
  const now = hits.findIndex((hit) => hit.classList.contains("on"));
  const wanted = now < 0 && Number.isFinite(steps[event.key]) ? 0 : now + steps[event.key];
  const next = hits[Math.min(hits.length - 1, Math.max(0, wanted))];
  if (next) show(chart, next);
  if (next && chart.matches(".map")) goTo(chart, next);
  event.preventDefault();
});

// The sites of a map are one stop of the tabulator; arrow keys go from one to the next.
function goTo(map, hit) {
  map.querySelectorAll(".hit").forEach((other) => other.setAttribute("tabindex", other === hit ? "0" : "-1"));
  hit.focus();
}

function makeOneStop(place) {
  place.querySelectorAll(".map").forEach((map) =>
    map.querySelectorAll(".hit").forEach((hit, number) => hit.setAttribute("tabindex", number ? "-1" : "0")));
}

makeOneStop(document);
document.addEventListener("focusin", (event) => {
  const hit = event.target.closest?.(".map .hit");
  if (hit) show(hit.closest(".map"), hit);
});

function mark(state) {
  document.querySelectorAll(".live").forEach((light) => {
    light.classList.toggle("on", state === "on");
    light.classList.toggle("lost", state === "lost");
    light.textContent = state === "lost" ? light.dataset.lost : light.dataset.live;
  });
}

const REST_MS = 10000; // counts come by the minute; many tabs should cost little
let refreshing = false;
let again = false;
let refreshedAt = 0;
let planned = 0;
let known = ""; // the mark of what is shown

async function refresh() {
  const main = document.querySelector("main[data-live]");
  const typing = document.activeElement?.matches("input, select");
  if (!main || typing || document.hidden) {
    again = true;
    return;
  }
  if (refreshing || planned) return;
  const wait = refreshedAt + REST_MS - Date.now();
  if (wait > 0) {
    planned = setTimeout(() => { planned = 0; refresh(); }, wait);
    return;
  }
  refreshing = true;
  refreshedAt = Date.now();
  again = false;
  try {
    const wanted = { Accept: "text/html, application/json", "X-Maskcam-Part": "main", "If-None-Match": known };
    const answer = await fetch(location.href, { headers: wanted, cache: "no-store" });
    if (answer.status === 304) { mark("on"); return; }
    if (!answer.ok || answer.redirected) return;
    if (answer.headers.get("Content-Type").startsWith("application/json")) {
      const changed = Object.entries(await answer.json());
      changed.forEach(([id, text]) => replace(document.getElementById(id), text));
    } else {
      replace(main, await answer.text());
    }
    known = answer.headers.get("ETag") || "";
    mark("on");
  } catch {
    again = true;
  } finally {
    refreshing = false;
  }
}

// Keeps what the reader has opened, typed, focused and pointed at in what is replaced.
function replace(old, text) {
  const holder = document.createElement("template"); // a row of a table stands in nothing else alone
  holder.innerHTML = text;
  const fresh = holder.content.firstElementChild;
  if (!old || fresh?.id !== old.id) return;
  const all = (place, what) => [place, ...place.querySelectorAll("*")].filter((item) => item.matches(what));
  const focusable = "a, button, input, select, summary, [tabindex]";
  const open = all(old, "details[open]").map((item) => item.id);
  const focused = all(old, focusable).indexOf(document.activeElement);
  const typed = all(old, "input:not([type=hidden]), select").map((item) => item.value);
  const shown = all(old, ".chart").map((chart) =>
    shownHits(chart).findIndex((hit) => hit.classList.contains("on")));
  old.replaceWith(fresh);
  if (fresh.matches("main, .map")) makeOneStop(fresh.parentElement);
  open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
  all(fresh, "input:not([type=hidden]), select").forEach((item, place) => { item.value = typed[place] ?? item.value; });
  all(fresh, ".chart").forEach((chart, place) => {
    const hit = shownHits(chart)[shown[place]];
    if (hit) show(chart, hit);
  });
  if (focused >= 0) all(fresh, focusable)[focused]?.focus({ preventScroll: true });
}

if (document.querySelector("main[data-live]")) {
  const site = document.querySelector("main[data-live]").dataset.site; // of a page of one site
  const events = new EventSource(site ? `/live?site=${encodeURIComponent(site)}` : "/live");
  events.addEventListener("open", () => { mark("on"); });
  events.addEventListener("error", () => { mark("lost"); });
  let later = 0;
  events.addEventListener("change", () => {
    refresh();
    clearTimeout(later); // a busy server may have answered from a few seconds before the change
    later = setTimeout(refresh, 3 * REST_MS);
  });
  document.addEventListener("visibilitychange", () => { if (again) refresh(); });
  document.addEventListener("focusout", () => { if (again) setTimeout(refresh, 300); });
  setInterval(refresh, 60000); // the clock goes on when nobody passes
}
