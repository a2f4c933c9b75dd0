// The landing page: who is live, kept up to date.

import { fetchLiveStreams } from "./status.js";

const POLL_MS = 5000;

function show(names) {
  document.getElementById("streams").replaceChildren(...names.map(createEntry));
  document.getElementById("empty").hidden = names.length > 0;
}

function createEntry(name) {
  const link = document.createElement("a");
  link.href = `/watch/${encodeURIComponent(name)}`;
  link.textContent = name;
  const entry = document.createElement("li");
  entry.append(link);
  return entry;
}

let shown = null;

async function refresh() {
  const names = document.hidden ? null : await fetchLiveStreams();
  if (names !== null && names.join() !== shown) {
    shown = names.join();
    show(names);
  }
  setTimeout(refresh, POLL_MS);
}

refresh();
