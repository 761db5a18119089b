// Enhancements only: every page works without this file; what other scripts need of it they import.
const root = document.documentElement;
root.classList.add("js");

const on = (type, selector, handler) =>
  document.addEventListener(type, (event) => {
    const hit = event.target instanceof Element && event.target.closest(selector);
    if (hit) handler(event, hit);
  });

// The choice lives in a cookie so that the server can draw the right theme at once, without a flash.
on("click", "[data-theme-switch]", () => {
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.querySelector("link[data-dark]").media = dark ? "not all" : "all";
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `theme=${root.dataset.theme};path=/;max-age=31536000;samesite=lax${secure}`;
});

on("click", "[data-dialog]", (event, link) => {
  const dialog = document.getElementById(link.dataset.dialog);
  if (!dialog?.showModal) return;
  event.preventDefault();
  dialog.showModal();
});
on("click", "dialog [data-close]", (event, link) => {
  const dialog = link.closest("dialog");
  if (!dialog.open) return;
  event.preventDefault();
  dialog.close();
});
on("click", "dialog[open]", (event, dialog) => {
  if (event.target !== dialog) return;
  const box = dialog.getBoundingClientRect();
  const inside = event.clientX >= box.left && event.clientX <= box.right
    && event.clientY >= box.top && event.clientY <= box.bottom;
  if (!inside) dialog.close();
});

// A form that asks first: <form data-confirm="dialog id">; the dialog's [data-yes] sends it.
const agreed = new WeakSet();
on("submit", "form[data-confirm]", (event, form) => {
  const dialog = document.getElementById(form.dataset.confirm);
  if (agreed.delete(form) || !dialog?.showModal) return;
  event.preventDefault();
  const { submitter } = event;
  dialog.querySelector("[data-yes]").onclick = () => {
    dialog.close();
    agreed.add(form);
    form.requestSubmit(submitter);
  };
  dialog.showModal();
});

// What was typed and not saved is nobody else's to read on this device (unsaved.js).
on("submit", "form[action='/logout']", () => {
  try {
    Object.keys(localStorage).filter((key) => key.startsWith("biwu.unsaved.")).forEach((key) => localStorage.removeItem(key));
  } catch { /* no storage on this device */ }
});

on("submit", "form[data-once]", (event, form) => {
  if (event.defaultPrevented) return;
  // After this turn, so that the pressed button's own name and value are still sent.
  setTimeout(() => form.querySelectorAll("button:not([type=button])").forEach((b) => { b.disabled = true; }));
});
addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("form[data-once] button").forEach((b) => { b.disabled = false; });
});

on("click", "[data-copy]", async (event, button) => {
  const said = button.parentElement.querySelector("output");
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    if (said) said.textContent = button.dataset.done;
  } catch {
    if (said) said.textContent = button.dataset.failed;
  }
});

// <div data-tabs> holding <section aria-labelledby> parts: stacked without JavaScript, tabs with it.
document.querySelectorAll("[data-tabs]").forEach((box) => {
  const parts = [...box.children].filter((part) => part.matches("section[aria-labelledby]"));
  const list = document.createElement("div");
  list.className = "tabs";
  list.setAttribute("role", "tablist");
  const tabs = parts.map((part, index) => {
    const heading = document.getElementById(part.getAttribute("aria-labelledby"));
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `${part.id}-tab`;
    tab.textContent = heading.textContent;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", part.id);
    tab.addEventListener("click", () => show(index));
    heading.classList.add("sr");
    part.setAttribute("role", "tabpanel");
    part.setAttribute("aria-labelledby", tab.id);
    if (!part.querySelector("a[href], button")) part.tabIndex = 0;
    list.append(tab);
    return tab;
  });
  const show = (chosen) => tabs.forEach((tab, index) => {
    tab.setAttribute("aria-selected", String(index === chosen));
    tab.tabIndex = index === chosen ? 0 : -1;
    parts[index].hidden = index !== chosen;
  });
  list.addEventListener("keydown", (event) => {
    const now = tabs.indexOf(document.activeElement);
    const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const index = (next + tabs.length) % tabs.length;
    show(index);
    tabs[index].focus();
  });
  box.prepend(list);
  const wanted = parts.findIndex((part) => `#${part.id}` === location.hash);
  show(Math.max(0, wanted));
  if (wanted >= 0) tabs[wanted].scrollIntoView({ block: "start", inline: "center" });
});

/** Put values into the places of a text that name them. */
export const fill = (text, values) => text.replace(/{(\w+)}/g, (_, name) => values[name]);

export const clock = (ms) => {
  const s = Math.max(0, Math.ceil(ms / 1000));
  const pad = (n) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  return h ? `${h}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}` : `${Math.floor(s / 60)}:${pad(s % 60)}`;
};

// Drawn from the time left at load, never from the device's idea of the hour, so a wrong clock does not matter.
const countdowns = [...document.querySelectorAll("[data-countdown-ms]")];
if (countdowns.length) {
  const loaded = Date.now();
  const paint = () => {
    if (document.hidden) return;
    countdowns.forEach((node) => {
      node.textContent = clock(Number(node.dataset.countdownMs) - (Date.now() - loaded));
    });
  };
  paint();
  setInterval(paint, 1000);
  document.addEventListener("visibilitychange", paint);
}

document.querySelector("[data-autofocus]")?.focus();

// The answer sheet opens by its fragment; Escape closes it and gives the focus back.
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !location.hash) return;
  const open = document.querySelector(".palette:target, .dialog:target");
  if (!open) return;
  const link = document.querySelector(`a[href="${location.hash}"]`);
  location.hash = "#!";
  link?.focus();
});
