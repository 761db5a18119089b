// Time left, drawn from the server's word at each paint: a clock that is wrong, or a device that slept, changes nothing
// but the need to ask again.
import { clock } from "./ui.js";

const MARKS_S = [600, 300, 60, 30];

export class Timer {
  /** tell: { mark(seconds | "half"), more(), up(), doubt() }. */
  constructor(button, leftMs, limitMs, words, tell) {
    this.button = button;
    this.text = button.querySelector("[data-timer-text]");
    this.word = button.querySelector("[data-timer-word]");
    this.words = words;
    this.tell = tell;
    this.limitMs = limitMs;
    this.isUp = false;
    const begun = performance.getEntriesByType("navigation")[0]?.responseStart ?? performance.now();
    this.end = Date.now() + leftMs - (performance.now() - begun);
    this.before = this.left;
    this.drift = Date.now() - performance.now();
    button.addEventListener("click", () => this.#hide(!("hidden" in button.dataset)));
    try {
      if (localStorage.getItem("biwu.timer") === "hidden") this.#hide(true);
    } catch { /* shown then */ }
    this.paint();
    setInterval(() => this.paint(), 250);
  }

  get left() {
    return Math.max(0, this.end - Date.now());
  }

  /** Take the server's word: `leftMs` when it answered a question asked at `askedAt`. */
  set(leftMs, askedAt) {
    const end = leftMs + (askedAt + Date.now()) / 2;
    const more = end - this.end;
    this.end = end;
    this.drift = Date.now() - performance.now();
    this.before = Math.max(this.before, this.left);
    // More was given, or a slow line had made time seem to be up too soon.
    if (more > 5000 || (this.isUp && this.left > 1000)) {
      this.isUp = false;
      this.before = this.left;
      this.tell.more();
    }
    this.paint();
  }

  paint() {
    const drift = Date.now() - performance.now();
    if (Math.abs(drift - this.drift) > 1500) {
      this.drift = drift;
      this.tell.doubt();
    }
    const left = this.left;
    const shown = clock(left);
    if (this.text.textContent !== shown) this.text.textContent = shown;
    const level = left <= 60000 ? "red" : left <= 300000 ? "amber" : "ok";
    if (this.button.dataset.level !== level) {
      this.button.dataset.level = level;
      this.word.textContent = { red: this.words.last, amber: this.words.left, ok: "" }[level];
      if (level === "red") this.#hide(false);
    }
    const passed = (ms) => this.before > ms && left <= ms && left > 0;
    const mark = MARKS_S.filter((s) => passed(s * 1000)).pop() ?? (passed(this.limitMs / 2) ? "half" : 0);
    this.before = left;
    if (mark) this.tell.mark(mark);
    if (left === 0 && !this.isUp) {
      this.isUp = true;
      this.tell.up();
    }
  }

  #hide(hidden) {
    if (hidden && this.button.dataset.level === "red") return;
    this.button.toggleAttribute("data-hidden", hidden);
    this.button.setAttribute("aria-pressed", String(hidden));
    try {
      localStorage.setItem("biwu.timer", hidden ? "hidden" : "shown");
    } catch { /* forgotten with the page */ }
  }
}
