/** Practising with a recording: it plays along the score, slower or faster, a passage again and again. */

import { Alignment } from "/js/alignment.js";
import { call, indexedRecordingAddress, pause, pieceOf, problemOf } from "/js/api.js";
import { addMark, showMarks } from "/js/bookmarks.js";
import { Clicks, countIn } from "/js/clicks.js";
import { $, h, say, showProblem, titleOf } from "/js/dom.js";
import { watchLinks } from "/js/links.js";
import { Player } from "/js/player.js";
import { Score } from "/js/score.js";

export const title = "Practise";

const ALIGNMENT_EVERY_MS = 500;

let score, player;
let piece = null;
let alignment = null;
let recordings = []; // of the piece, as far as they are known
let played = null; // the one that is chosen
let place = null; // what is played, as long as it is known
let spans = []; // the parts of the score that a loop may begin and end with
let choosing = null; // what of the loop is chosen next in the score: "from" or "to"
let beats = []; // of the recording, none where they are not known
const clicks = new Clicks();
let leaving = new AbortController();

export async function enter(id, recording) {
  make();
  leaving = new AbortController();
  const { signal } = leaving;
  piece = alignment = place = played = null;
  recordings = [];
  describe("…", "");
  showProblem($("practice-problem"), null);
  $("practice-back").href = `#/piece/${id}`;
  try {
    piece = await pieceOf(Number(id));
    if (signal.aborted) return;
    describe(titleOf(piece), piece.composer ?? "");
    showMarks($("practice-marks"), piece, goTo, problem);
    await score.open(piece.id);
    const listed = watchLinks(piece, ({ links }) => showRecordings(links), signal);
    await Promise.all([choose(Number(recording), signal), listed]);
  } catch (error) {
    const problem = problemOf(error);
    if (!problem || signal.aborted) return;
    if (!piece) describe("No such piece", "");
    showProblem($("practice-problem"), problem);
  }
}

export function leave() {
  leaving.abort();
  player.unload();
  setLoop(null);
}

/** What keys turn, and what they play. */
export const turns = () => (piece ? score : null);
export const plays = () => (piece ? player : null);

function make() {
  if (score) return;
  score = new Score($("practice-score"), { follows: true });
  player = new Player($("practice-player"));
  player.addEventListener("moment", ({ detail: { time, sounds } }) => {
    click(time, sounds);
    moment(time);
  });
  player.countIn = count;
  for (const id of ["practice-click", "practice-count-in"]) {
    $(id).onclick = () => {
      $(id).setAttribute("aria-pressed", String(!isOn(id)));
      clicks.stop();
      clicks.open().catch(problem);
    };
  }
  player.addEventListener("system", ({ detail }) => jump(alignment?.neighbour(player.time, detail)));
  score.addEventListener("point", ({ detail }) => point(detail));
  $("practice-recording").onchange = ({ target }) => choose(Number(target.value), leaving.signal, place).catch(problem);
  $("practice-loop").onclick = () => {
    if (player.loop || choosing) setLoop(null);
    else chooseNext("from");
  };
  for (const [end, other, isBeyond] of [["from", "to", (one, two) => one > two], ["to", "from", (one, two) => one < two]]) {
    $(`practice-${end}`).onchange = ({ target: { value } }) => {
      if (isBeyond(Number(value), Number($(`practice-${other}`).value))) $(`practice-${other}`).value = value;
      loop();
    };
  }
  $("practice-mark").onclick = async () => {
    const { page, system } = place ?? { page: score.number, system: null };
    try {
      await addMark(piece, { page, system, text: $("practice-mark-text").value.trim() });
      $("practice-mark-text").value = "";
      showMarks($("practice-marks"), piece, goTo, problem);
    } catch (error) {
      problem(error);
    }
  };
}

const problem = (error) => problemOf(error) && showProblem($("practice-problem"), problemOf(error));

function describe(words, composer) {
  $("practice-title").textContent = words;
  $("practice-composer").textContent = composer;
  document.title = `${words} – Earmark`;
}

/** Lists the recordings to switch between, and the one that plays. */
function showRecordings(links) {
  recordings = links.filter(({ relation }) => relation === "recording").map((link) => link.piece);
  if (played) listRecordings();
}

function listRecordings() {
  const listed = recordings.some(({ id }) => id === played.id) ? recordings : [played, ...recordings];
  $("practice-recording").replaceChildren(...listed.map((one) => h("option", { value: one.id }, titleOf(one))));
  $("practice-recording").value = played.id;
  $("practice-recording").disabled = listed.length < 2;
}

/** Plays another recording, at the same place of the score if one is given. */
async function choose(id, signal, at = null) {
  const recording = await pieceOf(id);
  if (signal.aborted) return;
  played = recording;
  listRecordings();
  const { speed, playing } = player;
  alignment = null;
  setBeats([], "");
  setLoop(null);
  player.load(indexedRecordingAddress(id), NaN);
  player.setSpeed(speed);
  player.setSystems(false);
  for (;;) {
    const answer = await call("GET", `/pieces/${piece.id}/recordings/${id}/alignment`, { signal });
    if (played !== recording) return;
    if (answer.alignment) {
      follow(answer.alignment, at);
      if (playing) player.toggle();
      return;
    }
    const part = answer.progress && answer.progress < 1 ? ` ${Math.round(100 * answer.progress)} %` : "";
    player.say(`Following the score …${part}`);
    await pause(ALIGNMENT_EVERY_MS, signal);
  }
}

function follow(found, at) {
  if (!found.points.length) {
    player.say("Nothing of this piece is played here.");
    return;
  }
  alignment = new Alignment(found);
  setBeats(alignment.beats(), "No clicks: they need a score file that tells its beats.");
  spans = alignment.spans();
  showEnds();
  player.setSystems(true);
  player.say("");
  $("practice-loop").disabled = false;
  jump(at ? alignment.timeOf(at.page, at.x, middleOf(at), 0) : alignment.points[0].time_s);
}

const middleOf = ({ box }) => (box[1] + box[3]) / 2;

function moment(time) {
  if (!alignment) return;
  place = alignment.at(time);
  score.showPlaying(place);
  if (choosing || player.counting) return;
  player.say(place ? `Page ${place.page}, system ${place.system}` : "Not in the score here");
}

const isOn = (id) => $(id).getAttribute("aria-pressed") === "true" && !$(id).disabled;

/** The beats of the recording; `why` is said where there are none. */
function setBeats(found, why) {
  beats = found;
  clicks.stop();
  for (const id of ["practice-click", "practice-count-in"]) $(id).disabled = !beats.length;
  $("practice-click-why").textContent = beats.length ? "" : why;
}

function click(time, sounds) {
  if (sounds && isOn("practice-click")) clicks.follow(beats, time, player.speed, player.loop?.end);
  else if (!sounds && !player.counting) clicks.stop();
}

/** Counts in to the loop, if that is wanted: how long it lasts. */
function count() {
  const counted = isOn("practice-count-in") ? countIn(beats, player.loop.start, player.speed) : null;
  if (!counted) return null;
  clicks.stop();
  clicks.sound(counted.clicks);
  player.say("Counting in …");
  return counted;
}

function jump(time) {
  if (time === null || time === undefined) return;
  score.setFollow(true);
  player.seek(time);
}

/** Someone pointed into the score: at a place to play from, or at an end of the loop. */
function point({ page, x, y }) {
  if (!alignment) return;
  if (!choosing) {
    jump(alignment.timeOf(page, x, y, player.time));
    return;
  }
  const span = alignment.spanAt(spans, page, x, y);
  if (!span) {
    player.say("The recording does not play this.");
    return;
  }
  $(`practice-${choosing}`).value = String(spans.indexOf(span));
  if (choosing === "to") {
    loop();
    return;
  }
  score.showLoop([span]);
  chooseNext("to");
}

function chooseNext(end) {
  choosing = end;
  $("practice-loop").setAttribute("aria-pressed", "true");
  $("practice-ends").hidden = false;
  const unit = spans.some(({ measure }) => measure !== null) ? "measure" : "system";
  const words = end === "from" ? `Choose the first ${unit} of the loop in the score.` : `Choose the last ${unit} of the loop.`;
  player.say(words);
  say(words);
}

/** Plays what is between the ends that are chosen again and again; the earlier end is the first. */
function loop() {
  const ends = ["from", "to"].map((end) => Number($(`practice-${end}`).value)).sort((one, other) => one - other);
  const passage = alignment?.passage(spans[ends[0]], spans[ends[1]], player.time);
  choosing = null;
  if (!passage) {
    player.say("The recording has no such passage.");
    return;
  }
  [$("practice-from").value, $("practice-to").value] = ends;
  setLoop(passage);
  score.showLoop(spans.slice(ends[0], ends[1] + 1));
  jump(passage.start);
}

function setLoop(passage) {
  choosing = null;
  player.setLoop(passage);
  if (!passage) score.showLoop([]);
  $("practice-loop").setAttribute("aria-pressed", String(Boolean(passage)));
  $("practice-ends").hidden = !passage;
  $("practice-loop").disabled = !alignment;
}

/** The measures or systems that a loop may begin and end with. */
function showEnds() {
  for (const end of ["from", "to"]) {
    $(`practice-${end}`).replaceChildren(...spans.map(({ page, system, measure }, i) =>
      h("option", { value: String(i) }, measure === null ? `Page ${page}, system ${system}` : `Measure ${measure}, page ${page}`)));
  }
}

/** Plays from a bookmark on, or shows its page where nothing is played. */
function goTo({ page, system }) {
  const box = alignment?.box(page, system ?? 1);
  const time = box ? alignment.timeOf(page, box[0], (box[1] + box[3]) / 2, player.time) : null;
  if (time !== null) jump(time);
  else {
    score.setFollow(false);
    score.turn(page);
  }
}
