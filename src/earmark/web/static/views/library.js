/** The library: its pieces in a grid, sheet music being added, and removing with undo. */

import { call, forgetLibrary, get, libraryFacts, pageAddress, patiently, Problem, problemOf, send, watch } from "/js/api.js";
import { checkSize, isImage, isSheet } from "/js/files.js";
import { $, count, h, icon, say, sentence, showProblem, titleOf } from "/js/dom.js";
import { namesForm } from "/js/names.js";
import { row } from "/js/recordings.js";
import { fail, newRow, report, settle } from "/js/rows.js";
import { pdfOf } from "/js/together.js";

export const title = "Library";

const PORTION = 60;
const MOST_TAPES = 200;
const SEARCH_AFTER_MS = 200;
const AT_ONCE = 3;
const FEW = 12; // pieces that are seen at once
const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];
const ALL = "all";
const LETTER_WORDS = { 0: "0–9", "": "None" };
const COVER_PX = 480;
const SCAN = "Point the tablet’s camera here. The code lets one device in, within ten minutes.";

let shown = 0;
let searching = null;
let letter = null; // the one under which pieces are shown; null: all

export async function enter() {
  showProblem($("library-problem"), null);
  await Promise.all([refresh(), offerToLeave()]);
}

/** Only who was let in by a cookie has something to give back. */
async function offerToLeave() {
  const { cookie } = await call("GET", "/visit").catch(() => ({ cookie: false }));
  $("library-leave").hidden = !cookie;
}

export function leave() {}

$("library-add").onclick = () => $("library-input").click();
$("library-input").onchange = () => {
  drop([...$("library-input").files]);
  $("library-input").value = "";
};
$("library-order").onchange = () => {
  letter = null;
  refresh();
};
$("library-letters").onchange = ({ target }) => {
  letter = target.value === ALL ? null : target.value;
  more(0);
};
$("library-show").onchange = () => {
  letter = null;
  more(0);
};
$("library-search").oninput = () => {
  clearTimeout(searching);
  letter = null;
  searching = setTimeout(refresh, SEARCH_AFTER_MS);
};
$("library-more").onclick = () => more(shown);
$("library-tablet").onclick = openOnTablet;
$("library-leave").onclick = async () => {
  try {
    await call("DELETE", "/visit");
    location.reload(); // the server then says how to come in again
  } catch (error) {
    showProblem($("library-problem"), problemOf(error));
  }
};
$("additions-clear").onclick = () => {
  $("additions-list").replaceChildren();
  $("library-additions").hidden = $("additions-clear").hidden = true;
  $("library-add").focus();
};

/** Shows the library as it is now. */
export async function refresh() {
  forgetLibrary();
  await more(0);
}

async function more(offset) {
  const [search, order, [which, tag]] = [$("library-search").value.trim(), $("library-order").value, chosenShow()];
  const chosen = letter;
  try {
    const asked = new URLSearchParams({ search, order, is_missing: which === "missing" });
    if (which === "tag") asked.set("tag", tag);
    if (chosen !== null) asked.set("initial", chosen);
    const [facts, { total, pieces, ...scores }, { pieces: tapes, ...sounds }] = await Promise.all([
      libraryFacts(),
      call("GET", `/pieces?${asked}&offset=${offset}&limit=${PORTION}`),
      call("GET", `/pieces?kind=recording&${asked}&limit=${MOST_TAPES}`),
    ]);
    if (search !== $("library-search").value.trim() || chosen !== letter) return;
    const books = pieces.map((piece) => book(piece, facts.page_widths));
    if (offset) $("library-pieces").append(...books);
    else $("library-pieces").replaceChildren(...books);
    if (offset) books[0]?.querySelector("a").focus();
    shown = offset + pieces.length;
    $("library-more").hidden = shown >= total;
    $("library-tapes").replaceChildren(...tapes.map(tapeRow));
    $("library-recorded").hidden = !tapes.length;
    const counts = [count(facts.pieces, "piece"), count(facts.pages, "page")];
    if (facts.recordings) counts.push(count(facts.recordings, "recording"));
    $("library-counts").textContent = counts.join(", ");
    showFilters([...scores.initials, ...sounds.initials], [...scores.all_tags, ...sounds.all_tags], facts.pieces + facts.recordings);
    const filtered = search || which !== ALL || chosen !== null;
    $("library-empty").hidden = total > 0 || tapes.length > 0 && Boolean(filtered);
    $("library-empty").classList.toggle("filtered", Boolean(filtered));
    $("library-empty-words").textContent = search ? `Nothing here is called “${search}”` : filtered ? "Nothing here" : "No sheet music here yet";
    if (filtered) say(`${count(total + tapes.length, "piece")} found`);
  } catch (error) {
    showProblem($("library-problem"), problemOf(error));
  }
}

/** What is shown: ["all"], ["missing"], or ["tag", the tag]. */
function chosenShow() {
  const { value } = $("library-show");
  const at = value.indexOf(":");
  return at < 0 ? [value || ALL] : [value.slice(0, at), value.slice(at + 1)];
}

/** Offers the letters that pieces begin with, and what else they may be chosen by; of few pieces there is no need to. */
function showFilters(initials, tags, pieces) {
  const { value } = $("library-show");
  const options = [h("option", { value: ALL }, "all"), h("option", { value: "missing" }, "file missing")];
  const listed = [...new Set(tags)].map((tag) => h("option", { value: `tag:${tag}` }, tag));
  if (listed.length) options.push(h("optgroup", { label: "Tag" }, ...listed));
  $("library-show").replaceChildren(...options);
  $("library-show").value = value || ALL;
  if ($("library-show").selectedIndex < 0) $("library-show").value = ALL;
  const there = new Set(initials);
  const letters = [...new Set([...(there.has("0") ? ["0"] : []), ...LETTERS, ...[...there].filter((one) => one && one !== "0"), ...(there.has("") ? [""] : [])])];
  const had = $("library-letters").contains(document.activeElement);
  $("library-letters").replaceChildren($("library-letters").firstElementChild,
    letterChoice(ALL, "All", true, letter === null),
    ...letters.map((one) => letterChoice(one, LETTER_WORDS[one] ?? one, there.has(one), one === letter)));
  if (had) $("library-letters").querySelector(":checked")?.focus();
  $("library-letters").hidden = pieces <= FEW || !initials.length;
  $("library-shelf").hidden = pieces <= FEW && !listed.length && (value || ALL) === ALL;
}

function letterChoice(value, words, there, checked) {
  return h("label", { class: "letter" },
    h("input", { type: "radio", name: "letter", value, disabled: !there, checked }), h("span", {}, words));
}

function book(piece, widths) {
  const cover = pageAddress(piece.id, 1, COVER_PX, widths);
  return h("li", { class: "book", "data-piece": piece.name },
    h("a", { href: `#/piece/${piece.id}` },
      h("span", { class: "cover" }, h("img", { src: cover, alt: "", loading: "lazy", decoding: "async" })),
      h("span", { class: "book-title" }, titleOf(piece)),
      h("span", { class: "book-composer" }, piece.composer ?? count(piece.pages, "page")),
      piece.is_missing ? h("span", { class: "missing-file" }, "Its file is missing") : null),
    remover(piece, "book-remove"));
}

/** A recording's row, with the means to name and to remove it. */
function tapeRow(tape) {
  const edit = h("button", {
    type: "button", class: "quiet tape-edit", "aria-label": `Edit ${titleOf(tape)}`,
    onclick: () => {
      const form = namesForm(tape, (named) => {
        const again = tapeRow(named);
        shown.replaceWith(again);
        again.querySelector(".tape-edit").focus();
      });
      shown.replaceChildren(form);
      form.querySelector("input").focus();
    },
  }, icon("pen"));
  const along = h("button", {
    type: "button", class: "quiet", "aria-label": `Play ${titleOf(tape)} along its score`, onclick: () => openScore(tape),
  }, icon("follow"));
  const words = [tape.composer, tape.source].filter(Boolean).join(", ");
  const shown = row(tape, words, 0, h("span", { class: "tape-acts" }, along, edit, remover(tape, "tape-remove")));
  return shown;
}

/** Opens the score that a recording is of, to practise with it. */
async function openScore(tape) {
  try {
    const { links, ahead } = await call("GET", `/pieces/${tape.id}/links`);
    const score = links.find(({ relation }) => relation === "score");
    if (score) location.hash = `#/practice/${score.piece.id}/${tape.id}`;
    else toast(ahead ? "Its score is still being looked for." : "No score of it is known in this library.");
  } catch (error) {
    showProblem($("library-problem"), problemOf(error));
  }
}

function remover(piece, style) {
  return h("button", {
    type: "button", class: `quiet ${style}`, "aria-label": `Remove ${titleOf(piece)}`, onclick: () => remove(piece),
  }, icon("bin"));
}

/** Shows an invitation as a QR code, or says why there is none; the code is gone when the dialog is closed. */
async function openOnTablet() {
  const words = $("tablet-words");
  try {
    const drawn = await (await get("/invitations", { method: "POST" })).text();
    const code = document.importNode(new DOMParser().parseFromString(drawn, "image/svg+xml").documentElement, true);
    code.setAttribute("role", "img");
    code.setAttribute("aria-label", "QR code of this library’s address");
    $("tablet-code").replaceChildren(code);
    words.textContent = SCAN;
  } catch (error) {
    const { what, remedy } = problemOf(error);
    words.textContent = `${sentence(what)} ${sentence(remedy)}`;
  }
  $("tablet").showModal();
}
$("tablet").onclose = () => $("tablet-code").replaceChildren();

/** What a drop on this view says, and does: each file becomes a piece, or several images one; a few at a time. */
export const dropWords = "Drop sheet music or recordings to add them";
export async function drop(given) {
  const files = await together(given);
  const waiting = files.map((file) => ({ file, row: newRow("Adding", file.name) }));
  if (!waiting.length) return;
  $("library-additions").hidden = false;
  $("additions-list").append(...waiting.map(({ row }) => row));
  let added = 0;
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      if (await add(next.file, next.row)) added += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  say(`${count(added, "piece")} of ${count(files.length, "file")} added`);
  $("additions-clear").hidden = false;
  await refresh();
}

/** The files as they are to be added: of several images someone says whether they are pages of one piece. */
async function together(files) {
  const images = files.filter(({ name }) => isImage(name));
  if (images.length < 2) return files;
  const others = files.filter(({ name }) => !isImage(name));
  const pages = images.toSorted((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
  $("together-words").textContent = `${count(pages.length, "image")}, from ${pages[0].name} to ${pages.at(-1).name}, in this order.`;
  $("together-name").value = pages[0].name.replace(/\.\w+$/, "").replace(/[\s_-]*0*1$/, "") || "Pages";
  $("together").returnValue = "none";
  $("together").showModal();
  await new Promise((resolve) => {
    $("together").onclose = () => $("together").open || resolve(); // the event of an earlier closing may come late
  });
  if ($("together").returnValue === "each") return files;
  if ($("together").returnValue === "none") return others;
  try {
    return [...others, await pdfOf(pages, $("together-name").value.trim() || "Pages")];
  } catch {
    const words = new Problem("unusable_file", "this browser cannot read one of the images", "save them as JPEG or PNG, or add them one by one");
    showProblem($("library-problem"), words);
    return others;
  }
}

/** Adds one file; true when it is in the library now. */
async function add(file, row) {
  try {
    const { limits } = await libraryFacts();
    checkSize(file, isSheet(file.name) ? limits.score_bytes : limits.audio_bytes);
    const progress = (part) => report(row, "Sending", part);
    const post = () => send(`/pieces?name=${encodeURIComponent(file.name)}`, file, { progress });
    const { id } = await patiently(post, (seconds) => report(row, `The server is busy; again in ${seconds} s`));
    const job = await watch(`/additions/${id}`, ({ state, progress: part }) =>
      state === "done" || report(row, state === "waiting" ? "Waiting" : "Reading", part));
    settle(row, added(job));
    return true;
  } catch (error) {
    fail(row, error);
    return false;
  }
}

/** What became of a file, as a link to the piece, and what is to be said of it. */
function added({ outcome, piece, remarks }) {
  const words = { added: "Added", unchanged: "Was there already", replaced: "Replaced" }[outcome] ?? "Added";
  const what = piece.kind === "recording" ? h("span", {}, `${words}: ${titleOf(piece)}, a recording`)
    : h("a", { href: `#/piece/${piece.id}` }, `${words}: ${titleOf(piece)}, ${count(piece.pages, "page")}`);
  return h("span", {}, what, ...remarks.map((remark) => h("span", { class: "remark" }, sentence(remark))));
}

/** Removes a piece and offers to undo it; true when it is removed. */
export async function remove(piece) {
  try {
    const { removal } = await call("DELETE", `/pieces/${piece.id}`);
    forgetLibrary();
    await refresh();
    toast(`${titleOf(piece)} is removed.`, "Undo", () => undo(removal, piece));
    return true;
  } catch (error) {
    showProblem($("library-problem"), problemOf(error));
    return false;
  }
}

async function undo(removal, piece) {
  try {
    await call("POST", `/removals/${removal}/undo`);
    await refresh();
    toast(`${titleOf(piece)} is back.`);
  } catch (error) {
    const { what, remedy } = problemOf(error);
    toast(`${titleOf(piece)} could not be brought back: ${sentence(what)} ${sentence(remedy)}`);
  }
}

/** A notice with at most one thing to do; it stays until it is closed or replaced, so that nobody has to hurry. */
function toast(words, action = "", act = null) {
  const close = () => {
    $("toast").hidden = true;
    $("library-title").focus();
  };
  const button = act && h("button", { type: "button", onclick: () => { close(); act(); } }, action);
  $("toast").replaceChildren(h("p", {}, words), button ?? "",
    h("button", { type: "button", class: "quiet", "aria-label": "Close the notice", onclick: close }, icon("close")));
  $("toast").hidden = false;
  say(words);
  (button ?? $("toast").lastElementChild).focus();
}
