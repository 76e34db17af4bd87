/** One piece of the library: its pages to read, what belongs to it, editing its names, and removing it. */

import { annotationsAddress, forgetLibrary, libraryFacts, pageAddress, pieceOf, problemOf } from "/js/api.js";
import { addMark, showMarks } from "/js/bookmarks.js";
import { $, h, showProblem, titleOf } from "/js/dom.js";
import { editionRows, recordingRows, stillLooking, watchLinks } from "/js/links.js";
import { namesForm } from "/js/names.js";
import { Score } from "/js/score.js";
import { remove } from "/views/library.js";

export const title = "Piece";

const THUMB_PX = 240;

let score = null;
let piece = null; // the piece that is shown: null until it is known, and when there is none
let wanted = null; // the id that was asked for last
let leaving = new AbortController();

export async function enter(id, page = "1", system = "") {
  make();
  wanted = id;
  leaving.abort();
  leaving = new AbortController();
  edit(false);
  if (String(piece?.id) !== id) clear();
  showProblem($("piece-problem"), null);
  try {
    const [found, { page_widths: widths }] = await Promise.all([pieceOf(Number(id)), libraryFacts()]);
    if (wanted !== id) return;
    piece = found;
    $("piece").classList.remove("pending");
    $("piece-remove").hidden = $("piece-stand").hidden = false;
    $("piece-edit").hidden = !$("piece-names").hidden;
    showNames();
    $("piece-pages").replaceChildren(...piece.layout.map(({ number }) => thumbnail(number, widths)));
    const number = Math.min(Math.max(1, Number(page) || 1), piece.pages);
    await score.open(piece.id, number);
    score.mark(number, boxOf(number, Number(system)));
    markPage();
    showBookmarks();
    belonging(leaving.signal);
  } catch (error) {
    if (wanted !== id) return;
    clear();
    $("piece-title").textContent = "No such piece";
    showProblem($("piece-problem"), problemOf(error));
  }
}

export function leave() {
  leaving.abort();
}

/** Shows the recordings and other editions of the piece, as they become known. */
async function belonging(signal) {
  try {
    await watchLinks(piece, ({ links, ahead }) => {
      const rows = { recordings: recordingRows(piece, links), editions: editionRows(links) };
      for (const [name, found] of Object.entries(rows)) {
        $(`piece-${name}`).replaceChildren(...found);
        $(`piece-${name}-part`).hidden = !found.length;
      }
      $("piece-looking").textContent = stillLooking(ahead);
    }, signal);
  } catch (error) {
    const problem = problemOf(error); // out of reach, or busy: the pages can be read all the same
    if (problem) $("piece-looking").textContent = "";
  }
}

/** What keys turn. */
export const turns = () => (piece ? score : null);

/** Shows no piece: what is there can be neither read nor removed. */
function clear() {
  piece = null;
  $("piece").classList.add("pending");
  $("piece-stand").hidden = $("piece-remove").hidden = $("piece-edit").hidden = $("piece-names").hidden = true;
  $("piece-recordings-part").hidden = $("piece-editions-part").hidden = true;
  $("piece-looking").textContent = "";
  $("piece-marks").replaceChildren();
  $("piece-title").textContent = "…";
  $("piece-composer").textContent = "";
  $("piece-facts").replaceChildren();
  $("piece-pages").replaceChildren();
}

function showNames() {
  $("piece-title").textContent = titleOf(piece);
  document.title = `${titleOf(piece)} – Earmark`;
  $("piece-composer").textContent = piece.composer ?? "";
  $("piece-facts").replaceChildren(...facts());
}

/** Shows the fields for what a person says of it, or the button that does. */
function edit(open) {
  $("piece-names").hidden = !open;
  $("piece-edit").hidden = open;
  if (!open) return;
  const form = namesForm(piece, (named) => {
    if (named !== piece) forgetLibrary();
    const { title: called, composer, note, tags } = named;
    piece = { ...piece, title: called, composer, note, tags };
    showNames();
    markPage();
    edit(false);
    $("piece-edit").focus();
  });
  $("piece-names").replaceChildren(form);
  form.querySelector("input").focus();
}

function make() {
  if (score) return;
  score = new Score($("piece-score"));
  score.addEventListener("turn", ({ detail }) => {
    const address = `#/piece/${piece.id}/${detail.page}`;
    if (!location.hash.startsWith(`${address}/`)) history.replaceState(null, "", address);
    markPage();
  });
  $("piece-edit").onclick = () => edit(true);
  $("piece-mark").onclick = async () => {
    try {
      await addMark(piece, { page: score.number, system: null, text: $("piece-mark-text").value.trim() });
      $("piece-mark-text").value = "";
      showBookmarks();
    } catch (error) {
      failed(error);
    }
  };
  $("piece-remove").onclick = async () => {
    if (await remove(piece)) location.hash = "#/library";
  };
}

function showBookmarks() {
  $("piece-marks-export").hidden = !piece.bookmarks.length;
  $("piece-marks-export").href = annotationsAddress(piece.id);
  showMarks($("piece-marks"), piece, ({ page, system }) => {
    score.turn(page);
    score.mark(page, boxOf(page, system));
  }, failed);
}

const failed = (error) => showProblem($("piece-problem"), problemOf(error));

const boxOf = (page, system) => piece.layout[page - 1].systems.find(({ number }) => number === system)?.box ?? null;

function facts() {
  const added = new Date(piece.added_at).toLocaleDateString("en-GB", { dateStyle: "long" });
  const link = h("a", { id: "piece-link", href: "#" }, "To this page, for good");
  const shown = {
    Note: piece.note, Tags: piece.tags.join(", "), Pages: piece.pages, Systems: piece.systems, File: piece.source, Added: added, Link: link,
  };
  return Object.entries(shown).filter(([, value]) => value !== "").map(([name, value]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, typeof value === "number" ? String(value) : value)));
}

function thumbnail(number, widths) {
  const act = { class: "thumb", "data-page": String(number), onclick: () => score.turn(number) };
  return h("li", {}, h("button", { type: "button", ...act },
    h("img", { src: pageAddress(piece.id, number, THUMB_PX, widths), alt: "", loading: "lazy" }),
    h("span", {}, h("span", { class: "sr-only" }, "Page "), String(number))));
}

function markPage() {
  $("piece-stand").href = `#/stand/${piece.id}/${score.number}`;
  $("piece-link").href = `/open?${new URLSearchParams({ piece: piece.name, page: score.number })}`;
  for (const button of $("piece-pages").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(Number(button.dataset.page) === score.number));
  }
}
