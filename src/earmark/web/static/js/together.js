/** Several page images → one PDF, a page each, as the browser decodes and turns them. */

import { jpegOf, pdfFile } from "/js/pdf.js";

const PX_PER_POINT = 200 / 72; // as pages are read: a px of the image is one of the page

/** Throws an error when the browser cannot read one of the images. */
export async function pdfOf(images, name) {
  const pages = [];
  for (const image of images) pages.push(await pageOf(image));
  return pdfFile(pages, name);
}

async function pageOf(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // what is transparent is paper
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { jpeg: await jpegOf(canvas), width, height, wide: width / PX_PER_POINT, high: height / PX_PER_POINT };
}
