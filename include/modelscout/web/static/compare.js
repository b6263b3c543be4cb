// Assigns a compared model to a feature, and takes it back.

import { call } from "./api.js";
import { toast } from "./toast.js";

const dialog = document.getElementById("assign");
const form = document.querySelector("[data-assign-form]");
const assigned = document.querySelector("[data-assigned]");
let undoPath = null;

function pathOf(feature) {
  return `organizations/${encodeURIComponent(form.dataset.organization)}/features/${encodeURIComponent(feature)}`;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-assign]");
  if (!button || !dialog) return;
  form.elements.model.value = button.dataset.assign;
  form.querySelector("[data-assign-name]").textContent = button.dataset.assign;
  form.querySelector("[data-assign-problem]").hidden = true;
  dialog.showModal();
});

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { model, feature } = form.elements;
  const problem = form.querySelector("[data-assign-problem]");
  const buttons = [...form.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  form.setAttribute("aria-busy", "true");
  try {
    await call("PATCH", pathOf(feature.value), { model: model.value });
    dialog.close();
    undoPath = `${pathOf(feature.value)}/undo`;
    const name = feature.selectedOptions[0].textContent.replace(/ \(now .*\)$/, "");
    assigned.querySelector("[data-assigned-text]").textContent = `${name} uses ${model.value} from now on.`;
    assigned.hidden = false;
    toast(`${name} uses ${model.value}.`);
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
  } finally {
    for (const button of buttons) button.disabled = false;
    form.removeAttribute("aria-busy");
  }
});

document.querySelector("[data-assigned-undo]")?.addEventListener("click", async (event) => {
  event.target.disabled = true;
  try {
    await call("POST", undoPath, {});
    assigned.hidden = true;
    toast("The assignment is taken back.");
  } catch (error) {
    toast(error.message, "bad");
  } finally {
    event.target.disabled = false;
  }
});
