/** Recordings of the library, each with the means to hear it. */

import { indexedRecordingAddress } from "/js/api.js";
import { clock, h, percent, titleOf } from "/js/dom.js";

/** Shows the recordings that were found, whose pieces are in `pieces` by name, each from the moment that fits. */
export function showRecordings(list, recordings, pieces) {
  list.replaceChildren(...recordings.filter((hit) => pieces[hit.piece]).map((hit) =>
    row(pieces[hit.piece], `From ${clock(hit.time_s)}`, hit.time_s, h("span", { class: "tape-sure" }, percent(hit.confidence)))));
}

/** A recording's row: what it is called, words about it, its sound from a moment on, and what else there is to it. */
export function row(piece, words, from, more) {
  const name = titleOf(piece);
  return h("li", { class: "tape", "data-piece": piece.name },
    h("span", { class: "hit-words" }, h("span", { class: "hit-title" }, name), h("span", { class: "hit-where" }, words)),
    more,
    h("audio", {
      controls: true, preload: "none", src: `${indexedRecordingAddress(piece.id)}#t=${from}`, "aria-label": `Play ${name}`,
    }));
}
