// Short messages that come and go by themselves; errors stay until they are dismissed.

const SHOWN_MS = 6000;
const KEPT = "modelscout-toast";

/** Show `message`; kind is "good" or "bad". */
export function toast(message, kind = "good") {
  const box = document.querySelector(".toasts");
  const item = document.createElement("div");
  item.className = `toast toast-${kind}`;
  const text = document.createElement("span");
  text.textContent = message;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "close";
  close.setAttribute("aria-label", "Dismiss");
  close.textContent = "×";
  close.addEventListener("click", () => item.remove());
  item.append(text, close);
  box.append(item);
  if (kind === "good") setTimeout(() => item.remove(), SHOWN_MS);
}

/** Show `message` on the page that is loaded next. */
export function toastAfterwards(message) {
  sessionStorage.setItem(KEPT, message);
}

const kept = sessionStorage.getItem(KEPT);
if (kept) {
  sessionStorage.removeItem(KEPT);
  toast(kept);
}
