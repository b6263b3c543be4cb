// The calculator answers while somebody types. The address is always the question that is shown.

import { part, swap } from "./live.js";
import { toast } from "./toast.js";

const WAIT_MS = 250;
const form = document.querySelector("[data-calculator]");
const results = document.querySelector("[data-results]");
let waiting;
let asking;

/** The question in the form as the parameters of an address. */
function parameters() {
  const found = new URLSearchParams();
  for (const field of form.elements) {
    if (field.disabled || field.value === undefined || "plain" in field.dataset) continue;
    const value = field.type === "checkbox" ? (field.checked ? field.value : "") : field.value.trim();
    if (value === "") continue;
    if (field.dataset.name) {
      const name = field.dataset.name;
      found.append(name, name === "feature" && value === "1" ? field.dataset.for : `${field.dataset.for}=${value}`);
    } else if (field.name) {
      found.append(field.name, value);
    }
  }
  const sort = new URLSearchParams(location.search).get("sort");
  if (sort) found.set("sort", sort);
  return found;
}

function address(base, query) {
  const target = new URL(base, location.href);
  target.search = query.toString();
  return target;
}

async function answer(query) {
  asking?.abort();
  asking = new AbortController();
  results.setAttribute("aria-busy", "true");
  try {
    swap(results, await part(address(results.dataset.from, query), asking.signal));
    results.removeAttribute("aria-busy");
  } catch (problem) {
    if (problem.name === "AbortError") return;
    results.removeAttribute("aria-busy");
    toast(problem.message, "bad");
  }
}

// One step of the history for one change, however many keys were pressed for it.
let isTyping = false;

function ask(isSettled) {
  clearTimeout(waiting);
  if (!form.checkValidity()) return;
  const query = parameters();
  const target = address(form.action, query);
  if (isTyping) history.replaceState(null, "", target);
  else if (target.href !== location.href) history.pushState(null, "", target);
  isTyping = !isSettled;
  answer(query);
}

const own = (field) => field.name || field.dataset.name;

form.addEventListener("input", (event) => {
  if (!own(event.target)) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => ask(false), WAIT_MS);
});
form.addEventListener("change", (event) => {
  const { dataset, value } = event.target;
  if (dataset.adds) {
    if (value.trim()) open((query) => query.append(dataset.adds, value.trim()));
  } else if ("fixedModel" in dataset || "fixedUsd" in dataset) {
    const model = form.querySelector("[data-fixed-model]").value.trim();
    const usd = form.querySelector("[data-fixed-usd]").value.trim();
    if (model && usd) open((query) => query.append("fixed_cost", `${model}=${usd}`));
  } else if (own(event.target)) {
    if (event.target.checkValidity()) ask(true);
    else event.target.reportValidity();
  }
});
form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-removes]");
  if (!button) return;
  button.closest(".work, .chip").remove();
  open(() => {});
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(true);
});

/** The page anew, its question changed: what is asked for has fields of its own. What is refused changes nothing. */
async function open(change) {
  if (!form.reportValidity()) return;
  const query = parameters();
  change(query);
  try {
    await part(address(results.dataset.from, query));
  } catch (problem) {
    toast(problem.message, "bad");
    return;
  }
  location.assign(address(form.action, query));
}

results.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-sorts]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  isTyping = false;
  answer(new URL(link.href).searchParams);
});
window.addEventListener("popstate", () => location.reload());

const copies = form.querySelector("[data-copies]");
if (navigator.clipboard) {
  copies.hidden = false;
  copies.addEventListener("click", () =>
    navigator.clipboard.writeText(location.href).then(
      () => toast("The address is copied."),
      () => toast("The browser does not allow to copy: take the address from its bar.", "bad"),
    ),
  );
}

// What somebody changed before this file had arrived.
const differs = (field) => {
  if (field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field instanceof HTMLSelectElement) {
    const first = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(first, 0);
  }
  return field.value !== field.defaultValue;
};
if ([...form.elements].some((field) => own(field) && differs(field))) ask(true);
