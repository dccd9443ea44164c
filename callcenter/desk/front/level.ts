/** How loud a stream is: ten times a second, from 0 to 1. */

const EVERY_MS = 100;

/** Watch a stream until what is returned is called. */
export function levelOf(stream: MediaStream, show: (level: number) => void): () => void {
  const context = new AudioContext();
  void context.resume();
  const analyser = context.createAnalyser();
  analyser.fftSize = 2048;
  context.createMediaStreamSource(stream).connect(analyser);
  const wave = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(wave);
    const mean = wave.reduce((sum, one) => sum + one * one, 0) / wave.length;
    show(Math.min(1, 3 * Math.sqrt(mean)));
  }, EVERY_MS);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
