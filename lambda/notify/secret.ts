/** Secrets, kept for a few minutes: a rotated one is read anew. */

const KEPT_MS = 5 * 60_000;

export class Secrets {
  private readonly known = new Map<string, { readonly value: string; readonly readMs: number }>();

  constructor(private readonly read: (arn: string) => Promise<string>) {}

  /** @throws {Error} when it cannot be read, or is empty */
  async get(arn: string): Promise<{ readonly value: string; readonly kept: boolean }> {
    const known = this.known.get(arn);
    if (known !== undefined && Date.now() - known.readMs < KEPT_MS) return { value: known.value, kept: true };
    const value = valueIn(await this.read(arn));
    if (value === '') throw new Error('The secret is empty. Give it the key as its value.');
    this.known.set(arn, { value, readMs: Date.now() });
    return { value, kept: false };
  }

  forget(arn: string): void {
    this.known.delete(arn);
  }
}

/** The text itself; or, as the console makes them, the value of a JSON object's only key. */
export function valueIn(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    const values = typeof parsed === 'object' && parsed !== null ? Object.values(parsed) : [];
    if (values.length === 1 && typeof values[0] === 'string') return values[0].trim();
  } catch {
    // Not JSON: the text is the secret.
  }
  return text.trim();
}
