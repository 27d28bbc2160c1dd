/** Reports that a folder or a ledger cannot be adopted. */
export class AdoptProblem extends Error {
  override readonly name = 'AdoptProblem';
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}
