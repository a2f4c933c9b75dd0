// The watch page: connects the session to what the viewer sees and touches.

import { bufferedSeconds } from "./hls-player.js";
import { QualityMenu } from "./quality-menu.js";
import { distance, SeekBar } from "./seek-bar.js";
import { Session, State } from "./session.js";

const READOUT_INTERVAL_MS = 500;
/** From here on "Go live" is offered; less is caught up by itself, or is the network's distance. */
const BEHIND_SECONDS = 3;

const BADGES = {
  [State.CONNECTING]: "Connecting",
  [State.LIVE]: "Live",
  [State.OFFLINE]: "Offline",
  [State.RECONNECTING]: "Reconnecting",
};
const MESSAGES = {
  [State.CONNECTING]: "Connecting…",
  [State.LIVE]: "",
  [State.OFFLINE]: "Offline. The stream starts here by itself.",
  [State.RECONNECTING]: "Connection lost. Reconnecting…",
};

const element = (id) => document.getElementById(id);
const stage = element("stage");
const video = element("video");
const session = new Session(stage.dataset.stream, video, showState);
const menu = new QualityMenu(element("quality"), element("qualities"), (name) => {
  session.player?.chooseLevel(name);
  showState();
});

const seekBar = new SeekBar(element("seek"), (seconds) => {
  if (seconds === null) session.player?.goLive();
  else session.player?.seek(seconds);
  play();
});

function showState() {
  const { state, player } = session;
  stage.dataset.state = state;
  element("badge").dataset.state = state;
  element("badge").textContent = BADGES[state];
  element("message").textContent = MESSAGES[state];
  menu.update(player?.levelNames ?? [], player?.chosenLevelName ?? null, player?.playingLevelName ?? null);
  showPlayback();
  showLatency();
}

function showPlayback() {
  showSwitch(element("play"), !video.paused, "Pause", "Play");
  showSwitch(element("sound"), !video.muted, "Mute", "Unmute");
  element("volume").value = video.muted ? 0 : video.volume;
  element("unmute").hidden = !video.muted || session.state !== State.LIVE;
}

function showSwitch(button, isOn, labelWhenOn, labelWhenOff) {
  button.classList.toggle("on", isOn);
  button.setAttribute("aria-label", isOn ? labelWhenOn : labelWhenOff);
}

function showLatency() {
  const latency = session.state === State.LIVE ? session.player?.latencySeconds ?? null : null;
  element("latency").hidden = latency === null;
  element("latency-seconds").textContent = latency === null ? "" : distance(latency);
  seekBar.update(latency === null ? null : session.player.seekable, video.currentTime);
  element("go-live").hidden = latency === null || latency < (session.player.targetSeconds ?? 0) + BEHIND_SECONDS;
}

function togglePlay() {
  if (video.paused) {
    play();
  } else {
    if (session.player !== null) session.player.isHeldBack = true;
    video.pause();
  }
}

function play() {
  video.play().catch(() => {}); // refused, or replaced by a newer request: the button shows the state
}

function setMuted(isMuted) {
  video.muted = isMuted;
  if (!isMuted && video.volume === 0) video.volume = 1;
}

function setVolume(volume) {
  video.volume = volume;
  video.muted = volume === 0;
}

function toggleFullscreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (stage.requestFullscreen) stage.requestFullscreen().catch(() => {}); // the browser may refuse
  else video.webkitEnterFullscreen?.(); // iPhone: only the video itself
}

element("play").addEventListener("click", togglePlay);
element("sound").addEventListener("click", () => setMuted(!video.muted));
element("unmute").addEventListener("click", () => setMuted(false));
element("volume").addEventListener("input", ({ target }) => setVolume(Number(target.value)));
element("fullscreen").addEventListener("click", toggleFullscreen);
element("go-live").addEventListener("click", () => {
  session.player?.goLive();
  play();
});
for (const name of ["play", "pause", "volumechange"]) video.addEventListener(name, showPlayback);
setInterval(showLatency, READOUT_INTERVAL_MS);

/** For tests and curious people, on the console. */
window.pinkmedia = {
  get hls() {
    return session.player?.hls ?? null;
  },
  get state() {
    return session.state;
  },
  get journal() {
    return session.journal.entries;
  },
  stats() {
    const { player } = session;
    const quality = video.getVideoPlaybackQuality();
    return {
      state: session.state,
      currentTimeSeconds: video.currentTime,
      latencySeconds: player?.latencySeconds ?? null,
      targetSeconds: player?.targetSeconds ?? null,
      bufferedSeconds: bufferedSeconds(video),
      playbackRate: video.playbackRate,
      level: player?.playingLevelName ?? null,
      levels: player?.levelNames ?? [],
      stalls: session.stallCount,
      framesDecoded: quality.totalVideoFrames,
      framesDropped: quality.droppedVideoFrames,
    };
  },
};

showState();
session.start();
