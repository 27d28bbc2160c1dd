/** Reports that a file given with `--from` cannot be used as the source. */
export class SourceProblem extends Error {
  override readonly name = 'SourceProblem';
  constructor(
    /** Predicate that follows the file's name, such as `is compressed (gzip)`. */
    message: string,
    /** Remedy, as a sentence. */
    readonly remedy: string,
  ) {
    super(message);
  }
}

export const makeEncodingProblem = (encoding: string): SourceProblem =>
  new SourceProblem(
    `is in the encoding ${encoding}`,
    'Write it in UTF-8: pg_dump --encoding=UTF8 --file=dump.sql DATABASE',
  );
