/** Files before they are sent: what kind they are, and whether they are worth sending. */

import { Problem } from "/js/api.js";
import { size } from "/js/dom.js";

const SHEETS = /\.(pdf|png|jpe?g|jpe|jfif|apng|tiff?|webp|hei[cf]|hif|avif|jp[2xf]|j2k|gif|bmp|dib|p[bgpn]m|musicxml|mxl|xml|mei|krn|abc|txt|msc[zx])$/i;

/** Whether a file is sheet music by its name's ending; all others are taken for recordings. */
export const isSheet = (name) => SHEETS.test(name);

/** Whether a file is an image of a page, by its name's ending. */
export const isImage = (name) => /\.(a?png|jpe?g|jpe|jfif|webp|hei[cf]|hif|avif|gif|bmp|dib)$/i.test(name);

/** Throws a Problem when a file is empty or has more than `most` bytes. */
export function checkSize(file, most) {
  if (!file.size) throw new Problem("empty_file", `${file.name} is empty`, "look where it came from, and give it again");
  if (file.size <= most) return;
  const remedy = isSheet(file.name)
    ? "give some of its pages, as a file of their own" : "cut out a stretch of it, or convert it to FLAC, Ogg or MP3";
  throw new Problem("too_large", `${file.name} has ${size(file.size)}; at most ${size(most)} are taken`, remedy);
}
