// Sends the configuration of a model: fields named part.name become objects, empty ones are left out.

import { call } from "./api.js";
import { formValues } from "./page.js";
import { toast, toastAfterwards } from "./toast.js";

function nested(values) {
  const body = { limits: {}, cost_options: {} };
  for (const [name, value] of Object.entries(values)) {
    const [part, inner] = name.split(".");
    if (inner === undefined) body[part] = value;
    else if (value !== null && value !== false) body[part][inner] = value;
  }
  return body;
}

const form = document.querySelector("[data-settings]");
form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  let body;
  try {
    body = nested(formValues(form));
  } catch {
    toast("Parameters are no valid JSON: correct them and save again.", "bad");
    form.elements.parameters.focus();
    return;
  }
  const button = form.querySelector("button");
  button.disabled = true;
  form.setAttribute("aria-busy", "true");
  try {
    const done = await call("PATCH", form.dataset.settings, { ...body, seen_at: form.dataset.seen || null });
    if (!done.changed) {
      toast("Everything stood so already.");
      return;
    }
    toastAfterwards(form.dataset.done);
    location.reload();
  } catch (error) {
    toast(error.message, "bad");
  } finally {
    button.disabled = false;
    form.removeAttribute("aria-busy");
  }
});
