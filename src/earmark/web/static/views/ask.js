/** Sending a query: a recording or sheet music that is dropped or chosen, or a recording made or taken from the library's folder. */

import { call, libraryFacts, patiently, Problem, problemOf, send, watch } from "/js/api.js";
import { $, capital, clock, count, h, say, showOnly, showProblem, size, titleOf } from "/js/dom.js";
import { checkSize, isSheet } from "/js/files.js";
import { placeOf } from "/js/hits.js";
import { lower, offerInstruments } from "/js/instrument.js";
import { live } from "/js/live.js";
import { openMicrophone, wav } from "/js/microphone.js";
import { fail, newRow, report, settle } from "/js/rows.js";

export const title = "Find";

const LONGEST_RECORDING_S = 600;
const QUIET = 0.002;
const QUIET_FOR_S = 3;

let running = null; // AbortController of the query under way
let recording = null; // {microphone, chunks, seconds, quiet}
let agreed = null; // the piece that live listening was sure of in the answer before
let handedOn = false; // whether the music stand goes on listening
let leaving = new AbortController();

const states = () => [$("ask-ways"), $("ask-hearing"), $("ask-recording"), $("ask-work")];

export async function enter() {
  showOnly($("ask-ways"), states());
  showProblem($("ask-problem"), null);
  $("ask-instrument-part").hidden = lower() === 0; // who has chosen none elsewhere needs none here
  offerInstruments($("ask-instrument"), () => {});
  leaving = new AbortController();
  const { signal } = leaving;
  live.addEventListener("loudness", ({ detail }) => showLevel($("ask-hearing-level"), detail), { signal });
  live.addEventListener("update", ({ detail }) => heard(detail), { signal });
  live.addEventListener("end", ({ detail }) => {
    showProblem($("ask-problem"), detail);
    back("ask-listen");
  }, { signal });
  try {
    const [facts, { recordings }] = await Promise.all([libraryFacts(), call("GET", "/recordings")]);
    $("ask-folder").hidden = recordings.length === 0;
    $("ask-before").hidden = !facts.has_history;
    const where = facts.pieces ? `your ${count(facts.pieces, "piece")}` : "your sheet music";
    $("ask-lead").textContent = `Give a recording, even a short one, or a page. Earmark looks for it in ${where}.`;
    if (!facts.pieces && !facts.recordings) {
      showProblem($("ask-problem"), new Problem("empty_library", "this library is empty", "add sheet music first"), toLibrary);
    }
  } catch (error) {
    showProblem($("ask-problem"), problemOf(error));
  }
}

export function leave() {
  leaving.abort();
  if (!handedOn) live.stop();
  handedOn = false;
  running?.abort();
  discard();
  $("folder").close();
}

const toLibrary = { words: "Go to the library", act: () => { location.hash = "#/library"; } };

$("ask-file").onclick = () => $("ask-input").click();
$("ask-input").onchange = () => {
  drop([...$("ask-input").files]);
  $("ask-input").value = "";
};
$("ask-cancel").onclick = () => running?.abort();
$("ask-listen").onclick = () => listen();
$("ask-hearing-stop").onclick = () => {
  live.stop();
  back("ask-listen");
};
$("ask-record").onclick = () => record();
$("ask-stop").onclick = () => finish();
$("ask-discard").onclick = () => {
  discard();
  back();
};
$("ask-folder").onclick = () => chooseFromFolder();

/** What a drop on this view says, and does: one file goes on to its answer, of several the answers are listed. */
export const dropWords = "Drop the recording or the page to find it";
export async function drop(files) {
  if (files.length > 1) {
    await askSeveral(files);
    return;
  }
  const [file] = files;
  if (!file) return;
  try {
    await check(file);
  } catch (error) {
    showProblem($("ask-problem"), problemOf(error));
    return;
  }
  await ask(file.name, (options) => sent(file, options));
}

const sent = (file, options) => send(`/queries?name=${encodeURIComponent(file.name)}`, file, options);

/** Throws a Problem for a file that the server would not take. */
async function check(file) {
  const { limits } = await libraryFacts().catch(() => ({ limits: {} }));
  checkSize(file, (isSheet(file.name) ? limits.score_bytes : limits.audio_bytes) ?? Infinity);
}

/** Asks about files one after the other. */
async function askSeveral(files) {
  showProblem($("ask-problem"), null);
  const rows = files.map((file) => newRow("Finding", file.name));
  $("several-list").append(...rows);
  $("ask-several").hidden = false;
  say(`${count(files.length, "file")} are looked up`);
  for (const [i, file] of files.entries()) await askOne(file, rows[i]);
  say(`${count(files.length, "file")} looked up`);
}

async function askOne(file, row) {
  try {
    await check(file);
    const progress = (part) => report(row, "Sending", part);
    const { id } = await patiently(() => sent(file, { progress }), (seconds) => report(row, `The server is busy; again in ${seconds} s`));
    const answer = await watch(`/queries/${id}`, (job) => job.state === "done" || report(row, job.state === "waiting" ? "Waiting" : "Listening", job.progress));
    settle(row, h("a", { href: `#/query/${id}` }, inShort(answer)));
  } catch (error) {
    fail(row, error);
  }
}

/** An answer in a line. */
function inShort({ result, pieces }) {
  const [hit] = result.hits.length ? result.hits : result.recordings;
  if (result.said === "not in this library" || !hit || !pieces[hit.piece]) return "Not in this library";
  const where = hit.page ? placeOf(hit) : `a recording, from ${clock(hit.time_s)}`;
  const found = `${titleOf(pieces[hit.piece])}, ${where.toLowerCase()}`;
  return result.confident ? found : `${capital(result.said)} ${found}`;
}

/** Asks, shows the progress, and goes on to the answer. */
async function ask(name, post) {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  const { signal } = mine;
  showProblem($("ask-problem"), null);
  showOnly($("ask-work"), states());
  $("ask-cancel").focus();
  progress(`Sending ${name}`, null, "");
  try {
    const sending = (part) => progress(`Sending ${name}`, part, "");
    const waiting = (seconds) => progress("Others are being served", null, `Trying again in ${count(seconds, "second")}.`);
    const { id } = await patiently(() => post({ progress: sending, signal }), waiting, signal);
    await watch(`/queries/${id}`, (job) => showProgress(name, job), signal).catch((error) => {
      if (error.name === "AbortError") call("DELETE", `/queries/${id}`).catch(() => {});
      throw error;
    });
    location.hash = `#/query/${id}`;
  } catch (error) {
    const problem = problemOf(error);
    if (running !== mine) return;
    showProblem($("ask-problem"), problem, problem?.kind === "empty_library" ? toLibrary : null);
    back();
  } finally {
    if (running === mine) running = null;
  }
}

function showProgress(name, job) {
  if (job.state === "waiting") {
    progress("Waiting", null, job.ahead ? `${count(job.ahead, "question")} before yours.` : "");
  } else progress(`${isSheet(name) ? "Reading" : "Listening to"} ${name}`, job.progress, job.heard_s ? `${clock(job.heard_s)} heard` : "");
}

function progress(words, part, hint) {
  if ($("ask-work-words").textContent !== words) say(words);
  $("ask-work-words").textContent = words;
  $("ask-work-hint").textContent = hint;
  if (part === null || part === 1) $("ask-progress").removeAttribute("value");
  else $("ask-progress").value = part;
}

/** Back to the ways to ask, with the focus where it can go on. */
function back(where = "ask-file") {
  showOnly($("ask-ways"), states());
  $(where).focus();
}

/** Listens until it is sure; then the music stand opens at the place, and follows. */
async function listen() {
  showProblem($("ask-problem"), null);
  agreed = null;
  try {
    await live.start();
  } catch (error) {
    showProblem($("ask-problem"), problemOf(error));
    return;
  }
  $("ask-hearing-words").textContent = "Listening …";
  showOnly($("ask-hearing"), states());
  $("ask-hearing-stop").focus();
  say("Listening");
}

/** Two answers have to agree: one alone may be a phrase that two pieces share. */
function heard({ confident, said, hits, pieces, place }) {
  const piece = pieces[hits[0]?.piece];
  const words = piece && said !== "not in this library" ? `Perhaps ${titleOf(piece)}` : "Listening …";
  if ($("ask-hearing-words").textContent !== words) $("ask-hearing-words").textContent = words;
  const sure = confident && place ? piece.id : null;
  if (sure === null || sure !== agreed) {
    agreed = sure;
    return;
  }
  handedOn = true;
  live.follow(piece.id, place.page);
  location.hash = `#/stand/${piece.id}/${place.page}`;
}

async function record() {
  showProblem($("ask-problem"), null);
  const mine = { chunks: [], seconds: 0, quiet: 0, microphone: null };
  try {
    mine.microphone = await openMicrophone((chunk, loudness) => hear(mine, chunk, loudness));
  } catch (error) {
    showProblem($("ask-problem"), problemOf(error));
    return;
  }
  recording = mine;
  showOnly($("ask-recording"), states());
  $("ask-stop").focus();
  say("Recording");
}

function hear(mine, chunk, loudness) {
  if (!mine.microphone) return;
  mine.chunks.push(chunk);
  const seconds = chunk.length / mine.microphone.rate;
  mine.seconds += seconds;
  mine.quiet = loudness < QUIET ? mine.quiet + seconds : 0;
  $("ask-clock").textContent = clock(mine.seconds);
  showLevel($("ask-level"), loudness);
  $("ask-level-hint").textContent = mine.quiet > QUIET_FOR_S
    ? "Nothing is heard. Is the right microphone on?" : "Recording. Ten to thirty seconds are plenty.";
  if (mine.seconds >= LONGEST_RECORDING_S) finish();
}

/** Shows a loudness 0..1 as people hear it: from -60 dB to 0 dB. */
export function showLevel(bar, loudness) {
  const part = 1 + Math.log10(Math.max(loudness, 1e-3)) / 3;
  bar.style.transform = `scaleX(${Math.min(1, part).toFixed(3)})`;
}

function finish() {
  const { chunks, microphone } = recording;
  discard();
  const file = wav(chunks, microphone.rate);
  drop([file]);
}

function discard() {
  recording?.microphone.close();
  recording = null;
}

async function chooseFromFolder() {
  try {
    const { recordings } = await call("GET", "/recordings");
    $("folder-list").replaceChildren(...recordings.map(({ name, bytes }) =>
      h("li", {}, h("button", { type: "button", class: "file", onclick: () => chosen(name) },
        h("span", {}, name), h("span", { class: "hint" }, size(bytes))))));
    $("folder").showModal();
  } catch (error) {
    showProblem($("ask-problem"), problemOf(error));
  }
}

function chosen(name) {
  $("folder").close();
  ask(name, (options) => send(`/queries?recording=${encodeURIComponent(name)}`, null, options));
}
