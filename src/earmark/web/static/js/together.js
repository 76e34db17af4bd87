/** Several page images → one PDF, a page each, as the browser decodes and turns them. */

const PX_PER_POINT = 200 / 72; // as pages are read: a px of the image is one of the page
const QUALITY = 0.93;

/** Throws an error when the browser cannot read one of the images. */
export async function pdfOf(images, name) {
  const pages = [];
  for (const image of images) pages.push(await jpegOf(image));
  return new File(pdf(pages), `${name}.pdf`, { type: "application/pdf" });
}

async function jpegOf(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // what is transparent is paper
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, jpeg: await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY }) };
}

/** The parts of the file: objects 1, the catalogue, and 2, the tree; then page, content and image of each. */
function pdf(pages) {
  const parts = ["%PDF-1.4\n"];
  const offsets = [];
  let at = parts[0].length;
  const put = (...some) => {
    for (const part of some) at += part.size ?? part.length;
    parts.push(...some);
  };
  const object = (...body) => {
    offsets.push(at);
    put(`${offsets.length} 0 obj\n`, ...body, "\nendobj\n");
  };
  const first = (i) => 3 + 3 * i;
  object("<< /Type /Catalog /Pages 2 0 R >>");
  object(`<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((_, i) => `${first(i)} 0 R`).join(" ")}] >>`);
  pages.forEach(({ width, height, jpeg }, i) => {
    const [wide, high] = [width, height].map((px) => (px / PX_PER_POINT).toFixed(3));
    const content = `${wide} 0 0 ${high} 0 0 cm /I Do`;
    object(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${wide} ${high}] /Contents ${first(i) + 1} 0 R `
      + `/Resources << /XObject << /I ${first(i) + 2} 0 R >> >> >>`);
    object(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
    object(`<< /Type /XObject /Subtype /Image /Width ${width} /Height ${height} /ColorSpace /DeviceRGB `
      + `/BitsPerComponent 8 /Filter /DCTDecode /Length ${jpeg.size} >>\nstream\n`, jpeg, "\nendstream");
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  const size = offsets.length + 1;
  parts.push(`xref\n0 ${size}\n0000000000 65535 f \n${table}trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${at}\n%%EOF\n`);
  return parts;
}
