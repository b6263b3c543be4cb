// The drawer that configures a feature: lists in order, only what was changed is sent, problems stand at their field.

import { call } from "./api.js";
import { toastAfterwards } from "./toast.js";

const TAKEN = { clarifai: [] };
const KNOWN = ["max_output_tokens", "reasoning_effort"];

function button(label, text, action) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "button small", textContent: text });
  made.setAttribute("aria-label", label);
  made.addEventListener("click", action);
  return made;
}

/** A list whose entries move up and down and go; `name(entry)` is shown. Alt and an arrow key move them too. */
function orderedList(box, entries, name) {
  const move = (from, to) => {
    if (to < 0 || to >= entries.length) return;
    entries.splice(to, 0, ...entries.splice(from, 1));
    draw(to, to < from ? 0 : 1);
  };
  function draw(focused = -1, which = 0) {
    box.replaceChildren(
      ...entries.map((entry, place) => {
        const item = document.createElement("li");
        const text = document.createElement("span");
        const model = document.createElement("bdi");
        model.textContent = name(entry);
        text.append(model);
        const up = button(`Move ${name(entry)} up`, "↑", () => move(place, place - 1));
        const down = button(`Move ${name(entry)} down`, "↓", () => move(place, place + 1));
        const gone = button(`Remove ${name(entry)}`, "×", () => {
          entries.splice(place, 1);
          draw(Math.min(place, entries.length - 1), 2);
        });
        up.disabled = place === 0;
        down.disabled = place === entries.length - 1;
        item.addEventListener("keydown", (event) => {
          if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
          event.preventDefault();
          move(place, place + (event.key === "ArrowUp" ? -1 : 1));
        });
        item.append(text, up, down, gone);
        return item;
      }),
    );
    const buttons = box.children[focused]?.querySelectorAll("button");
    if (buttons) (buttons[which].disabled ? buttons[which === 2 ? 2 : 1 - which] : buttons[which]).focus();
  }
  draw();
  return draw;
}

const words = (rule) => `${Object.entries(rule.when).map(([word, levels]) => `${word} ${levels.join(" or ")}`).join(", ")}: ${rule.model}`;

export function configure(form, choices) {
  const field = (id) => form.querySelector(`#${id}`);
  const fallbacks = JSON.parse(field("fallbacks").dataset.models);
  const rules = JSON.parse(field("rules").dataset.rules);
  const drawFallbacks = orderedList(field("fallbacks"), fallbacks, (model) => model);
  const drawRules = orderedList(field("rules"), rules, words);
  const able = choices.filter((choice) => !choice.lacks.length).map((choice) => choice.model);
  for (const select of [field("fallback-new"), field("rule-model")]) {
    select.append(...able.map((model) => new Option(model, model)));
  }
  if (!able.length) {
    field("fallback-add").disabled = true;
    field("rule-add").disabled = true;
  }
  field("fallback-add").addEventListener("click", () => {
    const model = field("fallback-new").value;
    if (model && !fallbacks.includes(model) && model !== field("model").value) fallbacks.push(model);
    drawFallbacks();
  });
  field("rule-add").addEventListener("click", () => {
    const [word, level] = field("rule-level").value.split("=");
    const model = field("rule-model").value;
    const same = rules.find((rule) => rule.model === model && Object.keys(rule.when).join() === word);
    if (same) {
      if (!same.when[word].includes(level)) same.when[word].push(level);
    } else rules.push({ when: { [word]: [level] }, model });
    drawRules();
  });

  // What the chosen model's provider takes.
  const showTaken = () => {
    const provider = field("model").value.split("/")[0];
    const taken = TAKEN[provider] ?? KNOWN;
    for (const part of form.querySelectorAll("[data-parameter]")) part.hidden = !taken.includes(part.dataset.parameter);
    field("provider-note").textContent = taken.length
      ? "Kept for your application; our own adapters take the two above."
      : `${provider} takes no parameters of a call; what stands here is kept for your application.`;
  };
  field("model").addEventListener("change", showTaken);
  showTaken();

  const values = () => {
    const other = field("other").value.trim();
    const parameters = other ? JSON.parse(other) : {};
    if (field("max-output").value && !field("max-output").closest("[hidden]")) parameters.max_output_tokens = Number(field("max-output").value);
    if (field("effort").value && !field("effort").closest("[hidden]")) parameters.reasoning_effort = field("effort").value;
    const limits = {};
    for (const input of form.querySelectorAll("[data-limit]")) if (input.value) limits[input.dataset.limit] = Number(input.value);
    const margin = field("margin").value;
    return {
      model: field("model").value || null,
      parameters,
      fallbacks: [...fallbacks],
      objective: field("objective").value,
      // Points of a hundred to a share, by moving the point: never through a binary fraction.
      margin: margin === "" ? null : (Math.round(Number(margin) * 100) / 10000).toFixed(4),
      limits,
      monthly_budget_usd: field("budget").value || null,
      workload_models: structuredClone(rules),
      auto_apply: form.elements.auto_apply.checked,
    };
  };
  const before = values();

  const clear = () => {
    for (const old of form.querySelectorAll(".problem:not([role])")) old.remove();
    for (const marked of form.querySelectorAll("[aria-invalid]")) marked.removeAttribute("aria-invalid");
    form.querySelector(".problem[role]").hidden = true;
  };
  const complain = (message) => {
    // A refusal of the server begins with its field: "limits.max_latency_ms=0 is out of range: …".
    const named = /^(?:body\.)?([a-z_]+(?:\.[a-z_]+)?)/.exec(message)?.[1] ?? "";
    const place =
      form.querySelector(`[data-field="${named}"]`) ??
      form.querySelector(`[data-parameter="${named.split(".")[1] ?? ""}"]:not([hidden])`) ??
      form.querySelector(`[data-field="${named.split(".")[0]}"]`);
    const general = form.querySelector(".problem[role]");
    general.textContent = place ? "Not saved: see the field that is marked." : message;
    general.hidden = false;
    if (!place) return;
    const text = document.createElement("p");
    text.className = "problem wide";
    text.id = "field-problem";
    text.textContent = message;
    place.append(text);
    const input = place.querySelector("input, select, textarea, button");
    input?.setAttribute("aria-invalid", "true");
    input?.setAttribute("aria-describedby", "field-problem");
    input?.focus();
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clear();
    const save = form.querySelector(".primary");
    let now;
    try {
      now = values();
    } catch {
      complain("parameters: this is not JSON: write it as {\"temperature\": 0.2}");
      return;
    }
    const change = Object.fromEntries(Object.entries(now).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])));
    if (!Object.keys(change).length) {
      form.closest("dialog").close();
      return;
    }
    save.disabled = true;
    form.setAttribute("aria-busy", "true");
    try {
      await call("PATCH", form.dataset.path, { ...change, seen_at: form.dataset.seen || null });
      toastAfterwards("Saved.");
      location.reload();
    } catch (problem) {
      complain(problem.message);
      save.disabled = false;
      form.removeAttribute("aria-busy");
    }
  });
}
