/** What stands against a run, in a sentence or two that say what to do. */
export class FleetError extends Error {
  override readonly name = 'FleetError';
  /** @param passing it may be different in a minute */
  constructor(
    message: string,
    readonly passing = false,
  ) {
    super(message);
  }

  /** The same, and a sentence more. */
  and(sentence: string): FleetError {
    return new FleetError(`${this.message} ${sentence}`, this.passing);
  }
}
