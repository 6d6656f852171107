// npm's @vladmandic/human on WebAssembly: Arriaga's larger network behind BlazeFace and a face mesh.
// A face that is given goes through the steps of its src/gear/emotion.ts; a photo through human.detect.
const fs = require('fs');
const path = require('path');

const LABELS = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'];
const MOST_FACES = 50; // its default is one face

async function load(modules) {
  const root = path.join(modules, '@vladmandic', 'human');
  const elsewhere = globalThis.fetch;
  // Its models lie on this disk, and Node's fetch reads no files.
  globalThis.fetch = async (url, options) => (String(url).startsWith('file:')
    ? new Response(fs.readFileSync(new URL(url))) : elsewhere(url, options));
  require(path.join(modules, '@tensorflow/tfjs'));
  require(path.join(modules, '@tensorflow/tfjs-backend-wasm'));
  const { Human } = require(path.join(root, 'dist/human.node-wasm.js'));
  const off = { enabled: false };
  const human = new Human({
    backend: 'wasm',
    modelBasePath: `file://${root}/models/`,
    wasmPath: path.join(modules, '@tensorflow/tfjs-backend-wasm/dist/'),
    cacheSensitivity: 0,
    skipAllowed: false,
    face: { detector: { maxDetected: MOST_FACES } },
    body: off, hand: off, gesture: off, object: off, segmentation: off,
  });
  await human.load();
  const network = human.models.models.emotion;
  const { tf } = human;

  // Softmax values of grey faces in batches: 64 px, -1 to 1.
  async function classify(faces) {
    const rows = [];
    for (let k = 0; k < faces.length; k += 64) {
      const part = faces.slice(k, k + 64);
      const answer = tf.tidy(() => {
        const grey = tf.stack(part.map((f) => tf.tensor3d(Float32Array.from(f.data), [f.side, f.side, 1])));
        const small = tf.image.resizeBilinear(tf.div(grey, 255), [64, 64], false);
        return network.execute(tf.mul(tf.sub(small, 0.5), 2));
      });
      rows.push(...await answer.array());
      tf.dispose(answer);
    }
    return rows;
  }

  async function search(image) {
    const input = tf.tensor3d(Uint8Array.from(image.data), [image.height, image.width, 3], 'int32');
    const result = await human.detect(input);
    tf.dispose(input);
    if (result.error) throw new Error(result.error);
    return result.face.map((face) => {
      const [left, top, width, height] = face.box;
      const row = LABELS.map((name) => face.emotion.find((e) => e.emotion === name)?.score || 0);
      return [[left, top, left + width, top + height], row];
    });
  }

  const weights = [path.join(root, 'models/emotion.bin')];
  return { version: human.version, labels: LABELS, weights, classify, search };
}

module.exports = { load, LABELS };
