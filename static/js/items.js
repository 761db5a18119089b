// What items do beyond a form: steps that move, copies of a case that open and close as one, images that open large.
// A moved step says so by the change event of its hidden select, so a page needs to listen to nothing else.

const steps = (order) => [...order.querySelectorAll(".order__step")];

/** Write the places of the steps, as they stand, into their selects; nothing while no order has been given. */
function place(order, given) {
  steps(order).forEach((step, index, all) => {
    step.querySelector("select").value = given ? index + 1 : "";
    step.querySelector("[data-move=up]").setAttribute("aria-disabled", String(index === 0));
    step.querySelector("[data-move=down]").setAttribute("aria-disabled", String(index === all.length - 1));
  });
  order.classList.toggle("is-given", given);
  order.querySelectorAll("[data-order-open]").forEach((part) => { part.hidden = given; });
  order.querySelector("[data-order-done]").hidden = !given;
}

/** Put the steps into an order of option ids; null is the order of the paper, which answers nothing. */
export function arrange(order, ids) {
  const at = ({ dataset }) => (ids ? ids.indexOf(dataset.id) : Number(dataset.drawn));
  order.querySelector("ol").append(...steps(order).sort((one, other) => at(one) - at(other)));
  place(order, Boolean(ids));
}

function give(order) {
  place(order, true);
  order.querySelector("select").dispatchEvent(new Event("change", { bubbles: true }));
}

function move(button) {
  const step = button.closest(".order__step");
  const order = step.closest("[data-order]");
  const up = button.dataset.move === "up";
  const other = up ? step.previousElementSibling : step.nextElementSibling;
  if (!other) return;
  // The other step changes its place, so that the focus stays where it is.
  if (up) step.after(other);
  else step.before(other);
  give(order);
  const all = steps(order);
  const said = { step: step.querySelector(".order__text").innerText.trim(), n: all.indexOf(step) + 1, total: all.length };
  order.querySelector("[data-moved]").textContent = order.dataset.words.replace(/{(\w+)}/g, (_, name) => said[name]);
}

/** Show what cannot hold two languages in the one that the rest is read in: "zh" or "en". */
export function speak(box, language) {
  box.querySelectorAll("[data-zh]").forEach((node) => {
    if (node.dataset.into) node.setAttribute(node.dataset.into, node.dataset[language]);
    else node.textContent = node.dataset[language];
  });
  box.querySelectorAll(`.bi[lang^=${language}] [data-slot]:empty`).forEach((slot) => {
    slot.append(box.querySelector(`[name="answer-${slot.dataset.slot}"]`).parentNode);
  });
}

document.querySelectorAll("[data-order]").forEach((order) => {
  const given = steps(order).map((step) => [step.querySelector("select").value, step.dataset.id]);
  arrange(order, given.every(([value]) => value) ? given.sort(([a], [b]) => a - b).map(([, id]) => id) : null);
  order.classList.add("is-live");
});

document.addEventListener("click", (event) => {
  const hit = (selector) => event.target.closest?.(selector);
  const zoomed = hit("[data-zoom]");
  if (hit("[data-move]")) move(hit("[data-move]"));
  else if (hit("[data-keep-order]")) {
    const order = hit("[data-order]");
    give(order);
    order.querySelector("[data-move]").focus();
    order.querySelector("[data-moved]").textContent = order.querySelector("[data-order-done]").innerText;
  } else if (zoomed) {
    event.preventDefault();
    const large = zoomed.parentNode.querySelector("img").cloneNode();
    const box = document.querySelector("#zoom [data-zoomed]");
    large.loading = "eager";
    box.replaceChildren(large);
    box.parentNode.showModal();
  }
});

const copies = (one) => document.querySelectorAll(`details[data-case="${CSS.escape(one.dataset.case)}"]`);
document.querySelectorAll("form details[data-case][open]").forEach((one) => {
  copies(one).forEach((copy) => { copy.open = true; });
});
document.addEventListener("toggle", ({ target }) => {
  if (target.matches?.("form details[data-case]")) copies(target).forEach((copy) => { copy.open = target.open; });
}, true);

// While playing every image is there before it is needed: the line may be gone by then.
const images = [...document.querySelectorAll("form img")];
const fetchAll = () => images.forEach((image) => { image.loading = "eager"; });
if (document.readyState === "complete") fetchAll();
else addEventListener("load", fetchAll);
addEventListener("online", () => images.forEach((image) => {
  if (image.complete && !image.naturalWidth) image.src = image.getAttribute("src");
}));
