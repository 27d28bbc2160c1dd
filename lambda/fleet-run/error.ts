/** The reason why a run cannot begin or continue, in one or two sentences that say what to do. */
export class FleetError extends Error {
  override readonly name = 'FleetError';
  /** @param passing whether a later attempt may succeed without a change by a person */
  constructor(
    message: string,
    readonly passing = false,
  ) {
    super(message);
  }

  /** Returns the same error with another sentence. */
  and(sentence: string): FleetError {
    return new FleetError(`${this.message} ${sentence}`, this.passing);
  }
}
