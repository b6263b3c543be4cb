// The test bench: what asking costs at most while it is put together, and the answers as they come in.

import { call } from "./api.js";
import { lacking, listChoices } from "./choices.js";
import { toast } from "./toast.js";

const MOST_MODELS = 5;
const MOST_BYTES = 4 * 1024 * 1024;
const EVERY_MS = 1500;
const PAUSE_MS = 400;

const money = (value) => {
  if (value === null || value === undefined) return "–";
  const amount = Number(value);
  return amount > 0 && amount < 0.01 ? `$${amount.toPrecision(2)}` : `$${amount.toFixed(2)}`;
};
const time = (value) => (value === null ? "–" : `${value.toLocaleString("en")} ms`);

async function base64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let start = 0; start < bytes.length; start += 32768) text += String.fromCharCode(...bytes.subarray(start, start + 32768));
  return btoa(text);
}

function answerCard(answer) {
  const card = document.createElement("article");
  card.className = "answer";
  const title = document.createElement("h3");
  title.append(Object.assign(document.createElement("bdi"), { textContent: answer.model }));
  if (answer.simulated) title.append(" ", Object.assign(document.createElement("span"), { className: "tag simulated", textContent: "simulated" }));
  card.append(title);
  if (answer.state === "answered") {
    const text = document.createElement("pre");
    text.append(Object.assign(document.createElement("bdi"), { textContent: answer.answer }));
    card.append(text);
  } else if (answer.state === "failed") {
    card.append(Object.assign(document.createElement("p"), { className: "bad", textContent: answer.error_message ?? answer.error_type }));
  } else {
    const waits = Object.assign(document.createElement("span"), { className: "waits" });
    waits.setAttribute("role", "img");
    waits.setAttribute("aria-label", "Waiting");
    card.append(waits);
  }
  const tokens = answer.state === "answered" ? answer.output_tokens.toLocaleString("en") : "–";
  card.append(Object.assign(document.createElement("p"), { className: "minor", textContent: `${time(answer.duration_ms)} · ${money(answer.cost_usd)} · ${tokens} tokens` }));
  return card;
}

const STATES = {
  queued: "Airflow has taken it; waiting for a worker.",
  waiting_for_approval: "It waits for a person under Required Actions in Airflow.",
  running: "Asking…",
  finished: "Done.",
};

function show(box, test) {
  box.querySelector(".answers").replaceChildren(...test.answers.map(answerCard));
  const state = box.querySelector("summary .minor");
  state.textContent = `${test.asked_by}, ${STATES[test.status] ?? test.status}`;
}

async function follow(path, box) {
  for (;;) {
    let test;
    try {
      test = await call("GET", `${path}/${box.dataset.test}`);
    } catch (problem) {
      if (problem.status === 404) return;
      await new Promise((resolve) => setTimeout(resolve, 4 * EVERY_MS));
      continue;
    }
    show(box, test);
    if (test.is_over || test.answers.every((answer) => answer.state !== "waiting")) return;
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

function added(test) {
  const box = document.createElement("details");
  box.className = "past-test";
  box.dataset.test = test.id;
  box.open = true;
  const summary = document.createElement("summary");
  summary.append(Object.assign(document.createElement("bdi"), { textContent: test.prompt.slice(0, 90) }), " ");
  summary.append(Object.assign(document.createElement("span"), { className: "minor" }));
  box.append(summary, Object.assign(document.createElement("div"), { className: "answers" }));
  document.getElementById("bench-result").prepend(box);
  show(box, test);
  return box;
}

export function bench(choices) {
  const form = document.getElementById("bench-form");
  if (!form) return;
  const path = form.dataset.path;
  for (const box of document.querySelectorAll('.past-test[data-over="no"]')) follow(path, box);
  const box = form.querySelector(".options");
  const cost = document.getElementById("bench-cost");
  const submit = form.querySelector(".primary");
  listChoices(box, choices, { type: "checkbox", name: "model_ids", value: "model_id", blocked: (c) => lacking(c.failed, "failed") });

  const asked = async () => {
    const file = form.elements.photo.files[0];
    if (file && file.size > MOST_BYTES) throw new Error("The photo is larger than 4 MB: make it smaller.");
    return {
      prompt: form.elements.prompt.value,
      image: file ? { media_type: file.type, data: await base64(file) } : null,
      model_ids: [...box.querySelectorAll("input:checked")].map((input) => input.value),
      max_output_tokens: Number(form.elements.max_output_tokens.value),
      spend_limit_usd: form.elements.spend_limit_usd.value,
    };
  };

  let pending = 0;
  let turn = 0;
  const estimate = () => {
    clearTimeout(pending);
    pending = setTimeout(async () => {
      const mine = (turn += 1);
      try {
        const body = await asked();
        for (const input of box.querySelectorAll("input:not(:checked)")) {
          input.disabled = body.model_ids.length >= MOST_MODELS || input.closest("label").ariaDisabled === "true";
        }
        if (!body.model_ids.length || !body.prompt) {
          cost.textContent = body.prompt ? "Choose models to see what it costs at most." : "Write a prompt to see what it costs at most.";
          return;
        }
        const found = await call("POST", `${path}/estimate`, body);
        if (mine !== turn) return;
        cost.textContent = found.refusal ?? `At most ${money(found.worst_usd)} for ${found.models.length} answers.`;
        cost.classList.toggle("bad", Boolean(found.refusal));
        submit.disabled = Boolean(found.refusal);
      } catch (problem) {
        if (mine !== turn) return;
        cost.textContent = problem.message;
        cost.classList.add("bad");
      }
    }, PAUSE_MS);
  };
  form.addEventListener("input", estimate);

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    form.setAttribute("aria-busy", "true");
    try {
      const body = await asked();
      if (!body.model_ids.length) throw new Error("Choose at least one model.");
      const test = await call("POST", path, body);
      follow(path, added(test));
    } catch (problem) {
      toast(problem.message, "bad");
    } finally {
      submit.disabled = false;
      form.removeAttribute("aria-busy");
    }
  });
}
