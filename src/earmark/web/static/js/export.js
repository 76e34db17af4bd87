/** A page of a piece with a place marked, as a file to keep or print. */

import { get, libraryFacts, pieceOf } from "/js/api.js";
import { titleOf } from "/js/dom.js";
import { jpegOf, pdfFile } from "/js/pdf.js";

const PX_PER_POINT = 200 / 72; // of a page's layout
const MARK = { fill: "#ffe2cc", stroke: "#d55e00", px: 2.5 };

/** The page `number` of a piece as a PDF, with `box` (fractions of the page) marked. Throws a Problem. */
export async function markedPage(id, number, box) {
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
export function save(file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name.replace(/[/\\:*?"<>|]/g, "-");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // once it is read
}
