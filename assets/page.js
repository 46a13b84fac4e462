// plotly.js, once for the page: fetched when the page is at rest, so that a tab of figures opens at once, or at the
// first figure before that. It comes from the installed Python package, whose address the tag gives.
{
  const source = document.currentScript.dataset.plotly;
  let loading = null;
  window.hugPlotly = () => {
    loading ??= new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = source;
      script.onload = () => done(window.Plotly);
      script.onerror = () => ((loading = null), failed(new Error("plotly.js did not load")));
      document.head.append(script);
    });
    return loading;
  };
  const rest = () => (window.requestIdleCallback || setTimeout)(window.hugPlotly);
  setTimeout(rest, 1000);

  // A figure as it stands, on white, in the size it has on the page, as a file: the buttons name it by its element's id.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button[data-figure]");
    const plot = button && document.querySelector(`#${CSS.escape(button.dataset.figure)} .js-plotly-plot`);
    if (!plot) return;
    const { format, name } = button.dataset;
    const figure = { data: plot.data, layout: { ...plot.layout, paper_bgcolor: "white" } };
    const size = { width: plot.offsetWidth, height: plot.offsetHeight, scale: format === "png" ? 2 : 1 };
    (await window.hugPlotly()).downloadImage(figure, { format, filename: name, ...size });
  });
}
