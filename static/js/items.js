// What items do beyond a form: steps that move by buttons or by dragging, copies of a case that open and close as one, images that open large.
// A moved step says so by the change event of its hidden select, so a page needs to listen to nothing else.
import { fill } from "./ui.js";

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
  tell(order, step);
}

/** Say to a screen reader where a step stands now. */
function tell(order, step) {
  const all = steps(order);
  const said = { step: step.querySelector(".order__text").innerText.trim(), n: all.indexOf(step) + 1, total: all.length };
  order.querySelector("[data-moved]").textContent = fill(order.dataset.words, said);
}

/** Drag a step by its grip. It follows the pointer, the others make room, and only letting go elsewhere is an answer. */
function drag(event) {
  const grip = event.target.closest?.("[data-grip]");
  const order = grip?.closest("[data-order]");
  if (!order || event.button || order.querySelector(".is-dragged")) return;
  event.preventDefault();
  const step = grip.closest(".order__step");
  const before = steps(order);
  let at = event.clientY;
  let start = at + scrollY;
  const follow = () => {
    const shift = () => at + scrollY - start;
    const change = (put) => { const was = step.offsetTop; put(); start += step.offsetTop - was; };
    for (let next = step.nextElementSibling; next; next = step.nextElementSibling) {
      if (step.offsetTop + shift() + step.offsetHeight <= next.offsetTop + next.offsetHeight / 2) break;
      change(() => step.before(next));
    }
    for (let last = step.previousElementSibling; last; last = step.previousElementSibling) {
      if (step.offsetTop + shift() >= last.offsetTop + last.offsetHeight / 2) break;
      change(() => step.after(last));
    }
    step.style.transform = `translateY(${shift()}px)`;
  };
  const scroll = () => {
    if (!step.classList.contains("is-dragged")) return;
    const edge = (at > innerHeight - 96) - (at < 96);
    if (edge) {
      scrollBy({ top: 8 * edge, behavior: "instant" });
      follow();
    }
    requestAnimationFrame(scroll);
  };
  const moved = (one) => {
    if (one.pointerId !== event.pointerId) return;
    at = one.clientY;
    follow();
  };
  const end = (one) => {
    if (one.type === "keydown" ? one.key !== "Escape" : one.pointerId !== event.pointerId) return;
    listening.abort();
    step.classList.remove("is-dragged");
    step.style.transform = "";
    if (one.type !== "pointerup") order.querySelector("ol").append(...before);
    else if (steps(order).some((other, index) => other !== before[index])) {
      give(order);
      tell(order, step);
    }
  };
  const listening = new AbortController();
  const { signal } = listening;
  step.classList.add("is-dragged");
  grip.setPointerCapture(event.pointerId);
  grip.addEventListener("pointermove", moved, { signal });
  ["pointerup", "pointercancel", "lostpointercapture"].forEach((name) => grip.addEventListener(name, end, { signal }));
  document.addEventListener("keydown", end, { signal });
  requestAnimationFrame(scroll);
}

/** The fields of an answer; those of blanks, prompts or steps by their numbers: a language may put the second first. */
export function fieldsOf(question) {
  const number = ({ name }) => Number(name.split("-")[2] ?? 0);
  return [...question.querySelectorAll('[name^="answer-"]')].sort((a, b) => number(a) - number(b));
}

/** Return what is answered to a question; null for nothing. */
export function read(question) {
  const { type } = question.dataset;
  const fields = fieldsOf(question);
  if (type === "ordering") {
    const placed = fields.every((select) => select.value) && fields.sort((a, b) => a.value - b.value);
    return placed ? placed.map((select) => select.closest("[data-id]").dataset.id) : null;
  }
  if (["single", "multiple", "true_false"].includes(type)) {
    const chosen = fields.filter((input) => input.checked).map((input) => input.value);
    if (!chosen.length) return null;
    return type === "true_false" ? chosen[0] === "true" : chosen;
  }
  const typed = fields.map((field) => field.value.trim());
  if (!typed.some(Boolean)) return null;
  return fields[0].name.split("-").length > 2 ? typed : typed[0];
}

/** Tick the option that a pressed key names by its number or its letter; false when there is none. */
export function pick(question, event) {
  const key = event.key.toLowerCase();
  const at = /^[1-9]$/.test(key) ? Number(key) - 1 : /^[a-f]$/.test(key) ? key.charCodeAt(0) - 97 : -1;
  const option = question.querySelectorAll(".option input")[at];
  if (!option || option.disabled) return false;
  event.preventDefault();
  option.click();
  option.focus();
  return true;
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

document.addEventListener("pointerdown", drag);

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
