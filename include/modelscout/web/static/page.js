// What every page can do: send changes as JSON, filter by addresses, draw charts where there are any.

import { call } from "./api.js";
import { ask } from "./dialog.js";
import { toast, toastAfterwards } from "./toast.js";

/** The value of one field as JSON: data-as tells number, integer, boolean, list (one a line) or json. */
export function fieldValue(field) {
  if (field.type === "checkbox") return field.checked;
  const text = field.value.trim();
  switch (field.dataset.as) {
    case "number":
    case "integer":
      return text === "" ? null : Number(text);
    case "decimal":
      return text === "" ? null : text;
    case "list":
      return field.multiple
        ? [...field.selectedOptions].map((option) => option.value)
        : text.split("\n").map((line) => line.trim()).filter(Boolean);
    case "json":
      return text === "" ? {} : JSON.parse(text);
    default:
      return text === "" && field.dataset.empty === "null" ? null : field.value;
  }
}

/** The fields of a form by name; radio buttons give the chosen one, checkboxes of one name a list. */
export function formValues(form) {
  const values = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || field.type === "submit" || field.type === "button") continue;
    if (field.type === "radio") {
      if (field.checked) values[field.name] = fieldValue(field);
    } else if (field.type === "checkbox" && field.dataset.as === "list") {
      values[field.name] ??= [];
      if (field.checked) values[field.name].push(field.value);
    } else {
      values[field.name] = fieldValue(field);
    }
  }
  return values;
}

function goOn(then, done) {
  if (then === "stay") {
    if (done) toast(done);
    return;
  }
  if (done) toastAfterwards(done);
  if (then === "reload") location.reload();
  else location.assign(then);
}

async function send(element, method, path, body) {
  if (element.dataset.confirm && !(await ask(element.dataset.confirm))) return;
  const buttons = element instanceof HTMLFormElement ? [...element.querySelectorAll("button")] : [element];
  for (const button of buttons) button.disabled = true;
  element.setAttribute("aria-busy", "true");
  try {
    const answer = await call(method, path, body);
    element.dispatchEvent(new CustomEvent("sent", { bubbles: true, detail: answer }));
    goOn(element.dataset.then ?? "reload", element.dataset.done ?? "");
  } catch (problem) {
    element.dispatchEvent(new CustomEvent("refused", { bubbles: true, detail: problem }));
    toast(problem.message, "bad");
  } finally {
    for (const button of buttons) button.disabled = false;
    element.removeAttribute("aria-busy");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-send]");
  if (button) send(button, button.dataset.send, button.dataset.path, JSON.parse(button.dataset.body || "{}"));
});

// <form data-send="PATCH" data-path="…">: the fields as JSON.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !form.dataset.send) return;
  event.preventDefault();
  let body;
  try {
    body = formValues(form);
  } catch {
    toast("A field is not valid JSON: correct it and send again.", "bad");
    return;
  }
  send(form, form.dataset.send, form.dataset.path, body);
});

// <form data-submit-on-change>: a filter, whose state is the address.
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("form[data-submit-on-change]");
  if (form) form.requestSubmit();
});

// Empty fields of a filter stay out of the address.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form instanceof HTMLFormElement && form.method === "get" && !form.dataset.send) {
    for (const field of form.elements) if (field.name && field.value === "") field.disabled = true;
    setTimeout(() => {
      for (const field of form.elements) field.disabled = false;
    });
  }
});

if (document.querySelector("[data-chart]")) import("./charts.js").then(({ drawAll }) => drawAll());
