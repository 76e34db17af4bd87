/** Listening live: what is played at the microphone, and where in the score. */

import { gone, problemOf, Problem, socket } from "/js/api.js";
import { stayAwake } from "/js/awake.js";
import { $, percent, say, showProblem, titleOf } from "/js/dom.js";
import { placeOf, showHits } from "/js/hits.js";
import { openMicrophone } from "/js/microphone.js";
import { Score } from "/js/score.js";
import { showLevel } from "/views/ask.js";

export const title = "Listen";

const LATE_S = 2;

let score = null;
let session = null; // {microphone, socket} while listening
let shown = null; // {piece: its name, byHand}

export function enter() {
  score ??= new Score($("listen-score"), { follows: true });
}

export function leave() {
  stop();
}

/** What keys turn. */
export const turns = () => (session ? score : null);

$("listen-start").onclick = () => start();
$("listen-stop").onclick = () => {
  stop();
  $("listen-start").focus();
};
$("listen-reset").onclick = () => {
  session?.socket.send(JSON.stringify({ type: "reset" }));
  shown = null;
  score.showPlaying(null);
  describe({ state: "Listening", title: "Listening for a new piece" });
};

async function start() {
  showProblem($("listen-problem"), null);
  $("listen-start").disabled = true;
  const mine = { microphone: null, socket: null };
  try {
    mine.microphone = await openMicrophone((chunk, loudness) => hear(mine, chunk, loudness));
  } catch (error) {
    showProblem($("listen-problem"), problemOf(error));
    return;
  } finally {
    $("listen-start").disabled = false;
  }
  session = mine;
  mine.socket = socket(`/live?rate=${mine.microphone.rate}`);
  mine.socket.onmessage = ({ data }) => session === mine && receive(JSON.parse(data));
  mine.socket.onclose = () => session === mine && lost();
  switchTo(true);
  describe({ state: "Listening", title: "Play something" });
  $("listen-stop").focus();
  say("Listening");
}

function hear({ microphone, socket: line }, chunk, loudness) {
  showLevel($("listen-level"), loudness);
  const late = microphone && line ? line.bufferedAmount / 2 / microphone.rate : LATE_S;
  if (line?.readyState === WebSocket.OPEN && late < LATE_S) line.send(chunk);
}

function receive(message) {
  if (message.type === "error") {
    const { kind, what, remedy } = message.error;
    stop();
    showProblem($("listen-problem"), new Problem(kind, what, remedy));
  } else if (message.type === "update") update(message);
}

function lost() {
  stop();
  showProblem($("listen-problem"), gone());
}

function stop() {
  if (!session) return;
  const { microphone, socket: line } = session;
  session = null;
  microphone.close();
  line?.close();
  switchTo(false);
  $("listen-state").textContent = "Listening is off";
}

function switchTo(on) {
  $("listen-start").hidden = on;
  $("listen-stop").hidden = $("listen-reset").hidden = $("listen-level-part").hidden = !on;
  stayAwake(on);
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
