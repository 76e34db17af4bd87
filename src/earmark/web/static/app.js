/**
 * The page: which view is shown (by the address's hash), and files dropped anywhere on it.
 *
 * One HTML file, one style sheet, ES modules; no framework and nothing to build. `js/api.js` is the only place that talks to
 * the server and turns every failure into what is wrong and what to do. `js/score.js` is the one window onto a page of music:
 * the image, and over it an SVG in page pixels that carries the marks. `js/alignment.js` is the pure part of following: moment
 * → place and place → moment. Colours are custom properties in `style.css`, light and dark. The policy forbids inline script
 * and style, so sizes are set through the DOM.
 */

import { $, count, say } from "/js/dom.js";
import { filesOf } from "/js/dropped.js";
import { pressed } from "/js/keys.js";
import * as ask from "/views/ask.js";
import * as history from "/views/history.js";
import * as library from "/views/library.js";
import * as listen from "/views/listen.js";
import * as piece from "/views/piece.js";
import * as practice from "/views/practice.js";
import * as query from "/views/query.js";
import * as stand from "/views/stand.js";

const views = { ask, history, listen, library, piece, practice, query, stand };
const parent = { history: "ask", piece: "library", practice: "library", query: "ask", stand: "library" };
let current = null;

function route() {
  if (location.hash && !location.hash.startsWith("#/")) return; // a link within the page
  const [name = "", ...words] = location.hash.slice(2).split("/");
  const chosen = name in views ? name : "ask";
  views[current]?.leave();
  const first = current === null;
  current = chosen;
  for (const section of document.querySelectorAll(".view")) section.hidden = section.id !== chosen;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === (parent[chosen] ?? chosen)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = chosen === "ask" ? "Earmark" : `${views[chosen].title} – Earmark`;
  window.scrollTo(0, 0);
  views[chosen].enter(...words.map(decodeURIComponent));
  if (!first) $(`${chosen}-title`).focus({ preventScroll: true });
}

window.addEventListener("hashchange", route);
document.querySelector(".skip").onclick = (event) => {
  event.preventDefault();
  $("main").focus();
};

/** Files may be dropped anywhere: on the library they are added, elsewhere they are looked up. */
const taker = () => current === "library" || current === "piece" ? library : ask;
const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
let depth = 0;

function veil(shown) {
  $("dropveil").hidden = !shown;
  $("dropveil-words").textContent = shown ? taker().dropWords : "";
}

document.addEventListener("dragenter", (event) => {
  if (!holdsFiles(event)) return;
  depth += 1;
  veil(true);
});
document.addEventListener("dragleave", (event) => {
  if (!holdsFiles(event)) return;
  depth -= 1;
  if (depth <= 0) veil(false);
});
document.addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
document.addEventListener("drop", async (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  depth = 0;
  veil(false);
  const files = await filesOf(event.dataTransfer);
  const view = taker() === library ? "library" : "ask";
  if (current !== view) {
    location.hash = view === "library" ? "#/library" : "#/";
    window.addEventListener("hashchange", () => views[view].drop(files), { once: true });
  } else views[view].drop(files);
  say(`${files.length === 1 ? files[0].name : count(files.length, "file")} dropped`);
});

document.addEventListener("keydown", (event) => pressed(event, views[current]));

route();
