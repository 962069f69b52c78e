// A map over the film: colours on a canvas, and lines of equal value.

const SIDE = 192; // cells a side to which a map is smoothed
const LINES = [0.5, 0.8]; // shares of the highest value
// Black over violet, red and orange to pale yellow: brightness rises evenly, so that the order shows
// in grey and to the colour-blind too.
const RISING = [
  [0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85],
  [227, 89, 51], [249, 140, 10], [249, 201, 50], [252, 255, 164],
];
// Blue against orange, which no common colour blindness confuses.
const AGAINST = [70, 150, 255];
const FOR = [255, 150, 20];

/** grid: rows of numbers. strongest: what full colour means, for a signed map; null: a map is signed
 * when it has values below 0, and its own strongest one counts. Returns: {signed, smooth, width,
 * height}, `smooth` from 0 to 1, or from -1 to 1 for a signed map. */
export function prepareMap(grid, strongest = null) {
  const flat = grid.flat();
  const [least, greatest] = [Math.min(...flat), Math.max(...flat)];
  const signed = strongest !== null || least < 0;
  const most = strongest ?? (signed ? Math.max(-least, greatest) : greatest - least);
  const base = signed ? 0 : least;
  const scaled = grid.map((row) => row.map((value) => (most > 0 ? (value - base) / most : 0)));
  const width = Math.max(SIDE, grid[0].length);
  const height = Math.max(SIDE, grid.length);
  return { signed, width, height, smooth: enlarged(scaled, width, height) };
}

/** Colours whose opacity is the value, so that the film shows as it is where there is nothing. */
export function paintMap(canvas, { signed, smooth, width, height }) {
  canvas.width = width;
  canvas.height = height;
  const picture = new ImageData(width, height);
  for (let at = 0; at < smooth.length; at++) {
    const value = Math.max(-1, Math.min(1, smooth[at]));
    const [red, green, blue] = signed ? (value < 0 ? AGAINST : FOR) : rising(value);
    picture.data.set([red, green, blue, 255 * Math.abs(value)], 4 * at);
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

/** Returns: SVG path data of the lines of equal value over a square of 1 by 1: {above, below}. */
export function contours({ signed, smooth, width, height }) {
  const path = (shares) =>
    shares.map((share) => lines(smooth, width, height, share)).join("");
  return { above: path(LINES), below: signed ? path(LINES.map((share) => -share)) : "" };
}

function rising(value) {
  const at = Math.max(0, value) * (RISING.length - 1);
  const stop = Math.min(Math.floor(at), RISING.length - 2);
  return RISING[stop].map((from, channel) => from + (RISING[stop + 1][channel] - from) * (at - stop));
}

/** Cubic (Catmull-Rom), cell centres in the middle of their cells. */
function enlarged(grid, width, height) {
  const wide = grid.map((row) => resampled(row, width));
  const smooth = new Float32Array(width * height);
  for (let column = 0; column < width; column++) {
    const line = resampled(wide.map((row) => row[column]), height);
    for (let row = 0; row < height; row++) smooth[row * width + column] = line[row];
  }
  return smooth;
}

function resampled(values, length) {
  const value = (at) => values[Math.max(0, Math.min(values.length - 1, at))];
  return Array.from({ length }, (_, at) => {
    const place = ((at + 0.5) * values.length) / length - 0.5;
    const cell = Math.floor(place);
    const t = place - cell;
    const [a, b, c, d] = [value(cell - 1), value(cell), value(cell + 1), value(cell + 2)];
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
  });
}

/** Marching squares: a piece of line in each cell that the value passes through. */
function lines(smooth, width, height, limit) {
  let path = "";
  const point = (x, y) => `${((x + 0.5) / width).toFixed(4)} ${((y + 0.5) / height).toFixed(4)}`;
  for (let y = 0; y < height - 1; y++) {
    for (let x = 0; x < width - 1; x++) {
      const corners = [
        [x, y, smooth[y * width + x]],
        [x + 1, y, smooth[y * width + x + 1]],
        [x + 1, y + 1, smooth[(y + 1) * width + x + 1]],
        [x, y + 1, smooth[(y + 1) * width + x]],
      ];
      const crossed = [];
      for (let side = 0; side < 4; side++) {
        const [x1, y1, v1] = corners[side];
        const [x2, y2, v2] = corners[(side + 1) % 4];
        if (v1 < limit === v2 < limit) continue;
        const t = (limit - v1) / (v2 - v1);
        crossed.push(point(x1 + t * (x2 - x1), y1 + t * (y2 - y1)));
      }
      for (let at = 0; at + 1 < crossed.length; at += 2) path += `M${crossed[at]}L${crossed[at + 1]}`;
    }
  }
  return path;
}
