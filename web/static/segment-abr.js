// hls.js's choice of level, carried out where a segment begins.
//
// hls.js may change the level before any part. The new level is then loaded from its segment's key frame on, over what is
// buffered at the playhead, and the picture freezes until the next key frame. Low latency has no buffer to hide that. So
// a change waits for a part that begins a segment; only a level that fails, or is too slow to arrive, is left at once.
/* global Hls */

const AbrController = Hls.DefaultConfig.abrController;

/** A class for hls.js's `abrController`. `choice.level` is the viewer's level (an index), or null to adapt. */
export function segmentAbr(choice) {
  return class extends AbrController {
    #hls;
    #isUrgent = false;

    constructor(hls) {
      super(hls);
      this.#hls = hls;
    }

    /** Asked before each load. */
    get nextAutoLevel() {
      const current = this.#hls.loadLevel;
      const wanted = this.#isUrgent ? super.nextAutoLevel : (choice.level ?? super.nextAutoLevel);
      if (wanted === current) this.#isUrgent = false;
      return this.#isUrgent || isAtSegmentStart(this.#hls.levels[current]?.details) ? wanted : current;
    }

    /** Set to another level when this one fails or is too slow; and after each answer, which must not become a wish. */
    set nextAutoLevel(level) {
      if (level === this.#hls.loadLevel) return;
      this.#isUrgent = true;
      super.nextAutoLevel = level;
    }
  };
}

/** Whether the next load begins a segment: it does unless it continues one whose earlier parts are loaded. */
function isAtSegmentStart(details) {
  const parts = details?.partList ?? [];
  const last = parts.findLastIndex((part) => part.loaded);
  if (last === -1) return true;
  return last + 1 < parts.length && parts[last + 1].index === 0;
}
