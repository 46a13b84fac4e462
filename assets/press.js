// HTML with buttons. Gradio gives: element, trigger. The markup is made (and escaped) by the server.
// A press on a button with data-press triggers "select" with that JSON; data-goto brings a place of the page into view;
// data-enlarge shows the button's picture large, until it is closed.
function enlarge(button) {
  const dialog = document.createElement("dialog"), picture = button.querySelector("img").cloneNode();
  const close = document.createElement("button"), caption = document.createElement("p");
  dialog.className = "hug-large";
  caption.textContent = button.title;
  close.type = "button";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.append(picture, caption, close);
  document.body.append(dialog);
  dialog.showModal();
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !element.contains(button)) return;
  if ("enlarge" in button.dataset) enlarge(button);
  const place = button.dataset.goto && document.querySelector(button.dataset.goto);
  if (place) place.scrollIntoView({ behavior: "smooth", block: "start" });
  if (button.dataset.press) trigger("select", JSON.parse(button.dataset.press));
});
