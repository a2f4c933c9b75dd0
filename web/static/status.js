// What the API says of streams.

/**
 * A stream's status: "live", "interrupted" or "offline"; a stream that does not exist is offline.
 * `status` is null when the server did not answer.
 * @returns {Promise<{status: string | null, playbackUrl: string}>}
 */
export async function fetchStatus(stream) {
  const answer = await fetchJson(`/api/v1/live/streams/${encodeURIComponent(stream)}`);
  if (answer === null) return { status: null, playbackUrl: "" };
  return { status: answer.status === 404 ? "offline" : answer.body.status, playbackUrl: answer.body.playback_url };
}

/** Names of the streams that are live; null when the server did not answer. */
export async function fetchLiveStreams() {
  const answer = await fetchJson("/api/v1/live/streams");
  return answer?.body.streams?.map((stream) => stream.name) ?? null;
}

/** Status and body; null after a network fault or what is not JSON, as a proxy's error page. */
async function fetchJson(url) {
  try {
    const response = await fetch(url, { cache: "no-store" });
    return { status: response.status, body: await response.json() };
  } catch {
    return null;
  }
}
