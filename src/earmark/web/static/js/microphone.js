/** The microphone, as 16-bit mono chunks, and those as a WAV file. */

import { Problem } from "/js/api.js";

const CHUNK_S = 0.1;

/**
 * Opens the microphone; `onSamples(Int16Array, loudness 0..1)` is called ten times a second.
 * Returns {rate, close()}. Throws a Problem when there is none or it was refused.
 */
export async function openMicrophone(onSamples) {
  if (!navigator.mediaDevices || !window.AudioWorkletNode) {
    throw new Problem("insecure", "this browser gives the microphone only to pages on this machine or over HTTPS",
      "open the page on the machine that it runs on (http://localhost), or drop a recording instead");
  }
  // What makes speech clear spoils music.
  const wanted = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: wanted });
  } catch (error) {
    throw refusal(error);
  }
  const context = new AudioContext();
  try {
    await context.audioWorklet.addModule("/js/microphone-worklet.js");
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    await context.close();
    throw error;
  }
  const samples = Math.round(context.sampleRate * CHUNK_S);
  const options = { channelCount: 1, channelCountMode: "explicit", processorOptions: { samples } };
  const worklet = new AudioWorkletNode(context, "chunks", options);
  worklet.port.onmessage = ({ data }) => onSamples(new Int16Array(data.samples), data.loudness);
  context.createMediaStreamSource(stream).connect(worklet).connect(context.destination); // it plays silence
  await context.resume();
  const close = async () => {
    worklet.port.onmessage = null;
    for (const track of stream.getTracks()) track.stop();
    if (context.state !== "closed") await context.close();
  };
  return { rate: context.sampleRate, close };
}

function refusal(error) {
  if (error.name === "NotFoundError" || error.name === "OverconstrainedError") {
    return new Problem("no_microphone", "no microphone was found", "plug one in, or drop a recording instead");
  }
  if (error.name === "NotReadableError") {
    return new Problem("no_microphone", "the microphone cannot be used",
      "close the program that uses it, then try again");
  }
  return new Problem("microphone_refused", "the microphone was not allowed",
    "allow it for this page (the sign beside the address), then try again, or drop a recording instead");
}

/** Chunks of 16-bit mono samples → a WAV file. */
export function wav(chunks, rate) {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  const header = new DataView(new ArrayBuffer(44));
  const text = (at, letters) => [...letters].forEach((letter, i) => header.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  header.setUint32(4, 36 + bytes, true);
  text(8, "WAVEfmt ");
  header.setUint32(16, 16, true); // the length of the format: PCM, one channel, …
  header.setUint16(20, 1, true);
  header.setUint16(22, 1, true);
  header.setUint32(24, rate, true);
  header.setUint32(28, rate * 2, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  text(36, "data");
  header.setUint32(40, bytes, true);
  return new File([header, ...chunks], "microphone.wav", { type: "audio/wav" });
}
