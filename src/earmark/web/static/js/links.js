/** What belongs to a piece of the library: its recordings, its other editions. */

import { call, pause } from "/js/api.js";
import { clock, count, h, percent, titleOf } from "/js/dom.js";

const AGAIN_MS = 3000;
const WORDS = { edition: "Another edition", part: "A part of it", whole: "It is a part of this" };

/**
 * What is known to belong to a piece, as `known({links, ahead})` is told at once, and again while the library still looks.
 * Ends when all is known, or `signal` is aborted.
 */
export async function watchLinks(piece, known, signal) {
  for (;;) {
    const found = await call("GET", `/pieces/${piece.id}/links`, { signal });
    known(found);
    if (!found.ahead) return;
    await pause(AGAIN_MS, signal);
  }
}

/** Words for what is still to come. */
export const stillLooking = (ahead) => ahead ? `Looking for what belongs together: ${count(ahead, "piece")} to go.` : "";

/** The recordings of a piece, each a way to practise with it. */
export function recordingRows(piece, links) {
  return links.filter(({ relation }) => relation === "recording").map(({ piece: recording, confidence, heard_s: heard }) =>
    linkRow(recording, `#/practice/${piece.id}/${recording.id}`, heard.map(([from, to]) => `${clock(from)} – ${clock(to)}`).join(", "), confidence));
}

/** Other editions of a piece, and parts of it. */
export function editionRows(links) {
  return links.filter(({ relation }) => relation in WORDS).map(({ piece, relation, confidence }) =>
    linkRow(piece, `#/piece/${piece.id}`, [WORDS[relation], piece.composer].filter(Boolean).join(", "), confidence));
}

function linkRow(piece, address, words, confidence) {
  return h("li", {}, h("a", { class: "button link", href: address },
    h("span", { class: "hit-words" }, h("span", { class: "hit-title" }, titleOf(piece)), h("span", { class: "hit-where" }, words)),
    h("span", { class: "tape-sure" }, percent(confidence))));
}
