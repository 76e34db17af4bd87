/** Answers as files to keep or print, among them the page with its place marked. */

import { get, libraryFacts, pieceOf, problemOf } from "/js/api.js";
import { h, icon, say, titleOf } from "/js/dom.js";
import { jpegOf, pdfFile } from "/js/pdf.js";

/** What an answer can be saved as, besides its page. */
export const FORMS = { csv: "Table for spreadsheets, CSV", json: "All that is known, JSON", annotations: "W3C Web Annotations" };

const PX_PER_POINT = 200 / 72; // of a page's layout
const MARK = { fill: "#ffe2cc", stroke: "#d55e00", px: 2.5 };

/**
 * The menu of an answer's files: of these `forms`, each at `address(form)`, and the page with its mark where it has one:
 * `place()` is then {piece, page, box}, the piece's id and the box in fractions of the page. `failed(problem)` is called
 * where the page cannot be had.
 */
export function exportMenu(forms, address, place, failed) {
  const page = h("button", { class: "quiet", type: "button" }, "The page with the mark, PDF");
  page.onclick = async () => {
    page.disabled = true;
    try {
      save(await markedPage(place()));
      say("The page is saved");
    } catch (error) {
      failed(problemOf(error));
    }
    page.disabled = false;
  };
  const links = forms.map((form) => h("a", { class: "button quiet", href: address(form), download: "" }, FORMS[form]));
  return h("details", { class: "menu" },
    h("summary", { class: "button" }, icon("save"), "Export"),
    h("ul", {}, ...(place ? [page, ...links] : links).map((one) => h("li", {}, one))));
}

/** A page as a PDF, its place marked. Throws a Problem. */
async function markedPage({ piece: id, page: number, box }) {
  const [piece, { page_widths: widths }] = await Promise.all([pieceOf(id), libraryFacts()]);
  const answer = await get(`/pieces/${id}/pages/${number}.png?width=${widths.at(-1)}`);
  const bitmap = await createImageBitmap(await answer.blob());
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d");
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  const page = piece.layout[number - 1];
  const [x0, y0, x1, y1] = box;
  const place = [x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height];
  pen.globalCompositeOperation = "multiply"; // notes stay as dark as they are
  pen.fillStyle = MARK.fill;
  pen.fillRect(...place);
  pen.strokeStyle = MARK.stroke;
  pen.lineWidth = MARK.px * width / page.width_px;
  pen.strokeRect(...place);
  const points = { wide: page.width_px / PX_PER_POINT, high: page.height_px / PX_PER_POINT };
  return pdfFile([{ jpeg: await jpegOf(canvas), width, height, ...points }], `${titleOf(piece)}, page ${number}`);
}

/** Has the browser save a file. */
function save(file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name.replace(/[/\\:*?"<>|]/g, "-");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // once it is read
}
