// What changes appears: the page is asked for anew when something happened, and what is new of its parts is put in its place.
"use strict";

const { events, seen } = document.body.dataset;
let last = seen;
let waiting = null;
let stream = null;

function counted(since) {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

function count() {
  for (const element of document.querySelectorAll("[data-since]")) element.textContent = counted(element.dataset.since);
}

/** Where the focus is within a part, so that it is there again in what takes its place. */
function focused(part) {
  const element = document.activeElement;
  if (!part.contains(element) || element === part) return null;
  const same = (one) => one.tagName === element.tagName && one.getAttribute("href") === element.getAttribute("href");
  const all = [...part.querySelectorAll(element.tagName)].filter(same);
  return { tag: element.tagName, same, at: all.indexOf(element) };
}

function put(part, anew) {
  if (part.innerHTML === anew.innerHTML) return false;
  const was = focused(part);
  part.replaceChildren(...anew.childNodes);
  if (was !== null) [...part.querySelectorAll(was.tag)].filter(was.same)[was.at]?.focus({ preventScroll: true });
  return true;
}

async function refresh() {
  waiting = null;
  const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual", cache: "no-store" });
  // Signed out meanwhile: the page says so.
  if (answer.type === "opaqueredirect") return location.reload();
  if (!answer.ok) return;
  const anew = new DOMParser().parseFromString(await answer.text(), "text/html");
  last = anew.body.dataset.seen ?? last;
  let changed = 0;
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = anew.getElementById(part.id);
    if (other !== null && put(part, other)) changed += 1;
  }
  count();
  if (changed > 0) document.getElementById("said").textContent = "The page has changed.";
}

/** Several events at once are one change. */
function soon() {
  waiting ??= setTimeout(() => refresh().catch(() => {}), 250);
}

async function follow() {
  stream = new AbortController();
  const { signal } = stream;
  while (!signal.aborted) {
    try {
      const query = new URLSearchParams({ after: last, ...(events ? { events } : {}) });
      const answer = await fetch(`/api/v1/events/stream?${query}`, { signal });
      if (answer.status === 401) return location.reload();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let end = "\n";
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        end += read.value;
        if (end.includes("\ndata:")) soon();
        end = end.slice(-8).replace("\ndata:", "");
      }
    } catch {
      // It comes back where it was.
    }
    if (!signal.aborted) await new Promise((done) => setTimeout(done, 2000));
  }
}

/** Nobody sees what changes in a page that is not seen, and a browser has few connections. */
function turn() {
  if (document.hidden) {
    stream?.abort();
    stream = null;
  } else if (stream === null) {
    follow();
  }
}

if (seen !== undefined) {
  setInterval(count, 1000);
  setInterval(() => {
    if (!document.hidden && document.querySelector("[data-grows]") !== null) soon();
  }, 2000);
  document.addEventListener("visibilitychange", turn);
  turn();
}
