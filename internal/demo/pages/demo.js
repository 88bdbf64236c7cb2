// Fetches the live part of the page again each second, unless somebody is
// using it right now.
const live = document.getElementById("live");
let last = "";
setInterval(async () => {
  if (document.hidden || live.contains(document.activeElement) || live.querySelector("details[open]")) return;
  try {
    const answer = await fetch(live.dataset.src, { cache: "no-store" });
    if (!answer.ok) return;
    const html = await answer.text();
    if (html === last) return;
    last = html;
    live.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
  } catch {
    // The demo was stopped; the page stays as it is.
  }
}, 1000);
