/** Warnings about features of packages that this program uses deliberately. Users can do nothing about them. */

const EXPECTED_WARNINGS: readonly RegExp[] = [
  // pg reads passwords from ~/.pgpass, as docs/cli-reference.md says; its next major version will not.
  /^pgpass support is deprecated/,
  // The AWS SDK warns of Node.js versions that it will drop; package.json states which ones Trueup needs.
  /^NodeVersionSupportWarning: The AWS SDK for JavaScript/,
];

/** Hides the expected warnings; all others are shown as usual. */
export function suppressExpectedWarnings(target: Pick<NodeJS.Process, 'emitWarning'> = process): void {
  const emit = target.emitWarning as (this: unknown, warning: string | Error, ...rest: unknown[]) => void;
  target.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    const text = typeof warning === 'string' ? warning : warning.message;
    if (!EXPECTED_WARNINGS.some((words) => words.test(text))) emit.call(target, warning, ...rest);
  };
}
