// Holding the distance to live: a playback rate a little above or below 1.
//
// hls.js keeps whatever its start cost, and speeds up only with a second of buffer, which low latency never has. So the
// page steers by itself: proportional to the distance from the target, too gently to be heard, and never into an
// empty buffer. Every stall asks for a little more distance; time without one gives it back.

/** Seconds from the target that are left alone: the measure itself moves with every part. */
const DEAD_BAND_SECONDS = 0.06;
/** Rate change per second of distance. */
const GAIN = 0.1;
/** Beyond these, speech sounds wrong. */
const SLOWEST_RATE = 0.95;
const FASTEST_RATE = 1.08;
/** With less than this ahead, speeding up would end in a stall. */
const THIN_BUFFER_SECONDS = 0.2;
/** More distance after each stall, at most, and how long one without a stall takes it back. */
const CUSHION_STEP_SECONDS = 0.2;
const LARGEST_CUSHION_SECONDS = 1;
const CUSHION_STEP_LASTS_MS = 60_000;

/** The rate for a latency, its target and the media buffered ahead, all in seconds. */
export function steeredRate(latencySeconds, targetSeconds, bufferedSeconds) {
  const excess = latencySeconds - targetSeconds;
  if (Math.abs(excess) < DEAD_BAND_SECONDS) return 1;
  const fastest = bufferedSeconds < THIN_BUFFER_SECONDS ? 1 : FASTEST_RATE;
  const rate = Math.min(fastest, Math.max(SLOWEST_RATE, 1 + GAIN * excess));
  return Math.round(rate * 100) / 100;
}

/** Extra distance that stalls have earned. */
export class Cushion {
  #steps = 0;
  #changedAt = 0;

  addStall(nowMs) {
    this.#steps = Math.min(this.#stepsAt(nowMs) + 1, LARGEST_CUSHION_SECONDS / CUSHION_STEP_SECONDS);
    this.#changedAt = nowMs;
  }

  seconds(nowMs) {
    return this.#stepsAt(nowMs) * CUSHION_STEP_SECONDS;
  }

  #stepsAt(nowMs) {
    return Math.max(0, this.#steps - Math.floor((nowMs - this.#changedAt) / CUSHION_STEP_LASTS_MS));
  }
}
