// Faces of a photo and their expressions: node photo.mjs PHOTO.png ...   (npm install onnxruntime-node pngjs)
// In a browser: onnxruntime-web in place of onnxruntime-node, and the pixels of a canvas in place of pngjs.
// Prints for each photo what `mueca predict` does: boxes, labels and numbers.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
const need = createRequire(`${process.cwd()}/`);
const ort = need("onnxruntime-node");
const { PNG } = need("pngjs");

const here = new URL(".", import.meta.url);
const card = JSON.parse(readFileSync(new URL("export.json", here), "utf-8"));
const find = card.detector;
const open = (name) => ort.InferenceSession.create(readFileSync(new URL(name, here)));
const [detector, network, head] = await Promise.all(["detector.onnx", "extractor.onnx", "head.onnx"].map(open));
const tensor = (data, shape) => new ort.Tensor("float32", Float32Array.from(data), shape);
const whole = (x) => { // as Python rounds: halves to the even number
  const near = Math.round(x);
  return Math.abs(x % 1) === 0.5 && near % 2 ? near - 1 : near;
};
const byte = (x) => Math.min(255, Math.max(0, Math.floor(x + 0.5)));

// An image is {width, height, channels, data}: rows of pixels, 0 to 255.
function image(width, height, channels, at) {
  const data = new Float64Array(width * height * channels);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++) data[(y * width + x) * channels + c] = at(x, y, c);
  return { width, height, channels, data };
}
const pixel = (from, x, y, c) => from.data[(y * from.width + x) * from.channels + c];

// Weights of n old places for each of `size` new ones: area mean, linear, or cubic (a = -0.75).
function taps(n, size, how) {
  const step = n / size;
  return Array.from({ length: size }, (_, k) => {
    const found = new Map();
    const add = (i, w) => {
      const at = Math.min(n - 1, Math.max(0, i));
      found.set(at, (found.get(at) ?? 0) + w);
    };
    if (how === "area") {
      const low = k * step, high = Math.min((k + 1) * step, n);
      for (let i = Math.floor(low); i < Math.ceil(high - 1e-9); i++)
        add(i, (Math.min(i + 1, high) - Math.max(i, low)) / (high - low));
    } else {
      const at = (k + 0.5) * step - 0.5, first = Math.floor(at), d = at - first, reach = how === "cubic" ? 2 : 1;
      for (let i = 1 - reach; i <= reach; i++) {
        const x = Math.abs(d - i);
        const cubic = x <= 1 ? 1.25 * x ** 3 - 2.25 * x ** 2 + 1 : -0.75 * x ** 3 + 3.75 * x ** 2 - 6 * x + 3;
        add(first + i, how === "cubic" ? cubic : 1 - x);
      }
    }
    return [...found];
  });
}
function resized(from, width, height, how) {
  if (width === from.width && height === from.height) return from;
  const across = taps(from.width, width, how), down = taps(from.height, height, how);
  const rows = image(width, from.height, from.channels, (x, y, c) =>
    across[x].reduce((sum, [i, w]) => sum + w * pixel(from, i, y, c), 0));
  return image(width, height, from.channels, (x, y, c) =>
    byte(down[y].reduce((sum, [i, w]) => sum + w * pixel(rows, x, i, c), 0)));
}

// The squares a photo is cut into, so that the detector finds faces of every size; the smallest first.
function* squares(photo, smallest) {
  const longer = Math.max(photo.width, photo.height);
  const least = smallest ? Math.max(whole(smallest / find.pyramid.smallest), 1) : longer;
  const near = find.pyramid.nearly * longer <= least && least < longer; // then the longer side is left out
  const sides = [2 * longer, near ? least : longer];
  while (sides.at(-1) > least) sides.push(Math.max(Math.floor(sides.at(-1) / 2), least));
  let work = photo;
  for (const side of sides.reverse()) {
    const size = [photo.width, photo.height].map((n) => Math.max(1, whole((n * find.size) / side)));
    const source = work.width > size[0] ? work : photo;
    work = resized(source, ...size, source.width >= size[0] ? "area" : "linear");
    const across = photo.width / work.width, down = photo.height / work.height;
    const low = side > longer ? find.pyramid.fills * longer : 0;
    const high = side >= longer ? Infinity : find.pyramid.largest * side;
    for (const top of starts(work.height))
      for (const left of starts(work.width)) yield { work, left, top, across, down, low, high };
  }
}
function starts(length) {
  if (length <= find.size) return [-Math.floor((find.size - length) / 2)];
  const count = Math.ceil((length - find.size) / (find.size * (1 - find.pyramid.overlap))) + 1;
  return Array.from({ length: count }, (_, i) => whole((i * (length - find.size)) / (count - 1)));
}

async function candidates({ work, left, top, across, down, low, high }) {
  const inside = (x, y) => x >= 0 && y >= 0 && x < work.width && y < work.height;
  const cut = image(find.size, find.size, 3, (x, y, c) => (inside(x + left, y + top) ? pixel(work, x + left, y + top, c) : 0));
  const { regressors, logits } = await detector.run({ pixels: tensor(cut.data, [1, find.size, find.size, 3]) });
  const cells = find.size / find.stride, found = [];
  for (let i = 0; i < logits.data.length; i++) {
    const score = 1 / (1 + Math.exp(-logits.data[i]));
    if (score < find.candidate) continue;
    const cell = [((i % cells) + 0.5) * find.stride, (Math.floor(i / cells) + 0.5) * find.stride];
    const row = regressors.data.slice(16 * i, 16 * i + 16), half = [row[2] / 2, row[3] / 2];
    const place = (v, axis) => (v + cell[axis] + [left, top][axis]) * [across, down][axis];
    const box = [0, 1].map((a) => place(row[a] - half[a], a)).concat([0, 1].map((a) => place(row[a] + half[a], a)));
    const points = Array.from(row.slice(4), (v, k) => place(v, k % 2)), side = Math.max(box[2] - box[0], box[3] - box[1]);
    if (half[0] > 0 && half[1] > 0 && side >= low && side <= high) found.push({ row: [...box, ...points], score });
  }
  return found;
}
function overlap(a, b) {
  const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]), h = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const inner = Math.max(w, 0) * Math.max(h, 0);
  return inner / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inner);
}
// Candidates that overlap become one: their mean, weighted by score.
function merged(found) {
  let rest = [...found].sort((a, b) => b.score - a.score);
  const faces = [];
  while (rest.length) {
    const best = rest[0], group = rest.filter((one) => one === best || overlap(best.row, one.row) > find.same);
    const sum = group.reduce((total, one) => total + one.score, 0);
    faces.push({ row: best.row.map((_, k) => group.reduce((s, one) => s + one.score * one.row[k], 0) / sum), score: best.score });
    rest = rest.filter((one) => !group.includes(one));
  }
  return faces;
}

// The square around a box as training saw its faces, turned with the line of the eyes; edges are repeated.
function crop(photo, box, points) {
  const angle = Math.atan2(points[3] - points[1], points[2] - points[0]);
  const size = Math.max(2, whole(find.crop.side * Math.max(box[2] - box[0], box[3] - box[1])));
  const down = find.crop.down * (box[3] - box[1]), cos = Math.cos(angle), sin = Math.sin(angle), middle = (size - 1) / 2;
  const x0 = (box[0] + box[2]) / 2 - down * sin, y0 = (box[1] + box[3]) / 2 + down * cos;
  const edge = (x, y, c) => pixel(photo, Math.min(photo.width - 1, Math.max(0, x)), Math.min(photo.height - 1, Math.max(0, y)), c);
  return image(size, size, photo.channels, (i, j, c) => {
    // As OpenCV does, in steps of 1/32: what hangs on the column is rounded apart from what hangs on the row.
    const near = (column, row) => Math.floor((whole(1024 * column) + whole(1024 * row) + 16) / 32) / 32;
    const [u, v] = [x0 - (cos - sin) * middle, y0 - (sin + cos) * middle];
    const x = near(cos * i, u - sin * j), y = near(sin * i, v + cos * j);
    const fx = x - Math.floor(x), fy = y - Math.floor(y), ix = Math.floor(x), iy = Math.floor(y);
    return byte((1 - fy) * ((1 - fx) * edge(ix, iy, c) + fx * edge(ix + 1, iy, c)) +
      fy * ((1 - fx) * edge(ix, iy + 1, c) + fx * edge(ix + 1, iy + 1, c)));
  });
}
const fitted = (face, size) => resized(face, size, size, Math.max(face.width, face.height) > size ? "area" : "cubic");
function grey(face) {
  return image(face.width, face.height, 1, (x, y) =>
    (9798 * pixel(face, x, y, 0) + 19235 * pixel(face, x, y, 1) + 3735 * pixel(face, x, y, 2) + 16384) >> 15); // as OpenCV does
}

async function classified(face) {
  const { size, channels, reduce_to: most } = card.input;
  if (most && Math.max(face.width, face.height) > most) face = fitted(face, most);
  face = fitted(channels === 1 ? grey(face) : face, size);
  const { vectors } = await network.run({ pixels: tensor(face.data, [1, size, size, channels]) });
  const { scores, label } = await head.run({ vectors });
  return { label: card.classes[Number(label.data[0])],
    [card.scores]: Object.fromEntries(card.classes.map((name, k) => [name, scores.data[k]])) };
}

for (const name of process.argv.slice(2)) {
  const { width, height, data } = PNG.sync.read(readFileSync(name));
  const photo = image(width, height, 3, (x, y, c) => data[4 * (y * width + x) + c]);
  const smallest = whole(Math.max(find.look_below, Math.max(width, height) / find.across));
  let found = [];
  for (const square of squares(photo, smallest)) found = found.concat(await candidates(square));
  const faces = [];
  for (const { row, score } of merged(found).filter((one) => one.score >= find.threshold)) {
    const box = row.slice(0, 4).map(whole);
    if (Math.max(box[2] - box[0], box[3] - box[1]) < find.min_face) continue;
    faces.push({ box, confidence: score, ...(await classified(fitted(crop(photo, box, row.slice(4)), card.input.side))) });
  }
  faces.sort((a, b) => b.box[2] - b.box[0] - (a.box[2] - a.box[0]));
  console.log(JSON.stringify({ file: name, faces }));
}
