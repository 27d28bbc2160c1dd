/** A file that `--from` was given cannot be a source. */
export class SourceProblem extends Error {
  override readonly name = 'SourceProblem';
  constructor(
    /** Follows the file's name: `is compressed (gzip)`. */
    message: string,
    /** What to do: a sentence. */
    readonly remedy: string,
  ) {
    super(message);
  }
}

export const otherEncoding = (encoding: string): SourceProblem =>
  new SourceProblem(
    `is in the encoding ${encoding}`,
    'Write it in UTF-8: pg_dump --encoding=UTF8 --file=dump.sql DATABASE',
  );
