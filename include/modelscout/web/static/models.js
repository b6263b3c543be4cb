// Collects models for the comparison. What is collected stays while one browses, in this tab alone.

const KEY = "modelscout-compare";
const MOST = 6;
const tray = document.querySelector("[data-tray]");

function collected() {
  try {
    const list = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(list) ? list.filter((entry) => typeof entry?.model === "string") : [];
  } catch {
    return [];
  }
}

function keep(list) {
  sessionStorage.setItem(KEY, JSON.stringify(list));
  show();
}

function entryOf({ model, name }) {
  const item = document.createElement("li");
  item.className = "tag";
  const text = document.createElement("span");
  text.textContent = name;
  const remove = document.createElement("button");
  remove.type = "button";
  remove.className = "close";
  remove.setAttribute("aria-label", `Do not compare ${name}`);
  remove.textContent = "×";
  remove.addEventListener("click", () => keep(collected().filter((entry) => entry.model !== model)));
  item.append(text, remove);
  return item;
}

function show() {
  const list = collected();
  const chosen = new Set(list.map((entry) => entry.model));
  for (const box of document.querySelectorAll("[data-compare]")) {
    box.checked = chosen.has(box.dataset.compare);
    box.disabled = !box.checked && list.length >= MOST;
  }
  if (!tray) return;
  tray.hidden = list.length === 0;
  tray.querySelector("[data-tray-models]").replaceChildren(...list.map(entryOf));
  const address = new URL(tray.dataset.compareAddress, location.href);
  for (const { model } of list) address.searchParams.append("model", model);
  const link = tray.querySelector("[data-tray-link]");
  link.href = address.href;
  link.textContent = list.length === 1 ? "Compare 1 model" : `Compare ${list.length} models`;
}

document.addEventListener("change", (event) => {
  const box = event.target.closest?.("[data-compare]");
  if (!box) return;
  const rest = collected().filter((entry) => entry.model !== box.dataset.compare);
  keep(box.checked ? [...rest, { model: box.dataset.compare, name: box.dataset.name }] : rest);
});

tray?.querySelector("[data-tray-clear]").addEventListener("click", () => keep([]));
window.addEventListener("pageshow", show);
show();
