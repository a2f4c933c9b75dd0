// Plays a live stream whose pictures show a machine's clock, and tells how old each one was when it was shown.
//
//     node glass.mjs CHROMIUM URL PLAYER SECONDS
//
// PLAYER is `hls` (hls.js as it comes, on an empty page; URL is the playlist's) or `page` (URL is a watch page's). It
// joins JOINS times, each for a share of SECONDS, with a line of JSON for each: {"event": "result", "delaysSeconds": […],
// "stalls": …, "heights": […]}. hls.js keeps the distance at which it has begun, so one join alone would tell little.
// See `transcode.machine_clock` for what the clock looks like.

import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { say, untilState, withBlankPage } from "../tests/browser/page.mjs";

const HLS = join(fileURLToPath(new URL("../node_modules", import.meta.url)), "hls.js/dist/hls.min.js");
const JOINS = 5;
/** Before the first one: until there is as much to choose from as viewers usually find. */
const LEAD_MS = 15_000;
/** Until steady play: our own page catches up what it has missed while it joined. */
const SETTLING_MS = 10_000;
const POLL_MS = 100;
/** Of the browser's own start and end, and of the publisher's. */
const SPARE_MS = 120_000;

const [, url, player, seconds] = process.argv.slice(2);
const STARTS = { hls: startHls, page: startPage };
const watchedMs = (1000 * Number(seconds)) / JOINS;
await withBlankPage(watchAll, LEAD_MS + JOINS * (SETTLING_MS + watchedMs) + SPARE_MS);

async function watchAll(first) {
  while (!(await fetch(url)).ok) await pause(POLL_MS);
  await pause(LEAD_MS);
  for (let count = 0; count < JOINS; count++) {
    const page = await first.context().newPage();
    await watch(page);
    await page.close();
  }
}

async function watch(page) {
  await STARTS[player](page);
  await page.waitForFunction(() => document.querySelector("video").currentTime > 0);
  await page.evaluate(observe);
  await page.waitForTimeout(SETTLING_MS);
  await page.evaluate(() => (window.seen.delaysSeconds = []));
  await page.waitForTimeout(watchedMs);
  say("result", await page.evaluate(() => window.seen));
}

async function startHls(page) {
  await page.setContent("<video muted></video>");
  await page.addScriptTag({ path: HLS });
  await page.evaluate((source) => {
    const video = document.querySelector("video");
    window.hls = new window.Hls();
    window.hls.loadSource(source);
    window.hls.attachMedia(video);
    window.hls.on(window.Hls.Events.MANIFEST_PARSED, () => video.play());
  }, url);
}

async function startPage(page) {
  await page.goto(url);
  await untilState(page, "live");
}

// What follows runs in the page.

/** Reads some pictures' clocks into `window.seen`. */
function observe() {
  const TIME_BITS = 42;
  const CELLS = TIME_BITS + 16;
  const WHITE = 126;
  const EVERY = 10; // reading back a picture takes time that playing needs
  const video = document.querySelector("video");
  const canvas = new OffscreenCanvas(CELLS * 8, 1);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const seen = (window.seen = { delaysSeconds: [], unread: 0, stalls: 0, heights: [video.videoHeight] });
  let count = 0;

  function check(milliseconds) {
    let crc = 0xffff;
    for (let shift = 40n; shift >= 0n; shift -= 8n) {
      crc ^= Number((BigInt(milliseconds) >> shift) & 0xffn) << 8;
      for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
    }
    return crc;
  }

  function clock() {
    const row = Math.floor(video.videoHeight / 48);
    context.drawImage(video, 0, row, video.videoWidth, 1, 0, 0, canvas.width, 1);
    const { data } = context.getImageData(0, 0, canvas.width, 1);
    const bits = Array.from({ length: CELLS }, (_, cell) => (data[(cell * 8 + 4) * 4 + 1] > WHITE ? 1 : 0));
    const number = (some) => some.reduce((sum, bit) => sum * 2 + bit, 0);
    const milliseconds = number(bits.slice(0, TIME_BITS));
    return number(bits.slice(TIME_BITS)) === check(milliseconds) ? milliseconds : null;
  }

  function onFrame(_, { expectedDisplayTime }) {
    video.requestVideoFrameCallback(onFrame);
    if (count++ % EVERY) return;
    const shownAt = performance.timeOrigin + expectedDisplayTime;
    const paintedAt = clock();
    if (paintedAt === null) seen.unread += 1;
    else seen.delaysSeconds.push((shownAt - paintedAt) / 1000);
  }

  video.addEventListener("waiting", () => (seen.stalls += 1));
  video.addEventListener("resize", () => seen.heights.push(video.videoHeight));
  video.requestVideoFrameCallback(onFrame);
}
