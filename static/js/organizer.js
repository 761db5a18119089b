// Enhancements of the organizer's pages: parts that renew themselves, and a paper checked while it is written.
import { poll } from "./poll.js";

const read = (text) => new DOMParser().parseFromString(text, "text/html");

document.querySelectorAll("[data-refresh]").forEach((part) => {
  const handle = poll(location.href, {
    every: Number(part.dataset.refresh),
    async draw(response) {
      const fresh = read(await response.text()).getElementById(part.id);
      // Not while someone is at a control inside, or the focus would be lost under their hands.
      if (!fresh || part.contains(document.activeElement)) return;
      part.replaceChildren(...fresh.childNodes);
      if (!fresh.dataset.refresh) handle.pause();
    },
  });
});

const form = document.querySelector("form[data-level]");
if (form) {
  let timer = 0;
  let asked = 0;
  const check = async () => {
    const mine = ++asked;
    const body = new FormData(form);
    body.set("check", "1");
    const response = await fetch(location.href, { method: "POST", body, credentials: "same-origin" }).catch(() => null);
    const text = await response?.text().catch(() => "");
    if (!text || mine !== asked || !(response.ok || response.status === 422)) return;
    const fresh = read(text);
    form.querySelectorAll("[data-bank]").forEach((node) => {
      node.replaceChildren(...fresh.querySelector(`[data-bank="${node.dataset.bank}"]`).childNodes);
    });
    form.querySelector("[data-totals]").replaceChildren(...fresh.querySelector("[data-totals]").childNodes);
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(check, 400); });
}
