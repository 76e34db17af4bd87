/** Recordings of the library, each with the means to hear it. */

import { indexedRecordingAddress } from "/js/api.js";
import { clock, h, percent, titleOf } from "/js/dom.js";

/** Shows the recordings that were found, whose pieces are in `pieces` by name, each from the moment that fits. */
export function showRecordings(list, recordings, pieces) {
  list.replaceChildren(...recordings.filter((hit) => pieces[hit.piece]).map((hit) =>
    row(pieces[hit.piece], `From ${clock(hit.time_s)}`, hit.time_s, h("span", { class: "tape-sure" }, percent(hit.confidence)))));
}

const MIDI = /\.(mid|midi|kar|rmi|smf)$/i;

/** A recording's row: what it is called, words about it, its sound from a moment on, and what else there is to it. */
export function row(piece, words, from, more) {
  return h("li", { class: "tape", "data-piece": piece.name },
    h("span", { class: "hit-words" }, h("span", { class: "hit-title" }, titleOf(piece)), h("span", { class: "hit-where" }, words)),
    more,
    sound(piece, from));
}

/** Plays a recording from a moment on; of one that no browser plays, offers the file. */
function sound(piece, from) {
  const address = indexedRecordingAddress(piece.id);
  const file = (why) => h("p", { class: "tape-file" }, `${why} `, h("a", { href: address, download: piece.source }, "Download the file"));
  if (MIDI.test(piece.source)) return file("Browsers do not play MIDI files.");
  const player = h("audio", {
    controls: true, preload: "none", src: `${address}#t=${from}`, "aria-label": `Play ${titleOf(piece)}`,
    onerror: () => player.replaceWith(file("This browser cannot play this format.")),
  });
  return player;
}
