// The stamp falls once for each cleared attempt; the stylesheet keeps it still under reduced motion.
const hero = document.querySelector("[data-celebrate]");
const stamp = hero.querySelector(".stamp");
if (hero.dataset.celebrate && stamp) {
  const key = "biwu.celebrated";
  try {
    if (localStorage.getItem(key) !== hero.dataset.celebrate) {
      localStorage.setItem(key, hero.dataset.celebrate);
      stamp.classList.add("stamp--press");
    }
  } catch { /* without storage it would fall at every visit, so it does not */ }
}

// The board follows within moments of the result; one look is enough, the link leads to the rest.
const link = document.querySelector("[data-rank-url]");
const line = document.querySelector("[data-rank]");
try {
  const reply = await fetch(link.dataset.rankUrl, { cache: "no-store", credentials: "same-origin" });
  const { rank, total } = reply.ok ? await reply.json() : {};
  if (rank) {
    line.textContent = line.dataset.words.replace("{rank}", rank).replace("{total}", total);
    line.hidden = false;
  }
} catch { /* the link says it too */ }
