(content) => {
  // The file is handed to the browser and stored nowhere: it passes through a hidden component that is emptied at once.
  if (!content) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "text/html;charset=utf-8" }));
  link.download = "hug-report.html";
  document.body.appendChild(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  return "";
}
