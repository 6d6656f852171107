// Ask one package of npm, in its own environment: node worker.js ADAPTER NODE_MODULES JOB.json OUT.json.
// As worker.py: the job names files of raw bytes; with "repeats" in it, times are taken and no answers.
const fs = require('fs');
const path = require('path');

async function timed(call) {
  const started = performance.now();
  const before = process.cpuUsage();
  await call();
  const { user, system } = process.cpuUsage(before);
  return [(performance.now() - started) / 1000, (user + system) / 1e6];
}

async function answers(rival, faces, images) {
  const scores = await rival.classify(faces);
  const found = [];
  for (const image of images) found.push(await rival.search(image));
  return { scores, images: found };
}

async function times(rival, faces, images, repeats) {
  await rival.classify(faces.slice(0, 8));
  await rival.search(images[0]);
  const found = { faces: [], images: [] };
  for (let k = 0; k < repeats; k++) {
    found.faces.push(await timed(() => rival.classify(faces)));
    found.images.push(await timed(async () => { for (const image of images) await rival.search(image); }));
  }
  return found;
}

async function main(adapter, modules, job, out) {
  const given = JSON.parse(fs.readFileSync(job, 'utf-8'));
  const bytes = fs.readFileSync(given.faces);
  const area = given.side * given.side;
  const faces = [];
  for (let k = 0; k < bytes.length; k += area) faces.push({ data: bytes.subarray(k, k + area), side: given.side });
  const images = given.images.map((i) => ({ ...i, data: fs.readFileSync(i.file) }));
  const rival = await require(path.resolve(adapter)).load(path.resolve(modules));
  const size = rival.weights.reduce((sum, file) => sum + fs.statSync(file).size, 0);
  const about = { version: rival.version, labels: rival.labels, bytes: size };
  const said = given.repeats
    ? await times(rival, faces, images, given.repeats)
    : await answers(rival, faces, images);
  fs.writeFileSync(out, JSON.stringify({ ...about, ...said }));
}

main(...process.argv.slice(2)).then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
