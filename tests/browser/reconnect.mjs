// Plays while the server's origin processes are killed one after another. Its lines (`page.mjs`):
//
//     {"event": "live"}                it plays; the test kills
//     {"event": "result", ...}         all were replaced, and it has played on

import { STEP_TIMEOUT_MS, say, untilState, withPage } from "./page.mjs";

const KILLED = 2;
const PLAYED_SECONDS = 5;
const POLL_MS = 200;

const [, url] = process.argv.slice(2);

await withPage(async (page) => {
  await untilState(page, "live");
  say("live");
  const deadline = Date.now() + STEP_TIMEOUT_MS;
  while (!(await wereReplaced())) {
    if (Date.now() > deadline) throw new Error("the killed processes were not replaced");
    await page.waitForTimeout(POLL_MS);
  }
  const beganSeconds = await page.evaluate(() => window.pinkmedia.stats().currentTimeSeconds);
  await page.waitForFunction(
    (seconds) => window.pinkmedia.state === "live" && window.pinkmedia.stats().currentTimeSeconds > seconds,
    beganSeconds + PLAYED_SECONDS,
    { timeout: STEP_TIMEOUT_MS },
  );
  say("result", { journal: await page.evaluate(() => window.pinkmedia.journal) });
});

/** The server counts them. The connection that asks may be one that is being killed. */
async function wereReplaced() {
  const text = await fetch(new URL("/metrics", url))
    .then((response) => response.text())
    .catch(() => "");
  const [serving, replaced] = ["pinkmedia_origin_processes", "pinkmedia_origin_processes_replaced_total"].map((name) =>
    Number(text.match(new RegExp(`^${name} (\\S+)$`, "m"))?.[1]),
  );
  return serving === KILLED && replaced === KILLED;
}
