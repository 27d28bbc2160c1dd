/** Looks again and again; null when the time is over. */
export async function until<Value>(
  look: () => Promise<Value | null>,
  patienceMs: number,
  everyMs = 2_000,
): Promise<Value | null> {
  for (const end = Date.now() + patienceMs; ; await pause(everyMs)) {
    const value = await look();
    if (value !== null || Date.now() >= end) return value;
  }
}

export const pause = (ms: number): Promise<void> => new Promise((go) => setTimeout(go, ms));
