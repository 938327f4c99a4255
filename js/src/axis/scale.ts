/** The time axis in pixels: how long a bar is at each level of zoom, and where labels stand. Pure arithmetic. */

/** Distance of the bars, as in the live waveforms. */
export const PITCH_PX = 3;
/** What one bar lasts at each level; of the first one as long as in the live waveforms. */
export const BARS_S: readonly number[] = [0.04, 0.16, 0.64, 2.56];
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
/** Space for a label such as "1:02:30", with a space beside it. */
const LABEL_PX = 64;

export interface Scale {
  level: number;
  /** The time at the right edge. */
  rightS: number;
  widthPx: number;
}

export interface Tick {
  timeS: number;
  x: number;
  label: string;
}

export function barS(level: number): number {
  return BARS_S[level]!;
}

export function pxPerS(level: number): number {
  return PITCH_PX / barS(level);
}

export function spanS({ level, widthPx }: Pick<Scale, "level" | "widthPx">): number {
  return widthPx / pxPerS(level);
}

export function xAt({ level, rightS, widthPx }: Scale, timeS: number): number {
  return widthPx - (rightS - timeS) * pxPerS(level);
}

export function timeAt({ level, rightS, widthPx }: Scale, x: number): number {
  return rightS - (widthPx - x) / pxPerS(level);
}

/** The scale whose middle is at a time. */
export function centredAt(timeS: number, level: number, widthPx: number): Scale {
  return { level, widthPx, rightS: timeS + spanS({ level, widthPx }) / 2 };
}

/** The labels in sight, at whole steps; none before the talk began. */
export function ticksOf(scale: Scale): Tick[] {
  const stepS = STEPS_S.find((step) => step * pxPerS(scale.level) >= LABEL_PX) ?? STEPS_S.at(-1)!;
  const first = Math.max(0, Math.ceil(timeAt(scale, 0) / stepS));
  const ticks: Tick[] = [];
  for (let timeS = first * stepS; timeS <= scale.rightS; timeS += stepS)
    ticks.push({ timeS, x: xAt(scale, timeS), label: clockText(timeS) });
  return ticks;
}

/** Minutes and seconds, from an hour on with hours. */
export function clockText(timeS: number): string {
  const total = Math.max(0, Math.floor(timeS));
  const [hours, minutes, seconds] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  const two = (value: number) => String(value).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}
