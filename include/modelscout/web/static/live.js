// Takes a part of a page anew from the server without a jump: charts that stay are given new rows.

import { Problem } from "./api.js";
import { drawAll, renew } from "./charts.js";

/** The text of a page's part. Throws a Problem in words for people. */
export async function part(address, signal) {
  let answer;
  try {
    answer = await fetch(address, { signal, headers: { accept: "text/html" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The server does not answer. Check the connection and try again.");
  }
  const text = await answer.text();
  if (answer.ok) return text;
  if (answer.status === 401) throw new Problem(401, "You are signed out. Sign in to Airflow again.");
  const page = new DOMParser().parseFromString(text, "text/html");
  throw new Problem(answer.status, page.querySelector("main .empty")?.textContent ?? `The server answered ${answer.status}.`);
}

/** Put `text` in the place of what `target` holds. What was opened stays open, what had the focus keeps it. */
export function swap(target, text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").body;
  const focused = target.contains(document.activeElement) ? document.activeElement.textContent : null;
  for (const old of target.querySelectorAll("details[open]")) {
    fresh.querySelector(`details.${old.className}`)?.setAttribute("open", "");
  }
  const renewed = [];
  for (const old of target.querySelectorAll("figure[data-chart]")) {
    const next = [...fresh.querySelectorAll("figure[data-chart]")].find((f) => f.dataset.chart === old.dataset.chart);
    if (!next || !old.chart) continue;
    renewed.push([old, JSON.parse(next.querySelector("script").textContent)]);
    old.setAttribute("aria-label", next.getAttribute("aria-label"));
    next.replaceWith(document.adoptNode(old));
  }
  target.replaceChildren(...[...fresh.childNodes].map((node) => document.adoptNode(node)));
  for (const [figure, rows] of renewed) renew(figure, rows);
  drawAll();
  if (focused) [...target.querySelectorAll("a, button")].find((e) => e.textContent.trim().replace(/ [↑↓]$/, "") === focused.trim().replace(/ [↑↓]$/, ""))?.focus();
}
