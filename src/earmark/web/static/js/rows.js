/** A list of files that are sent one after the other: a row each, with its progress and what became of it. */

import { problemOf } from "/js/api.js";
import { h, sentence } from "/js/dom.js";

/** A row for a file that waits; `doing` says what is done with it ("Adding"). */
export function newRow(doing, name) {
  return h("li", { class: "addition" },
    h("span", { class: "addition-name" }, name),
    h("progress", { max: "1", "aria-label": `${doing} ${name}` }),
    h("span", { class: "addition-words" }, "Waiting"));
}

/** Says where a file is: words, and a part 0..1 where it is known. */
export function report(row, words, part = null) {
  row.querySelector(".addition-words").textContent = words;
  const bar = row.querySelector("progress");
  if (part === null || part === 1) bar.removeAttribute("value");
  else bar.value = part;
}

/** Ends a row that went well with an element. */
export function settle(row, element) {
  end(row, "done", element);
}

/** Ends a row with what went wrong. */
export function fail(row, error) {
  const { what, remedy } = problemOf(error);
  const name = row.querySelector(".addition-name").textContent;
  const words = what.startsWith(name) ? what.slice(name.length).trim() : what; // the row has the name
  end(row, "failed", `${sentence(words)} ${sentence(remedy)}`);
}

function end(row, state, content) {
  row.classList.add(state);
  row.querySelector("progress").remove();
  row.querySelector(".addition-words").replaceChildren(content);
}
