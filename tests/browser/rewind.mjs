// Rewinds a stream that has been live for a while, and goes live again. Its lines (`page.mjs`):
//
//     {"event": "live"}                it plays
//     {"event": "rewound", ...}        what the page says (`pinkmedia.stats`) some seconds after
//     {"event": "live again", ...}

import { PHONE, STEP_TIMEOUT_MS, say, screenshot, untilState, withPage } from "./page.mjs";

/** Where on the seek bar is clicked. */
const SHARE = 0.1;
const PLAYED_MS = 4000;

await withPage(async (page, complaints) => {
  await untilState(page, "live");
  say("live");
  const bar = page.locator("#seek");
  await bar.waitFor({ timeout: STEP_TIMEOUT_MS });
  const { width, height } = await bar.boundingBox();
  await bar.click({ position: { x: SHARE * width, y: height / 2 } });
  await plays(page);
  await page.setViewportSize(PHONE);
  await screenshot(page, "phone");
  say("rewound", await stats(page));
  await page.click("#go-live");
  await plays(page);
  say("live again", { ...(await stats(page)), complaints });
});

/** Waits until it has played on for a while from where it was told to. */
async function plays(page) {
  const isMoving = () => !document.querySelector("video").seeking && window.pinkmedia.stats().bufferedSeconds > 0;
  await page.waitForFunction(isMoving, null, { timeout: STEP_TIMEOUT_MS });
  await page.waitForTimeout(PLAYED_MS);
  await untilState(page, "live");
}

async function stats(page) {
  return page.evaluate(() => ({
    ...window.pinkmedia.stats(),
    position: document.getElementById("seek").getAttribute("aria-valuetext"),
  }));
}
