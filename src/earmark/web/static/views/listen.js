/** Listening live: what is played at the microphone, and where in the score. */

import { problemOf } from "/js/api.js";
import { $, percent, say, showProblem, titleOf } from "/js/dom.js";
import { placeOf, showHits } from "/js/hits.js";
import { offerInstruments } from "/js/instrument.js";
import { live } from "/js/live.js";
import { Score } from "/js/score.js";
import { showLevel } from "/views/ask.js";

export const title = "Listen";

let score = null;
let shown = null; // {piece: its name, byHand}
let leaving = new AbortController();

export function enter() {
  score ??= new Score($("listen-score"), { follows: true });
  offerInstruments($("listen-instrument"), () => live.on && start());
  leaving = new AbortController();
  const { signal } = leaving;
  live.addEventListener("loudness", ({ detail }) => showLevel($("listen-level"), detail), { signal });
  live.addEventListener("update", ({ detail }) => update(detail), { signal });
  live.addEventListener("end", ({ detail }) => {
    switchTo(false);
    showProblem($("listen-problem"), detail);
  }, { signal });
}

export function leave() {
  leaving.abort();
  stop();
}

/** What keys turn. */
export const turns = () => (live.on ? score : null);

$("listen-start").onclick = () => start();
$("listen-stop").onclick = () => {
  stop();
  $("listen-start").focus();
};
$("listen-reset").onclick = () => {
  live.reset();
  shown = null;
  score.showPlaying(null);
  describe({ state: "Listening", title: "Listening for a new piece" });
};

async function start() {
  showProblem($("listen-problem"), null);
  $("listen-start").disabled = true;
  try {
    await live.start();
  } catch (error) {
    showProblem($("listen-problem"), problemOf(error));
    return;
  } finally {
    $("listen-start").disabled = false;
  }
  switchTo(true);
  describe({ state: "Listening", title: "Play something" });
  $("listen-stop").focus();
  say("Listening");
}

function stop() {
  live.stop();
  switchTo(false);
}

function switchTo(on) {
  $("listen-start").hidden = on;
  $("listen-stop").hidden = $("listen-reset").hidden = $("listen-level-part").hidden = !on;
  if (!on) $("listen-state").textContent = "Listening is off";
}

/** Shows a new ranking and place. The first piece is followed, unless another one was chosen. */
async function update({ heard_s: heard, confident, said, hits, pieces, place }) {
  $("listen-stage").hidden = $("listen-rest").hidden = !hits.length;
  if (!hits.length) {
    describe({ state: "Listening", title: heard < 3 ? "Play something" : "Nothing familiar yet" });
    return;
  }
  const chosen = shown?.byHand ? hits.find((hit) => hit.piece === shown.piece) ?? hits[0] : hits[0];
  const piece = pieces[chosen.piece];
  showHits($("listen-hits"), hits, pieces, chosen.piece, () => "", (hit) => {
    shown = { piece: hit.piece, byHand: true };
    open(pieces[hit.piece], hit);
  });
  if (confident) {
    const where = place ? `${placeOf(place)}. ` : "";
    const sure = `${percent(chosen.confidence)} sure.`;
    describe({ state: "You are playing", title: titleOf(piece), composer: piece.composer, where: where + sure });
  } else {
    describe({ state: "Listening", title: "Not sure yet", where: `${said === "probably" ? "Probably" : "Perhaps"} ${titleOf(piece)}.` });
  }
  if (shown?.piece !== chosen.piece) {
    if (confident) say(`${titleOf(piece)}, page ${chosen.page}`);
    shown = { piece: chosen.piece, byHand: false };
    await open(piece, chosen);
  }
  if (score.piece?.id !== piece.id) return;
  if (place?.piece === piece.id) {
    const systems = score.piece.layout[place.page - 1]?.systems ?? [];
    const box = systems.find(({ number }) => number === place.system)?.box ?? place.box;
    score.showPlaying({ ...place, box });
  } else score.showPlaying(null);
}

async function open(piece, hit) {
  try {
    await score.open(piece.id, hit.page);
    score.mark(hit.page, hit.box);
  } catch (error) {
    showProblem($("listen-problem"), problemOf(error));
  }
}

function describe({ state, title: words, composer = "", where = "" }) {
  const texts = { state, title: words, composer: composer ?? "", where };
  for (const [part, text] of Object.entries(texts)) {
    const element = $(`listen-${part}`);
    if (element.textContent !== text) element.textContent = text;
  }
}
