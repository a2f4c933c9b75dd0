// Three repairs of how hls.js (1.7.4) keeps book of segments that are loaded part by part. Each fault left viewers
// with a standing picture, and each is likelier on a slow machine or a long way from the server.
//
// **The last part.** The playlist that completes a segment may come while the last but one part is being loaded: the
// last part of sound is often shorter than a round trip. hls.js takes the whole segment for buffered, because it
// forgives 0.2 s at the end, and loads nothing until the segment's parts leave the playlist. So before it looks for
// what comes next, its record of such a segment is removed.
//
// **Tidying.** When played media was removed from the buffer, hls.js drops the records of segments that are gone, and
// with them that of the segment whose next part is on its way: it finds no media in that part then, and leaves out the
// rest of the segment. So tidying waits until nothing is on its way.
//
// **A load given up.** A jump may cancel the first load from another level after that level's init segment was taken
// out of it. hls.js believes that the browser has it, appends media without, and the decoder fails. So after every
// load that was given up, the next one brings its init segment.

/** hls.js's word for a segment that needs no loading. */
const BUFFERED = "OK";
/** hls.js's states from the request for a part until it is buffered. */
const ON_ITS_WAY = ["FRAG_LOADING", "PARSING", "PARSED"];

/** A class for hls.js's `streamController` or `audioStreamController`, made from its own. */
export function loadingParts(Controller) {
  return class extends Controller {
    #tidy = null;

    /** Asked before each load; `position` is the end of what is buffered. */
    getNextFragment(position, details) {
      this.#tidy?.();
      this.#tidy = null;
      const part = followingPart(details.partList ?? [], position);
      if (part && this.fragmentTracker.getState(part.fragment) === BUFFERED) {
        this.fragmentTracker.removeFragment(part.fragment);
      }
      return super.getNextFragment(position, details);
    }

    afterBufferFlushed(media, type) {
      const tidy = () => super.afterBufferFlushed(media, type);
      if (ON_ITS_WAY.includes(this.state)) this.#tidy = tidy;
      else tidy();
    }

    resetLoadingState() {
      this.resetTransmuxer();
      super.resetLoadingState();
    }

    abortCurrentFrag() {
      this.resetTransmuxer();
      super.abortCurrentFrag();
    }
  };
}

/** The part that continues a segment whose earlier parts are loaded, while most of it is still to come. */
function followingPart(parts, position) {
  const at = parts.findLastIndex((part) => part.loaded) + 1;
  const part = parts[at];
  const isFollowing = at > 0 && part?.fragment.sn === parts[at - 1].fragment.sn;
  return isFollowing && position < part.start + part.duration / 2 ? part : null;
}
