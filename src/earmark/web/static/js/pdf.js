/** Pictures of pages → one PDF, a page each. */

const QUALITY = 0.93;

/** What is on a canvas as a JPEG: a page's picture. */
export const jpegOf = (canvas) => canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });

/** `pages`: [{jpeg, width, height, wide, high}], the picture's px and the page's points. The file, called `name`. */
export function pdfFile(pages, name) {
  return new File(parts(pages), `${name}.pdf`, { type: "application/pdf" });
}

/** The parts of the file: objects 1, the catalogue, and 2, the tree; then page, content and image of each. */
function parts(pages) {
  const made = ["%PDF-1.4\n"];
  const offsets = [];
  let at = made[0].length;
  const put = (...some) => {
    for (const part of some) at += part.size ?? part.length;
    made.push(...some);
  };
  const object = (...body) => {
    offsets.push(at);
    put(`${offsets.length} 0 obj\n`, ...body, "\nendobj\n");
  };
  const first = (i) => 3 + 3 * i;
  object("<< /Type /Catalog /Pages 2 0 R >>");
  object(`<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((_, i) => `${first(i)} 0 R`).join(" ")}] >>`);
  pages.forEach(({ jpeg, width, height, ...points }, i) => {
    const [wide, high] = [points.wide, points.high].map((length) => length.toFixed(3));
    const content = `${wide} 0 0 ${high} 0 0 cm /I Do`;
    object(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${wide} ${high}] /Contents ${first(i) + 1} 0 R `
      + `/Resources << /XObject << /I ${first(i) + 2} 0 R >> >> >>`);
    object(`<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
    object(`<< /Type /XObject /Subtype /Image /Width ${width} /Height ${height} /ColorSpace /DeviceRGB `
      + `/BitsPerComponent 8 /Filter /DCTDecode /Length ${jpeg.size} >>\nstream\n`, jpeg, "\nendstream");
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  const size = offsets.length + 1;
  made.push(`xref\n0 ${size}\n0000000000 65535 f \n${table}trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${at}\n%%EOF\n`);
  return made;
}
