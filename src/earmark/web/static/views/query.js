/** The result of a query: the ranked pieces, the place in the score, playing along, and why. */

import { call, exportAddress, pause, Problem, problemOf, recordingAddress, watch } from "/js/api.js";
import { Alignment } from "/js/alignment.js";
import { exportMenu, FORMS } from "/js/export.js";
import { $, capital, clock, percent, say, sentence, showProblem, titleOf } from "/js/dom.js";
import { placeOf, showHits } from "/js/hits.js";
import { Player } from "/js/player.js";
import { showRecordings } from "/js/recordings.js";
import { Score } from "/js/score.js";
import { Why } from "/js/why.js";

const ALIGNMENT_EVERY_MS = 400;
const LIKELY = 0.5;
const ABSENT = "not in this library";
const OVERLAP = 0.2; // the part of a stretch that may lie in the one before

let score, player, why;
let query = null; // the answered query
let hit = null; // the hit that is shown
let alignment = null;
let touched = false; // whether the recording was played or moved: until then the place found is shown
let leaving = new AbortController();

export const title = "Found";

export async function enter(id) {
  make();
  leaving = new AbortController();
  $("query").classList.add("pending");
  describe({ over: "", title: "Looking it up …" });
  $("query-remarks").textContent = "";
  showProblem($("query-problem"), null);
  $("query-export").hidden = true;
  try {
    query = await watch(`/queries/${id}`, () => {}, leaving.signal);
    show();
  } catch (error) {
    fail(problemOf(error));
  }
}

export function leave() {
  leaving.abort();
  player.unload();
}

/** What keys turn, and what they play. */
export const turns = () => (query ? score : null);
export const plays = () => (query && !isSheet() ? player : null);

function make() {
  if (score) return;
  score = new Score($("query-score"), { follows: true });
  player = new Player($("query-player"));
  why = new Why();
  player.addEventListener("moment", ({ detail }) => moment(detail));
  player.addEventListener("system", ({ detail }) => jump(alignment?.neighbour(player.time, detail)));
  score.addEventListener("point", ({ detail: { page, x, y } }) => jump(alignment?.timeOf(page, x, y, player.time)));
}

function fail(problem) {
  if (!problem) return;
  describe({ over: "", title: "No answer" });
  const words = problem.kind === "not_found"
    ? new Problem("not_found", "this answer is no longer kept", "ask again") : problem;
  showProblem($("query-problem"), words, { words: "Find another", act: () => { location.hash = "#/"; } });
}

/** Whether the query is sheet music: there is nothing to play, to follow or to explain then. */
const isSheet = () => "pages" in query.result.query;

function show() {
  const { confident, said, hits, recordings, query: sent } = query.result;
  $("query").classList.toggle("pending", !hits.length && !recordings.length);
  $("query-stage").hidden = $("query-hits-part").hidden = !hits.length;
  $("query-player").hidden = score.parts.follow.hidden = isSheet();
  $("query-why").hidden = isSheet() || !hits.length;
  $("query-remarks").textContent = query.result.remarks.map(sentence).join(" ");
  $("query-tapes-part").hidden = !recordings.length;
  showRecordings($("query-tapes"), recordings, query.pieces);
  touched = false;
  $("query-export").hidden = false;
  const shown = hits.length ? () => ({ piece: hit.piece_id, page: hit.page, box: hit.box }) : null;
  $("query-export").replaceChildren(exportMenu(Object.keys(FORMS), (form) => exportAddress(query.id, form), shown,
    (problem) => showProblem($("query-problem"), problem)));
  if (!hits.length && !recordings.length) {
    describe({ over: query.name, ...nothing() });
    say($("query-title").textContent);
    return;
  }
  if (!isSheet() && hits.length) player.load(recordingAddress(query.id), sent.duration_s);
  const best = hits[0]?.confidence ?? 0;
  const isTape = !hits.length || best < LIKELY && recordings.length > 0 && recordings[0].confidence > best;
  tellOrder(confident);
  if (hits.length) choose(listed()[0], confident && !isTape);
  if (isTape) tellTape(confident, recordings[0]);
  const first = query.pieces[(isTape ? recordings : hits)[0].piece];
  say(first && said !== ABSENT ? `${confident ? "Found" : capital(said)}: ${titleOf(first)}` : "Not in this library");
}

/**
 * The hits as they are listed. Likely ones that are heard one after the other are stretches of a tape, in order of
 * time; all others are rivals, likeliest first.
 */
function listed() {
  const { hits } = query.result;
  const likely = hits.filter((one) => one.confidence >= LIKELY && one.heard_s);
  const inOrder = likely.toSorted((one, other) => one.heard_s[0] - other.heard_s[0]);
  const apart = ({ heard_s: [start, end] }, i) => i === 0 || inOrder[i - 1].heard_s[1] - start < OVERLAP * (end - start);
  return inOrder.length > 1 && inOrder.every(apart) ? inOrder : hits;
}

/** Says what the list is; guesses that nothing speaks for wait until someone asks for them. */
function tellOrder(confident) {
  const inOrder = listed() !== query.result.hits;
  $("hits-title").textContent = inOrder ? "Pieces, as they are played" : "Pieces, likeliest first";
  for (const part of ["query-hits-part", "query-tapes-part"]) $(part).querySelector("details").open = confident;
}

function nothing() {
  if (isSheet()) return { title: "Nothing in this library resembles it", where: "No systems of staves were found on it, or nothing is there to compare." };
  const where = "The recording is silent, or holds no music that is understood. "
    + "Record closer to the instrument and try again.";
  return { title: "Nothing was heard that resembles a piece", where };
}

/** The verdict when a recording of the library is the likeliest answer. */
function tellTape(confident, { piece: name, time_s: time, confidence }) {
  const piece = query.pieces[name];
  const words = piece ? titleOf(piece) : name;
  if (confident) {
    describe({ over: `Found: ${query.name}`, title: words, composer: piece?.composer,
      where: `A recording, from ${clock(time)}. ${percent(confidence)} sure.` });
  } else {
    describe({ over: query.name, ...unsure(words, `a recording, from ${clock(time)}`, confidence, piece?.composer) });
  }
}

/** The verdict of what is not sure: its title if it is likely at all, and why it is not surer. */
function unsure(title, place, confidence, composer) {
  const { said, why } = query.result;
  const sure = `only ${percent(confidence)} sure`;
  if (said === ABSENT) return { title: "Not in this library", where: `${why} Nearest is ${title}, ${place}, but ${sure}.` };
  return { title: `${capital(said)} ${title}`, composer, where: `${capital(place)}, ${sure}. ${why}` };
}

/** Shows one of the hits; `align`: whether to follow it at once (a guess is only followed when someone asks). */
async function choose(chosen, align = true) {
  hit = chosen;
  const { confident } = query.result;
  const piece = query.pieces[hit.piece];
  if (!piece) {
    showProblem($("query-problem"), new Problem("not_found", "this piece is no longer in the library", ""));
    return;
  }
  verdict(confident, piece);
  showHits($("query-hits"), listed(), query.pieces, hit.piece, stretch, (other) => {
    touched = false;
    choose(other);
    say(`${$("query-title").textContent}. ${$("query-where").textContent}`);
  });
  alignment = null;
  player.setSystems(false);
  try {
    score.showPlaying(null);
    await Promise.all([score.open(piece.id, hit.page), isSheet() ? null : why.show(query, piece.id)]);
    score.mark(hit.page, hit.box);
    if (isSheet()) return;
    why.at(hit.query_time_s);
    if (align) await follow(piece);
    else player.say("Choose a piece of the list to follow it.");
  } catch (error) {
    showProblem($("query-problem"), problemOf(error));
  }
}

function verdict(confident, piece) {
  const first = hit.rank === 1 || listed() !== query.result.hits;
  const place = placeOf(hit);
  if (confident || !first) {
    describe({ over: first ? `Found: ${query.name}` : `Guess ${hit.rank}: ${query.name}`, title: titleOf(piece),
      composer: piece.composer,
      where: `${place}${likeness()}${stretch(hit)}. ${percent(hit.confidence)} sure. ${first ? query.result.why : ""}`.trim() });
  } else {
    describe({ over: query.name, ...unsure(titleOf(piece), place.toLowerCase(), hit.confidence, piece.composer) });
  }
}

/** What of the query's sheet music the place is like. */
function likeness() {
  const { query_place: place } = hit;
  return place ? `, like page ${place.page}, system ${place.system} of ${query.name}` : "";
}

/** From when to when a recording plays a hit's piece, where that is not all of it. */
function stretch({ heard_s: heard }) {
  const partly = heard && heard[1] - heard[0] < 0.9 * query.result.query.duration_s;
  return partly ? `, heard from ${clock(heard[0])} to ${clock(heard[1])}` : "";
}

function describe({ over, title, composer = "", where = "" }) {
  $("query-over").textContent = over;
  $("query-title").textContent = title;
  $("query-composer").textContent = composer ?? "";
  $("query-where").textContent = where;
  document.title = `${title} – Earmark`;
}

/** Fetches which moment is at which place; then the mark follows the recording. */
async function follow(piece) {
  const wanted = hit;
  const { signal } = leaving;
  let answer = {};
  try {
    for (;;) {
      answer = await call("GET", `/queries/${query.id}/alignment?piece=${piece.id}`, { signal });
      if (hit !== wanted) return;
      if (answer.alignment) break;
      const part = answer.progress && answer.progress < 1 ? ` ${Math.round(100 * answer.progress)} %` : "";
      player.say(`Following the score …${part}`);
      await pause(ALIGNMENT_EVERY_MS, signal);
    }
  } catch (error) {
    const problem = problemOf(error);
    if (problem && hit === wanted) player.say(`The score cannot be followed: ${problem.what}.`);
    return;
  }
  if (!answer.alignment.points.length) {
    player.say("Nothing of this piece is played here.");
    return;
  }
  alignment = new Alignment(answer.alignment);
  player.setSystems(true);
  player.say("");
  if (touched) moment({ time: player.time, playing: player.playing });
}

function moment({ time, playing }) {
  touched ||= playing || time > 0;
  if (!touched || !query) return;
  why.at(time);
  if (!alignment) return;
  const place = alignment.at(time);
  score.showPlaying(place);
  const words = place ? `Page ${place.page}, system ${place.system}` : "Not in the score here";
  if (player.parts.words.textContent !== words) player.say(words);
}

/** Moves the recording to a moment that was chosen in the score. */
function jump(time) {
  if (time === null || time === undefined) return;
  score.setFollow(true);
  player.seek(time);
}
