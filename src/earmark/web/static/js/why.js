/** Why a place was found: the spectrogram around a moment with the attention over it, beside the matching snippet. */

import { call, get, libraryFacts, pageAddress, pieceOf, problemOf } from "/js/api.js";
import { cutOut } from "/js/hits.js";
import { $, clock } from "/js/dom.js";

const BLOCK_S = 60;
const MARGIN_S = 5;
const COLUMNS_PER_S = 20;
const BANDS = 92;
const SNIPPET_PX = 1440;

export class Why {
  constructor() {
    this.canvas = $("why-canvas");
    this.query = null;
    this.blocks = new Map();
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.blocks.clear();
      this.at(this.time);
    });
  }

  /** Explains why this piece was found for the query; `at` then shows a moment. */
  async show(query, pieceId) {
    Object.assign(this, { query, pieceId, time: 0, block: null });
    this.blocks.clear();
    this.draw();
    $("why-snippet").toggleAttribute("data-empty", true);
    $("why-where").textContent = $("why-words").textContent = "";
    this.ready = Promise.all([pieceOf(pieceId), libraryFacts()]);
    const loaded = await this.ready;
    if (this.pieceId === pieceId) [this.piece, this.facts] = loaded;
  }

  /** Shows this moment (seconds of the recording). */
  async at(time) {
    if (!this.query) return;
    this.time = time;
    const number = Math.floor(time / BLOCK_S);
    if (!this.blocks.has(number)) this.blocks.set(number, this.load(number));
    const { query } = this;
    const [block] = await Promise.all([this.blocks.get(number), this.ready]).catch((error) => {
      this.blocks.delete(number); // it may be had later
      return [problemOf(error)];
    });
    if (query !== this.query || Math.floor(this.time / BLOCK_S) !== number) return;
    this.block = block.sound ? block : null;
    if (!this.block) $("why-words").textContent = `This cannot be shown: ${block.what}.`;
    this.draw();
  }

  async load(number) {
    const start = number * BLOCK_S;
    const range = (from, to) => `start_s=${from}&end_s=${to}`;
    const path = `/queries/${this.query.id}`;
    const [picture, attention] = await Promise.all([
      get(`${path}/spectrogram.png?${range(Math.max(0, start - MARGIN_S), start + BLOCK_S + MARGIN_S)}`),
      call("GET", `${path}/attention?piece=${this.pieceId}&${range(start, start + BLOCK_S)}`),
    ]);
    const bitmap = await createImageBitmap(await picture.blob());
    const strongest = attention.excerpts.reduce((most, { weights }) => Math.max(most, ...weights), 1e-6);
    return { sound: coloured(bitmap), start: Math.max(0, start - MARGIN_S), attention, strongest };
  }

  draw() {
    const { canvas, block, time } = this;
    const width = Math.round(canvas.clientWidth * devicePixelRatio);
    const height = Math.round(canvas.clientHeight * devicePixelRatio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    pen.fillStyle = token("--heat-0");
    pen.fillRect(0, 0, width, height);
    if (!block) return;
    const { sound, start, attention, strongest } = block;
    const columns = attention.window_s * COLUMNS_PER_S;
    const left = (time - start) * COLUMNS_PER_S - columns / 2;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(sound, left, 0, columns, BANDS, 0, 0, width, height);
    const excerpt = nearest(attention.excerpts, time);
    if (!excerpt) return this.silent();
    const x = (offset) => (offset / attention.window_s + 0.5) * width;
    const y = (weight) => height * (1 - 0.9 * weight / strongest);
    const curve = attention.offsets_s.map((offset, i) => [x(offset), y(excerpt.weights[i])]);
    drawCurve(pen, curve, width, height);
    return this.tell(excerpt);
  }

  /** The snippet, and the same in words. */
  tell(excerpt) {
    const address = pageAddress(this.pieceId, excerpt.page, SNIPPET_PX, this.facts.page_widths);
    cutOut($("why-snippet"), this.piece, excerpt.page, excerpt.box, address);
    $("why-snippet").toggleAttribute("data-empty", false);
    const similarity = excerpt.similarity.toFixed(2);
    $("why-where").textContent = `Page ${excerpt.page}, system ${excerpt.system}; similarity ${similarity}`;
    const offset = this.block.attention.offsets_s[excerpt.weights.indexOf(Math.max(...excerpt.weights))];
    const side = offset < 0 ? "before" : "after";
    const when = Math.abs(offset) < 0.1 ? "that very moment" : `the sound ${Math.abs(offset).toFixed(1)} s ${side} it`;
    $("why-words").textContent = `At ${clock(excerpt.time_s)}, ${when} counts most.`;
  }

  silent() {
    $("why-snippet").toggleAttribute("data-empty", true);
    $("why-where").textContent = "";
    $("why-words").textContent = `At ${clock(this.time)} nothing is heard.`;
  }
}

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The excerpt closest to a moment; null if none is within a second. */
function nearest(excerpts, time) {
  const away = (one) => Math.abs(one.time_s - time);
  const best = excerpts.reduce((one, other) => one && away(one) <= away(other) ? one : other, null);
  return best && away(best) < 1 ? best : null;
}

function drawCurve(pen, points, width, height) {
  pen.strokeStyle = token("--quiet-line");
  pen.lineWidth = devicePixelRatio;
  pen.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  pen.beginPath();
  pen.moveTo(width / 2, 0);
  pen.lineTo(width / 2, height);
  pen.stroke();
  pen.setLineDash([]);
  // A rim tells the line from any ground.
  for (const [style, thick] of [[token("--heat-0"), 5], [token("--mark"), 2.5]]) {
    pen.strokeStyle = style;
    pen.lineWidth = thick * devicePixelRatio;
    pen.lineJoin = "round";
    pen.beginPath();
    points.forEach(([x, y], i) => i ? pen.lineTo(x, y) : pen.moveTo(x, y));
    pen.stroke();
  }
}

/** A grey picture, 255 = loudest, in the page's colours from quiet to loud. */
function coloured(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const pen = canvas.getContext("2d");
  pen.drawImage(bitmap, 0, 0);
  const picture = pen.getImageData(0, 0, bitmap.width, bitmap.height);
  const stops = ["--heat-0", "--heat-1", "--heat-2"].map((name) => rgb(token(name)));
  for (let i = 0; i < picture.data.length; i += 4) {
    const at = 2 * Math.sqrt(picture.data[i] / 255);
    const [from, to] = at < 1 ? [stops[0], stops[1]] : [stops[1], stops[2]];
    const part = at < 1 ? at : at - 1;
    for (let k = 0; k < 3; k++) picture.data[i + k] = from[k] + (to[k] - from[k]) * part;
  }
  pen.putImageData(picture, 0, 0);
  return canvas;
}

/** "#rrggbb" → [r, g, b]. */
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
