/** Bookmarks in pieces: places to come back to, with a word about them, kept in the library. */

import { call } from "/js/api.js";
import { h, icon, say } from "/js/dom.js";

/** Adds a bookmark {page, system, text} to a piece, in place of the one that is there; `system` is null where a page is meant. */
export async function addMark(piece, mark) {
  const others = piece.bookmarks.filter((one) => !isSame(one, mark));
  const marks = [...others, mark].sort((one, other) => one.page - other.page || one.system - other.system);
  await keep(piece, marks);
  say("Bookmarked");
}

/** Shows the bookmarks of a piece as buttons; `go({page, system})` is called for the one that is chosen, `failed(error)` if one stays. */
export function showMarks(list, piece, go, failed) {
  const remove = async (mark) => {
    try {
      await keep(piece, piece.bookmarks.filter((one) => !isSame(one, mark)));
      showMarks(list, piece, go, failed);
    } catch (error) {
      failed(error);
    }
  };
  list.replaceChildren(...piece.bookmarks.filter(({ page }) => page <= piece.pages).map((mark) => {
    const place = placeWords(mark);
    return h("li", { class: "bookmark" },
      h("button", { type: "button", onclick: () => go(mark) },
        h("span", { class: "hit-words" }, h("span", {}, place), mark.text ? h("span", { class: "hit-where" }, mark.text) : null)),
      h("button", { type: "button", class: "quiet", "aria-label": `Remove the bookmark ${place}`, onclick: () => remove(mark) }, icon("bin")));
  }));
}

/** A bookmark's place in words. */
export const placeWords = ({ page, system }) => system ? `Page ${page}, system ${system}` : `Page ${page}`;

const isSame = (one, other) => one.page === other.page && one.system === other.system;

async function keep(piece, bookmarks) {
  const kept = await call("PATCH", `/pieces/${piece.id}`, { json: { bookmarks } });
  piece.bookmarks = kept.bookmarks;
}
