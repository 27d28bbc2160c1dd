/** Warnings of packages that this program uses on purpose: whoever runs it can do nothing about them. */

const EXPECTED: readonly RegExp[] = [
  // pg finds a password in ~/.pgpass, as docs/cli-reference.md says; its next major will not.
  /^pgpass support is deprecated/,
  // The AWS SDK, of versions of Node.js that it will leave: Trueup says in package.json which it needs.
  /^NodeVersionSupportWarning: The AWS SDK for JavaScript/,
];

/** Every other warning is shown as ever. */
export function withoutExpectedWarnings(target: Pick<NodeJS.Process, 'emitWarning'> = process): void {
  const emit = target.emitWarning as (this: unknown, warning: string | Error, ...rest: unknown[]) => void;
  target.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    const text = typeof warning === 'string' ? warning : warning.message;
    if (!EXPECTED.some((words) => words.test(text))) emit.call(target, warning, ...rest);
  };
}
