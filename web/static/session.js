// Following a stream through its broadcasts: when to play, when to wait, what to tell the viewer.
//
//     connecting ──playing──► live ──stalled──► reconnecting
//         ▲                    ▲ └───────playing───────┘│
//     API: live                │                        │ ended, or the API says offline
//         └────── offline ◄────┴────────────────────────┘
//
// While nothing plays smoothly, the API is asked every two seconds. A player that fails is thrown away, and a new one
// waits longer after each failure. A new broadcast has new URLs below the same multivariant playlist, and so a new player.

import { HlsPlayer } from "./hls-player.js";
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

export class Session {
  state = State.CONNECTING;
  player = null;
  stallCount = 0;

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

  /** `onChange` is called when the state, the player or its levels have changed. */
  constructor(stream, video, onChange) {
    this.#stream = stream;
    this.#video = video;
    this.#onChange = onChange;
    video.addEventListener("playing", () => this.#onPlaying());
    video.addEventListener("waiting", () => this.#onWaiting());
    video.addEventListener("ended", () => this.#endBroadcast());
    document.addEventListener("visibilitychange", () => this.#poll());
  }

  start() {
    this.#poll();
  }

  async #poll() {
    clearTimeout(this.#pollTimer);
    this.#pollTimer = setTimeout(() => this.#poll(), POLL_MS + POLL_JITTER_MS * Math.random());
    if (document.hidden || this.#isAsking || this.state === State.LIVE) return;
    this.#isAsking = true;
    const { status, playbackUrl } = await fetchStatus(this.#stream);
    this.#isAsking = false;
    if (this.state !== State.LIVE) this.#follow(status, playbackUrl);
  }

  #follow(status, playbackUrl) {
    if (status === "live" && this.player === null) this.#play(playbackUrl);
    else if (status === "offline" && (this.player === null || this.#isStalled)) this.#stop(State.OFFLINE);
    else if (status !== "live") this.#enter(State.RECONNECTING);
  }

  get #isStalled() {
    return this.#video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
  }

  #play(url) {
    if (performance.now() < this.#retryAt) return;
    const Player = HlsPlayer.isSupported() ? HlsPlayer : NativePlayer;
    this.player = new Player(this.#video, url, {
      failed: () => this.#onFailed(),
      levelsChanged: () => this.#onChange(),
    });
    this.#enter(State.CONNECTING);
  }

  #stop(state) {
    clearTimeout(this.#stallTimer);
    this.player?.destroy();
    this.player = null;
    this.#playingSince = Infinity;
    this.#enter(state);
  }

  #enter(state) {
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
    this.player.noteStall();
    clearTimeout(this.#stallTimer);
    this.#stallTimer = setTimeout(() => {
      this.#enter(State.RECONNECTING);
      this.#poll();
    }, SHOWN_STALL_MS);
  }

  #onFailed() {
    if (performance.now() - this.#playingSince > STEADY_PLAY_MS) this.#failures = 0;
    this.#retryAt = performance.now() + Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LONGEST_RETRY_MS);
    this.#failures += 1;
    this.#stop(State.RECONNECTING);
  }

  #endBroadcast() {
    this.#failures = 0;
    this.#stop(State.OFFLINE);
    this.#poll();
  }
}
