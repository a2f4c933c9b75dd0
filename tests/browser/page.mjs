// One page of Chromium, as a viewer opens it, and how the scripts that use it tell what they see.
//
//     node SCRIPT CHROMIUM URL FOLDER
//
// FOLDER gets screenshots. Lines of JSON on standard output tell how far a script is. When a step takes too long, the
// page's own story of it (`pinkmedia.journal`) goes to standard error.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

export const STEP_TIMEOUT_MS = 60_000;
/** When everything hangs, the test that waits for our lines must not. */
const WHOLE_TIMEOUT_MS = 240_000;
export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
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

/** Opens the page; `work(page, complaints)` gets what the page complains of, too. */
export async function withPage(work) {
  await withBlankPage(async (page) => {
    const complaints = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(url);
    await work(page, complaints).catch((error) => tellStory(page, error));
  });
}

export async function withBlankPage(work, timeoutMs = WHOLE_TIMEOUT_MS) {
  setTimeout(() => process.exit(3), timeoutMs).unref();
  const profile = await mkdtemp(join(tmpdir(), "pinkmedia-browser-"));
  const browser = await chromium.launchPersistentContext(profile, { executablePath, args: FLAGS, viewport: DESKTOP });
  try {
    await work(await browser.newPage());
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}

export async function untilState(page, state) {
  await page.waitForFunction((wanted) => window.pinkmedia?.state === wanted, state, { timeout: STEP_TIMEOUT_MS });
}

export async function screenshot(page, name) {
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

export function say(event, fields = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
}

async function tellStory(page, error) {
  const story = await page.evaluate(() => [...window.pinkmedia.journal, window.pinkmedia.stats()]);
  for (const entry of story) console.error(JSON.stringify(entry));
  throw error;
}
