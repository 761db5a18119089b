// Keeps a board fresh. Without this file the page shows the board of the moment it was loaded.
import { poll } from "./poll.js";

const live = document.querySelector("[data-board-live][data-url]");
const body = live?.querySelector("[data-board]");

if (body) {
  const label = live.dataset;
  const chinese = document.documentElement.lang.startsWith("zh");
  const said = live.querySelector("[data-board-fresh]");
  const mine = document.querySelector(".mine p");
  const medals = live.querySelector("[data-medals]").content.children;
  let seen = new Date();

  const clock = (moment) => moment.toLocaleTimeString(chinese ? "zh-CN" : "en-GB");
  const say = (kind) => { said.textContent = label[`label${kind}`].replace("{time}", clock(seen)); };

  const cell = (tag, name, ...content) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    made.append(...content);
    return made;
  };
  const duration = (milliseconds) => {
    const all = Math.floor(milliseconds / 1000);
    const two = (n) => String(n).padStart(2, "0");
    const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
    return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
  };

  function draw(row) {
    const line = cell("tr", row.is_me ? "is-me" : "");
    if (row.is_me) line.id = "me";
    const who = cell("span", "board__who", row.name);
    if (row.is_me) who.append(cell("span", "board__you", label.labelYou));
    who.append(cell("small", "", (chinese ? row.organization.zh : row.organization.en) || row.organization.zh));
    const head = cell("th", "", who);
    head.scope = "row";
    line.append(
      cell("td", "board__rank", row.rank <= 3 ? medals[row.rank - 1].cloneNode(true) : String(row.rank)),
      head,
      cell("td", "n opt", String(row.levels_cleared)),
      cell("td", "n", cell("span", "board__pts", String(row.points))),
      cell("td", "n opt", duration(row.elapsed_ms)),
    );
    return line;
  }

  const handle = poll(label.url, {
    every: Number(label.every),
    async draw(response) {
      const board = await response.json();
      body.replaceChildren(...board.rows.map(draw));
      if (!mine) return;
      const answer = await fetch(label.rankUrl, { credentials: "same-origin" });
      const own = answer.ok ? await answer.json() : { rank: null };
      if (own.rank) mine.textContent = label.labelMine.replace("{rank}", own.rank).replace("{total}", own.total);
    },
    quiet(kind) {
      if (kind !== "failed") seen = new Date();
      say({ fresh: "Fresh", same: "Same", failed: "Failed" }[kind]);
    },
  });

  const button = live.querySelector("[data-board-pause]");
  button?.addEventListener("click", () => {
    if (handle.paused) handle.resume();
    else handle.pause();
    button.setAttribute("aria-pressed", String(handle.paused));
    button.textContent = handle.paused ? label.labelResume : label.labelPause;
    if (handle.paused) say("Paused");
  });
}
