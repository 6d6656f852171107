// The page of mueca serve. Texts go in as texts, never as HTML; images are shown from the file chosen, not from the server.
"use strict";

const $ = (id) => document.getElementById(id);
const main = $("main");
const CLASSES = JSON.parse(main.dataset.classes);
const COLOUR = Object.fromEntries(CLASSES.map((c) => [c.name, c.colour]));
// Black or white, whichever stands out more.
const INK = Object.fromEntries(CLASSES.map(({ name, colour }) => {
  const [r, g, b] = [1, 3, 5].map((i) => (parseInt(colour.slice(i, i + 2), 16) / 255) ** 2.2);
  return [name, 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff"];
}));
const SVG = "http://www.w3.org/2000/svg";
const CAMERA_SIDE = 480; // pixels of the longer side of a camera image that is sent
const MOST_CHARTS = 8; // shown at once: those of the tracks that are seen longest
const LETTER = 14; // pixels of the screen: the size of a label on an image
const WIDEST = 620; // pixels of the screen: an image beside its faces
const PATIENT = 250; // milliseconds between two camera images, at least

function el(tag, props = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...inside);
  return made;
}

function svg(tag, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

const percent = (share) => `${Math.round(100 * share)}\u00a0%`;
const CAPTIONS = {
  "probability": "Probabilities",
  "unranked probability": "Probabilities, each by itself: the label is the model's vote and need not have the largest",
  "score": "Scores: they rank, and are no probabilities",
};
const numbersOf = (face) => face.probabilities || face.scores;
// A score is no probability, so it has no per cent.
const shown = (face, value) => (face.probabilities ? percent(value) : value.toFixed(2));
const wordsOf = (face) => `${face.label} ${shown(face, numbersOf(face)[face.label])}`;
const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

function say(text, busy = false) {
  $("status").textContent = text;
  $("status").classList.toggle("busy", busy);
}

// ---- faces -----------------------------------------------------------------------------------------------------

function bars(face) {
  const body = el("tbody");
  const numbers = numbersOf(face);
  for (const { name } of CLASSES) {
    const bar = el("span");
    bar.style.width = `${100 * numbers[name]}%`;
    bar.style.background = COLOUR[name];
    const row = el("tr", {}, el("th", { scope: "row" }, name), el("td", { className: "track" }, bar),
      el("td", { className: "n" }, shown(face, numbers[name])));
    row.classList.toggle("top", name === face.label);
    body.append(row);
  }
  const caption = CAPTIONS[face.meaning];
  return el("table", { className: "bars" }, el("caption", { className: face.meaning === "probability" ? "hidden" : "" }, caption), body);
}

function faceCard(face, number) {
  const tag = el("span", { className: "tag" }, String(number));
  tag.style.background = COLOUR[face.label];
  tag.style.color = INK[face.label];
  return el("div", { className: "face", tabIndex: 0, role: "group", "aria-label": `face ${number}: ${wordsOf(face)}` },
    el("h4", {}, tag, " ", wordsOf(face)), bars(face));
}

// Pixels of the image for one of the screen, as the page lays it out: beside its faces, or above them.
function scaleOf(width, height) {
  const wide = Math.min(width, innerWidth - 40, WIDEST);
  return Math.max(1, width / wide, height / (0.75 * innerHeight));
}

// Boxes are drawn in pixels of the image; the SVG is stretched over it.
function mark(marks, width, height, faces, skipped = [], label = (face, i) => `${i + 1} ${face.label}`) {
  marks.setAttribute("viewBox", `0 0 ${width} ${height}`);
  marks.replaceChildren();
  const unit = Math.max(Math.max(width, height) / 55, LETTER * scaleOf(width, height));
  const box = (b, colour, dash) => svg("rect", {
    class: "box", x: b.left, y: b.top, width: b.right - b.left, height: b.bottom - b.top,
    stroke: colour, "stroke-width": unit / 7, ...(dash ? { "stroke-dasharray": unit / 3 } : {}),
  });
  for (const b of skipped) marks.append(box(b, "#c8c8c8", true));
  faces.forEach((face, i) => {
    const group = svg("g");
    const text = label(face, i);
    const wide = text.length * unit * 0.56 + unit * 0.6;
    const left = Math.max(0, Math.min(face.box.left, width - wide));
    const top = face.box.top >= 1.4 * unit ? face.box.top - 1.4 * unit : Math.max(0, face.box.top);
    group.append(box(face.box, COLOUR[face.label], false),
      svg("rect", { x: left, y: top, width: wide, height: 1.4 * unit, fill: COLOUR[face.label] }),
      svg("text", { x: left + 0.3 * unit, y: top + unit, "font-size": unit, "font-family": "sans-serif", fill: INK[face.label] }, text));
    marks.append(group);
  });
  return [...marks.querySelectorAll("g")];
}

// While a face's card has the focus or the pointer, the other boxes step back.
function tie(cards, groups) {
  const only = (chosen) => groups.forEach((g, i) => g.classList.toggle("faint", chosen !== null && i !== chosen));
  cards.forEach((card, i) => {
    for (const kind of ["mouseenter", "focus"]) card.addEventListener(kind, () => only(i));
    for (const kind of ["mouseleave", "blur"]) card.addEventListener(kind, () => only(null));
  });
}

function save(name, blob) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// The image with its boxes, as a file.
function saveMarked(image, marks, width, height, name) {
  const canvas = el("canvas", { width, height });
  const drawn = canvas.getContext("2d");
  drawn.drawImage(image, 0, 0, width, height);
  const copy = marks.cloneNode(true);
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  for (const rect of copy.querySelectorAll("rect.box")) rect.setAttribute("fill", "none");
  const overlay = new Image();
  overlay.onload = () => { drawn.drawImage(overlay, 0, 0); canvas.toBlob((blob) => save(`${name}-mueca.png`, blob)); };
  overlay.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
}

const saveJson = (answer) => () =>
  save(`${answer.name}.json`, new Blob([JSON.stringify(answer, null, 1)], { type: "application/json" }));

const NO_FACE = "Where a face is in it: it may be turned away, covered, on its side, dark, or too small";
const enlarge = "Look for small faces too, or give a larger image of it";

// ---- photos ----------------------------------------------------------------------------------------------------

function summary(answer) {
  const small = answer.skipped.length ? `, ${answer.skipped.length} too small to classify` : "";
  return `${count(answer.faces.length, "face")}${small}`;
}

function photoResult(file, answer) {
  const image = el("img", { alt: `${answer.name}: ${summary(answer)}` });
  const marks = svg("svg", { "aria-hidden": "true" });
  const stage = el("div", { className: "stage" }, image, marks);
  const groups = mark(marks, answer.width, answer.height, answer.faces, answer.skipped);
  const cards = answer.faces.map((face, i) => faceCard(face, i + 1));
  tie(cards, groups);
  const note = `${answer.width} x ${answer.height} pixels, classified in ${Math.round(1000 * answer.seconds)} ms; faces under ` +
    `${answer.smallest} pixels are not looked for.`;
  const keep = el("button", { type: "button" }, "Save with boxes");
  keep.onclick = () => saveMarked(image, marks, answer.width, answer.height, answer.name);
  image.onerror = () => {
    stage.replaceChildren(el("p", { className: "soft" }, "This browser does not show images of this kind."));
    keep.hidden = true;
  };
  image.src = URL.createObjectURL(file);
  const json = el("button", { type: "button", onclick: saveJson(answer) }, "Save as JSON");
  return el("article", { className: "result" }, el("h3", {}, `${answer.name}: ${summary(answer)}`),
    ...(answer.faces.length ? [] : [el("p", { className: "none" }, `${NO_FACE} (under ${answer.smallest} pixels). ${enlarge}.`)]),
    el("div", { className: "pair" }, el("div", {}, stage, el("p", { className: "soft" }, note), el("p", {}, keep, " ", json)),
      el("div", { className: "faces" }, ...cards)));
}

// ---- videos ----------------------------------------------------------------------------------------------------

// The moments of each track, the one seen longest first.
function tracksOf(answer) {
  const tracks = new Map();
  for (const moment of answer.moments) {
    for (const face of moment.faces) {
      if (!tracks.has(face.track)) tracks.set(face.track, []);
      tracks.get(face.track).push({ seconds: moment.seconds, face });
    }
  }
  return [...tracks].sort((a, b) => b[1].length - a[1].length);
}

function legend() {
  return el("ul", { className: "legend" }, ...CLASSES.map(({ name, colour }) => {
    const patch = el("span");
    patch.style.background = colour;
    return el("li", {}, patch, name);
  }));
}

// Shares of the classes over time, one above the other; a gap where the face was not seen.
function chart(points, last, seek, words) {
  const [wide, high, left, low] = [560, 120, 44, 18];
  const made = svg("svg", { class: "chart", viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": words });
  const x = (t) => left + (wide - left - 4) * (last ? t / last : 0);
  const y = (p) => 8 + (high - low - 8) * (1 - p);
  const step = points.length > 1 ? Math.max(0.25, 3 * (points[points.length - 1].seconds - points[0].seconds) / points.length) : 1;
  made.append(svg("rect", { class: "frame", x: left, y: y(1), width: wide - left - 4, height: y(0) - y(1) }));
  const runs = [];
  for (const point of points) {
    const run = runs[runs.length - 1];
    if (run && point.seconds - run[run.length - 1].seconds <= step) run.push(point);
    else runs.push([point]);
  }
  for (const run of runs) {
    // A single moment is as wide as a line.
    const path = run.length > 1 ? run : [run[0], { ...run[0], seconds: run[0].seconds + last / 300 }];
    let below = path.map(() => 0);
    for (const { name, colour } of CLASSES) {
      const above = path.map((p, i) => below[i] + numbersOf(p.face)[name]);
      const up = path.map((p, i) => `${x(p.seconds).toFixed(1)},${y(above[i]).toFixed(1)}`);
      const down = path.map((p, i) => `${x(p.seconds).toFixed(1)},${y(below[i]).toFixed(1)}`).reverse();
      made.append(svg("polygon", { points: [...up, ...down].join(" "), fill: colour }));
      below = above;
    }
  }
  for (const share of [0, 0.5, 1]) made.append(svg("text", { x: left - 4, y: y(share) + 4, "text-anchor": "end" }, percent(share)));
  for (let i = 0; i <= 4; i += 1) {
    made.append(svg("text", { x: x(last * i / 4), y: high - 5, "text-anchor": i === 4 ? "end" : i ? "middle" : "start" },
      `${(last * i / 4).toFixed(1)} s`));
  }
  const now = svg("line", { y1: 0, y2: high - low, stroke: "currentColor", "stroke-width": 1.5, "data-now": "" });
  made.append(now);
  made.addEventListener("click", (event) => {
    const at = made.getBoundingClientRect();
    seek(last * Math.max(0, Math.min(1, (wide * (event.clientX - at.left) / at.width - left) / (wide - left - 4))));
  });
  return { made, at: (t) => { now.setAttribute("x1", x(t)); now.setAttribute("x2", x(t)); } };
}

// A class named like another column gets p_ before its name, as in the CSV of mueca predict.
function classColumns(known, names) {
  const taken = new Set([...known, ...names.filter((n) => !known.includes(n))]);
  return names.map((name) => {
    if (!known.includes(name)) return name;
    let column = `p_${name}`;
    while (taken.has(column)) column = `p_${column}`;
    taken.add(column);
    return column;
  });
}

// A value as CSV writes it: quoted where it holds a comma, a quote or a line break.
const cell = (value) => (/[",\n\r]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);

function csvOf(answer) {
  const names = CLASSES.map((c) => c.name);
  const known = ["frame", "seconds", "track", "left", "top", "right", "bottom", "label"];
  const lines = [[...known, ...classColumns(known, names)].map(cell).join(",")];
  for (const moment of answer.moments) {
    for (const face of moment.faces) {
      const { left, top, right, bottom } = face.box;
      lines.push([moment.frame, moment.seconds, face.track, left, top, right, bottom, face.label, ...names.map((n) => numbersOf(face)[n])].map(cell).join(","));
    }
  }
  return `${lines.join("\n")}\n`;
}

const mostOften = (points) => {
  const seen = {};
  for (const { face } of points) seen[face.label] = (seen[face.label] || 0) + 1;
  const [label, n] = Object.entries(seen).sort((a, b) => b[1] - a[1])[0];
  return `${label} in ${percent(n / points.length)} of the time`;
};

function videoResult(file, answer) {
  const tracks = tracksOf(answer);
  const last = answer.moments.length ? answer.moments[answer.moments.length - 1].seconds : 0;
  const video = el("video", { controls: true, muted: true, playsInline: true, "aria-label": answer.name });
  const marks = svg("svg", { "aria-hidden": "true" });
  const stage = el("div", { className: "stage" }, video, marks);
  const charts = tracks.map(([track, points]) => {
    const words = `track ${track}: ${mostOften(points)}, seen from ${points[0].seconds.toFixed(1)} to ${points[points.length - 1].seconds.toFixed(1)} s`;
    return [words, chart(points, last, (t) => { video.currentTime = t; }, `time line, ${words}`)];
  });
  const follow = () => {
    let moment = null;
    for (const m of answer.moments) if (m.seconds <= video.currentTime + 0.02) moment = m; else break;
    mark(marks, answer.width, answer.height, moment ? moment.faces : [], moment ? moment.skipped : [],
      (face) => `${face.track} ${wordsOf(face)}`);
    for (const [, drawn] of charts) drawn.at(Math.min(video.currentTime, last));
    if (!video.paused) requestAnimationFrame(follow);
  };
  for (const kind of ["loadeddata", "play", "seeked", "pause"]) video.addEventListener(kind, follow);
  video.onerror = () => stage.replaceChildren(el("p", { className: "soft" }, "This browser does not play videos of this kind."));
  video.src = URL.createObjectURL(file);
  const words = `${answer.name}: ${count(tracks.length, "track")} in ${last.toFixed(1)} s`;
  const csv = el("button", { type: "button" }, "Save the time line as CSV");
  csv.onclick = () => save(`${answer.name}.csv`, new Blob([csvOf(answer)], { type: "text/csv" }));
  const made = el("article", { className: "result" }, el("h3", {}, words));
  if (answer.fault) made.append(el("p", { className: "fault" }, answer.fault));
  if (answer.left_out) made.append(el("p", { className: "soft" }, `Left out: ${answer.left_out}.`));
  made.append(stage, el("p", { className: "soft" }, `${answer.width} x ${answer.height} pixels, ${answer.moments.length} frames classified in ` +
    `${answer.seconds.toFixed(1)} s. The numbers are smoothed over half a second. Click a time line to go there.`));
  if (charts.length) made.append(legend());
  else made.append(el("p", { className: "none" }, `${NO_FACE}.`));
  const drawn = charts.map(([title, one]) => el("div", {}, el("h4", {}, title), one.made));
  made.append(el("div", { className: "charts" }, ...drawn.slice(0, MOST_CHARTS)));
  if (drawn.length > MOST_CHARTS) {
    made.append(el("details", {}, el("summary", {}, `${count(drawn.length - MOST_CHARTS, "more track")}, seen for less long`),
      el("div", { className: "charts" }, ...drawn.slice(MOST_CHARTS))));
  }
  made.append(el("p", {}, csv, " ", el("button", { type: "button", onclick: saveJson(answer) }, "Save as JSON")));
  follow();
  return made;
}

// ---- asking ----------------------------------------------------------------------------------------------------

async function sent(file, name, headers = {}) {
  const form = new FormData();
  form.append("files", file, name);
  const asked = new URLSearchParams();
  if ($("detector").value) asked.set("small_faces", "true");
  if ($("model")?.value) asked.set("model", $("model").value);
  try {
    return await fetch(`/predict${asked.size ? `?${asked}` : ""}`, { method: "POST", body: form, headers });
  } catch {
    throw new Error("the server does not answer; is mueca serve still running?");
  }
}

async function ask(file, name) {
  const answer = await sent(file, name);
  const found = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (!answer.ok) throw new Error(found.error);
  return found.files[0];
}

// As events: of a video the server says how far it is.
async function askWithProgress(file, name, tell) {
  const answer = await sent(file, name, { accept: "text/event-stream" });
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }))).error);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read().catch(() => ({ done: true }));
    if (done) throw new Error("the server stopped before it had answered");
    const events = (waiting + value).split("\n\n");
    waiting = events.pop();
    for (const event of events) {
      const [, kind, text] = /^event: (\w+)\ndata: (.*)$/.exec(event) || [];
      const found = kind && JSON.parse(text);
      if (kind === "progress") tell(found);
      if (kind === "error") throw new Error(found.error);
      if (kind !== "answer") continue;
      const [first] = found.files;
      if (first.kind === "fault") throw new Error(`${first.name}: ${first.error}`);
      return first;
    }
  }
}

function showProgress({ seconds, of }) {
  $("progress").hidden = false;
  if (of) $("progress").value = Math.min(1, seconds / of);
}

function show(made) {
  $("results").hidden = false;
  $("list").prepend(made);
}

async function classify(files) {
  const list = [...files];
  let done = 0;
  for (const file of list) {
    const began = Date.now();
    const tell = () => say(`${file.name}: ${list.length > 1 ? `file ${done + 1} of ${list.length}, ` : ""}` +
      `being classified, ${Math.round((Date.now() - began) / 1000)} s`, true);
    say(`${file.name}: being classified`, true);
    const clock = setInterval(tell, 5000);
    try {
      if (file.size > Number(main.dataset.size)) throw new Error(`${file.name}: larger than ${main.dataset.size / 2 ** 20} MB`);
      const answer = await (file.type.startsWith("image/") ? ask(file, file.name) : askWithProgress(file, file.name, showProgress));
      show(answer.kind === "video" ? videoResult(file, answer) : photoResult(file, answer));
      say(answer.kind === "video" ? `${answer.name} is classified` : `${answer.name}: ${summary(answer)}`);
    } catch (error) {
      show(el("article", { className: "result" }, el("p", { className: "fault", role: "alert" }, error.message)));
      say("");
    } finally {
      clearInterval(clock);
      $("progress").hidden = true;
      $("progress").removeAttribute("value");
    }
    done += 1;
  }
}

$("files").addEventListener("change", (event) => { classify(event.target.files).then(() => { event.target.value = ""; }); });
$("example").addEventListener("click", async () => {
  const answer = await fetch("/static/example.jpg").catch(() => null);
  if (answer?.ok) classify([new File([await answer.blob()], "example.jpg", { type: "image/jpeg" })]);
  else say("The server does not answer; is mueca serve still running?");
});
$("clear").addEventListener("click", () => {
  for (const shownNow of $("list").querySelectorAll("img, video")) URL.revokeObjectURL(shownNow.src);
  $("list").replaceChildren();
  $("results").hidden = true;
  say("");
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) classify(event.dataTransfer.files);
  });
}
document.addEventListener("paste", (event) => { if (event.clipboardData.files.length) classify(event.clipboardData.files); });

// ---- the camera ------------------------------------------------------------------------------------------------

let stream = null;

// The camera's image as it is now, as a JPEG.
function still() {
  const video = $("camera-video");
  const scale = Math.min(1, CAMERA_SIDE / Math.max(video.videoWidth, video.videoHeight));
  const canvas = el("canvas", { width: Math.round(video.videoWidth * scale), height: Math.round(video.videoHeight * scale) });
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.9); });
}

const rest = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function watch(mine) {
  let pace = 0;
  while (stream === mine) {
    const began = performance.now();
    try {
      const answer = await ask(await still(), "camera.jpg");
      if (stream !== mine) return;
      mark($("camera-marks"), answer.width, answer.height, answer.faces, answer.skipped, (face, i) => `${i + 1} ${wordsOf(face)}`);
      $("camera-faces").replaceChildren(...answer.faces.map((face, i) => faceCard(face, i + 1)));
      await rest(Math.max(0, PATIENT - (performance.now() - began)));
      const now = 1000 / (performance.now() - began);
      pace = pace ? 0.8 * pace + 0.2 * now : now;
      $("camera-pace").textContent = `${summary(answer)}; ${pace.toFixed(1)} images a second`;
    } catch (error) {
      stopCamera();
      say(`The camera was stopped: ${error.message}`);
    }
  }
}

function stopCamera() {
  if (stream) for (const track of stream.getTracks()) track.stop();
  stream = null;
  $("camera-video").srcObject = null;
  $("camera").hidden = true;
  $("camera-start").disabled = false;
  $("camera-marks").replaceChildren();
  $("camera-faces").replaceChildren();
}

const CAMERA_FAULTS = {
  NotAllowedError: "the browser was not allowed to use it; allow it beside the address and try again",
  NotFoundError: "there is none",
  NotReadableError: "another program uses it",
};

$("camera-start").addEventListener("click", async () => {
  if (!navigator.mediaDevices) {
    say("The camera: browsers give it to pages on 127.0.0.1 or over https only.");
    return;
  }
  $("camera-start").disabled = true;
  say("Waiting for the camera", true);
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { width: { ideal: 1280 }, facingMode: "user" } });
    const mine = stream;
    stream.getVideoTracks()[0].addEventListener("ended", () => { stopCamera(); say("The camera was unplugged."); });
    $("camera").hidden = false;
    $("camera-video").srcObject = stream;
    await $("camera-video").play();
    say("The camera is on; images of it go to this server and are not kept.");
    $("camera-stop").focus();
    watch(mine);
  } catch (error) {
    stopCamera();
    say(`The camera: ${CAMERA_FAULTS[error.name] || error.message}.`);
  }
});
$("camera-stop").addEventListener("click", () => { stopCamera(); say(""); $("camera-start").focus(); });
$("camera-keep").addEventListener("click", async () => {
  const name = `camera-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.jpg`;
  classify([new File([await still()], name, { type: "image/jpeg" })]);
});

for (const bar of document.querySelectorAll("[data-share]")) {
  bar.style.width = `${100 * bar.dataset.share}%`;
  bar.style.background = COLOUR[bar.dataset.class];
}
