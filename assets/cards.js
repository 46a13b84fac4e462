// Pictures and sentences to choose from, as buttons. Gradio gives: element, props, trigger, watch.
// The value is JSON: {before, cards: [{id, source, text, note, alt, title, mark, words}], empty, after}, each optional. What a
// card holds is set as text; before and after are HTML made (and escaped) by the server.
// A press triggers "select" with {id, words}.
const make = (name, kind, text) => {
  const node = document.createElement(name);
  node.className = kind;
  if (text !== undefined) node.textContent = text;
  return node;
};

function card(item) {
  const button = make("button", "hug-card" + (item.source ? "" : " hug-card-text"));
  button.type = "button";
  button.dataset.id = item.id || "";
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
  button.addEventListener("click", () => trigger("select", { id: item.id, words: item.words }));
  return button;
}

function draw() {
  const { before = "", cards = [], empty = "", after = "" } = JSON.parse(props.value || "{}");
  element.querySelector(".hug-before").innerHTML = before;
  element.querySelector(".hug-after").innerHTML = after;
  const list = element.querySelector(".hug-cards");
  list.replaceChildren(...cards.map(card));
  if (!cards.length && empty) list.append(make("p", "hug-empty", empty));
}

watch("value", draw);
draw();
