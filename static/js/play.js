// One question a screen, over the same form that plays without this file.
import { arrange, fieldsOf, pick, read, speak } from "./items.js";
import { Outbox, ask } from "./outbox.js";
import { Timer } from "./timer.js";
import { clock, fill } from "./ui.js";

const TYPING_MS = 600;
const form = document.getElementById("play");
const one = (selector) => document.querySelector(selector);
const words = JSON.parse(document.getElementById("words").textContent);
const questions = [...form.querySelectorAll("[data-question]")];
const total = questions.length;
const review = one("[data-review]");
const palette = document.getElementById("palette");
const cells = [...palette.querySelectorAll("[data-cell]")];
const overDialog = document.getElementById("over");
let current = 0;
let handingIn = false;
let leaving = false;
let outboxReady = false;

const say = (text) => { one("[data-say]").textContent = text; };
const at = (position) => questions[position - 1];
const flagBox = (position) => at(position).querySelector(`[name="flag-${position}"]`);
const list = (positions) => positions.join(", ");

function write(position, value, flagged) {
  const given = [value ?? []].flat().map(String);
  const order = at(position).querySelector("[data-order]");
  if (order) arrange(order, value);
  else fieldsOf(at(position)).forEach((field, index) => {
    if (field.matches("[type=radio], [type=checkbox]")) field.checked = given.includes(field.value);
    else field.value = given[index] ?? "";
  });
  flagBox(position).checked = flagged;
}

const isAnswered = (position) => read(at(position)) !== null;
const positions = questions.map((_, index) => index + 1);

const known = new Map(positions.map((position) => {
  const [seq, value, flagged] = JSON.parse(form.querySelector(`[name="saved-${position}"]`).value);
  // A browser may have put back what was ticked before a reload; what is saved counts, then what is kept here.
  write(position, value, flagged);
  return [position, { seq, value, flagged }];
}));

function drawCells() {
  const answered = positions.filter(isAnswered);
  cells.forEach((cell, index) => {
    const position = index + 1;
    const isFlagged = flagBox(position).checked;
    const done = answered.includes(position);
    cell.classList.toggle("cell--answered", done);
    cell.classList.toggle("cell--flagged", isFlagged);
    if (position === current) cell.setAttribute("aria-current", "step");
    else cell.removeAttribute("aria-current");
    cell.setAttribute("aria-label", [
      fill(words.cell, { n: position }), done ? words.answered : words.unanswered, ...(isFlagged ? [words.flagged] : []),
    ].join(", "));
  });
  document.querySelectorAll("[data-palette-count]").forEach((node) => { node.textContent = `${answered.length}/${total}`; });
  form.querySelector("progress").value = answered.length;
  if (current) one("[data-flag]").setAttribute("aria-pressed", String(flagBox(current).checked));
  if (!review.hidden) drawReview();
}

function drawReview() {
  const open = positions.filter((position) => !isAnswered(position));
  const flagged = positions.filter((position) => flagBox(position).checked);
  one("[data-review-count]").textContent = open.length
    ? fill(words.count, { done: total - open.length, total })
    : fill(words.all, { total });
  for (const [name, found] of [["open", open], ["flagged", flagged]]) {
    const box = one(`[data-review-${name}]`);
    box.hidden = !found.length;
    box.querySelector("ul").replaceChildren(...found.map((position) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.className = "cell";
      link.href = `#q-${position}`;
      link.textContent = position;
      link.setAttribute("aria-label", fill(words.cell, { n: position }));
      item.append(link);
      return item;
    }));
  }
  drawUnsaved();
}

function drawUnsaved() {
  const unsaved = outbox.pending;
  const note = one("[data-review-unsaved]");
  note.hidden = !(handingIn && unsaved.length);
  note.textContent = fill(words.unsaved, { n: list(unsaved) });
}

let lastState = "";
function drawState() {
  const chip = one("[data-save]");
  const { state, pending } = outbox;
  chip.dataset.state = state;
  if (state === "offline") one("[data-save-offline]").textContent = fill(words.kept, { n: pending.length });
  if (state === "offline" && lastState !== "offline") say(words.wentOffline);
  if (state === "saved" && lastState === "offline") say(words.back);
  if (state !== "saving") lastState = state;
  if (!review.hidden) drawUnsaved();
}

function closePalette() {
  if (!palette.classList.contains("is-open")) return;
  palette.classList.remove("is-open");
  form.querySelectorAll("[inert]").forEach((part) => { part.inert = false; });
}

function openPalette() {
  palette.classList.add("is-open");
  form.querySelectorAll("[data-sheet], .actions").forEach((part) => { part.inert = true; });
  (cells[current - 1] ?? palette).focus();
}

/** Show a question (1 to n), or the review (0). */
function show(position, { focus = true } = {}) {
  current = position;
  handingIn = false;
  closePalette();
  questions.forEach((question, index) => { question.hidden = index !== position - 1; });
  review.hidden = position !== 0;
  one("[data-foot]").hidden = position === 0;
  one("[data-next]").hidden = position === total;
  one("[data-check]").hidden = position !== total;
  one('[data-go="-1"]').disabled = position === 1;
  one("[data-where]").textContent = position ? fill(words.where, { n: position, total }) : words.review;
  history.replaceState(null, "", position ? `#q-${position}` : "#review");
  drawCells();
  if (!focus) return;
  scrollTo(0, 0);
  const typed = position && matchMedia("(hover: hover)").matches && at(position).querySelector("input[type=text]");
  (typed || (position ? at(position).querySelector("fieldset") : review)).focus({ preventScroll: true });
}

/** The place the address names: a question, 0 for the review, undefined for neither. */
function inHash() {
  if (location.hash === "#review") return 0;
  const position = Number(/^#q-(\d+)$/.exec(location.hash)?.[1]);
  return at(position) && position;
}

function changed(position, delay) {
  outbox.change(position, read(at(position)), flagBox(position).checked, delay);
  drawCells();
}

function toggleFlag() {
  const box = flagBox(current);
  box.checked = !box.checked;
  changed(current, 0);
  say(box.checked ? words.onFlag : words.offFlag);
}

function lock(locked) {
  form.querySelectorAll("fieldset").forEach((fieldset) => { fieldset.disabled = locked; });
}

function showOver(title, text) {
  one("[data-over-title]").textContent = title;
  one("[data-over-words]").textContent = text;
  if (!overDialog.open) overDialog.showModal();
}

function askToSignIn() {
  const dialog = document.getElementById("sign-in-again");
  if (!dialog.open) dialog.showModal();
}

function leave(url) {
  leaving = true;
  location.replace(url);
}

const outbox = new Outbox(form.dataset.attempt, form.dataset.token, known, {
  state: () => outboxReady && drawState(),
  adopt(position, value, flagged, why) {
    write(position, value, flagged);
    if (!outboxReady) return;
    drawCells();
    if (why === "newer" || why === "refused") say(fill(words[why], { n: position }));
  },
  time: (leftMs, askedAt) => timer.set(leftMs, askedAt),
  closed(code) {
    lock(true);
    const lost = outbox.pending;
    const title = code === "too_late" || timer.left === 0 ? words.timeUp : words.over;
    if (lost.length) showOver(title, fill(words.lost, { n: list(lost) }));
    else if (timer.left === 0) leave(form.dataset.result);
    else showOver(title, words.closedElsewhere);
  },
  signIn: askToSignIn,
});

const timer = new Timer(one("[data-timer]"), Number(form.dataset.leftMs), Number(form.dataset.limitMs), words, {
  mark(mark) {
    if (mark === "half") say(words.half);
    else if (mark === 30) say(words.seconds);
    else say(mark === 60 ? words.minute : fill(words.minutes, { n: mark / 60 }));
    // An organizer may have given more time; asked at the points where it matters most.
    outbox.resync();
  },
  more() {
    lock(false);
    if (overDialog.open) overDialog.close();
    say(fill(words.more, { time: clock(timer.left) }));
  },
  up: timeUp,
  doubt: () => outbox.resync(),
});

async function timeUp() {
  lock(true);
  showOver(words.timeUp, words.ending);
  await outbox.flush(4000);
  while (timer.isUp && !outbox.stopped) {
    const asked = await outbox.resync();
    if (!timer.isUp || outbox.stopped) return;
    if (asked && await submit()) return;
    if (outbox.stopped) return;
    showOver(words.timeUp, words.noLine);
    await new Promise((done) => { setTimeout(done, 2000 + Math.random() * 2000); });
    outbox.retry();
  }
}

/** Hand in; true when that is settled, one way or the other. */
async function submit() {
  try {
    const reply = await ask(`${outbox.url}/submission`, {
      method: "POST",
      headers: { "X-CSRFToken": form.querySelector("[name=csrf_token]").value },
    });
    if (reply.ok) {
      const lost = outbox.pending;
      if (lost.length) showOver(words.timeUp, fill(words.lost, { n: list(lost) }));
      else leave(form.dataset.result);
      return true;
    }
    if (reply.status === 401 || reply.status === 400) {
      askToSignIn();
      return true;
    }
  } catch { /* no line: the caller tries again */ }
  return false;
}

async function handIn() {
  handingIn = true;
  const button = one("[data-hand-in]");
  button.disabled = true;
  say(words.handing);
  drawUnsaved();
  while (handingIn) {
    if (await outbox.flush(1500) && handingIn && await submit()) break;
    if (outbox.stopped) break;
    drawUnsaved();
    await new Promise((done) => { setTimeout(done, 500); });
  }
  button.disabled = false;
}

outboxReady = true;
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", (event) => {
  const position = Number(event.target.closest("[data-question]")?.dataset.question);
  if (!position) return;
  if (event.target.type === "text") outbox.hurry(position);
  else changed(position, 0);
});
form.addEventListener("input", (event) => {
  const position = Number(event.target.closest("[data-question]")?.dataset.question);
  if (position && event.target.type === "text") changed(position, TYPING_MS);
});

document.addEventListener("click", (event) => {
  const hit = (selector) => event.target.closest?.(selector);
  const jump = hit('a[href^="#q-"]');
  const go = hit("[data-go]");
  if (jump) {
    event.preventDefault();
    show(Number(jump.hash.slice(3)));
  } else if (go) {
    const step = go.dataset.go;
    if (step === "back") show(positions.find((position) => !isAnswered(position)) ?? total);
    else show(current + Number(step) > total ? 0 : current + Number(step));
  } else if (hit("[data-flag]")) {
    toggleFlag();
  } else if (hit("[data-open-palette]")) {
    event.preventDefault();
    openPalette();
  } else if (palette.classList.contains("is-open") && (hit(".palette__close") || !hit("#palette"))) {
    event.preventDefault();
    closePalette();
    one("[data-open-palette]").focus();
  } else if (hit("[data-hand-in]")) {
    const open = positions.filter((position) => !isAnswered(position)).length;
    one("[data-hand-in-words]").textContent = open ? fill(words.confirmOpen, { n: open }) : words.confirm;
    document.getElementById("hand-in").showModal();
  } else if (hit("#hand-in [data-yes]")) {
    document.getElementById("hand-in").close();
    handIn();
  } else if (hit("[data-sign-in]")) {
    leaving = true;
  } else if (hit("[data-lang]")) {
    const link = hit("[data-lang]");
    if (outbox.pending.length || !navigator.onLine) {
      event.preventDefault();
      form.dataset.content = form.dataset.content === "zh" ? "en" : "zh";
      speak(form, form.dataset.content);
    } else {
      link.href = `${link.getAttribute("href").split("#")[0]}${location.hash}`;
    }
  }
});

overDialog.addEventListener("cancel", (event) => event.preventDefault());

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && palette.classList.contains("is-open")) {
    closePalette();
    one("[data-open-palette]").focus();
    return;
  }
  if (one("dialog[open]") || palette.classList.contains("is-open")) return;
  const isText = event.target.matches?.("input[type=text]");
  const isControl = event.target.closest?.("button, a, summary");
  if (event.target.matches?.("select, audio")) return; // which have keys of their own
  if (event.key === "Enter" && !isControl && current) {
    event.preventDefault();
    show(current === total ? 0 : current + 1);
    return;
  }
  if (isText) return;
  const key = event.key.toLowerCase();
  if (key === "t") {
    say("");
    requestAnimationFrame(() => say(fill(words.timeLeft, { time: clock(timer.left) })));
  }
  if (!current) {
    if (key === "arrowleft") show(total);
    return;
  }
  if (key === "arrowright" || key === "arrowleft") {
    event.preventDefault();
    const to = current + (key === "arrowright" ? 1 : -1);
    if (to > total) show(0);
    else if (to >= 1) show(to);
    return;
  }
  if (!pick(at(current), event) && key === "f") toggleFlag();
});

addEventListener("hashchange", () => {
  const position = inHash();
  if (position !== undefined) show(position);
});
addEventListener("beforeunload", (event) => {
  if (outbox.pending.length && !leaving) event.preventDefault();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden) outbox.resync(); });
addEventListener("pageshow", (event) => { if (event.persisted) outbox.resync(); });
addEventListener("online", () => outbox.resync());

const begun = positions.some(isAnswered);
document.documentElement.classList.add("playing", "js");
show(inHash() ?? ((begun && positions.find((position) => !isAnswered(position))) || 1), { focus: false });
outbox.retry();
drawState();
