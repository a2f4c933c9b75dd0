// The seek bar: from the beginning of what the server still has to the live edge. It is there when that is long enough.

/** Less than this is no rewinding: every stream has as much in memory. */
const SHORTEST_SECONDS = 25;
/** Nearer to the end than this, the viewer means live. */
const LIVE_SECONDS = 5;

export class SeekBar {
  #input;
  #seekable = null;
  #isDragged = false;

  /** `onSeek` is told the media time to play from, or null for live. */
  constructor(input, onSeek) {
    this.#input = input;
    input.addEventListener("input", () => {
      this.#isDragged = true;
      this.#describe();
    });
    input.addEventListener("change", () => {
      this.#isDragged = false;
      const fromEnd = Number(input.max) - Number(input.value);
      onSeek(fromEnd < LIVE_SECONDS ? null : this.#seekable.start + Number(input.value));
    });
  }

  /** `seekable` has `start` and `end` in media time; null when there is none. */
  update(seekable, currentTime) {
    this.#seekable = seekable;
    const length = seekable === null ? 0 : seekable.end - seekable.start;
    this.#input.hidden = length < SHORTEST_SECONDS;
    if (this.#input.hidden || this.#isDragged) return;
    this.#input.max = length;
    this.#input.value = currentTime - seekable.start;
    this.#describe();
  }

  #describe() {
    const { style, value, max } = this.#input;
    const fromEnd = Number(max) - Number(value);
    style.setProperty("--played", `${(100 * Number(value)) / Number(max)}%`);
    this.#input.setAttribute("aria-valuetext", fromEnd < LIVE_SECONDS ? "live" : `${clock(fromEnd)} behind live`);
  }
}

/** "5.0 s" and "1:05". */
export function distance(seconds) {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : clock(seconds);
}

/** "0:05", "1:05", "1:00:05". */
function clock(seconds) {
  const whole = Math.floor(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const padded = (number) => String(number).padStart(2, "0");
  const tail = `${hours ? padded(minutes) : minutes}:${padded(whole % 60)}`;
  return hours ? `${hours}:${tail}` : tail;
}
