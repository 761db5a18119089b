// Practice over the same forms that work without this file: the answer is marked here at once, with or without a
// connection; what was answered waits in the browser until the server has it, and the next questions are fetched ahead.
import { arrange, pick, read } from "./items.js";
import { ask } from "./outbox.js";
import { clock, fill } from "./ui.js";

const AT_ONCE = 10;
const LOW = 4;
const RETRY_MS = 15000;
const TWICE_MS = 400;
const TWICE_PX = 24;
const one = (selector, box = document) => box.querySelector(selector);
const all = (selector, box = document) => [...box.querySelectorAll(selector)];
const minus = (number) => String(number).replace("-", "−");

/** Answers on their way, kept in localStorage by person, so that on a shared phone nobody sends another's. */
class Waiting {
  constructor(box, tell) {
    this.box = box;
    this.tell = tell;
    this.key = `biwu.practice.${box.dataset.person}`;
    this.sending = false;
    this.signedOut = false;
    this.memory = [];
    addEventListener("online", () => this.send());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.send(); });
    setInterval(() => this.list.length && this.send(), RETRY_MS);
    this.send();
  }

  get list() {
    try {
      return JSON.parse(localStorage.getItem(this.key)) ?? [];
    } catch {
      return this.memory;
    }
  }

  set list(list) {
    this.memory = list;
    try {
      localStorage.setItem(this.key, JSON.stringify(list));
    } catch { /* no storage on this device: memory remains */ }
  }

  add(answer) {
    this.list = [...this.list, { ...answer, at: Date.now() }];
    this.send();
  }

  drop(ids) {
    this.list = this.list.filter((one) => !ids.includes(one.client_id));
  }

  async send(count = AT_ONCE) {
    const batch = this.list.slice(0, count);
    if (!batch.length || this.sending) return this.draw();
    this.sending = true;
    let more = false;
    try {
      const reply = await ask(this.box.dataset.url, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": this.box.dataset.csrf },
        body: JSON.stringify({
          answers: batch.map(({ at, ...answer }) => ({ ...answer, age_ms: Math.max(0, Date.now() - at) })),
        }),
      });
      this.signedOut = reply.status === 401 || reply.status === 400;
      if (reply.ok) {
        const said = await reply.json();
        this.drop(batch.map((sent) => sent.client_id));
        this.tell(said);
        more = true;
      } else if (reply.status === 422 || reply.status === 413) {
        // One that cannot be taken must not keep the others waiting.
        if (batch.length === 1) this.drop([batch[0].client_id]);
        this.sending = false;
        return this.send(1);
      }
    } catch { /* no line: tried again later */ }
    this.sending = false;
    this.draw();
    return more && this.list.length ? this.send(count) : undefined;
  }

  draw() {
    const note = one("[data-outbox-note]", this.box);
    const words = one("[data-kept]", note).dataset;
    const waiting = this.list.length;
    note.hidden = !waiting || (this.sending && navigator.onLine);
    one("span", note).textContent = fill(this.signedOut ? words.signedOut : words.kept, { n: waiting });
    one("a", note).hidden = !this.signedOut;
  }
}

const plain = (text) => text.normalize("NFKC").toLowerCase().replace(/\s+/g, "");

function number(text) {
  let digits = plain(text).replace("−", "-");
  if (/^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$/.test(digits)) digits = digits.replaceAll(",", "");
  return /^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(digits) ? Number(digits) : NaN;
}

const spelled = (text, accepted) => accepted.map(plain).includes(plain(text));

/** Whether an answer is right in every part; the server's word counts, this one only comes sooner. */
function isRight(type, key, value) {
  if (value === null) return false;
  if (type === "true_false") return value === key;
  if (type === "multiple" || type === "single") return value.length === key.length && value.every((id) => key.includes(id));
  if (type === "numeric") return Math.abs(number(value) - Number(key.value)) <= Number(key.tolerance) * (1 + 1e-9) + 1e-12;
  if (type === "fill_in") return Array.isArray(value) ? value.every((text, n) => spelled(text, key[n])) : spelled(value, key);
  return value.every((id, n) => id === key[n]);
}

/** The drill: one question at a time. */
function drill(form, outbox) {
  const words = JSON.parse(document.getElementById("words").textContent);
  const { trade, mode } = form.dataset;
  const page = form.closest(".drill");
  const card = one("[data-card]", form);
  const answering = one("[data-answering]", form);
  const result = one("[data-result]", form);
  const noMore = one("[data-no-more]", form);
  const keep = one("[data-keep]", form);
  const tally = { right: 0, total: 0 };
  const certainty = { n: Number(form.dataset.certain), points: Number(form.dataset.certaintyPoints), on: false };
  let ahead = [];
  let fetching = null;
  let isAtEnd = false;
  let wantsNext = false;
  let shown = "";
  let worth = null;
  let pressed = { button: null, at: -TWICE_MS, x: 0, y: 0 };

  const say = (text) => { one("[data-say]", form).textContent = text; };
  const question = () => one("[data-question]", card);
  const idOf = (node) => node.dataset.questionId;

  function note(text) {
    const line = one("[data-note]", form);
    line.textContent = text;
    line.hidden = !text;
  }

  function fetchAhead() {
    fetching ??= load().finally(() => { fetching = null; });
    return fetching;
  }

  async function load() {
    const waiting = outbox.list.filter((answer) => answer.trade === trade).map((answer) => String(answer.question_id));
    const known = [idOf(question()), ...ahead.map(idOf), ...waiting];
    try {
      const reply = await ask(`${form.dataset.nextUrl}&exclude=${[...new Set(known)].slice(0, 50).join(",")}`);
      if (!reply.ok) return;
      const found = await reply.json();
      isAtEnd = found.length === 0;
      found.forEach(({ fragment }) => {
        const made = document.createElement("template");
        made.innerHTML = fragment;
        ahead.push(one("[data-question]", made.content));
        // Images are fetched now, so that they are there without a connection too.
        all("img", made.content).forEach((image) => { new Image().src = image.getAttribute("src"); });
      });
    } catch { /* no line: the next try comes with the next question, or when the line is back */ }
  }

  function mark() {
    const node = question();
    const { type } = node.dataset;
    const key = JSON.parse(node.dataset.key);
    all("input, select, button", node).forEach((control) => { control.disabled = true; });
    page.classList.add("is-answered");
    if (!["single", "multiple", "true_false"].includes(type)) return;
    const rights = type === "true_false" ? [String(key)] : key;
    all(".option", node).forEach((option) => {
      const input = one("input", option);
      const isKey = rights.includes(input.value);
      const outcome = isKey ? (input.checked ? "chosen" : "right") : input.checked && "wrong";
      if (!outcome) return;
      option.classList.add(isKey ? "option--right" : "option--wrong");
      one(".option__row > span:nth-child(2)", option).append(" ", one(`template[data-option-of=${outcome}]`).content.cloneNode(true));
    });
  }

  function verdict(outcome, points) {
    shown = outcome;
    worth = points;
    const heading = one("[data-verdict]", form);
    heading.replaceChildren(one(`template[data-verdict-of=${outcome}]`).content.cloneNode(true));
    if (points !== null) {
      const line = document.createElement("small");
      line.textContent = fill(words.worth, { points: points > 0 ? `+${points}` : minus(points) });
      heading.append(line);
    }
    note(outcome === "right" ? "" : words.book);
  }

  function drawTally() {
    const line = one("[data-tally]", form);
    line.hidden = false;
    line.textContent = fill(words.tally, tally) + (certainty.on ? ` ${fill(words.certainty, { ...certainty, points: minus(certainty.points) })}` : "");
  }

  function answer(sure, isUnknown) {
    const node = question();
    const value = isUnknown ? null : read(node);
    const nothing = one("[data-nothing]", form);
    nothing.hidden = value !== null || isUnknown;
    if (!nothing.hidden) return;
    const right = isRight(node.dataset.type, JSON.parse(node.dataset.key), value);
    let points = null;
    if (sure && value !== null) {
      points = right ? sure : [0, -2, -6][sure - 1];
      Object.assign(certainty, { n: certainty.n + 1, points: certainty.points + points, on: true });
    }
    tally.total += 1;
    tally.right += Number(right);
    mark();
    one("[data-explained]", form).replaceChildren(one("template[data-after]", node).content.cloneNode(true));
    verdict(isUnknown ? "unknown" : right ? "right" : "wrong", points);
    drawTally();
    answering.hidden = true;
    result.hidden = false;
    one("[data-keep]", form).setAttribute("aria-pressed", node.dataset.kept);
    one("[data-verdict]", form).focus({ preventScroll: true });
    result.scrollIntoView({ block: "nearest" });
    outbox.add({
      client_id: node.dataset.client,
      trade,
      mode,
      question_id: Number(idOf(node)),
      version_id: Number(node.dataset.versionId),
      seed: Number(node.dataset.seed),
      value,
      certainty: value === null ? null : sure,
    });
  }

  async function next() {
    if (!ahead.length) await fetchAhead();
    wantsNext = !ahead.length;
    if (wantsNext && isAtEnd) {
      if (!outbox.list.length) location.assign(form.getAttribute("action"));
      else noMore.hidden = false;
      return;
    }
    noMore.hidden = !wantsNext;
    if (wantsNext) return;
    card.replaceChildren(ahead.shift());
    all("[data-order]", card).forEach((order) => { arrange(order, null); order.classList.add("is-live"); });
    page.classList.remove("is-answered");
    result.hidden = true;
    answering.hidden = false;
    scrollTo(0, 0);
    one("fieldset", card).focus({ preventScroll: true });
    if (ahead.length < LOW) fetchAhead();
  }

  async function toggleKept() {
    const node = question();
    const isKept = node.dataset.kept !== "true";
    try {
      const url = form.dataset.keepUrl.replace(/\/0$/, `/${idOf(node)}`);
      const headers = { "X-CSRFToken": outbox.box.dataset.csrf };
      const reply = await ask(url, { method: isKept ? "PUT" : "DELETE", headers });
      if (!reply.ok) throw new Error(String(reply.status));
      node.dataset.kept = String(isKept);
      keep.setAttribute("aria-pressed", String(isKept));
      say(isKept ? words.kept : words.notKept);
    } catch {
      note(words.keepLater);
    }
  }

  outbox.tell = ({ recorded, earned, learnt }) => {
    const node = question();
    const own = recorded.find((one) => one.client_id === node.dataset.client);
    if (own && own.outcome !== "refused" && shown !== "unknown") {
      const outcome = own.share === 1 ? "right" : own.share > 0 ? "partly" : "wrong";
      if (outcome !== shown) verdict(outcome, worth);
    }
    const said = [
      ...(learnt.includes(Number(idOf(node))) ? [words.learnt] : []),
      ...(earned ? [fill(words.earned, { n: earned })] : []),
    ].join(" ");
    if (said) {
      note(said);
      say(said);
    }
    if (wantsNext) next();
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!result.hidden) return;
    const button = event.submitter;
    answer(button?.name === "certainty" ? Number(button.value) : null, button?.name === "unknown");
  });
  // The second tap of a double tap would fall on what has just come under the finger.
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const isQuick = event.timeStamp - pressed.at < TWICE_MS && (event.pointerType === "mouse" ? event.detail > 1 : event.detail > 0);
    const isThere = Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < TWICE_PX;
    if (pressed.button && button !== pressed.button && isQuick && isThere) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    const isTurn = button?.matches("[data-next], [data-answering] button");
    pressed = { button: isTurn ? button : null, at: event.timeStamp, x: event.clientX, y: event.clientY };
  }, true);
  form.addEventListener("click", (event) => {
    if (event.target.closest("[data-next]")) next();
    if (event.target.closest("[data-keep]")) toggleKept();
  });
  addEventListener("online", () => { if (wantsNext) next(); else if (ahead.length < LOW) fetchAhead(); });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || one("dialog[open]")) return;
    if (event.target.matches?.("input[type=text], select, summary, a, button")) return;
    if (!result.hidden) {
      if (event.key === "Enter") {
        event.preventDefault();
        if (!event.repeat) next();
      }
      return;
    }
    pick(question(), event);
  });
  fetchAhead();
}

/** A mock against the clock: what is filled in outlives a reload, and time up hands it in. */
function mock(form) {
  const end = Date.now() + Number(form.dataset.leftMs);
  const key = `biwu.mock.${form.dataset.mock}`;
  const controls = all("[name^='answer-']", form);
  let isUp = Number(form.dataset.leftMs) === 0;
  let warned = false;
  const isTicked = (control) => control.type === "radio" || control.type === "checkbox";
  try {
    const kept = JSON.parse(sessionStorage.getItem(key));
    if (kept?.length === controls.length) {
      controls.forEach((control, n) => { if (isTicked(control)) control.checked = kept[n]; else control.value = kept[n]; });
      all("[data-order]", form).forEach((order) => {
        const places = all(".order__step", order).map((step) => [Number(one("select", step).value), step.dataset.id]);
        if (places.every(([place]) => place)) arrange(order, places.sort(([a], [b]) => a - b).map(([, id]) => id));
      });
    }
  } catch { /* nothing is kept on this device */ }
  // Asked once, beside the button: a slip of the finger must not end a mock that is half done.
  form.addEventListener("submit", (event) => {
    const open = all("[data-question]", form).filter((question) => read(question) === null).length;
    const note = one("[data-open]", form);
    if (isUp || !open || !note.hidden) return;
    event.preventDefault();
    event.stopPropagation();
    note.hidden = false;
    one("span", note).textContent = fill(note.dataset.words, { n: open });
  });
  form.addEventListener("change", () => {
    one("[data-open]", form).hidden = true;
    try {
      const now = controls.map((control) => (isTicked(control) ? control.checked : control.value));
      sessionStorage.setItem(key, JSON.stringify(now));
    } catch { /* as above */ }
  });
  setInterval(() => {
    const left = Math.max(0, end - Date.now());
    one("[data-mock-left]", form).textContent = clock(left);
    one("[data-mock-timer]", form).dataset.level = left <= 60000 ? "red" : left <= 300000 ? "amber" : "ok";
    if (left <= 60000 && left > 0 && !warned) {
      warned = true;
      one("[data-say]", form).textContent = one("[data-say]", form).dataset.minute;
    }
    if (left === 0 && !isUp) {
      isUp = true;
      form.requestSubmit();
    }
  }, 500);
}

const box = one("[data-outbox]");
const outbox = box && new Waiting(box, () => {});
const drillForm = one("[data-drill]");
if (drillForm) drill(drillForm, outbox);
const mockForm = one("[data-mock]");
if (mockForm) mock(mockForm);
