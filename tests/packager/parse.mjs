// What GPAC's mp4box.js reads in an MP4 file (standard input), as JSON: the boxes, the track, and its samples.
//
//     {"boxes": [{"type", "size", "start", …, "boxes": […]}], "info": {…}, "samples": [{"dts", "cts", …}]}

import { readFileSync } from "node:fs";

import { createFile } from "mp4box";

const data = readFileSync(0);
const buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
buffer.fileStart = 0;

const file = createFile();
let info = null;
const samples = [];
file.onError = (module, message) => {
  throw new Error(`${module}: ${message}`);
};
file.onReady = (found) => {
  info = found;
  file.setExtractionOptions(found.tracks[0].id, null, { nbSamples: 100_000 });
  file.start();
};
file.onSamples = (_, __, found) => samples.push(...found);
file.appendBuffer(buffer, true);
file.flush();

const told = new Set(["dts", "cts", "duration", "size", "offset", "is_sync", "depends_on", "description_index"]);
const facts = (sample) => Object.fromEntries(Object.entries(sample).filter(([name]) => told.has(name)));
const plain = (_, value) => {
  if (typeof value === "bigint") return Number(value);
  return value instanceof Uint8Array || value instanceof ArrayBuffer ? undefined : value;
};

/** A box's own fields and its children; what the library keeps for itself is left out. */
function described(box) {
  const { type, size, start } = box;
  const fields = Object.entries(box).filter(([name, value]) => typeof value !== "object" || /^(compatible_brands|sample_)/.test(name));
  return { ...Object.fromEntries(fields), type, size, start, boxes: (box.boxes ?? box.entries ?? []).filter((each) => each.type).map(described) };
}

console.log(JSON.stringify({ boxes: file.boxes.map(described), info, samples: samples.map(facts) }, plain));
