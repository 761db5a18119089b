// Enhancements of the editor: rows that come and go, the fields of the chosen kind of numbers, papers drawn while typing.
// Every one of them has its way without this file: empty rows, both kinds in the page, the button that checks.
const form = document.querySelector("form[data-editor]");
const letters = "abcdefghijklmnopqrstuvwxyz";

const rowsOf = (group) => [...group.querySelectorAll("[data-row]")];

/** An id that no row of the group has: the next letter, or p1, p2 for what stands on the left. */
function freshId(group) {
  const taken = new Set(rowsOf(group).map((row) => row.querySelector("[name$='-id']")?.value));
  const wanted = group.dataset.rows === "prompts" ? Array.from({ length: 60 }, (_, n) => `p${n + 1}`) : [...letters];
  return wanted.find((id) => !taken.has(id));
}

function add(group) {
  const rows = rowsOf(group);
  const last = rows.at(-1);
  const id = last.querySelector("[name$='-id']") ? freshId(group) : "";
  if (id === undefined || rows.length >= 20) return;
  const name = group.dataset.rows;
  const next = 1 + Math.max(...rows.map((row) => Number(row.querySelector(`[name^='${name}-']`).name.split("-")[1])));
  const row = last.cloneNode(true);
  const renamed = (text) => text.replace(new RegExp(`(^|\\s)${name}-\\d+`, "g"), `$1${name}-${next}`);
  for (const node of row.querySelectorAll("*")) {
    for (const attribute of ["name", "id", "for", "aria-describedby"]) {
      const value = node.getAttribute(attribute);
      if (value) node.setAttribute(attribute, renamed(value));
    }
    node.removeAttribute("aria-invalid");
  }
  row.querySelectorAll(".field__error, .part__image, audio").forEach((node) => node.remove());
  row.querySelectorAll(".field--bad").forEach((node) => node.classList.remove("field--bad"));
  empty(row);
  const kept = row.querySelector("[name$='-id']");
  if (kept) kept.value = id;
  row.querySelectorAll("[name=right]").forEach((box) => { box.value = id; });
  row.querySelectorAll("details").forEach((part) => { part.open = false; });
  last.after(row);
  name_(row, id ? id.toUpperCase() : String(rows.length + 1));
  offer();
  row.querySelector("textarea, input:not([type=hidden], [type=radio], [type=checkbox])").focus();
}

/** Say the row's name in its legend and wherever only a screen reader is told of it. */
function name_(row, what) {
  const legend = row.querySelector("[data-legend]");
  const said = `${legend.dataset.legend} ${what}`;
  legend.textContent = said;
  row.querySelectorAll(".sr").forEach((node) => { node.textContent = `: ${said}`; });
}

function empty(row) {
  for (const field of row.querySelectorAll("input, textarea, select")) {
    if (field.type === "radio" || field.type === "checkbox") field.checked = false;
    else if (!field.name.endsWith("-id")) field.value = "";
  }
}

function remove(row) {
  const group = row.closest("[data-rows]");
  const near = row.nextElementSibling?.matches("[data-row]") ? row.nextElementSibling : row.previousElementSibling;
  if (rowsOf(group).length > 1) row.remove();
  else empty(row);
  (near?.querySelector("textarea") ?? group.querySelector("[data-add]"))?.focus();
  offer();
  check();
}

/** Offer every option, by its letter and its first words, to what stands on the left. */
function offer() {
  const selects = form.querySelectorAll("[data-rows=prompts] select");
  if (!selects.length) return;
  const options = rowsOf(form.querySelector("[data-rows=options]")).map((row) => {
    const id = row.querySelector("[name$='-id']").value;
    return [id, `${id.toUpperCase()}  ${row.querySelector("textarea").value.slice(0, 20)}`.trim()];
  });
  selects.forEach((select) => {
    const chosen = select.value;
    select.replaceChildren(new Option("–", ""), ...options.map(([id, text]) => new Option(text, id)));
    select.value = options.some(([id]) => id === chosen) ? chosen : "";
  });
}

let timer = 0;
let asked = 0;
const sample = form.querySelector("[data-sample]");

/** Have the server draw five papers from what is typed; files stay here. */
async function draw() {
  const mine = ++asked;
  const body = new FormData(form);
  body.set("check", "1");
  [...body].forEach(([name, value]) => { if (value instanceof File) body.delete(name); });
  const response = await fetch(location.href, { method: "POST", body, credentials: "same-origin" }).catch(() => null);
  const text = await response?.text().catch(() => "");
  if (!text || mine !== asked || !(response.ok || response.status === 422)) return;
  const page = new DOMParser().parseFromString(text, "text/html");
  const fresh = page.querySelector("[data-sample]");
  if (fresh) sample.replaceChildren(...fresh.childNodes);
}

function check() {
  if (!sample || form.querySelector("[name=drawn]:checked")?.value !== "yes") return;
  clearTimeout(timer);
  timer = setTimeout(draw, 600);
}

function choose() {
  const kind = form.querySelector("[name=drawn]:checked")?.value;
  form.querySelectorAll("[data-numbers] > [data-for]").forEach((part) => { part.hidden = part.dataset.for !== kind; });
}

form.addEventListener("click", (event) => {
  const adds = event.target.closest("[data-add]");
  const removes = event.target.closest("[data-remove]");
  if (adds) add(adds.closest("[data-rows]"));
  else if (removes) remove(removes.closest("[data-row]"));
});
form.addEventListener("input", (event) => {
  if (event.target.name === "drawn") choose();
  if (event.target.closest("[data-rows=options]")) offer();
  check();
});

// Leaving with something typed and not saved asks first.
let typed = false;
form.addEventListener("input", () => { typed = true; });
form.addEventListener("submit", () => { typed = false; });
addEventListener("beforeunload", (event) => { if (typed) event.preventDefault(); });

// Empty rows at the end are for those who cannot add one.
document.querySelectorAll("[data-rows]").forEach((group) => {
  const blank = (row) => [...row.querySelectorAll("input:not([type=hidden], [type=radio], [type=checkbox]), textarea")]
    .every((field) => !field.value) && !row.querySelector(".field__error, .part__image");
  const least = rowsOf(group).every(blank) && group.dataset.rows === "options" ? 4 : 1;
  for (const row of rowsOf(group).reverse()) {
    if (!blank(row) || rowsOf(group).length <= least) break;
    row.remove();
  }
});
if (form.querySelector("[data-rows=options]")) offer();
choose();
if (sample && !sample.querySelector("li")) check();
