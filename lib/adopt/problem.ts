/** The folder cannot be understood. */
export class AdoptProblem extends Error {
  override readonly name = 'AdoptProblem';
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}
