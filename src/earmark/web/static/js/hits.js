/** The list of ranked pieces, each with the system it was found in, as buttons of which one is chosen. */

import { libraryFacts, pageAddress, pause, pieceOf } from "/js/api.js";
import { h, percent, svg, titleOf } from "/js/dom.js";
import { pagesShown } from "/js/score.js";

const GLIMPSE_PX = 480;
const GLIMPSE_WIDTH = 0.5;
const ROOM = 0.01;

/**
 * Shows `hits`, whose pieces are in `pieces` by name; `more(hit)` are words after its place, and `choose(hit)` is called
 * when one is picked.
 * What stays the same stays in place, so that focus is kept while the ranking changes.
 */
export function showHits(list, hits, pieces, chosen, more, choose) {
  const rows = new Map([...list.children].map((row) => [row.dataset.piece, row]));
  const wanted = hits.filter((hit) => pieces[hit.piece]).map((hit) => {
    const row = rows.get(hit.piece) ?? newRow(pieces[hit.piece]);
    const button = row.firstElementChild;
    button.onclick = () => choose(hit);
    button.setAttribute("aria-current", String(hit.piece === chosen));
    row.querySelector(".hit-where").textContent = placeOf(hit) + more(hit);
    row.querySelector(".hit-sure").textContent = percent(hit.confidence);
    row.querySelector(".hit-bar span").style.width = `${100 * hit.confidence}%`;
    glimpse(row.querySelector(".hit-glimpse"), pieces[hit.piece].id, hit);
    return row;
  });
  const same = wanted.length === list.children.length && wanted.every((row, i) => row === list.children[i]);
  if (same) return;
  const focused = document.activeElement;
  list.replaceChildren(...wanted);
  if (list.contains(focused)) focused.focus({ preventScroll: true });
}

/** Where a hit is: "Page 1, system 5", with the measure where the score tells it. */
export function placeOf({ page, system, measure }) {
  return `Page ${page}, system ${system}${measure ? `, measure ${measure}` : ""}`;
}

function newRow(piece) {
  return h("li", { "data-piece": piece.name },
    h("button", { type: "button", class: "hit" },
      svg("svg", { class: "hit-glimpse", "aria-hidden": "true", preserveAspectRatio: "xMidYMid slice" }, svg("image")),
      h("span", { class: "hit-words" },
        h("span", { class: "hit-title" }, titleOf(piece)),
        piece.composer ? h("span", { class: "hit-composer" }, piece.composer) : null,
        h("span", { class: "hit-where" })),
      h("span", { class: "hit-sureness" },
        h("span", { class: "hit-sure" }),
        h("span", { class: "hit-bar", "aria-hidden": "true" }, h("span")))));
}

/** The stretch of the page around the hit, cut out of its image. */
async function glimpse(host, id, hit) {
  const key = `${id}/${hit.page}/${hit.box}`;
  if (host.dataset.shows === key) return;
  host.dataset.shows = key;
  const [piece, { page_widths: widths }] = await Promise.all([pieceOf(id), libraryFacts()]).catch(() => [null, {}]);
  await pause(0); // the chosen page is asked for first
  await pagesShown();
  if (!piece || host.dataset.shows !== key) return;
  cutOut(host, piece, hit.page, around(hit.box), pageAddress(id, hit.page, GLIMPSE_PX, widths));
}

function around([x0, y0, x1, y1]) {
  const left = Math.min(1 - GLIMPSE_WIDTH, Math.max(0, (x0 + x1 - GLIMPSE_WIDTH) / 2));
  return [left, y0 - ROOM, left + GLIMPSE_WIDTH, y1 + ROOM];
}

/** Shows the part `box` (fractions) of a page's image in an SVG element that holds an `image`. */
export function cutOut(host, piece, number, box, address) {
  const { width_px: width, height_px: height } = piece.layout[number - 1];
  const [x0, y0, x1, y1] = box;
  host.setAttribute("viewBox", `${x0 * width} ${y0 * height} ${(x1 - x0) * width} ${(y1 - y0) * height}`);
  const image = host.querySelector("image");
  for (const [name, value] of Object.entries({ width, height, href: address })) {
    if (image.getAttribute(name) !== String(value)) image.setAttribute(name, value);
  }
}
