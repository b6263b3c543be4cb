// Quick switching on the cards: the models that the organization can use and that have what the feature needs.

import { call } from "./api.js";
import { filterBy, lacking, listChoices } from "./choices.js";
import { toastAfterwards } from "./toast.js";

const dialog = document.getElementById("switch");
if (dialog) {
  const form = dialog.querySelector("form");
  const box = dialog.querySelector(".options");
  const note = dialog.querySelector(".note");
  const search = dialog.querySelector("input[type=search]");
  const submit = dialog.querySelector(".primary");
  let asked = null;
  filterBy(search, box);

  const say = (text) => {
    note.textContent = text;
    note.hidden = !text;
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-switch]");
    if (!button) return;
    asked = { ...button.dataset };
    dialog.querySelector("h2").textContent = `Model of ${asked.name}`;
    say("");
    search.value = "";
    submit.disabled = true;
    for (const node of box.querySelectorAll("label, p")) node.remove();
    box.insertAdjacentHTML("beforeend", '<p class="minor">Loading…</p>');
    dialog.showModal();
    try {
      const path = `organizations/${encodeURIComponent(form.dataset.organization)}/features/${encodeURIComponent(asked.switch)}`;
      const { items } = await call("GET", `${path}/choices`);
      listChoices(box, items, {
        chosen: [asked.model],
        blocked: (c) => (c.model === asked.model ? "" : lacking(c.lacks, "not verified for")),
      });
      submit.disabled = false;
    } catch (problem) {
      box.querySelector("p").textContent = "The models could not be loaded.";
      say(problem.message);
    }
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const model = new FormData(form).get("model");
    if (!model) {
      say("Choose a model first.");
      return;
    }
    submit.disabled = true;
    try {
      const path = `organizations/${encodeURIComponent(form.dataset.organization)}/features/${encodeURIComponent(asked.switch)}`;
      await call("PATCH", path, { model, seen_at: asked.seen || null });
      toastAfterwards(`${asked.name} now uses ${model}.`);
      location.reload();
    } catch (problem) {
      say(problem.message);
      submit.disabled = false;
    }
  });
}
