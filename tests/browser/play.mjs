// Opens a watch page in Chromium as a viewer does, and tells what was seen.
//
// Its lines (`page.mjs`), by which a test starts and stops the publisher meanwhile:
//
//     {"event": "offline"}             the page is open; nothing is published yet
//     {"event": "live"}                it has begun to play by itself
//     {"event": "played"}              steady play and all level switches are over
//     {"event": "result", ...}         the page is offline again; what was observed, see `observe`
//
import { PHONE, STEP_TIMEOUT_MS, say, screenshot, untilState, withPage } from "./page.mjs";

const STEADY_MS = 30_000;
/** Play at each level before the next switch: more than a segment. */
const LEVEL_MS = 4000;
const SAMPLE_MS = 250;

await withPage(async (page, complaints) => {
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
});

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
