/**
 * Poll one address with its ETag, jittered, stopped while the page is hidden, slower after failures.
 *
 * poll(url, {
 *   every: 5000 | () => 15000,      milliseconds between answers
 *   draw(response) {},              called for 200 only; may be async
 *   quiet(kind) {},                 "fresh" | "same" | "failed": for the "updated / paused / offline" line
 * }) returns { pause(), resume(), now(), paused }.
 */
export function poll(url, { every, draw, quiet = () => {} }) {
  let etag = null;
  let timer = 0;
  let failures = 0;
  let running = null;
  const handle = { paused: false, pause, resume, now };

  function plan() {
    clearTimeout(timer);
    if (handle.paused || document.hidden) return;
    const base = typeof every === "function" ? every() : every;
    const wait = Math.min(base * 2 ** failures, 120000);
    timer = setTimeout(now, wait * (0.8 + Math.random() * 0.4));
  }

  async function ask() {
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), 10000);
    try {
      const headers = etag ? { "If-None-Match": etag } : {};
      const response = await fetch(url, { headers, cache: "no-store", credentials: "same-origin", signal: stop.signal });
      if (response.status === 304) {
        failures = 0;
        quiet("same");
      } else if (response.ok) {
        await draw(response);
        etag = response.headers.get("ETag");
        failures = 0;
        quiet("fresh");
      } else {
        throw new Error(String(response.status));
      }
    } catch {
      failures = Math.min(failures + 1, 5);
      quiet("failed");
    } finally {
      clearTimeout(limit);
    }
  }

  function now() {
    clearTimeout(timer);
    running ??= ask().finally(() => { running = null; plan(); });
    return running;
  }
  function pause() { handle.paused = true; clearTimeout(timer); }
  function resume() { handle.paused = false; now(); }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else if (!handle.paused) now();
  });
  addEventListener("online", () => { if (!handle.paused) now(); });
  plan();
  return handle;
}
