/** A page of a score in a window: turn, zoom (buttons, keys, ctrl-wheel, pinch), pan, and marks laid over it. */

import { libraryFacts, pageAddress, pieceOf } from "/js/api.js";
import { fill, say, still, svg, titleOf } from "/js/dom.js";

const CLOSEST = 6;
const STEP = 1.25;
const DRAGGED_PX = 5;
const ARROW_PX = 60;
const ROOM_ABOVE = 0.25;
const ROOM_BEFORE = 0.25;
const BRACKET = 0.012; // how far it reaches inwards, of the page's width

const loading = new Set(); // pages on their way, as promises

/** Waits until the pages that someone looks at are there: the server draws one picture after the other. */
export const pagesShown = () => Promise.all(loading);

/**
 * Events: `turn` (the page shown is another one), `point` (detail {page, x, y}: someone clicked there).
 * `follow` tells whether the window follows the moving mark: it stops when someone turns or pans by hand.
 */
export class Score extends EventTarget {
  constructor(host, { follows = false } = {}) {
    super();
    this.parts = fill(host, "score-template");
    this.piece = null;
    this.number = 0;
    this.scale = 1;
    this.places = new Map();
    this.playing = null;
    this.loop = [];
    this.parts.follow.hidden = !follows;
    this.follow = follows;
    this.listen();
  }

  listen() {
    const { previous, next, fit, follow, out, in: closer, window: frame, sheet } = this.parts;
    previous.onclick = () => this.turnByHand(-1);
    next.onclick = () => this.turnByHand(1);
    fit.onclick = () => this.zoom(1);
    out.onclick = () => this.zoom(this.scale / STEP);
    closer.onclick = () => this.zoom(this.scale * STEP);
    follow.onclick = () => this.setFollow(!this.follow);
    frame.onkeydown = (event) => this.key(event);
    frame.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return this.panned();
      event.preventDefault();
      return this.zoom(this.scale * Math.exp(-event.deltaY / 300), event);
    }, { passive: false });
    frame.addEventListener("touchmove", () => this.panned(), { passive: true });
    sheet.onclick = (event) => {
      const detail = { page: this.number, ...this.fractions(event) };
      if (!this.dragged) this.dispatchEvent(new CustomEvent("point", { detail }));
    };
    this.drag(frame);
    this.pinch(frame);
    new ResizeObserver(() => this.lay()).observe(frame);
  }

  /** Shows a piece at a page; what was marked on another piece is forgotten. */
  async open(id, number = 1) {
    this.requested = id;
    if (this.piece?.id !== id) {
      const [piece, { page_widths: widths }] = await Promise.all([pieceOf(id), libraryFacts()]);
      if (this.requested !== id) return; // another one was chosen meanwhile
      Object.assign(this, { piece, widths, number: 0, playing: null, loop: [], scale: 1 });
      this.places.clear();
    }
    this.turn(number);
  }

  turnByHand(step) {
    this.setFollow(false);
    this.turn(this.number + step);
    say(this.parts.page.textContent);
  }

  /** Turns, by a key that was pressed anywhere; an arrow pans a page that is wider than its window. */
  stepByHand(step, isArrow) {
    if (isArrow && this.scale > 1) this.parts.window.scrollLeft += step * ARROW_PX;
    else this.turnByHand(step);
  }

  turn(number) {
    const { layout } = this.piece;
    if (number < 1 || number > layout.length || number === this.number) return this.draw();
    this.number = number;
    this.page = layout[number - 1];
    const { page, previous, next, window: frame, image, overlay } = this.parts;
    page.textContent = `Page ${number} of ${layout.length}`;
    previous.disabled = number === 1;
    next.disabled = number === layout.length;
    frame.setAttribute("aria-label", `${titleOf(this.piece)}, page ${number} of ${layout.length}`);
    image.alt = `Page ${number} of ${titleOf(this.piece)}`;
    overlay.setAttribute("viewBox", `0 0 ${this.page.width_px} ${this.page.height_px}`);
    frame.scrollTop = 0;
    image.classList.add("missing");
    this.wanted = null;
    this.lay();
    this.draw();
    this.dispatchEvent(new CustomEvent("turn", { detail: { page: number } }));
    return null;
  }

  /** Marks a place that was found (box in fractions of the page); null takes the mark away. */
  mark(page, box) {
    this.places.clear();
    if (box) this.places.set(page, box);
    this.draw();
    if (box && page === this.number) this.keepInView(box);
  }

  /** Shows what is looped: parts of pages, [{page, box}], in order; none takes it away. */
  showLoop(parts) {
    this.loop = parts;
    this.draw();
  }

  /** Moves the mark of what is played: {page, system, x, box}, or null; turns the page when it follows. */
  showPlaying(place) {
    const before = this.playing;
    this.playing = place;
    if (place && this.follow && place.page !== this.number) this.turn(place.page);
    else this.draw();
    if (!place?.box || !this.follow) return;
    const moved = !before || before.page !== place.page || before.system !== place.system;
    if (moved) this.keepInView(place.box);
    if (this.scale > 1) this.keepBeside(place.x);
    if (moved && place.page < this.piece.layout.length) this.prepare(place.page + 1);
  }

  /** Someone looks elsewhere by hand, if there is an elsewhere. */
  panned() {
    const { scrollHeight, clientHeight } = this.parts.window;
    if (scrollHeight > clientHeight) this.setFollow(false);
  }

  setFollow(follow) {
    if (this.parts.follow.hidden) return;
    this.follow = follow;
    this.parts.follow.setAttribute("aria-pressed", String(follow));
    if (follow && this.playing) this.showPlaying(this.playing);
  }

  /** Draws the marks over the page. */
  draw() {
    if (!this.page) return;
    const { system, place, cursor } = this.parts;
    const { width_px: width, height_px: height } = this.page;
    const playing = this.playing?.page === this.number ? this.playing : null;
    rectangle(place, playing ? null : this.places.get(this.number), width, height);
    rectangle(system, playing?.box, width, height);
    this.drawLoop(width, height);
    cursor.setAttribute("display", playing?.box ? "inline" : "none");
    if (!playing?.box) return;
    const x = playing.x * width;
    set(cursor, { x1: x, x2: x, y1: playing.box[1] * height, y2: playing.box[3] * height });
  }

  /** Each part that is looped, and a bracket at each end. */
  drawLoop(width, height) {
    const shown = this.loop.filter(({ page }) => page === this.number).map(({ box: [x0, y0, x1, y1] }) =>
      svg("rect", { class: "overlay-loop", x: x0 * width, y: y0 * height, width: (x1 - x0) * width, height: (y1 - y0) * height }));
    const bracket = (part, side, inwards) => {
      if (part?.page !== this.number) return;
      const [x, top, bottom] = [part.box[side] * width, part.box[1] * height, part.box[3] * height];
      const arm = inwards * BRACKET * width;
      shown.push(svg("path", { class: "overlay-loop-end", d: `M${x + arm} ${top}H${x}V${bottom}H${x + arm}` }));
    };
    bracket(this.loop[0], 0, 1);
    bracket(this.loop.at(-1), 2, -1);
    this.parts.loop.replaceChildren(...shown);
  }

  /** Sizes the sheet for the window and the zoom, and fetches the image that is wide enough. */
  lay() {
    const { window: frame, sheet, zoom, out, fit, in: closer } = this.parts;
    if (!this.page || !frame.clientWidth) return;
    const width = this.fitting() * this.scale;
    sheet.style.width = `${width}px`;
    sheet.style.height = `${width * this.page.height_px / this.page.width_px}px`;
    zoom.textContent = this.scale === 1 ? "Fit" : `${Math.round(100 * this.scale)} %`;
    fit.setAttribute("aria-label", this.scale === 1 ? "The page fits" : `${zoom.textContent}, fit the page`);
    out.disabled = this.scale <= 1;
    closer.disabled = this.scale >= CLOSEST;
    this.fetch(width * devicePixelRatio);
  }

  /** The width at which the whole page fits the window, or on a narrow one its width; bars to scroll by take no room of it. */
  fitting() {
    const { offsetWidth, offsetHeight, clientWidth } = this.parts.window;
    const whole = offsetHeight * this.page.width_px / this.page.height_px;
    return offsetWidth < 600 ? clientWidth : Math.min(offsetWidth, whole);
  }

  async fetch(pixels) {
    const { image, window: frame } = this.parts;
    const address = pageAddress(this.piece.id, this.number, pixels, this.widths);
    if (this.wanted === address) return;
    this.wanted = address;
    const loaded = new Image();
    loaded.src = address;
    frame.setAttribute("aria-busy", "true");
    const decoded = loaded.decode().catch(() => {}); // then it stays missing
    loading.add(decoded);
    await decoded;
    loading.delete(decoded);
    if (this.wanted !== address) return;
    image.classList.toggle("missing", !loaded.naturalWidth);
    image.src = address;
    frame.removeAttribute("aria-busy");
  }

  prepare(number) {
    const { width } = this.parts.sheet.getBoundingClientRect();
    new Image().src = pageAddress(this.piece.id, number, width * devicePixelRatio, this.widths);
  }

  /** Zooms to `scale` times the fitting size; the point under the event stays there, or the mark moves to the middle. */
  zoom(scale, event = null) {
    const { window: frame, sheet } = this.parts;
    const view = frame.getBoundingClientRect();
    const at = event ?? { clientX: view.x + view.width / 2, clientY: view.y + view.height / 2 };
    const held = event ? this.fractions(event) : this.focus() ?? this.fractions(at);
    this.scale = Math.min(CLOSEST, Math.max(1, scale));
    if (Math.abs(this.scale - 1) < 0.02) this.scale = 1;
    this.lay();
    const now = sheet.getBoundingClientRect();
    frame.scrollLeft += now.x + held.x * now.width - at.clientX;
    frame.scrollTop += now.y + held.y * now.height - at.clientY;
  }

  /** Where on this page the mark is, in fractions; null if it is elsewhere or out of sight. */
  focus() {
    const playing = this.playing?.page === this.number ? this.playing : null;
    const box = playing ? playing.box : this.places.get(this.number);
    if (!box) return null;
    const { window: frame, sheet } = this.parts;
    const at = { x: playing?.x ?? (box[0] + box[2]) / 2, y: (box[1] + box[3]) / 2 };
    const [left, top] = [at.x * sheet.offsetWidth - frame.scrollLeft, at.y * sheet.offsetHeight - frame.scrollTop];
    const seen = left >= 0 && left <= frame.clientWidth && top >= 0 && top <= frame.clientHeight;
    return seen ? at : null;
  }

  fractions({ clientX, clientY }) {
    const { x, y, width, height } = this.parts.sheet.getBoundingClientRect();
    return { x: (clientX - x) / width, y: (clientY - y) / height };
  }

  keepInView(box) {
    const { window: frame, sheet } = this.parts;
    const [top, bottom] = [box[1] * sheet.offsetHeight, box[3] * sheet.offsetHeight];
    if (top >= frame.scrollTop && bottom <= frame.scrollTop + frame.clientHeight) return;
    frame.scrollTo({ top: top - ROOM_ABOVE * frame.clientHeight, behavior: still() ? "instant" : "smooth" });
  }

  keepBeside(x) {
    const { window: frame, sheet } = this.parts;
    const left = x * sheet.offsetWidth - frame.scrollLeft;
    if (left > 0.1 * frame.clientWidth && left < 0.8 * frame.clientWidth) return;
    const behavior = still() ? "instant" : "smooth";
    frame.scrollTo({ left: x * sheet.offsetWidth - ROOM_BEFORE * frame.clientWidth, behavior });
  }

  key(event) {
    const acts = {
      "+": () => this.zoom(this.scale * STEP), "=": () => this.zoom(this.scale * STEP),
      "-": () => this.zoom(this.scale / STEP), 0: () => this.zoom(1),
    };
    if (!acts[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    acts[event.key]();
  }

  /** Pans with a held mouse; fingers pan by scrolling. */
  drag(frame) {
    frame.onpointerdown = (down) => {
      this.dragged = false;
      if (down.pointerType !== "mouse" || down.button !== 0) return;
      const [left, top] = [frame.scrollLeft, frame.scrollTop];
      frame.onpointermove = (move) => {
        const [x, y] = [move.clientX - down.clientX, move.clientY - down.clientY];
        if (!this.dragged && Math.hypot(x, y) < DRAGGED_PX) return;
        this.dragged = true;
        frame.setPointerCapture(down.pointerId);
        this.setFollow(false);
        Object.assign(frame, { scrollLeft: left - x, scrollTop: top - y });
      };
      frame.onpointerup = frame.onpointercancel = () => {
        frame.onpointermove = null;
      };
    };
  }

  /** Zooms with two fingers. */
  pinch(frame) {
    let start = null;
    const spread = ([one, other]) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    const middle = ([one, other]) => (
      { clientX: (one.clientX + other.clientX) / 2, clientY: (one.clientY + other.clientY) / 2 });
    frame.addEventListener("touchstart", ({ touches }) => {
      start = touches.length === 2 ? { spread: spread(touches), scale: this.scale } : null;
    }, { passive: true });
    frame.addEventListener("touchmove", (event) => {
      if (!start || event.touches.length !== 2) return;
      event.preventDefault();
      this.zoom(start.scale * spread(event.touches) / start.spread, middle(event.touches));
    }, { passive: false });
  }
}

function rectangle(element, box, width, height) {
  element.setAttribute("display", box ? "inline" : "none");
  if (!box) return;
  const [x0, y0, x1, y1] = [box[0] * width, box[1] * height, box[2] * width, box[3] * height];
  set(element, { x: x0, y: y0, width: x1 - x0, height: y1 - y0 });
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value.toFixed(1));
}
