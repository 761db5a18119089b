// What is on the page and not yet acknowledged by the server. Every change is kept in localStorage first, one key an
// item, so that a crash, a reload or a second tab loses nothing; it leaves there only when the server has committed it.
const LONGEST_WAIT_MS = 30000;
const REPLY_WITHIN_MS = 10000;

const wait = (ms) => new Promise((done) => { setTimeout(done, ms); });

/** Fetch that gives up after ten seconds, so that a stalled line counts as none. */
export async function ask(url, options = {}) {
  const stop = new AbortController();
  const limit = setTimeout(() => stop.abort(), REPLY_WITHIN_MS);
  try {
    return await fetch(url, { cache: "no-store", credentials: "same-origin", ...options, signal: stop.signal });
  } finally {
    clearTimeout(limit);
  }
}

export class Outbox {
  /**
   * known: Map of position to {seq, value, flagged} as the page was drawn.
   * tell: { state(), adopt(position, value, flagged, why), time(leftMs, askedAt), closed(code), signIn() }.
   */
  constructor(attempt, token, known, tell) {
    this.url = `/api/v1/attempts/${attempt}`;
    this.prefix = `biwu.attempt.${attempt}.`;
    this.token = token;
    this.tell = tell;
    this.failures = 0;
    this.timer = 0;
    this.stopped = "";
    this.anySaved = false;
    this.items = new Map();
    known.forEach((one, position) => {
      this.items.set(position, { ...one, want: null, sending: false, timer: 0 });
    });
    this.#forgetOthers();
    this.items.forEach((item, position) => this.#recall(item, position));
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => this.retry());
    addEventListener("pagehide", () => this.retry());
  }

  /** Keep a change and send it, after `delay` ms when more typing may follow. */
  change(position, value, flagged, delay = 0) {
    const item = this.items.get(position);
    if (this.stopped === "closed") return;
    item.want = { seq: Math.max(item.seq, item.want?.seq ?? 0) + 1, value, flagged };
    try {
      localStorage.setItem(this.prefix + position, JSON.stringify(item.want));
    } catch { /* no storage on this device: memory and the warning on leaving remain */ }
    clearTimeout(item.timer);
    if (delay) item.timer = setTimeout(() => this.hurry(position), delay);
    else this.hurry(position);
    this.tell.state();
  }

  /** Send at once what waits for more typing. */
  hurry(position) {
    const item = this.items.get(position);
    clearTimeout(item.timer);
    item.timer = 0;
    if (item.want) this.#pump(position);
  }

  get pending() {
    return [...this.items].filter(([, item]) => item.want).map(([position]) => position);
  }

  get state() {
    if (this.stopped === "closed" && this.pending.length) return "refused";
    if (!this.pending.length) return this.anySaved ? "saved" : "idle";
    return this.failures || this.stopped || !navigator.onLine ? "offline" : "saving";
  }

  /** Try everything now: the line is back, the page is seen again, or is about to go. */
  retry() {
    if (this.stopped === "sign-in") this.stopped = "";
    clearTimeout(this.timer);
    this.timer = 0;
    this.pending.forEach((position) => this.hurry(position));
    this.tell.state();
  }

  /** Resolve to true once nothing waits, to false when nothing more can be saved or `within` ms are over. */
  async flush(within = Infinity) {
    const until = Date.now() + within;
    this.retry();
    while (this.pending.length && this.stopped !== "closed" && Date.now() < until) await wait(50);
    return this.pending.length === 0;
  }

  /** Ask the server what it has and how much time is left. Resolves to false when it could not be asked. */
  async resync() {
    const askedAt = Date.now();
    try {
      const reply = await ask(this.url);
      if (reply.status === 409) this.#close("attempt_closed");
      if (reply.status === 401) this.#needSignIn();
      if (!reply.ok) return false;
      const view = await reply.json();
      this.token = view.token;
      this.tell.time(view.time_left_ms, askedAt);
      view.answers.forEach((one) => {
        const item = this.items.get(one.position);
        if (one.seq <= item.seq || item.want) return;
        Object.assign(item, { seq: one.seq, value: one.value, flagged: one.flagged });
        this.tell.adopt(one.position, one.value, one.flagged, "newer");
      });
      return true;
    } catch {
      return false;
    }
  }

  async #pump(position) {
    const item = this.items.get(position);
    if (item.sending || !item.want || this.stopped) return;
    // While the line is down one item is enough to notice that it is back.
    if (this.failures && [...this.items.values()].some((other) => other.sending)) return;
    const sent = item.want;
    item.sending = true;
    this.tell.state();
    const askedAt = Date.now();
    try {
      const reply = await ask(`${this.url}/answers/${position}`, {
        method: "PUT",
        keepalive: true,
        headers: { "Content-Type": "application/json", Authorization: `Attempt ${this.token}` },
        body: JSON.stringify(sent),
      });
      await this.#judge(position, item, sent, reply, askedAt);
    } catch {
      this.#later();
    } finally {
      item.sending = false;
      if (!this.failures) this.pending.forEach((other) => !this.items.get(other).timer && this.#pump(other));
      this.tell.state();
    }
  }

  async #judge(position, item, sent, reply, askedAt) {
    if (reply.ok) {
      const saved = await reply.json();
      this.failures = 0;
      this.anySaved = true;
      Object.assign(item, { value: sent.value, flagged: sent.flagged });
      this.#settle(position, item, sent, sent.seq);
      this.tell.time(saved.time_left_ms, askedAt);
      return;
    }
    if (reply.status === 401) {
      this.#needSignIn();
      return;
    }
    if (reply.status === 409) {
      const { error, details } = await reply.json();
      if (error !== "superseded") {
        this.#close(error);
        return;
      }
      this.failures = 0;
      const changedSince = item.want.seq > sent.seq;
      item.value = details.value;
      this.#settle(position, item, sent, details.seq);
      if (!changedSince) this.tell.adopt(position, details.value, item.flagged, "newer");
      return;
    }
    if (reply.status === 404) {
      this.#close("attempt_closed");
      return;
    }
    if (reply.status === 413 || reply.status === 422) {
      // It can never be taken: the page goes back to what is saved rather than wait for ever.
      this.failures = 0;
      this.#settle(position, item, sent, item.seq);
      if (!item.want) this.tell.adopt(position, item.value, item.flagged, "refused");
      return;
    }
    this.#later();
  }

  /** The server stands at `seq`; what was changed while the save was on its way goes after it. */
  #settle(position, item, sent, seq) {
    item.seq = Math.max(item.seq, seq);
    if (item.want.seq === sent.seq) {
      item.want = null;
      this.#forget(position, sent.seq);
    } else if (item.want.seq <= item.seq) {
      item.want.seq = item.seq + 1;
      try {
        localStorage.setItem(this.prefix + position, JSON.stringify(item.want));
      } catch { /* as above */ }
    }
  }

  #later() {
    this.failures += 1;
    const longest = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** Math.min(this.failures, 6));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.retry(), longest * (0.5 + Math.random() / 2));
  }

  #close(code) {
    if (this.stopped === "closed") return;
    this.stopped = "closed";
    clearTimeout(this.timer);
    this.tell.closed(code);
  }

  #needSignIn() {
    if (this.stopped) return;
    this.stopped = "sign-in";
    this.tell.signIn();
  }

  #recall(item, position) {
    let kept = null;
    try {
      kept = JSON.parse(localStorage.getItem(this.prefix + position));
    } catch { /* as above */ }
    if (!kept) return;
    if (kept.seq > item.seq) {
      item.want = kept;
      this.tell.adopt(position, kept.value, kept.flagged, "kept");
    } else {
      this.#forget(position, kept.seq);
    }
  }

  #forget(position, seq) {
    try {
      const kept = JSON.parse(localStorage.getItem(this.prefix + position));
      if (kept && kept.seq <= seq) localStorage.removeItem(this.prefix + position);
    } catch { /* as above */ }
  }

  /** Drop what is left of attempts that are over: another paper is open now, on a device that people may share. */
  #forgetOthers() {
    try {
      const now = Date.now();
      const ends = "biwu.ends.";
      localStorage.setItem(ends + this.prefix, String(now));
      Object.keys(localStorage).filter((key) => key.startsWith(ends)).forEach((key) => {
        if (now - Number(localStorage.getItem(key)) < 172800000) return;
        const old = key.slice(ends.length);
        Object.keys(localStorage).filter((one) => one.startsWith(old)).forEach((one) => localStorage.removeItem(one));
        localStorage.removeItem(key);
      });
    } catch { /* as above */ }
  }
}
