// One run while it goes on: its figures every two seconds, its results anew while they grow.

import { call } from "./api.js";

const EVERY_MS = 2000;
const MOVING = ["queued", "running", "waiting_for_approval"];
const head = document.querySelector("[data-run]");
let known = -1;

const count = (value) => value.toLocaleString("en");

async function results() {
  // The server draws the tables: what it shows and what stands here at first are the same.
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("result-rows");
  if (fresh) document.getElementById("result-rows").replaceWith(document.adoptNode(fresh));
  const tiles = page.querySelector("dl.tiles");
  if (tiles) document.querySelector("dl.tiles").replaceWith(document.adoptNode(tiles));
}

async function look() {
  try {
    const run = await call("GET", `benchmarks/runs/${head.dataset.run}`);
    if (run.status !== head.dataset.status) {
      location.reload();
      return;
    }
    if (run.done !== known) {
      known = run.done;
      await results();
    }
    const fill = document.querySelector(".progress .fill, .progress .back + rect");
    if (fill && run.planned) fill.setAttribute("width", String(Math.min(100, (100 * run.done) / run.planned)));
    const text = document.getElementById("progress-text");
    if (text && run.planned) text.textContent = `${count(run.done)} of ${count(run.planned)} calls that are planned so far.`;
  } catch {
    // The next look may do.
  }
  setTimeout(look, EVERY_MS);
}

if (MOVING.includes(head.dataset.status)) look();
