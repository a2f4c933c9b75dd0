// Following a stream through its broadcasts: when to play, when to wait, what to tell the viewer.
//
//     connecting ──playing──► live ──stalled──► reconnecting
//         ▲                    ▲ └───────playing───────┘│
//     API: live                │                        │ ended, or the API says offline
//         └────── offline ◄────┴────────────────────────┘
//
// While nothing plays smoothly, the API is asked every two seconds. A player that fails is thrown away, and a new one
// waits longer after each failure. So is one whose playhead stands while the stream is live: browsers and hls.js do not
// announce every way of getting stuck. A new broadcast has new URLs below the same multivariant playlist, and so a new
// player.

import { HlsPlayer } from "./hls-player.js";
import { Journal } from "./journal.js";
import { NativePlayer } from "./native-player.js";
import { fetchStatus } from "./status.js";

export const State = Object.freeze({
  CONNECTING: "connecting",
  LIVE: "live",
  OFFLINE: "offline",
  RECONNECTING: "reconnecting",
});

/** Between questions to the API; the random part keeps a crowd of viewers from asking in step. */
const POLL_MS = 2000;
const POLL_JITTER_MS = 500;
/** Shorter stalls are the steering's business and need no word. */
const SHOWN_STALL_MS = 1500;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 15_000;
/** A player that has run this long was all right; its failure counts as the first again. */
const STEADY_PLAY_MS = 10_000;
/** A playhead that has stood this long is stuck: longer than hls.js's own attempts, three timeouts of a playlist. */
const STUCK_MS = 12_000;

export class Session {
  state = State.CONNECTING;
  player = null;
  stallCount = 0;
  journal = new Journal();

  #stream;
  #video;
  #onChange;
  #pollTimer = null;
  #stallTimer = null;
  #isAsking = false;
  #isEnding = false;
  #failures = 0;
  #retryAt = 0;
  #playingSince = Infinity;
  #playheadSeconds = 0;
  #movedAt = 0;

  /** `onChange` is called when the state, the player or its levels have changed. */
  constructor(stream, video, onChange) {
    this.#stream = stream;
    this.#video = video;
    this.#onChange = onChange;
    video.addEventListener("playing", () => this.#onPlaying());
    video.addEventListener("waiting", () => this.#onWaiting());
    video.addEventListener("ended", () => this.#endBroadcast());
    document.addEventListener("visibilitychange", () => this.#onVisibility());
  }

  start() {
    this.#poll();
  }

  async #poll() {
    clearTimeout(this.#pollTimer);
    this.#pollTimer = setTimeout(() => this.#poll(), POLL_MS + POLL_JITTER_MS * Math.random());
    this.#notePlayhead();
    if (document.hidden || this.#isAsking || this.#isFine) return;
    this.#isAsking = true;
    const { status, playbackUrl } = await fetchStatus(this.#stream);
    this.#isAsking = false;
    if (!this.#isFine) this.#follow(status, playbackUrl);
  }

  #follow(status, playbackUrl) {
    if (status === "live" && this.player === null) this.#play(playbackUrl);
    else if (status === "live" && this.#isStuck) this.#onFailed("stuck");
    else if (status === "offline" && (this.player === null || this.#isStalled)) this.#stop(State.OFFLINE);
    else if (status !== "live") this.#enter(State.RECONNECTING);
  }

  #notePlayhead() {
    const { currentTime } = this.#video;
    const isMoving = currentTime !== this.#playheadSeconds;
    if (isMoving || this.player === null || this.#waitsForViewer) this.#movedAt = performance.now();
    this.#playheadSeconds = currentTime;
  }

  /** Paused by the viewer, or not allowed to begin without a click. */
  get #waitsForViewer() {
    return this.#video.paused && (this.player.isHeldBack || this.#hasMedia);
  }

  get #isFine() {
    return this.state === State.LIVE && !this.#isStuck;
  }

  get #isStalled() {
    return !this.#hasMedia || this.#isStuck;
  }

  get #hasMedia() {
    return this.#video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA;
  }

  get #isStuck() {
    return this.player !== null && performance.now() - this.#movedAt > STUCK_MS;
  }

  #play(url) {
    if (performance.now() < this.#retryAt) return;
    this.#movedAt = performance.now();
    const Player = HlsPlayer.isSupported() ? HlsPlayer : NativePlayer;
    this.player = new Player(this.#video, url, {
      failed: (reason) => this.#onFailed(reason),
      levelsChanged: () => this.#onChange(),
      noted: (event, fields) => this.journal.note(event, fields),
    });
    this.journal.note("player", { url });
    this.#enter(State.CONNECTING);
  }

  /** A hidden page may have been stopped by the browser: its playhead gets new time to move. */
  #onVisibility() {
    this.#movedAt = performance.now();
    this.#poll();
  }

  #stop(state) {
    clearTimeout(this.#stallTimer);
    this.player?.destroy();
    this.player = null;
    this.#playingSince = Infinity;
    this.#enter(state);
  }

  #enter(state) {
    if (state !== this.state) this.journal.note("state", { state });
    this.state = state;
    this.#onChange();
  }

  #onPlaying() {
    clearTimeout(this.#stallTimer);
    this.#playingSince = Math.min(this.#playingSince, performance.now());
    this.#enter(State.LIVE);
  }

  #onWaiting() {
    if (this.state !== State.LIVE || this.#video.seeking) return;
    this.stallCount += 1;
    this.journal.note("stalled", { currentTimeSeconds: this.#video.currentTime });
    this.player.noteStall();
    clearTimeout(this.#stallTimer);
    this.#stallTimer = setTimeout(() => {
      this.#enter(State.RECONNECTING);
      this.#poll();
    }, SHOWN_STALL_MS);
  }

  #onFailed(reason) {
    this.journal.note("failed", { reason });
    if (performance.now() - this.#playingSince > STEADY_PLAY_MS) this.#failures = 0;
    this.#retryAt = performance.now() + Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LONGEST_RETRY_MS);
    this.#failures += 1;
    this.#stop(State.RECONNECTING);
  }

  #endBroadcast() {
    this.journal.note("ended", { currentTimeSeconds: this.#video.currentTime });
    this.#failures = 0;
    this.#stop(State.OFFLINE);
    this.#poll();
  }
}
