// Opens a watch page in Chromium as a viewer does, and tells what was seen.
//
//     node play.mjs CHROMIUM WATCH_URL FOLDER
//
// FOLDER gets screenshots. Lines of JSON on standard output tell how far it is, so that a test can start and stop the
// publisher meanwhile:
//
//     {"event": "offline"}             the page is open; nothing is published yet
//     {"event": "live"}                it has begun to play by itself
//     {"event": "played"}              steady play and all level switches are over
//     {"event": "result", ...}         the page is offline again; what was observed, see `watch` and `observe`
//
// When a step takes too long, the page's own story of it (`pinkmedia.journal`) goes to standard error.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

const STEADY_MS = 30_000;
/** Play at each level before the next switch: more than a segment. */
const LEVEL_MS = 4000;
const SAMPLE_MS = 250;
const STEP_TIMEOUT_MS = 60_000;
/** When everything hangs, the test that waits for our lines must not. */
const WHOLE_TIMEOUT_MS = 240_000;
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];

const [executablePath, url, folder] = process.argv.slice(2);
setTimeout(() => process.exit(3), WHOLE_TIMEOUT_MS).unref();

const profile = await mkdtemp(join(tmpdir(), "pinkmedia-browser-"));
const browser = await chromium.launchPersistentContext(profile, { executablePath, args: FLAGS, viewport: DESKTOP });
try {
  const page = await browser.newPage();
  await watch(page).catch((error) => tellStory(page, error));
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}

async function watch(page) {
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));

  await page.goto(url);
  await untilState(page, "offline");
  await screenshot(page, "offline");
  say("offline");

  await untilState(page, "live");
  await page.evaluate(observe, SAMPLE_MS);
  say("live");
  await page.waitForTimeout(STEADY_MS);
  await screenshot(page, "desktop");

  const switches = await tryAllLevels(page);
  await page.setViewportSize(PHONE);
  await page.waitForTimeout(LEVEL_MS);
  await screenshot(page, "phone");
  await untilState(page, "live"); // a stall on a busy machine ends by itself
  const observed = await page.evaluate(() => window.observed.finish());
  say("played");

  await untilState(page, "offline");
  say("result", { ...observed, switches, complaints, journal: await page.evaluate(() => window.pinkmedia.journal) });
}

/** Clicks each entry of the quality menu, then Auto; the names of the levels that played after their click. */
async function tryAllLevels(page) {
  const names = await page.evaluate(() => window.pinkmedia.stats().levels);
  const played = [];
  for (const name of names) {
    await chooseQuality(page, name);
    await page.waitForFunction((level) => window.pinkmedia.stats().level === level, name, { timeout: STEP_TIMEOUT_MS });
    played.push(name);
    await page.waitForTimeout(LEVEL_MS);
  }
  await chooseQuality(page, "Auto");
  return played;
}

async function chooseQuality(page, name) {
  await page.click("#quality");
  await screenshot(page, "menu");
  await page.evaluate((quality) => window.observed.mark(quality), name);
  await page.click(`#qualities [data-quality="${name}"]`);
}

async function untilState(page, state) {
  await page.waitForFunction((wanted) => window.pinkmedia?.state === wanted, state, { timeout: STEP_TIMEOUT_MS });
}

async function tellStory(page, error) {
  const story = await page.evaluate(() => [...window.pinkmedia.journal, window.pinkmedia.stats()]);
  for (const entry of story) console.error(JSON.stringify(entry));
  throw error;
}

async function screenshot(page, name) {
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

function say(event, fields = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

/** Runs in the page: collects until `window.observed.finish()` returns it all. */
function observe(sampleMs) {
  const video = document.querySelector("video");
  const seen = { samples: [], frames: [], stalls: [], marks: [] };
  const seconds = () => performance.now() / 1000;
  const sample = () => seen.samples.push({ atSeconds: seconds(), ...window.pinkmedia.stats() });
  const onFrame = (now, { mediaTime }) => {
    seen.frames.push([now / 1000, mediaTime]);
    if (!isFinished) video.requestVideoFrameCallback(onFrame);
  };
  let isFinished = false;
  video.addEventListener("waiting", () => !isFinished && seen.stalls.push(seconds()));
  video.requestVideoFrameCallback(onFrame);
  const sampling = setInterval(sample, sampleMs);
  window.observed = {
    mark: (name) => seen.marks.push([seconds(), name]),
    finish: () => {
      isFinished = true;
      clearInterval(sampling);
      return seen;
    },
  };
}
