// A figure that reports what was clicked. Gradio gives: element, props, trigger, watch, server.
// The value is JSON: {before, figure, alt, after, clickable, tools, model}, all but `before` optional; before and after
// are HTML made (and escaped) by the server.
// A click on a point with customdata (an id, or what else its drawer put there) triggers "select" with {id}.
const part = (name) => element.querySelector(".hug-" + name);
const plot = part("plot");
const look = part("look"); // the picture beside the pointer
let hovered = null; // the id under the pointer

async function hover(event) {
  const id = event.points[0].customdata;
  if (!server.look || !id) return;
  hovered = id;
  const source = await server.look([element.dataset.model || "", String(id)]);
  if (hovered !== id || !source) return;
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
  hovered = null;
  look.hidden = true;
}

let value = null;
let near = false; // a figure far below is drawn when it comes near
let stale = false;
let live = false; // plotly's events have their handlers

function show() {
  value = JSON.parse(props.value || "{}");
  part("before").innerHTML = value.before || "";
  part("after").innerHTML = value.after || "";
  element.dataset.model = value.model || "";
  away();
  plot.hidden = !value.figure;
  if (!value.figure) return;
  plot.setAttribute("aria-label", value.alt);
  plot.style.minHeight = value.figure.layout.height + "px";
  plot.style.minWidth = (value.figure.layout.meta?.least || 0) + "px";
  stale = true;
  if (near) draw();
}

// Titles of horizontal axes in lines no longer than their axis.
function titles() {
  const changes = {};
  for (const [name, axis] of Object.entries(plot._fullLayout)) {
    const title = name.startsWith("xaxis") && value.figure.layout[name]?.title?.text;
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
  const settings = { responsive: true, displaylogo: false, displayModeBar: Boolean(value.tools), scrollZoom: false };
  settings.modeBarButtons = [["zoomIn2d", "zoomOut2d", "pan2d", "zoom2d", "resetScale2d"]];
  await Plotly.react(plot, value.figure.data, value.figure.layout, settings);
  const changes = titles();
  if (Object.keys(changes).length) await Plotly.relayout(plot, changes);
  plot.classList.toggle("hug-clickable", Boolean(value.clickable));
  plot.dataset.drawn = String(Number(plot.dataset.drawn || 0) + 1);
  if (live) return;
  live = true;
  plot.on("plotly_click", (event) => {
    const id = event.points[0].customdata;
    if (id !== undefined && id !== null) trigger("select", { id });
  });
  plot.on("plotly_hover", hover);
  plot.on("plotly_unhover", away);
  new ResizeObserver(() => plot.offsetWidth && Plotly.Plots.resize(plot)).observe(plot);
}

new IntersectionObserver(
  (entries) => {
    near = entries.some((entry) => entry.isIntersecting);
    if (near && stale) draw();
  },
  { rootMargin: "300px" },
).observe(part("frame"));
watch("value", show);
show();
