/** What a music stand shows at a position, and where turning leads. Pure. */

const NEARLY_OVER = 0.75; // of a page's last system: from there on the page after is looked at
const STILL_OVER = 0.5; // until the music is so far back, that page stays
const WIDE_ENOUGH = 0.85; // of the width that two pages take when they are as high as the window
const OVERLAP = 0.1; // of the window, seen again after a turn that finds no system to begin with

/**
 * The pages seen at a position {page, half}: `beside` each other, and the one whose upper half is laid `over` the first.
 * `half` says that the page after has begun to come; `together`, 1 or 2, is how many pages have room.
 */
export function seen({ page, half }, pages, together) {
  if (together === 1) return { beside: [page], over: half ? page + 1 : null };
  return { beside: [half ? page + 2 : page, page + 1].filter((one) => one <= pages), over: null };
}

/** The position one turn on (1) or back (-1); null at the ends. `halves`: whether half of the pages turn at a time. */
export function turned({ page, half }, direction, { pages, together, halves }) {
  if (direction > 0) {
    if (page + together > pages) return null;
    return halves && !half ? { page, half: true } : { page: page + together, half: false };
  }
  if (half) return { page, half: false };
  if (page === 1) return null;
  const before = Math.max(1, page - together);
  return { page: before, half: halves && before + together === page };
}

/**
 * The position in which the music at `place` {page, system, x} is seen, and what comes after it in time; null if that is the
 * one there is. `layout` are the pages with their systems. Of a page that is nearly over the one after is shown already.
 */
export function followed({ page, half }, place, { layout, together, halves }) {
  const pages = layout.length;
  const { systems } = layout[place.page - 1];
  const box = systems.find(({ number }) => number === place.system)?.box;
  const done = box && place.system === systems.at(-1).number ? (place.x - box[0]) / (box[2] - box[0]) : 0;
  if (place.page === page - 1 && done >= STILL_OVER) return null;
  if (halves && place.page < pages) {
    if (together === 2 && place.page === page + 1) return moved({ page, half }, { page, half: page + 1 < pages });
    const isLower = box && (box[1] + box[3]) / 2 > cut(systems);
    if (together === 1) return moved({ page, half }, { page: place.page, half: Boolean(isLower) });
  }
  const { beside } = seen({ page, half }, pages, together);
  const isSeen = beside.includes(place.page) && !(half && place.page === page + 2);
  const now = isSeen ? { page, half } : { page: place.page, half: false };
  const last = Math.min(pages, now.page + together - 1);
  const next = last < pages && place.page === last && done >= NEARLY_OVER ? { page: last + 1, half: false } : now;
  return moved({ page, half }, next);
}

const moved = (now, then) => now.page === then.page && now.half === then.half ? null : then;

/** How many pages of this shape (width / height) go side by side into a window. */
export function together(width, height, shape) {
  return width >= WIDE_ENOUGH * 2 * shape * height ? 2 : 1;
}

/** Where to cut a page in two, as a fraction of its height: between the systems that are nearest to its middle. */
export function cut(systems) {
  const gaps = systems.slice(1).map(({ box }, i) => (systems[i].box[3] + box[1]) / 2);
  return gaps.reduce((best, gap) => Math.abs(gap - 0.5) < Math.abs(best - 0.5) ? gap : best, gaps[0] ?? 0.5);
}

/**
 * How far down a page that is higher than its window is scrolled one turn on or back, in fractions of the page; null when
 * that is another page. `top` and `view` are what is seen now: from `top` on, so much. A turn on begins with the first
 * system that was not seen whole; one of `halves` goes on by half a window.
 */
export function scrolled(top, view, direction, systems, halves) {
  const last = 1 - view;
  if (direction < 0) return top <= 0.001 ? null : Math.max(0, top - view * (halves ? 0.5 : 1 - OVERLAP));
  if (top >= last - 0.001) return null;
  if (halves) return Math.min(last, top + view / 2);
  const next = systems.find(({ box }) => box[3] > top + view && box[1] > top + view / 4);
  return Math.min(last, next && next.box[1] <= top + view ? next.box[1] - view * 0.02 : top + view * (1 - OVERLAP));
}
