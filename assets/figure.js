// A figure that reports what was clicked. Gradio gives: element, props, trigger, watch, server.
// The value is JSON: {before, figure, alt, after, tool}; before and after are HTML made (and escaped) by the server.
// A click on a point with customdata (an id, or what else its drawer put there) triggers "select" with {id}.
const part = (name) => element.querySelector(".hug-" + name);
const plot = part("plot");
const look = part("look"); // the picture beside the pointer
let looked = null;

async function hover(event) {
  const id = event.points[0].customdata;
  if (!server.look || !id) return;
  looked = id;
  const source = await server.look([element.dataset.model || "", String(id)]);
  if (looked !== id || !source) return;
  look.querySelector("img").src = source;
  look.querySelector("span").textContent = id;
  const box = plot.getBoundingClientRect();
  const x = Math.min(Math.max(event.event.clientX - box.left + 16, 0), box.width - 140);
  const y = event.event.clientY - box.top;
  look.style.left = x + "px";
  look.style.top = (y > box.height / 2 ? y - 200 : y + 36) + "px"; // beside the label, not over it
  look.hidden = false;
}

function away() {
  looked = null;
  look.hidden = true;
}

let shown = null;
let seen = false; // a figure far below is drawn when it comes near
let stale = false;
let wired = false;

function show() {
  shown = JSON.parse(props.value || "null") || { before: "", after: "", figure: null, alt: "" };
  part("before").innerHTML = shown.before;
  part("after").innerHTML = shown.after;
  element.dataset.model = shown.model || "";
  away();
  plot.hidden = !shown.figure;
  if (!shown.figure) return;
  plot.setAttribute("aria-label", shown.alt);
  plot.style.minHeight = shown.figure.layout.height + "px";
  plot.style.minWidth = (shown.figure.layout.meta?.least || 0) + "px";
  stale = true;
  if (seen) draw();
}

// Titles of horizontal axes in lines no longer than their axis.
function folded() {
  const changes = {};
  for (const [name, axis] of Object.entries(plot._fullLayout)) {
    const title = name.startsWith("xaxis") && shown.figure.layout[name]?.title?.text;
    if (!title || title.length * 6.6 <= axis._length) continue;
    const lines = [""];
    for (const word of title.split(" ")) {
      const joined = (lines.at(-1) + " " + word).trim();
      if (joined.length * 7 > axis._length) lines.push(word);
      else lines[lines.length - 1] = joined;
    }
    changes[name + ".title.text"] = lines.join("<br>");
  }
  return changes;
}

async function draw() {
  stale = false;
  const Plotly = await window.hugPlotly();
  const settings = { responsive: true, displaylogo: false, displayModeBar: Boolean(shown.tools), scrollZoom: false };
  settings.modeBarButtons = [["zoomIn2d", "zoomOut2d", "pan2d", "zoom2d", "resetScale2d"]];
  await Plotly.react(plot, shown.figure.data, shown.figure.layout, settings);
  const changes = folded();
  if (Object.keys(changes).length) await Plotly.relayout(plot, changes);
  plot.classList.toggle("hug-clickable", Boolean(shown.clickable));
  plot.dataset.drawn = String(Number(plot.dataset.drawn || 0) + 1);
  if (wired) return;
  wired = true;
  plot.on("plotly_click", (event) => {
    const id = event.points[0].customdata;
    if (id !== undefined && id !== null) trigger("select", { id });
  });
  plot.on("plotly_hover", hover);
  plot.on("plotly_unhover", away);
  new ResizeObserver(() => plot.offsetWidth && Plotly.Plots.resize(plot)).observe(plot);
}

// The figure as it stands, on white, in the size it has on the page.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-figure]");
  if (!button || !plot.data) return; // what was drawn has loaded plotly.js
  const figure = { data: plot.data, layout: { ...plot.layout, paper_bgcolor: "white" } };
  const format = button.dataset.format;
  const size = { width: plot.offsetWidth, height: plot.offsetHeight, scale: format === "png" ? 2 : 1 };
  Plotly.downloadImage(figure, { format, filename: button.dataset.name, ...size });
});

new IntersectionObserver(
  (entries) => {
    seen = entries.some((entry) => entry.isIntersecting);
    if (seen && stale) draw();
  },
  { rootMargin: "300px" },
).observe(part("frame"));
watch("value", show);
show();
