/** Gathers the microphone's blocks into 16-bit chunks, and tells how loud each is (root mean square, 0..1). */
class Chunks extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.length = processorOptions.samples;
    this.start();
  }

  start() {
    this.samples = new Int16Array(this.length);
    this.filled = 0;
    this.energy = 0;
  }

  process([[block]]) {
    for (const value of block ?? []) {
      const clipped = Math.max(-1, Math.min(1, value));
      this.samples[this.filled++] = Math.round(clipped * 32767);
      this.energy += clipped * clipped;
      if (this.filled === this.length) {
        const loudness = Math.sqrt(this.energy / this.length);
        this.port.postMessage({ samples: this.samples.buffer, loudness }, [this.samples.buffer]);
        this.start();
      }
    }
    return true;
  }
}

registerProcessor("chunks", Chunks);
