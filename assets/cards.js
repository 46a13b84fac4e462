// Pictures and sentences to choose from, as buttons. Gradio gives: element, props, trigger, watch.
// The value is JSON: {before, cards: [{id, source, text, note, alt, title, mark}], empty, after}; everything is set as text.
// A press triggers "select" with {id}.
const make = (name, kind, text) => {
  const made = document.createElement(name);
  made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
};

function card(item) {
  const button = make("button", "hug-card" + (item.source ? "" : " hug-card-text"));
  button.type = "button";
  button.dataset.id = item.id;
  button.title = item.title || "";
  if (item.source) {
    const image = make("img", "");
    image.loading = "lazy";
    image.alt = item.alt || item.id;
    image.src = item.source;
    button.append(image);
  }
  if (item.text) button.append(make("span", "hug-card-words", item.text));
  if (item.note) button.append(make("span", "hug-card-note", item.note));
  if (item.mark) button.classList.add("hug-card-marked");
  button.addEventListener("click", () => trigger("select", { id: item.id }));
  return button;
}

function draw() {
  const shown = JSON.parse(props.value || "null") || { before: "", cards: [], empty: "", after: "" };
  element.querySelector(".hug-before").innerHTML = shown.before;
  element.querySelector(".hug-after").innerHTML = shown.after;
  const list = element.querySelector(".hug-cards");
  list.replaceChildren(...shown.cards.map(card));
  if (!shown.cards.length && shown.empty) list.append(make("p", "hug-empty", shown.empty));
}

watch("value", draw);
draw();
