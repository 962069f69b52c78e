// Grey PNG files with all their values: a browser's own decoder leaves 8 bits of 16.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const GREY = 0;

/** buffer: a grey, not interlaced PNG of 8 or 16 bits. Returns: {width, height, values, text};
 * values: Uint8Array or Uint16Array, row by row. Throws Error for any other file. */
export async function decodeGreyPng(buffer) {
  const bytes = new Uint8Array(buffer);
  const view = new DataView(buffer);
  if (SIGNATURE.some((byte, at) => bytes[at] !== byte)) throw new Error("This is not a PNG file.");
  const parts = [];
  const text = {};
  let width, height, bits;
  for (let at = 8; at < bytes.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (kind === "IHDR") {
      [width, height, bits] = [view.getUint32(at + 8), view.getUint32(at + 12), body[8]];
      if (body[9] !== GREY || body[12] !== 0 || (bits !== 8 && bits !== 16)) {
        throw new Error("This PNG file is not grey with 8 or 16 bits.");
      }
    } else if (kind === "IDAT") parts.push(body);
    else if (kind === "tEXt") {
      const [name, said] = new TextDecoder("latin1").decode(body).split("\0");
      text[name] = said;
    }
    at += length + 12;
  }
  const packed = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  const rows = new Uint8Array(await new Response(packed).arrayBuffer());
  const bytesPerPixel = bits / 8;
  const plain = unfiltered(rows, width * bytesPerPixel, height, bytesPerPixel);
  return { width, height, text, values: bits === 8 ? plain : joined(plain) };
}

/** Undo the filter of each row (PNG specification, 9.2). */
function unfiltered(rows, stride, height, step) {
  const plain = new Uint8Array(stride * height);
  for (let row = 0; row < height; row++) {
    const filter = rows[row * (stride + 1)];
    const from = row * (stride + 1) + 1;
    const to = row * stride;
    const above = to - stride;
    for (let at = 0; at < stride; at++) {
      const left = at >= step ? plain[to + at - step] : 0;
      const up = row > 0 ? plain[above + at] : 0;
      let guess = 0;
      if (filter === 1) guess = left;
      else if (filter === 2) guess = up;
      else if (filter === 3) guess = (left + up) >> 1;
      else if (filter === 4) guess = paeth(left, up, row > 0 && at >= step ? plain[above + at - step] : 0);
      plain[to + at] = rows[from + at] + guess;
    }
  }
  return plain;
}

function paeth(left, up, corner) {
  const byLeft = Math.abs(up - corner);
  const byUp = Math.abs(left - corner);
  const byCorner = Math.abs(left + up - 2 * corner);
  if (byLeft <= byUp && byLeft <= byCorner) return left;
  return byUp <= byCorner ? up : corner;
}

function joined(plain) {
  const values = new Uint16Array(plain.length / 2);
  for (let at = 0; at < values.length; at++) values[at] = (plain[2 * at] << 8) | plain[2 * at + 1];
  return values;
}
