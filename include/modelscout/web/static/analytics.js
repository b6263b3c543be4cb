// Keeps the last hour up to date while somebody looks.

import { part, swap } from "./live.js";
import { toast } from "./toast.js";

const EVERY_MS = 15_000;
const live = document.querySelector("[data-live]");
let failed = false;

async function refresh() {
  if (document.hidden) return;
  try {
    swap(live, await part(live.dataset.live));
    failed = false;
  } catch (problem) {
    // Once: the figures that are shown say of when they are.
    if (!failed) toast(`The last hour is not up to date. ${problem.message}`, "bad");
    failed = true;
  }
}

if (live) {
  setInterval(refresh, EVERY_MS);
  document.addEventListener("visibilitychange", refresh);
}
