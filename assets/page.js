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
}
