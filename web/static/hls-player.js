// Playing with hls.js over Media Source Extensions.
/* global Hls */

import { loadingParts } from "./part-loading.js";
import { segmentAbr } from "./segment-abr.js";
import { Cushion, steeredRate } from "./steering.js";

/** The server answers 503 while a broadcast is interrupted, as the session knows from the API: hls.js asks on. */
const PLAYLIST_RETRY = { maxNumRetry: 100, retryDelayMs: 1000, maxRetryDelayMs: 1000 };
const CONFIG = {
  lowLatencyMode: true,
  streamController: loadingParts(Hls.DefaultConfig.streamController),
  audioStreamController: loadingParts(Hls.DefaultConfig.audioStreamController),
  /** What was played is needed no more; a page open for hours must not grow. */
  backBufferLength: 10,
  /** The page raises its own target after stalls, and lowers it again. */
  liveSyncOnStallIncrease: 0,
  playlistLoadPolicy: {
    default: { ...Hls.DefaultConfig.playlistLoadPolicy.default, errorRetry: PLAYLIST_RETRY },
  },
};
/** Of what not every browser plays, by the first part of its codec string. */
const CODEC_NAMES = { hvc1: "HEVC", av01: "AV1", vp09: "VP9" };
const STEERING_INTERVAL_MS = 250;
/** Farther behind than this, catching up at a bearable rate takes too long: jump. */
const FARTHEST_STEERED_SECONDS = 1.5;
/** Rounding must not leave the playhead before the media. */
const HOLE_PADDING_SECONDS = 0.05;
/** A second media error this soon after a recovery means that recovering does not help. */
const RECOVERY_PERIOD_MS = 10_000;

export class HlsPlayer {
  #video;
  #events;
  #cushion = new Cushion();
  #steering;
  #recoveredAt = -Infinity;
  /** What the viewer chose in the menu: an index into hls.js's levels, or null to adapt. */
  #choice = { level: null };

  /** True when the viewer has paused and so chose to be behind: then only Go live catches up. */
  isHeldBack = false;

  static isSupported() {
    return Hls.isSupported();
  }

  /** `events` has `failed(reason)`, `levelsChanged()`, and `noted(event, fields)` for the journal. */
  constructor(video, url, events) {
    this.#video = video;
    this.#events = events;
    this.hls = new Hls({ ...CONFIG, abrController: segmentAbr(this.#choice) });
    this.hls.on(Hls.Events.ERROR, (_, error) => this.#onError(error));
    this.hls.on(Hls.Events.MANIFEST_PARSED, (_, { levels }) => this.#onManifest(levels));
    this.hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => this.#onLevelSwitched(level));
    this.hls.loadSource(url);
    this.hls.attachMedia(video);
    this.#steering = setInterval(() => this.#steer(), STEERING_INTERVAL_MS);
  }

  destroy() {
    clearInterval(this.#steering);
    this.hls.destroy();
    this.#video.playbackRate = 1;
  }

  /** Seconds behind the live edge; null before it is known. */
  get latencySeconds() {
    return this.hls.latestLevelDetails ? this.hls.latency : null;
  }

  /** The server's PART-HOLD-BACK, and what stalls have added. */
  get targetSeconds() {
    return this.hls.targetLatency === null ? null : this.hls.targetLatency + this.#cushion.seconds(performance.now());
  }

  /** Names of the levels, best first. */
  get levelNames() {
    return this.hls.levels.map(levelName).reverse();
  }

  get playingLevelName() {
    const level = this.hls.levels[this.hls.currentLevel];
    return level ? levelName(level) : null;
  }

  /** The level that the viewer chose; null when hls.js adapts. */
  get chosenLevelName() {
    const level = this.hls.levels[this.#choice.level];
    return level ? levelName(level) : null;
  }

  /** Plays this level from the next segment on, or adapts (null). What is buffered is played, so nothing shows. */
  chooseLevel(name) {
    this.#choice.level = name === null ? null : this.hls.levels.findIndex((level) => levelName(level) === name);
    this.hls.loadLevel = -1;
  }

  /** What the server still has, in media time; null before it is known. */
  get seekable() {
    const { latestLevelDetails, liveSyncPosition } = this.hls;
    if (!latestLevelDetails || liveSyncPosition === null) return null;
    return { start: latestLevelDetails.fragmentStart, end: liveSyncPosition };
  }

  /** The viewer chooses to be behind. */
  seek(seconds) {
    this.isHeldBack = true;
    this.#video.playbackRate = 1;
    this.#video.currentTime = seconds;
  }

  noteStall() {
    this.#cushion.addStall(performance.now());
  }

  goLive() {
    this.isHeldBack = false;
    if (this.hls.liveSyncPosition !== null) this.#video.currentTime = this.hls.liveSyncPosition;
  }

  #steer() {
    const { latencySeconds, targetSeconds } = this;
    if (this.#video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) return this.#leaveHole();
    if (latencySeconds === null || this.#video.paused) return;
    if (this.isHeldBack) this.#video.playbackRate = 1;
    else if (latencySeconds > targetSeconds + FARTHEST_STEERED_SECONDS) this.goLive();
    else this.#video.playbackRate = steeredRate(latencySeconds, targetSeconds, bufferedSeconds(this.#video));
  }

  /** hls.js may wait for ever at a start position that only one of video and audio has: play what both have. */
  #leaveHole() {
    if (this.isHeldBack) return; // a viewer who has rewound waits for what is there, too
    const { buffered, currentTime } = this.#video;
    const last = buffered.length - 1;
    if (last >= 0 && buffered.start(last) > currentTime) this.#video.currentTime = buffered.start(last) + HOLE_PADDING_SECONDS;
  }

  #onManifest(levels) {
    this.#events.noted("presentation", { url: levels[0].uri });
    this.#events.levelsChanged();
  }

  #onLevelSwitched(level) {
    // Once it plays, hls.js may hold the choice by itself, and slow loading changes it no more.
    if (level === this.#choice.level) this.hls.loadLevel = level;
    this.#events.levelsChanged();
  }

  /** The server has left the chosen level out: another one plays, rather than none. */
  #adaptAgain() {
    this.chooseLevel(null);
    this.#events.levelsChanged();
  }

  #onError({ fatal, type, details, error, url, response, context }) {
    this.#events.noted("error", { type, details, fatal, message: error.message, url: url ?? null });
    const isGone = details === Hls.ErrorDetails.LEVEL_LOAD_ERROR && response?.code === 404;
    if (isGone && context?.level === this.#choice.level) this.#adaptAgain();
    if (!fatal) return;
    const isFirst = performance.now() - this.#recoveredAt > RECOVERY_PERIOD_MS;
    if (type === Hls.ErrorTypes.MEDIA_ERROR && isFirst) {
      this.#recoveredAt = performance.now();
      this.hls.recoverMediaError();
    } else {
      this.#events.failed(details);
    }
  }
}

/** Media ahead of the playhead without a hole. */
export function bufferedSeconds({ buffered, currentTime }) {
  for (let i = 0; i < buffered.length; i++) {
    if (buffered.start(i) <= currentTime && currentTime < buffered.end(i)) return buffered.end(i) - currentTime;
  }
  return 0;
}

/** "1080p", "1080p60" above 30 frames per second, "1080p AV1" in another codec than H.264. */
function levelName({ height, frameRate, videoCodec }) {
  const rate = frameRate > 31 ? Math.round(frameRate) : "";
  const codec = CODEC_NAMES[videoCodec?.split(".")[0]];
  return `${height}p${rate}${codec ? ` ${codec}` : ""}`;
}
