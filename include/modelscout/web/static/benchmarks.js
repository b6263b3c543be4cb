// Starting a run, and how far those are that run.

import { call } from "./api.js";
import { toast, toastAfterwards } from "./toast.js";
import { filterBy } from "./choices.js";

const EVERY_MS = 2000;
const MOVING = ["queued", "running", "waiting_for_approval"];
const money = (value) => `$${Number(value).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;

const form = document.getElementById("start-form");
if (form) {
  const note = document.getElementById("estimate");
  const list = (name) => [...form.querySelectorAll(`input[name="${name}"]:checked`)].map((input) => input.value);
  filterBy(document.getElementById("model-search"), document.getElementById("model-list"));
  const asked = () => ({
    organizations: list("organizations"),
    models: list("models").length ? list("models") : null,
    features: list("features").length ? list("features") : null,
    about: form.elements.about.value,
    suites: form.elements.suites.checked,
    replay: form.elements.replay.checked,
    trials: Number(form.elements.trials.value),
    spend_limit_usd: form.elements.spend_limit_usd.value || null,
  });
  const say = (text, bad = false) => {
    note.textContent = text;
    note.classList.toggle("note-bad", bad);
  };
  const during = async (work) => {
    const buttons = form.querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    form.setAttribute("aria-busy", "true");
    try {
      await work();
    } catch (problem) {
      say(problem.message, true);
      note.scrollIntoView({ block: "nearest" });
    } finally {
      for (const button of buttons) button.disabled = false;
      form.removeAttribute("aria-busy");
    }
  };
  form.addEventListener("input", () => say("Its cost is worked out before anything is sent."));
  document.getElementById("ask-estimate").addEventListener("click", () =>
    during(async () => {
      say("Working it out…");
      const found = await call("POST", "benchmarks/estimate", asked());
      const calls = found.calls.toLocaleString("en");
      const parts = [`${calls} calls of the suites, which cost at most ${money(found.worst_usd)}.`];
      if (found.replay) parts.push("Replays of your own samples come on top; which ones follows from the suites.");
      parts.push(`Nothing passes the run's limit of ${money(found.spend_limit_usd)}.`);
      if (found.unpriced) parts.push(`${found.unpriced.toLocaleString("en")} calls of models without a price are refused.`);
      if (found.needs_approval) parts.push("It waits for a person's approval before it sends anything.");
      say(parts.join(" "));
      note.scrollIntoView({ block: "nearest" });
    }),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    during(async () => {
      const started = await call("POST", "benchmarks/runs", asked());
      toastAfterwards("Airflow has taken the run.");
      const address = new URL(`benchmarks/${started.run_id}`, new URL(document.body.dataset.root, location.href));
      address.search = location.search;
      address.searchParams.delete("after");
      location.assign(address);
    });
  });
}

async function follow(row) {
  try {
    const run = await call("GET", `benchmarks/runs/${row.dataset.run}`);
    const set = (name, text) => {
      row.querySelector(`[data-cell="${name}"]`).textContent = text;
    };
    set("calls", run.done.toLocaleString("en") + (run.status === "running" && run.planned ? ` of ${run.planned.toLocaleString("en")}` : ""));
    set("failed", run.failed.toLocaleString("en"));
    const status = row.querySelector('[data-cell="status"]');
    status.className = `tag status-${run.status}`;
    status.textContent = run.status.replaceAll("_", " ").replace(/^./, (c) => c.toUpperCase());
    if (!MOVING.includes(run.status)) {
      toast("A run has ended.");
      return;
    }
  } catch {
    // The next look may do.
  }
  setTimeout(() => follow(row), EVERY_MS);
}
// The newest few that move: more than these is nobody's list.
[...document.querySelectorAll("tr[data-run]")].filter((row) => MOVING.includes(row.dataset.status)).slice(0, 3).forEach(follow);
