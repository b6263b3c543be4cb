// Draws the charts of a page. Vega gets expressions as trees (ast) and no style of its own, because the page
// allows neither evaluated code nor inline style sheets.

const statics = new URL(document.body.dataset.static, location.href);
let library;

function load() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("vega.js", statics);
    script.addEventListener("load", () => resolve(window.vegaEmbed));
    script.addEventListener("error", () => reject(new Error("The charts' library could not be loaded.")));
    document.head.append(script);
  });
  return library;
}

const specifications = new Map();

function specificationOf(name) {
  if (!specifications.has(name)) {
    specifications.set(
      name,
      fetch(new URL(`charts/${name}.json`, statics)).then((answer) => {
        if (!answer.ok) throw new Error("There is no such chart.");
        return answer.json();
      }),
    );
  }
  return specifications.get(name);
}

const NARROW_PX = 560;

function looks(width) {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  const text = of("--text");
  const minor = of("--minor");
  const line = of("--line");
  const font = style.getPropertyValue("--font").trim();
  const range = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => of(`--series-${n}`));
  return {
    background: "transparent",
    font,
    view: { stroke: null },
    axis: {
      labelColor: minor, titleColor: minor, gridColor: line, domainColor: line, tickColor: line,
      labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal", gridOpacity: 0.7, labelOverlap: true,
    },
    legend: {
      labelColor: text, titleColor: minor, labelFontSize: 12, titleFontSize: 11, symbolType: "circle", labelLimit: 220,
      ...(width < NARROW_PX ? { orient: "bottom", columns: 2 } : {}),
    },
    header: { labelColor: text, titleColor: minor },
    title: { color: text },
    range: { category: range, ramp: [of("--series-1-back"), range[0]], heatmap: [of("--series-1-back"), range[0]], ordinal: range },
    mark: { color: range[0] },
    rule: { color: minor },
    text: { color: text },
    line: { strokeWidth: 2 },
    point: { filled: true, size: 45 },
    bar: { cornerRadiusEnd: 3 },
  };
}

// The tooltip: text only, whatever a model is called.
const tip = document.createElement("div");
tip.className = "chart-tip";
tip.hidden = true;
document.body.append(tip);

function tooltip(handler, event, item, value) {
  if (value === null || value === undefined || value === "") {
    tip.hidden = true;
    return;
  }
  tip.replaceChildren();
  const entries = typeof value === "object" ? Object.entries(value) : [["", value]];
  for (const [name, figure] of entries) {
    const row = document.createElement("div");
    const label = document.createElement("span");
    label.textContent = name;
    const text = document.createElement("b");
    text.textContent = String(figure);
    row.append(label, text);
    tip.append(row);
  }
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = Math.min(event.clientX + 14, innerWidth - box.width - 8);
  const top = Math.min(event.clientY + 14, innerHeight - box.height - 8);
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, top)}px`;
}

/** Draw `rows` as the chart `name` within the figure. */
export async function draw(figure, name, rows) {
  const area = figure.querySelector(".area");
  figure.chart = { name, rows };
  if (!rows.length) {
    area.textContent = "Nothing to draw yet.";
    area.classList.add("nothing");
    return;
  }
  area.classList.remove("nothing");
  figure.setAttribute("aria-busy", "true");
  try {
    const [embed, specification] = await Promise.all([load(), specificationOf(name)]);
    const { width: _width, height: _height, config: _config, ...rest } = specification;
    const layered = "facet" in rest || "hconcat" in rest || "vconcat" in rest || "repeat" in rest;
    figure.view?.finalize();
    figure.view = await embed(
      area,
      {
        ...rest,
        data: { name: "rows", values: rows },
        ...(layered ? {} : { width: "container", height: "container" }),
        autosize: { type: "fit", contains: "padding" },
      },
      {
        actions: false, ast: true, defaultStyle: false, renderer: "svg", config: looks(area.clientWidth),
        tooltip: tooltip, hover: true,
      },
    );
    // The figure says what a chart shows; its hundred parts say nothing of their own.
    area.querySelector("svg")?.setAttribute("aria-hidden", "true");
  } catch (error) {
    area.textContent = error.message;
    area.classList.add("nothing");
  } finally {
    figure.removeAttribute("aria-busy");
  }
}

/** Give a chart that is drawn new rows: nothing of it is built anew, so nothing jumps. */
export async function renew(figure, rows) {
  const view = figure.view?.view;
  if (!view || !rows.length) {
    await draw(figure, figure.chart?.name ?? figure.dataset.chart, rows);
    return;
  }
  figure.chart.rows = rows;
  await view.data("rows", rows).runAsync();
}

/** Draw every chart of the page; those below the fold when they come near. */
export function drawAll() {
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        watcher.unobserve(target);
        draw(target, target.dataset.chart, JSON.parse(target.querySelector("script").textContent));
      }
    },
    { rootMargin: "200px" },
  );
  for (const figure of document.querySelectorAll("[data-chart]")) if (!figure.chart) watcher.observe(figure);
}

window.addEventListener("themechange", () => {
  for (const figure of document.querySelectorAll("[data-chart]")) {
    if (figure.chart) draw(figure, figure.chart.name, figure.chart.rows);
  }
});
