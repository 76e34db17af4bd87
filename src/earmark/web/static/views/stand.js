/** The music stand: a piece in the whole window, turned by keys, pedals, taps and swipes; the screen stays on. */

import { problemOf } from "/js/api.js";
import { stayAwake } from "/js/awake.js";
import { addMark, placeWords, showMarks } from "/js/bookmarks.js";
import { $, h, icon, say, showProblem, titleOf } from "/js/dom.js";
import { offerInstruments } from "/js/instrument.js";
import { live } from "/js/live.js";
import { keepOffline } from "/js/offline.js";
import { Stand } from "/js/stand.js";
import { store, stored } from "/js/stored.js";

export const title = "Music stand";

const STORED = "earmark-stand";
const NARROW_PX = 600;
const SETTINGS = ["width", "two", "halves", "dark"];
const OF_A_PIECE = ["listen", "marks"]; // what can be done once it is there
const KEYS = {
  PageDown: 1, ArrowRight: 1, ArrowDown: 1, " ": 1, Enter: 1,
  PageUp: -1, ArrowLeft: -1, ArrowUp: -1, Backspace: -1,
};
const CONTROLS = "button, a, input, select";

let stand = null;
let settings = null;
let leaving = new AbortController();

export async function enter(id, page = "1") {
  make();
  document.querySelector(".top").inert = true;
  document.addEventListener("keydown", pressed);
  stayAwake("stand", true);
  showBar(true);
  offerInstruments($("stand-instrument"), () => live.on && begin());
  leaving = new AbortController();
  const { signal } = leaving;
  live.addEventListener("place", ({ detail: { place } }) => place && stand.showPlaying(place), { signal });
  live.addEventListener("end", ({ detail }) => ended(detail), { signal });
  showListening(); // the first view may have begun
  showProblem($("stand-problem"), null);
  $("stand-close").href = `#/piece/${id}`;
  $("stand-title").textContent = "…";
  for (const name of OF_A_PIECE) $(`stand-${name}`).disabled = true;
  stand.close();
  try {
    await stand.open(Number(id), Number(page) || 1);
    if (stand.piece?.id !== Number(id)) return;
    $("stand-title").textContent = titleOf(stand.piece);
    document.title = `${titleOf(stand.piece)} – Earmark`;
    for (const name of OF_A_PIECE) $(`stand-${name}`).disabled = false;
    keep(stand.piece);
  } catch (error) {
    $("stand-title").textContent = "No such piece";
    $("stand-close").href = "#/library";
    showProblem($("stand-problem"), problemOf(error));
  }
}

/** Keeps the piece on this device, once the pages that are looked at are there. */
async function keep(piece) {
  await stand.loaded();
  if (stand.piece === piece) keepOffline(piece.id, stand.addresses());
}

export function leave() {
  leaving.abort();
  live.stop();
  stand.close();
  $("marks").close();
  document.querySelector(".top").inert = false;
  document.removeEventListener("keydown", pressed);
  stayAwake("stand", false);
  if (document.fullscreenElement) document.exitFullscreen();
}

function make() {
  if (stand) return;
  settings = { width: innerWidth < NARROW_PX, two: true, halves: false, dark: false, ...stored(STORED) };
  stand = new Stand($("stand-window"), settings);
  stand.addEventListener("turn", ({ detail: { page, words } }) => {
    $("stand-page").textContent = words;
    $("stand-close").href = `#/piece/${stand.piece.id}/${page}`;
    history.replaceState(null, "", `#/stand/${stand.piece.id}/${page}`);
  });
  stand.addEventListener("middle", () => showBar($("stand-bar").hidden));
  $("stand-previous").onclick = () => stand.step(-1);
  $("stand-next").onclick = () => stand.step(1);
  for (const name of SETTINGS) $(`stand-${name}`).onclick = () => change(name);
  $("stand-listen").onclick = () => listen();
  $("stand-marks").onclick = () => openMarks();
  $("stand-more").onclick = () => showMore($("stand-more").getAttribute("aria-expanded") !== "true");
  $("stand-full").hidden = !document.fullscreenEnabled;
  $("stand-full").onclick = () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen().catch(() => {}); // then it stays as it is
  };
  document.addEventListener("fullscreenchange", () => {
    $("stand-full").setAttribute("aria-pressed", String(Boolean(document.fullscreenElement)));
  });
  show();
}

/** Listens and follows, or ends that. */
async function listen() {
  showProblem($("stand-problem"), null);
  if (live.on) {
    live.stop();
    stand.showPlaying(null);
    showListening();
  } else await begin();
}

/** Listens, or listens anew. */
async function begin() {
  try {
    await live.start();
    if (stand.piece) live.follow(stand.piece.id, stand.position.page);
    say("Listening: the pages turn as you play");
  } catch (error) {
    showProblem($("stand-problem"), problemOf(error));
  }
  showListening();
}

/** The session is over, for a reason. */
function ended(problem) {
  showListening();
  showBar(true);
  stand.showPlaying(null);
  showProblem($("stand-problem"), problem);
}

function showListening() {
  $("stand-listen").setAttribute("aria-pressed", String(live.on));
}

/** Shows the bookmarks, to turn to one or to add one here. */
function openMarks() {
  if (!stand.piece) return;
  showProblem($("marks-problem"), null);
  showBookmarks();
  const places = stand.places();
  $("marks-add").replaceChildren(...places.map((place, i) =>
    h("button", { type: "submit", value: String(i) }, icon("mark"), `Bookmark ${placeWords(place).toLowerCase()}`)));
  $("marks-form").onsubmit = (event) => {
    event.preventDefault();
    bookmark(places[Number(event.submitter.value)]);
  };
  $("marks").showModal();
  $("marks-list").querySelector("button")?.focus();
}

function showBookmarks() {
  const visit = (mark) => {
    $("marks").close();
    turn(() => stand.visit(mark));
  };
  showMarks($("marks-list"), stand.piece, visit, failed);
}

async function bookmark(place) {
  try {
    await addMark(stand.piece, { ...place, text: $("marks-text").value.trim() });
    $("marks-text").value = "";
    showProblem($("marks-problem"), null);
    showBookmarks();
  } catch (error) {
    failed(error);
  }
}

const failed = (error) => showProblem($("marks-problem"), problemOf(error));

/** Shows the settings where the bar has no room for them. */
function showMore(on) {
  $("stand-more").setAttribute("aria-expanded", String(on));
}

function change(name) {
  settings[name] = !settings[name];
  store(STORED, settings);
  show();
  if (stand.piece) stand.goTo(stand.position);
}

/** Shows what is set. */
function show() {
  for (const name of SETTINGS) $(`stand-${name}`).setAttribute("aria-pressed", String(settings[name]));
  $("stand-two").disabled = settings.width;
  for (const name of ["width", "dark"]) $("stand").classList.toggle(`stand-${name}`, settings[name]);
}

/** Shows the bar, or gives its room to the music. */
function showBar(on) {
  if (!on && $("stand-bar").contains(document.activeElement)) $("stand-window").focus();
  $("stand-bar").hidden = !on;
  if (!on) showMore(false);
}

function pressed(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || $("marks").open) return;
  const onControl = event.target.closest?.(CONTROLS);
  if (event.key === "Escape") escape();
  else if (event.key.toLowerCase() === "b") openMarks();
  else if (onControl && (event.key === " " || event.key === "Enter")) return;
  else if (event.target.matches("select")) return;
  else if (event.key === "Home" || event.key === "End") turn(() => stand.toEnd(event.key === "Home" ? -1 : 1));
  else if (event.key in KEYS) turn(() => stand.step(event.shiftKey ? -1 : KEYS[event.key]));
  else return;
  event.preventDefault();
}

function turn(act) {
  showBar(false);
  act();
}

/** Brings the bar back; from there it leads out. */
function escape() {
  if (!$("stand-bar").hidden) {
    location.hash = $("stand-close").hash;
    return;
  }
  showBar(true);
  $("stand-close").focus();
}
