/** Durations as text. */

const SATURATED_US = 2 ** 63;

/** A time or a length in µs, as messages carry it, in the unit of the page's formats. */
export function msOf(us: number): number {
  // eslint-disable-next-line no-restricted-syntax -- this is the one place
  return us / 1_000;
}

/** Microseconds in the unit a person reads; producers write the largest number for "longer than it holds". */
export function durationText(us: number): string {
  if (us >= SATURATED_US) return "longer than the field holds";
  if (us < 0) return `negative (${us} \u00b5s)`;
  if (us < 1_000) return `${us} \u00b5s`;
  if (us < 1_000_000) return `${msOf(us).toFixed(1)} ms`;
  if (us < 60_000_000) return `${(us / 1_000_000).toFixed(2)} s`;
  const seconds = Math.floor(us / 1_000_000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const rest = `${minutes} min ${seconds % 60} s`;
  return hours === 0 ? rest : `${hours} h ${rest}`;
}
