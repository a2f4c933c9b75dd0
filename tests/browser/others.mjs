// Plays a stream in Chromium with a player that is not ours, and tells what was seen.
//
//     node others.mjs CHROMIUM URL PLAYER SECONDS
//
// PLAYER is `hlsjs`, as it comes, for a playlist; `dashjs` or `shaka` for a manifest. Lines of JSON on standard output
// tell how far it is, so that a test can stop the publisher meanwhile:
//
//     {"event": "playing"}             it has begun to play by itself
//     {"event": "played", ...}         it has played for SECONDS; what was observed, see `observe`
//     {"event": "resumed"}             it has played on for RESUMED_SECONDS, whatever has become of the publisher
//     {"event": "ended"}               the stream has ended, and it has played to its end

import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { STEP_TIMEOUT_MS, say, withBlankPage } from "./page.mjs";

/** More than what is played from the buffer when the publisher is gone. */
const RESUMED_SECONDS = 10;
/** hls.js does not always notice that a stream has ended whose sound lasts longer than its pictures: it plays to here. */
const END_SECONDS = 0.2;
const SAMPLE_MS = 250;
const POLL_MS = 100;
const NODE_MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));
const LIBRARIES = {
  hlsjs: "hls.js/dist/hls.min.js",
  dashjs: "dashjs/dist/modern/umd/dash.all.min.js",
  shaka: "shaka-player/dist/shaka-player.dash.js",
};
const STARTS = { hlsjs: startHlsjs, dashjs: startDashjs, shaka: startShaka };
/** Of the browser's start, and of what a test does between. */
const SPARE_MS = 180_000;

const [, url, player, seconds] = process.argv.slice(2);
const playedSeconds = Number(seconds);
await withBlankPage((page) => play(page).catch((error) => tellStory(page, error)), 1000 * playedSeconds + SPARE_MS);

async function play(page) {
  await untilThere(url);
  await page.setContent("<video muted></video>");
  await page.addScriptTag({ path: join(NODE_MODULES, LIBRARIES[player]) });
  await page.evaluate(observe, SAMPLE_MS);
  await page.evaluate(STARTS[player], url);
  await untilPlayed(page, 0.1);
  say("playing");
  await untilPlayed(page, playedSeconds);
  say("played", await page.evaluate(() => window.observed.finish()));
  await untilPlayed(page, playedSeconds + RESUMED_SECONDS);
  say("resumed");
  await page.waitForFunction(hasEnded, END_SECONDS, { timeout: STEP_TIMEOUT_MS });
  say("ended");
}

/** A stream that is not live has no address to wait at. */
async function untilThere(address) {
  while (!(await fetch(address)).ok) await pause(POLL_MS);
}

async function untilPlayed(page, seconds) {
  const played = (wanted) => window.observed.playedSeconds() >= wanted;
  await page.waitForFunction(played, seconds, { timeout: 1000 * seconds + STEP_TIMEOUT_MS });
}

async function tellStory(page, error) {
  console.error(JSON.stringify(await page.evaluate(() => window.observed)));
  throw error;
}

// What follows runs in the page.

function hasEnded(endSeconds) {
  const video = document.querySelector("video");
  return video.ended || (window.isOver() && video.duration - video.currentTime < endSeconds);
}

/** Collects what happens to the video element into `window.observed`. */
function observe(sampleMs) {
  const video = document.querySelector("video");
  let startedAt = null;
  const seen = { errors: [], stalls: [], samples: [], heights: [] };
  window.observed = seen;
  seen.playedSeconds = () => (startedAt === null ? 0 : video.currentTime - startedAt);
  const onStall = () => startedAt !== null && seen.stalls.push(video.currentTime);
  const sampling = setInterval(() => {
    if (startedAt === null) return;
    const latencySeconds = window.latencySeconds();
    const ahead = video.buffered.length ? video.buffered.end(video.buffered.length - 1) - video.currentTime : 0;
    seen.samples.push({ currentTime: video.currentTime, latencySeconds, ahead, rate: video.playbackRate });
  }, sampleMs);
  video.addEventListener("playing", () => (startedAt ??= video.currentTime), { once: true });
  video.addEventListener("waiting", onStall);
  video.addEventListener("resize", () => seen.heights.push(video.videoHeight));
  video.addEventListener("error", () => seen.errors.push(`video: ${video.error?.message}`));
  seen.finish = () => {
    clearInterval(sampling);
    return JSON.parse(JSON.stringify(seen));
  };
}

function startHlsjs(url) {
  const video = document.querySelector("video");
  const player = new Hls();
  window.player = player;
  window.latencySeconds = () => player.latency;
  window.isOver = () => player.latestLevelDetails?.live === false;
  player.on(Hls.Events.ERROR, (_, { details, fatal }) => fatal && window.observed.errors.push(details));
  player.on(Hls.Events.MANIFEST_PARSED, () => video.play());
  player.loadSource(url);
  player.attachMedia(video);
}

function startDashjs(url) {
  const player = dashjs.MediaPlayer().create();
  window.player = player;
  window.latencySeconds = () => player.getCurrentLiveLatency();
  window.isOver = () => false;
  player.on(dashjs.MediaPlayer.events.ERROR, ({ error }) => window.observed.errors.push(`${error.code} ${error.message}`));
  player.initialize(document.querySelector("video"), url, true);
}

async function startShaka(url) {
  shaka.polyfill.installAll();
  const video = document.querySelector("video");
  const player = new shaka.Player();
  window.player = player;
  await player.attach(video);
  player.configure({ manifest: { dash: { autoCorrectDrift: false } } });
  player.addEventListener("error", ({ detail }) => window.observed.errors.push(`${detail.code} ${detail.message}`));
  window.isOver = () => false;
  window.latencySeconds = () => (Date.now() - player.getPlayheadTimeAsDate()) / 1000;
  await player.load(url);
  await video.play();
}
