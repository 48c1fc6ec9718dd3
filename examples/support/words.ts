/**
 * Made-up words, said by made-up voices: three vowels each, a buzz led through the resonances of a mouth (a formant
 * synthesiser), with noise. No recording is in it; what tells the words apart is what tells real ones apart, the way in
 * which the formants move, and voices differ in pitch, length of the mouth, speed, loudness and surroundings.
 */

export const words = ['a-i-u', 'a-u-i', 'i-a-u', 'i-u-a', 'u-a-i', 'u-i-a'] as const;

/** Samples of a sound, at 16,000 a second. */
export const length = 12_640;

const rate = 16_000;

/** The first three formants of an adult man, in Hz: Peterson and Barney 1952. */
const formants: Readonly<Record<string, readonly number[]>> = {
  a: [730, 1090, 2440],
  i: [270, 2290, 3010],
  u: [300, 870, 2240],
};

/** Numbers from 0 to 1 that the seed decides (mulberry32). */
const random = (seed: number) => {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** Two poles at a frequency, of unit gain at 0 Hz. */
const resonate = (signal: Float32Array, frequency: Float32Array, bandwidth: number): Float32Array => {
  const out = new Float32Array(signal.length);
  const r = Math.exp((-Math.PI * bandwidth) / rate);
  for (let n = 0; n < signal.length; n++) {
    const b = 2 * r * Math.cos((2 * Math.PI * (frequency[n] ?? 0)) / rate);
    out[n] = (1 - b + r * r) * (signal[n] ?? 0) + b * (out[n - 1] ?? 0) - r * r * (out[n - 2] ?? 0);
  }
  return out;
};

/** One word by one voice, as 16-bit sound is scaled. */
const say = (word: string, seed: number): Float32Array => {
  const next = random(seed);
  const between = (least: number, most: number) => least + (most - least) * next();
  const [start, pitch, fall, mouth] = [between(0, 1500), between(85, 260), between(0.7, 1.1), between(0.88, 1.2)];
  const lengths = word.split('-').map(() => Math.floor(between(2400, 3500)));
  const [loudness, noise] = [between(2000, 12_000), 10 ** between(-2, -1)];
  const ends = lengths.map((_, i) => start + lengths.slice(0, i + 1).reduce((a, b) => a + b, 0));
  const end = ends.at(-1) ?? 0;

  const vowels = word.split('-').map((vowel) => formants[vowel] ?? []);
  const buzz = new Float32Array(length);
  let phase = 0;
  for (let n = 0; n < length; n++) {
    const along = (n - start) / (end - start);
    phase += (pitch * (1 + (fall - 1) * along)) / rate;
    if (phase < 1) continue;
    phase -= 1;
    if (along >= 0 && along < 1) buzz[n] = Math.min(1, 12 * along, 12 * (1 - along));
  }
  let voice: Float32Array = buzz;
  for (const formant of [0, 1, 2]) {
    const frequency = new Float32Array(length);
    let at = mouth * (vowels[0]?.[formant] ?? 0);
    for (let n = 0; n < length; n++) {
      const vowel = vowels[ends.findIndex((e) => n < e)] ?? vowels.at(-1);
      // The mouth takes some 30 ms to get there.
      at += (mouth * (vowel?.[formant] ?? 0) - at) / 500;
      frequency[n] = at;
    }
    voice = resonate(voice, frequency, 60 + 40 * formant);
  }
  const loudest = voice.reduce((a, x) => Math.max(a, Math.abs(x)), 1e-9);
  return voice.map((x) => loudness * (x / loudest + noise * (2 * next() - 1)));
};

/** Each word by so many voices: the sounds one behind the other, and which word each is. */
export const spoken = (voices: number, seed: number) => {
  const labels = Array.from({ length: voices * words.length }, (_, i) => i % words.length);
  return { labels, sounds: labels.map((label, i) => say(words[label] ?? '', seed * 1_000_003 + i)) };
};
