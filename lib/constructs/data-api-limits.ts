import type { Manifest } from '../../lambda/engine/manifest';

/** Characters of one statement (https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ExecuteStatement.html). */
const STATEMENT_MAX = 65_536;
/** Around a verify query there is a block that raises what it finds. */
const VERIFY_MAX = STATEMENT_MAX - 2_048;

/** @throws {Error} with every statement that the Data API would refuse for its length */
export function checkDataApiLimits(manifest: Manifest): void {
  const findings = manifest.migrations.flatMap(({ file, statements, down, verify, preflight }) => [
    ...tooLong(file, [...statements, ...down, ...preflight], STATEMENT_MAX),
    ...tooLong(file, verify, VERIFY_MAX),
  ]);
  if (findings.length === 0) return;
  throw new Error(
    `Too long for the Data API: ${findings.join('; ')}. ` +
      'Split the statement, or use the database through its endpoint in the VPC.',
  );
}

const tooLong = (
  file: string,
  parts: readonly { readonly sql: string; readonly line: number }[],
  most: number,
): string[] =>
  parts
    .filter(({ sql }) => sql.length > most)
    .map(({ sql, line }) => `${file}:${line} has ${sql.length} characters, ${most} is the limit`);
