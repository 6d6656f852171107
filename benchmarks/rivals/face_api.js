// npm's @vladmandic/face-api on WebAssembly: a small dense network behind SSD MobileNet v1 and 68 points.
const path = require('path');

const LABELS = ['neutral', 'happy', 'sad', 'angry', 'fearful', 'disgusted', 'surprised'];

async function load(modules) {
  const root = path.join(modules, '@vladmandic', 'face-api');
  const tf = require(path.join(modules, '@tensorflow/tfjs'));
  const wasm = require(path.join(modules, '@tensorflow/tfjs-backend-wasm'));
  const api = require(path.join(root, 'dist/face-api.node-wasm.js'));
  wasm.setWasmPaths(path.join(modules, '@tensorflow/tfjs-backend-wasm/dist/'));
  await tf.setBackend('wasm');
  await tf.ready();
  for (const net of ['ssdMobilenetv1', 'faceLandmark68Net', 'faceExpressionNet']) {
    await api.nets[net].loadFromDisk(path.join(root, 'model'));
  }
  const row = (found) => LABELS.map((name) => found[name]);

  async function classify(faces) {
    const rows = [];
    for (const face of faces) {
      const rgb = new Int32Array(3 * face.data.length);
      face.data.forEach((value, k) => rgb.fill(value, 3 * k, 3 * k + 3));
      const input = tf.tensor3d(rgb, [face.side, face.side, 3], 'int32');
      rows.push(row(await api.nets.faceExpressionNet.predictExpressions(input)));
      tf.dispose(input);
    }
    return rows;
  }

  async function search(image) {
    const input = tf.tensor3d(Int32Array.from(image.data), [image.height, image.width, 3], 'int32');
    const found = await api.detectAllFaces(input).withFaceLandmarks().withFaceExpressions();
    tf.dispose(input);
    return found.map(({ detection: { box }, expressions }) => (
      [[box.left, box.top, box.right, box.bottom], row(expressions)]));
  }

  const { version } = require(path.join(root, 'package.json'));
  return { version, labels: LABELS, weights: [path.join(root, 'model/face_expression_model.bin')], classify, search };
}

module.exports = { load, LABELS };
