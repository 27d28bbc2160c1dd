/** Caches secrets for a few minutes, so that a rotated secret is read again. */

const SECRET_TTL_MS = 5 * 60_000;

export class SecretCache {
  private readonly known = new Map<string, { readonly value: string; readonly readMs: number }>();

  constructor(private readonly read: (arn: string) => Promise<string>) {}

  /** @throws {Error} if the secret cannot be read, or is empty */
  async get(arn: string): Promise<{ readonly value: string; readonly kept: boolean }> {
    const known = this.known.get(arn);
    if (known !== undefined && Date.now() - known.readMs < SECRET_TTL_MS)
      return { value: known.value, kept: true };
    const value = extractSecretValue(await this.read(arn));
    if (value === '') throw new Error('The secret is empty. Give it the key as its value.');
    this.known.set(arn, { value, readMs: Date.now() });
    return { value, kept: false };
  }

  forget(arn: string): void {
    this.known.delete(arn);
  }
}

/**
 * Extracts the secret's value: the text itself or, in the form that the console creates, the value of a JSON object's
 * only key.
 */
export function extractSecretValue(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    const values = typeof parsed === 'object' && parsed !== null ? Object.values(parsed) : [];
    if (values.length === 1 && typeof values[0] === 'string') return values[0].trim();
  } catch {
    // The text is not JSON, so it is the secret.
  }
  return text.trim();
}
