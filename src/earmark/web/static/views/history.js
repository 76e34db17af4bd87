/** What the library was asked before: each answer leads to its page. */

import { call, historyExportAddress, problemOf } from "/js/api.js";
import { $, capital, clock, count, h, percent, say, showProblem, titleOf } from "/js/dom.js";
import { exportMenu, FORMS } from "/js/export.js";
import { placeOf } from "/js/hits.js";

export const title = "Asked before";

const PORTION = 50;
const MOST = 1000;
const DAY_MS = 86_400_000;

let most = PORTION;
let latest = 0; // of what was asked or changed here: what is answered to anything before it is not shown

export async function enter() {
  most = PORTION;
  showProblem($("history-problem"), null);
  await refresh();
}

export function leave() {}

$("history-more").onclick = () => {
  most = Math.min(MOST, most + PORTION);
  refresh();
};
$("history-keep").onchange = async ({ target }) => {
  latest += 1;
  if (await told(() => call("PUT", "/history/switch", { json: { is_on: target.checked } }))) {
    say(target.checked ? "Answers are kept from now on" : "Answers are kept no more");
  }
  await refresh();
};
$("history-clear").onclick = () => $("forget").showModal();
$("forget").onclose = async () => {
  if ($("forget").returnValue === "forget" && await told(() => call("DELETE", "/history"))) {
    await refresh();
    say("All answers are forgotten");
    $("history-title").focus();
  }
  $("forget").returnValue = "";
};

/** Does something; true if it went well, else it is said why not. */
async function told(act) {
  try {
    await act();
    return true;
  } catch (error) {
    showProblem($("history-problem"), problemOf(error));
    return false;
  }
}

async function refresh() {
  latest += 1;
  const own = latest;
  await told(async () => {
    const { is_on: kept, entries, pieces } = await call("GET", `/history?limit=${most}`);
    if (own !== latest) return;
    $("history-acts").hidden = false;
    $("history-keep").checked = kept;
    $("history-clear").disabled = !entries.length;
    $("history-days").replaceChildren(...days(entries, pieces));
    $("history-more").hidden = entries.length < most || most === MOST;
    $("history-empty").hidden = entries.length > 0;
    $("history-empty-words").textContent = kept
      ? "Answers come here as soon as something is asked." : "Answers are not kept. Turn it on to find them here.";
    $("forget-words").textContent = `${count(entries.length, "answer")}${entries.length === most ? " or more" : ""}, with the names of the files. This cannot be undone.`;
  });
}

/** A heading and a list for each day; `pieces` are those that are there now, by name. */
function days(entries, pieces) {
  const lists = new Map();
  for (const entry of entries) {
    const day = dayOf(new Date(entry.asked_at));
    if (!lists.has(day)) lists.set(day, h("ol", { class: "asked-list" }));
    lists.get(day).append(row(entry, pieces));
  }
  return [...lists].map(([day, list]) => h("section", { class: "asked-day" }, h("h2", {}, day), list));
}

function dayOf(date) {
  const midnight = (moment) => new Date(moment).setHours(0, 0, 0, 0);
  const ago = Math.round((midnight(Date.now()) - midnight(date)) / DAY_MS);
  return ["Today", "Yesterday"][ago] ?? date.toLocaleDateString("en-GB", { dateStyle: "long" });
}

function row({ key, asked_at: at, asked, query, answer }, pieces) {
  const time = new Date(at).toLocaleTimeString("en-GB", { timeStyle: "short" });
  const answers = ANSWERS[asked](answer);
  return h("li", { class: "asked" },
    h("time", { datetime: at }, time),
    h("div", { class: "asked-words" },
      h("p", { class: "asked-query" }, query.split(/[/\\]/).at(-1)),
      answers.length ? h("ul", {}, ...answers.map((one) => h("li", {}, answered(one, pieces[one.piece]))))
        : h("p", { class: "hint" }, "Not in this library")),
    exported(key, asked, answers.find((one) => one.box && pieces[one.piece]?.pages), pieces));
}

/** The menu of files of an answer; `shown` is what of it has a place on a page of a piece, if anything. */
function exported(key, asked, shown, pieces) {
  // Of what was followed, the history has no places.
  const forms = Object.keys(FORMS).filter((form) => asked !== "align" || form !== "annotations");
  const place = shown && (() => ({ ...shown, piece: pieces[shown.piece].id }));
  return exportMenu(forms, (form) => historyExportAddress(key, form), place,
    (problem) => showProblem($("history-problem"), problem));
}

/** What an answer names, by the command that it answers; nothing where nothing of the library was heard. */
const ANSWERS = {
  find: ({ said, hits, recordings }) => {
    const [best] = [...hits, ...recordings].sort((one, other) => other.confidence - one.confidence);
    if (!best || said === "not in this library") return [];
    const where = best.page ? placeOf(best) : `A recording, from ${clock(best.time_s)}`;
    return [{ ...best, words: `${capital(said)}. ${where}` }];
  },
  align: ({ pieces }) => pieces.map((one) => ({ ...one, words: `Followed from ${clock(one.start_s)} to ${clock(one.end_s)}` })),
  identify: ({ stretches }) => stretches.filter(({ piece }) => piece).map((one) => {
    const times = `${clock(one.start_s)} – ${clock(one.end_s)}`;
    return { ...one, ...one.begins, words: one.begins ? `${times}, from ${placeOf(one.begins).toLowerCase()}` : times };
  }),
};

/** A line of an answer: a link to the place, if the piece is still there and has pages. */
function answered({ piece: name, title: named, page, system, words, confidence }, piece) {
  const content = [
    h("span", { class: "hit-words" },
      h("span", { class: "hit-title" }, piece ? titleOf(piece) : named || name),
      h("span", { class: "hit-where" }, piece ? words : `${words}. Not in the library any more`)),
    confidence === undefined ? null : h("span", { class: "tape-sure" }, percent(confidence)),
  ];
  if (!piece?.pages) return h("span", { class: "asked-answer" }, ...content);
  const place = [piece.id, page ?? 1, system].filter(Boolean).join("/");
  return h("a", { class: "asked-answer", href: `#/piece/${place}` }, ...content);
}
