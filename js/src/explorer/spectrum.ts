/** Short-time spectra of a track, as colours of a spectrogram: plain functions of samples. */

import fft from "wavesurfer.js/dist/fft.js";
import {
  applySparseFilterBank,
  createPreEmphasisTilt,
  createSparseFilterBankForScale,
  getBinFrequencies,
  magnitudesToColorIndices,
} from "wavesurfer.js/dist/spectrogram-render-utils.js";

interface Transform {
  /** Magnitudes of the frequencies below half of the rate; half of its amplitude for a sine. */
  calculateSpectrum(frame: Float32Array): Float32Array;
}

/** wavesurfer declares this class as a function too, and so as one without a constructor. */
const FourierTransform = fft as unknown as new (
  length: number,
  rateHz: number,
  window: string,
  alpha: number,
) => Transform;

/** 21 ms at 24 kHz, the usual compromise for speech. */
const FFT_SAMPLES = 512;
/** With half of a Hann window between spectra, every sample has the same weight in their sum. */
const HOP_SAMPLES = FFT_SAMPLES / 2;
const RANGE_DB = 65;
/** Compensates about half of the slope of speech, of 6 dB an octave. */
const PRE_EMPHASIS_DB = 3;
/** The loudest colour begins this far below the peak of the sound, since a voice spreads over many frequencies. */
const WHITE_BELOW_PEAK_DB = 12;

/** The frequencies of a column, from 0 up to half of the rate on the mel scale. */
export const ROWS = FFT_SAMPLES / 2;

export class Spectrum {
  readonly #transform: Transform;
  readonly #filters;
  readonly #tilt: Float64Array;
  readonly #whiteDb: number;
  readonly #frame = new Float32Array(FFT_SAMPLES);
  readonly #power = new Float64Array(FFT_SAMPLES / 2);

  /** `peak` is the largest sample of all tracks, which share their colours. */
  constructor(rateHz: number, peak: number) {
    this.#transform = new FourierTransform(FFT_SAMPLES, rateHz, "hann", 0);
    this.#filters = createSparseFilterBankForScale("mel", ROWS, FFT_SAMPLES, rateHz)!;
    this.#tilt = createPreEmphasisTilt(
      PRE_EMPHASIS_DB,
      getBinFrequencies(this.#filters, FFT_SAMPLES, rateHz),
    );
    this.#whiteDb = 20 * Math.log10(Math.max(peak, 1e-4)) - WHITE_BELOW_PEAK_DB;
  }

  /**
   * The mean power from a sample up to another, as a colour from 0 to 255 for each row, the lowest first. The windows lie
   * about their middles, so the column has the time of its samples however wide it is (Welch 1967,
   * https://doi.org/10.1109/TAU.1967.1161901).
   */
  column(samples: Float32Array, start: number, stop: number): Uint8Array {
    const count = Math.max(1, Math.ceil((stop - start) / HOP_SAMPLES));
    this.#power.fill(0);
    for (let i = 0; i < count; i++) {
      const middle = start + ((i + 0.5) * (stop - start)) / count;
      if (this.#cut(samples, Math.round(middle) - FFT_SAMPLES / 2)) this.#add();
    }
    const magnitudes = Float32Array.from(this.#power, (power) => Math.sqrt(power / count));
    const rows = applySparseFilterBank(magnitudes, this.#filters);
    return magnitudesToColorIndices(rows, this.#whiteDb, RANGE_DB, this.#tilt);
  }

  /** Copy a frame, with zeros where there are no samples; false if all of it is zeros. */
  #cut(samples: Float32Array, from: number): boolean {
    this.#frame.fill(0);
    const part = samples.subarray(Math.max(0, from), Math.max(0, from + FFT_SAMPLES));
    this.#frame.set(part, Math.max(0, -from));
    return part.some((sample) => sample !== 0);
  }

  #add(): void {
    const magnitudes = this.#transform.calculateSpectrum(this.#frame);
    for (let i = 0; i < magnitudes.length; i++) this.#power[i]! += magnitudes[i]! ** 2;
  }
}
