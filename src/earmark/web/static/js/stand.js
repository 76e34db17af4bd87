/** A music stand: the pages of a piece as large as the window lets them be, turned by whole or half pages. */

import { libraryFacts, pageAddress, pieceOf } from "/js/api.js";
import { h, say, still, svg, titleOf } from "/js/dom.js";
import { cut, followed, scrolled, seen, together, turned } from "/js/turns.js";

const KEPT = 4; // pages before and after that stay decoded
const SWIPED_PX = 45;
const TAPPED_PX = 10;
const EDGE = 1 / 3; // of the width, where a tap turns
const ROOM_ABOVE = 0.2; // of the window, over the system that is played

/**
 * `settings`: {width, two, halves}: whether pages are as wide as the window, two are side by side where there is room, and
 * half pages turn. Events: `turn` (detail {page, words}), `middle` (a tap there).
 */
export class Stand extends EventTarget {
  constructor(frame, settings) {
    super();
    this.frame = frame;
    this.sheet = frame.firstElementChild;
    this.settings = settings;
    this.piece = this.told = this.playing = this.pointed = null;
    this.away = false; // whether someone turned by hand to where no music is
    this.leaves = new Map();
    this.fingers(frame);
    new ResizeObserver(() => this.lay()).observe(frame);
  }

  /** Shows a piece at a page; does nothing if another one was asked for meanwhile. */
  async open(id, page) {
    this.requested = id;
    const [piece, { page_widths: widths }] = await Promise.all([pieceOf(id), libraryFacts()]);
    if (this.requested !== id) return;
    this.close();
    Object.assign(this, { piece, widths });
    this.goTo({ page: Math.min(Math.max(1, page), this.pages), half: false });
  }

  /** Shows nothing. */
  close() {
    this.requested = this.piece = this.told = this.playing = this.pointed = null;
    this.leaves.clear();
    this.sheet.replaceChildren();
  }

  get pages() {
    return this.piece.layout.length;
  }

  /** How many pages are side by side. */
  get together() {
    const { clientWidth, clientHeight } = this.frame;
    const { two, width } = this.settings;
    return two && !width && this.pages > 1 ? together(clientWidth, clientHeight, this.shape(this.position.page)) : 1;
  }

  /** Turns on (1) or back (-1), as someone asked by hand. */
  step(direction) {
    if (!this.piece) return;
    this.away = true;
    const { frame, settings: { width, halves }, position } = this;
    if (width) {
      const high = this.sheet.offsetHeight;
      const { systems } = this.piece.layout[position.page - 1];
      const to = scrolled(frame.scrollTop / high, frame.clientHeight / high, direction, systems, halves);
      if (to !== null) {
        frame.scrollTop = to * high;
        return;
      }
    }
    const next = turned(position, direction, { pages: this.pages, together: this.together, halves: halves && !width });
    if (next) this.goTo(next, direction < 0);
  }

  /** Turns to the first (-1) or the last page (1). */
  toEnd(direction) {
    if (!this.piece) return;
    this.away = true;
    this.goTo({ page: direction < 0 ? 1 : Math.max(1, this.pages - this.together + 1), half: false });
  }

  /** Turns to a place {page, system}, and marks its system, if it has one, until the next turn. */
  visit({ page, system }) {
    this.away = true;
    this.goTo({ page, half: false });
    this.pointed = { page, system };
    this.draw();
    if (this.settings.width) this.scrollTo(this.systemBox(this.pointed));
  }

  /** The places {page, system} that one may mean here: where the music is, else each page that is seen whole. */
  places() {
    const { beside } = seen(this.position, this.pages, this.together);
    const { page, system } = this.playing ?? {};
    if (beside.includes(page)) return [{ page, system }];
    return beside.map((number) => ({ page: number, system: null }));
  }

  /** Shows what is at this position; `fromBelow`: its end rather than its beginning. */
  goTo(position, fromBelow = false) {
    this.position = position;
    this.pointed = null;
    this.lay();
    this.frame.scrollTop = fromBelow ? this.sheet.offsetHeight : 0;
  }

  /**
   * Marks the place that is played, {page, system, x}, or none (null), and turns ahead of the music. Who turned away by hand
   * is not turned back, until the music is where they look.
   */
  showPlaying(place) {
    if (!this.piece) return;
    const before = this.playing;
    this.playing = place;
    this.draw();
    if (!place) return;
    const { beside, over } = seen(this.position, this.pages, this.together);
    if (this.away && !beside.includes(place.page) && place.page !== over) return;
    this.away = false;
    const { settings: { width, halves }, piece: { layout } } = this;
    const next = followed(this.position, place, { layout, together: this.together, halves: halves && !width });
    if (next) this.goTo(next);
    const isOther = next || before?.system !== place.system || before.page !== place.page;
    if (width && isOther && place.page === this.position.page) this.scrollTo(this.systemBox(place));
  }

  systemBox({ page, system }) {
    return this.piece.layout[page - 1].systems.find(({ number }) => number === system)?.box ?? null;
  }

  /** Brings a system of a page that is as wide as the window near its top. */
  scrollTo(box) {
    if (!box) return;
    const top = box[1] * this.sheet.offsetHeight - ROOM_ABOVE * this.frame.clientHeight;
    this.frame.scrollTo({ top, behavior: still() ? "instant" : "smooth" });
  }

  /** Draws the mark over the page that it is on: where the music is, else what was pointed at. */
  draw() {
    const place = this.playing ?? this.pointed;
    const box = place && this.systemBox(place);
    for (const [number, leaf] of this.leaves) {
      const overlay = leaf.querySelector(".overlay");
      if (!box || number !== place.page) {
        overlay.replaceChildren();
        continue;
      }
      const { width_px: wide, height_px: high } = this.piece.layout[number - 1];
      const [x0, y0, x1, y1] = [box[0] * wide, box[1] * high, box[2] * wide, box[3] * high];
      const name = this.playing ? "overlay-system" : "overlay-place";
      overlay.replaceChildren(svg("rect", { class: name, x: x0, y: y0, width: x1 - x0, height: y1 - y0 }));
      if (!this.playing) continue;
      const x = place.x * wide;
      overlay.append(svg("line", { class: "overlay-cursor", x1: x, x2: x, y1: y0, y2: y1 }));
    }
  }

  /** Follows other settings, or the window's size. */
  lay() {
    if (!this.piece || !this.frame.clientWidth) return;
    const { pages, position } = this;
    const beside = this.together;
    if (beside === 2 && position.half && position.page + 2 > pages) position.half = false;
    if (this.settings.width || !this.settings.halves) position.half = false;
    const { beside: numbers, over } = seen(position, pages, beside);
    const leaves = numbers.map((number) => this.leaf(number, beside));
    if (over) leaves.push(this.leaf(over, beside));
    for (const leaf of leaves) leaf.classList.remove("over");
    if (over) {
      const at = cut(this.piece.layout[position.page - 1].systems);
      const upper = leaves.at(-1);
      upper.classList.add("over");
      upper.style.setProperty("--cut", `${100 * at}%`);
    }
    if (leaves.some((leaf, i) => this.sheet.children[i] !== leaf) || this.sheet.children.length !== leaves.length) {
      this.sheet.replaceChildren(...leaves);
    }
    this.tell(over ? [over, ...numbers] : numbers);
    this.prepare(beside);
    this.draw();
  }

  /** Says which pages are seen, when they are others: "Page 3 of 12", "Pages 3 and 4 of 12". */
  tell(numbers) {
    const words = `${numbers.length > 1 ? "Pages" : "Page"} ${numbers.join(" and ")} of ${this.pages}`;
    if (this.told === words) return;
    this.told = words;
    this.frame.setAttribute("aria-label", `${titleOf(this.piece)}, ${words}`);
    say(words);
    this.dispatchEvent(new CustomEvent("turn", { detail: { page: this.position.page, words } }));
  }

  /** Fetches what the next turns show; lets go of pages that are far. */
  prepare(beside) {
    const { page } = this.position;
    for (const number of [page + beside, page + beside + 1, page - 1]) {
      if (number >= 1 && number <= this.pages) this.leaf(number, beside);
    }
    for (const number of this.leaves.keys()) if (Math.abs(number - page) > KEPT) this.leaves.delete(number);
  }

  /** The element of a page, with its size and its picture. */
  leaf(number, beside) {
    const page = this.piece.layout[number - 1];
    let leaf = this.leaves.get(number);
    if (!leaf) {
      const overlay = svg("svg", { class: "overlay", "aria-hidden": "true", viewBox: `0 0 ${page.width_px} ${page.height_px}` });
      leaf = h("div", { class: "leaf" },
        h("img", { alt: `Page ${number} of ${titleOf(this.piece)}`, draggable: "false" }), overlay);
      this.leaves.set(number, leaf);
    }
    const width = this.wide(number, beside);
    leaf.style.width = `${width}px`;
    leaf.style.height = `${width / this.shape(number)}px`;
    const address = this.address(number, width);
    const image = leaf.firstElementChild;
    if (image.getAttribute("src") !== address) image.src = address;
    return leaf;
  }

  /** How wide a page is, in CSS px. */
  wide(number, beside) {
    const room = this.frame.clientWidth / beside;
    return Math.floor(this.settings.width ? room : Math.min(room, this.frame.clientHeight * this.shape(number)));
  }

  address(number, width) {
    return pageAddress(this.piece.id, number, width * devicePixelRatio, this.widths);
  }

  /** The addresses of all pages, as large as they are shown now. */
  addresses() {
    return this.piece.layout.map(({ number }) => this.address(number, this.wide(number, this.together)));
  }

  /** Waits until the pages that are looked at are there, or cannot be had. */
  loaded() {
    return Promise.all([...this.sheet.querySelectorAll("img")].map((image) => image.decode().catch(() => {})));
  }

  shape(number) {
    const { width_px: width, height_px: height } = this.piece.layout[number - 1];
    return width / height;
  }

  /** Taps at the sides and swipes turn; two fingers zoom, as everywhere. */
  fingers(frame) {
    let down = null;
    frame.onpointerdown = (event) => {
      down = event.isPrimary && event.button === 0 ? { x: event.clientX, y: event.clientY } : null;
    };
    frame.onpointercancel = () => {
      down = null;
    };
    frame.onpointerup = (event) => {
      if (!down || !event.isPrimary || visualViewport.scale > 1.01) return;
      const [x, y] = [event.clientX - down.x, event.clientY - down.y];
      down = null;
      if (Math.abs(x) > SWIPED_PX && Math.abs(x) > 1.5 * Math.abs(y)) this.step(x < 0 ? 1 : -1);
      else if (Math.hypot(x, y) < TAPPED_PX) this.tap((event.clientX - frame.getBoundingClientRect().x) / frame.clientWidth);
    };
  }

  tap(x) {
    if (x < EDGE) this.step(-1);
    else if (x > 1 - EDGE) this.step(1);
    else this.dispatchEvent(new Event("middle"));
  }
}
