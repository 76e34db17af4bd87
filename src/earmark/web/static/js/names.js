/** Fields in which is edited what a person says of a piece: title, composer, tags and a note. */

import { call, problemOf } from "/js/api.js";
import { h, say, showProblem, titleOf } from "/js/dom.js";

/** A form with these; when it is over, `done` is called with the piece as it is then. */
export function namesForm(piece, done) {
  const field = (value, most = 200) => h("input", { type: "text", maxlength: String(most), autocomplete: "off", value: value ?? "" });
  const [title, composer, tags] = [field(piece.title), field(piece.composer), field(piece.tags.join(", "), 1000)];
  const [note, problem] = [h("textarea", { rows: "3", maxlength: "10000" }, piece.note), h("div")];
  const save = async (event) => {
    event.preventDefault();
    try {
      const json = {
        title: title.value.trim(), composer: composer.value.trim(), note: note.value.trim(),
        tags: tags.value.split(",").map((tag) => tag.trim()).filter(Boolean),
      };
      const named = await call("PATCH", `/pieces/${piece.id}`, { json });
      say(`Saved: ${titleOf(named)}`);
      done(named);
    } catch (error) {
      showProblem(problem, problemOf(error));
    }
  };
  return h("form", { class: "names", onsubmit: save }, problem,
    h("label", {}, "Title ", title), h("label", {}, "Composer ", composer),
    h("label", {}, "Tags, apart by commas ", tags), h("label", {}, "Note ", note),
    h("div", { class: "row" },
      h("button", { class: "primary", type: "submit" }, "Save"),
      h("button", { type: "button", onclick: () => done(piece) }, "Cancel")));
}
