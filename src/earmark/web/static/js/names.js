/** Fields in which a piece's title and composer are edited. */

import { call, problemOf } from "/js/api.js";
import { h, say, showProblem, titleOf } from "/js/dom.js";

/** A form with a piece's title and composer; when it is over, `done` is called with the piece as it is then. */
export function namesForm(piece, done) {
  const field = (value) => h("input", { type: "text", maxlength: "200", autocomplete: "off", value: value ?? "" });
  const [title, composer, problem] = [field(piece.title), field(piece.composer), h("div")];
  const save = async (event) => {
    event.preventDefault();
    try {
      const json = { title: title.value.trim(), composer: composer.value.trim() };
      const named = await call("PATCH", `/pieces/${piece.id}`, { json });
      say(`Saved: ${titleOf(named)}`);
      done(named);
    } catch (error) {
      showProblem(problem, problemOf(error));
    }
  };
  return h("form", { class: "names", onsubmit: save }, problem,
    h("label", {}, "Title ", title), h("label", {}, "Composer ", composer),
    h("div", { class: "row" },
      h("button", { class: "primary", type: "submit" }, "Save"),
      h("button", { type: "button", onclick: () => done(piece) }, "Cancel")));
}
