/** Small helpers around the DOM: elements, templates, announcements, and how times and names are written. */

/** The element of this id; a typo fails at once. */
export function $(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`no element #${id}`);
  return element;
}

/** Makes an element: `h("button", {type: "button", onclick: act, "aria-label": "Close"}, "×")`. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** Makes an SVG element with these attributes. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** One of the icons at the end of index.html. */
export function icon(name) {
  return svg("svg", { "aria-hidden": "true" }, svg("use", { href: `#icon-${name}` }));
}

/** Fills `host` with a template's content; returns its elements by `data-part` and `data-do`. */
export function fill(host, template) {
  host.replaceChildren($(template).content.cloneNode(true));
  const parts = {};
  for (const element of host.querySelectorAll("[data-part], [data-do]")) {
    parts[element.dataset.part ?? element.dataset.do] = element;
  }
  return parts;
}

/** Shows the one of these elements and hides the others. */
export function showOnly(chosen, elements) {
  for (const element of elements) element.hidden = element !== chosen;
}

/** Says something to screen readers, politely. */
export function say(words) {
  $("status").textContent = words;
}

/** Shows a problem in words, with what to do, or takes it away (null). `action`: {words, act}, a way out. */
export function showProblem(place, problem, action = null) {
  if (!problem) {
    place.replaceChildren();
    return;
  }
  const button = action && h("button", { type: "button", onclick: action.act }, action.words);
  place.replaceChildren(
    h("div", { class: "problem", role: "alert", "data-kind": problem.kind },
      h("p", { class: "problem-what" }, sentence(problem.what)),
      problem.remedy ? h("p", {}, sentence(problem.remedy)) : null,
      button),
  );
}

/** Words → a sentence: a capital in front (but not of a file's name), a full stop behind. */
export function sentence(words) {
  const named = /^[^:;]*?\S\.\w{2,5}\s/.test(words);
  const text = named ? words : words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** Seconds → "1:05". */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(rest).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

/** Bytes → "3.4 MB". */
export function size(bytes) {
  const kilobytes = bytes / 1000;
  return kilobytes < 1000 ? `${Math.max(1, Math.round(kilobytes))} kB` : `${(kilobytes / 1000).toFixed(1)} MB`;
}

/** A count with its noun: "1 page", "12 pages". */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** A confidence 0..1 → "98 %"; never "0 %" or "100 %", since nothing is that sure. */
export function percent(confidence) {
  const whole = Math.min(99, Math.round(100 * confidence));
  return whole ? `${whole} %` : "< 1 %";
}

/** With its first letter a capital one. */
export const capital = (words) => words[0].toUpperCase() + words.slice(1);

/** What a piece is called. */
export function titleOf(piece) {
  return piece.title || piece.name;
}

/** Whether movement is unwelcome. */
export function still() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
