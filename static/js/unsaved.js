// Keeps on this device what an author has typed and not saved, by person and question, and offers it back after a crash
// or an expired session. The page that follows a save takes the copy away, and signing out takes all of them (ui.js).
const PREFIX = "biwu.unsaved.";
const SENT = "biwu.sent";
const MOST = 20;
const MOST_CHARS = 200_000;
const MOST_MS = 30 * 86_400_000;
const TYPING_MS = 500;

const form = document.querySelector("form[data-kept-for]");

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

/** Drop the copies that are too old, and the oldest of too many. */
function tidy() {
  Object.keys(localStorage)
    .filter((key) => key.startsWith(PREFIX))
    .map((key) => [key, read(key)?.at ?? 0])
    .sort(([, a], [, b]) => b - a)
    .forEach(([key, at], place) => { if (place >= MOST || Date.now() - at > MOST_MS) localStorage.removeItem(key); });
}

function watch() {
  const key = `${PREFIX}${form.dataset.keptFor}.${location.pathname}${location.search}`;
  const dialog = document.getElementById("unsaved");
  const csrf = form.querySelector("[name=csrf_token]");
  const fields = () => [...new FormData(form)].filter(([name, value]) => name !== csrf.name && typeof value === "string");
  // Which version was begun from says nothing about what was typed.
  const told = (list) => JSON.stringify(list.filter(([name]) => name !== "base"));
  let timer = 0;

  function keep() {
    clearTimeout(timer);
    timer = 0;
    const text = JSON.stringify({ at: Date.now(), fields: fields() });
    if (text.length > MOST_CHARS) return;
    try {
      localStorage.setItem(key, text);
      tidy();
    } catch { /* no room on this device: the page alone has it */ }
  }

  /** Send what was kept to be checked: the page comes back filled with it, rows and all, and nothing is saved. */
  function bringBack(kept) {
    const again = document.createElement("form");
    Object.assign(again, { method: "post", enctype: form.enctype, action: location.href });
    for (const [name, value] of [...kept.fields, [csrf.name, csrf.value], ["check", "1"]]) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name, value });
      again.append(field);
    }
    document.body.append(again);
    again.submit();
  }

  function offer(kept) {
    dialog.querySelector("time").textContent = new Date(kept.at).toLocaleString(document.documentElement.lang);
    // Typing on would overwrite what is offered, so one of the two has to be chosen.
    const ask = () => dialog.showModal();
    dialog.addEventListener("close", ask);
    dialog.addEventListener("click", (event) => {
      event.stopPropagation();
      if (event.target.closest("[data-bring]")) bringBack(kept);
      if (!event.target.closest("[data-throw]")) return;
      localStorage.removeItem(key);
      dialog.removeEventListener("close", ask);
      dialog.close();
    });
    ask();
  }

  form.addEventListener("input", () => { timer ||= setTimeout(keep, TYPING_MS); });
  document.addEventListener("visibilitychange", () => { if (document.hidden && timer) keep(); });
  form.addEventListener("submit", () => {
    keep();
    sessionStorage.setItem(SENT, key);
  });

  const kept = read(key);
  if ("sent" in form.dataset) keep();
  else if (kept && told(kept.fields) !== told(fields())) offer(kept);
  else localStorage.removeItem(key);
}

try {
  if (form) watch();
  else if (location.hash === "#saved") localStorage.removeItem(sessionStorage.getItem(SENT));
} catch { /* no storage on this device: nothing is kept */ }
