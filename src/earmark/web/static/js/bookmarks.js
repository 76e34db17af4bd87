/** Bookmarks in pieces, kept on this device: places to come back to. */

import { h, icon } from "/js/dom.js";
import { store, stored } from "/js/stored.js";

const STORED = "earmark-bookmarks";

/** The bookmarks of a piece, [{page, system}], in order; `system` is null where a page is meant. */
const marksOf = (piece) => stored(STORED)[piece.name] ?? [];

const keep = (piece, marks) => store(STORED, { ...stored(STORED), [piece.name]: marks });

/** Adds a bookmark, if it is not there. */
export function addMark(piece, page, system = null) {
  const others = marksOf(piece).filter((mark) => mark.page !== page || mark.system !== system);
  keep(piece, [...others, { page, system }].sort((one, other) => one.page - other.page || one.system - other.system));
}

/** Shows the bookmarks of a piece as buttons; `go({page, system})` is called for the one that is chosen. */
export function showMarks(list, piece, go) {
  list.replaceChildren(...marksOf(piece).map((mark) => {
    const words = mark.system ? `Page ${mark.page}, system ${mark.system}` : `Page ${mark.page}`;
    const remove = () => {
      keep(piece, marksOf(piece).filter(({ page, system }) => page !== mark.page || system !== mark.system));
      showMarks(list, piece, go);
    };
    return h("li", { class: "bookmark" },
      h("button", { type: "button", onclick: () => go(mark) }, words),
      h("button", { type: "button", class: "quiet", "aria-label": `Remove the bookmark ${words}`, onclick: remove }, icon("bin")));
  }));
}
