// Playing with the browser's own HLS (Safari without Media Source Extensions). It adapts and steers by itself.

export class NativePlayer {
  #video;
  #onError;

  isHeldBack = false;
  levelNames = [];
  playingLevelName = null;
  chosenLevelName = null;
  /** Safari does not tell its target. */
  targetSeconds = null;

  static isSupported(video) {
    return video.canPlayType("application/vnd.apple.mpegurl") !== "";
  }

  constructor(video, url, events) {
    this.#video = video;
    this.#onError = () => events.failed(`media error ${video.error?.code}`);
    video.addEventListener("error", this.#onError);
    video.src = url;
    video.play().catch(() => {}); // refused without a gesture: the play button is there
  }

  destroy() {
    this.#video.removeEventListener("error", this.#onError);
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  /** By the programme's wall clock where the browser knows it, else by the seekable range. */
  get latencySeconds() {
    const { seekable, currentTime } = this.#video;
    const startMs = this.#video.getStartDate?.().getTime();
    if (Number.isFinite(startMs)) return Math.max(0, (Date.now() - startMs) / 1000 - currentTime);
    return seekable.length > 0 ? seekable.end(seekable.length - 1) - currentTime : null;
  }

  get seekable() {
    const { seekable } = this.#video;
    return seekable.length > 0 ? { start: seekable.start(0), end: seekable.end(seekable.length - 1) } : null;
  }

  seek(seconds) {
    this.isHeldBack = true;
    this.#video.currentTime = seconds;
  }

  noteStall() {}

  goLive() {
    this.isHeldBack = false;
    const { seekable } = this.#video;
    if (seekable.length > 0) this.#video.currentTime = seekable.end(seekable.length - 1);
  }
}
