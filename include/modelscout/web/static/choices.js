// Models to choose from, as a list of radio buttons or checkboxes.

/** Build the labels of `choices` into `box`; `blocked(choice)` says why one cannot be chosen, "" where it can. */
export function listChoices(box, choices, { type = "radio", name = "model", value = "model", chosen = [], blocked }) {
  const old = box.querySelectorAll("label, p");
  for (const node of old) node.remove();
  const shown = choices.toSorted((a, b) => Boolean(blocked(a)) - Boolean(blocked(b)) || a.model.localeCompare(b.model));
  for (const choice of shown) {
    const why = blocked(choice);
    const label = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { type, name, value: choice[value], disabled: Boolean(why), checked: chosen.includes(choice[value]) });
    const text = document.createElement("span");
    const model = document.createElement("bdi");
    model.className = "free";
    model.textContent = choice.model;
    text.append(model);
    const notes = [why, choice.retires_on ? `retires ${choice.retires_on}` : ""].filter(Boolean);
    if (notes.length) {
      const minor = document.createElement("span");
      minor.className = "minor";
      minor.textContent = notes.join("; ");
      text.append(minor);
    }
    if (why) label.setAttribute("aria-disabled", "true");
    label.append(input, text);
    box.append(label);
  }
  if (!shown.length) {
    const none = document.createElement("p");
    none.className = "minor";
    none.textContent = "No model can be used: check the organization's keys, then run discover_models.";
    box.append(none);
  }
}

/** Hide the labels whose text does not hold what is typed into `search`. */
export function filterBy(search, box) {
  search.addEventListener("input", () => {
    const words = search.value.trim().toLowerCase();
    for (const label of box.querySelectorAll("label")) label.hidden = !label.textContent.toLowerCase().includes(words);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
}

/** Why a model cannot be assigned or stand in: what it lacks, in words. */
export const lacking = (names, verb) => (names.length ? `${verb} ${names.map((n) => n.replaceAll("_", " ")).join(", ")}` : "");
