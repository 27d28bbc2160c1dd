/**
 * Stack outputs that the command line looks for. The constructs write their descriptions, by which they are found.
 * CDK adds a hash to output keys, and creates outputs without a description for stacks that refer to the same
 * resource.
 */

/** Descriptions by construct id. */
const OUTPUT_DESCRIPTIONS = {
  QueryFunction: 'Function for trueup status, plan, verify and explain',
  MigrateFunction: 'Function for trueup baseline and down',
  FleetQueryFunction: 'Function for trueup status --fleet',
  FleetFunction: 'Function for trueup status --fleet and up --tenant',
  WatchedLogGroup: 'Log group that trueup alarm-test --stack writes into',
} as const satisfies Record<string, string>;

export type StackOutput = keyof typeof OUTPUT_DESCRIPTIONS;

/**
 * Returns the description of an output.
 * @param subject e.g. `schema shop`.
 * @default - the output is not about one schema of several
 */
export const describeOutput = (output: StackOutput, subject?: string): string =>
  [OUTPUT_DESCRIPTIONS[output], ...(subject === undefined ? [] : [subject])].join(' of the ');

/**
 * Parses a description.
 * @returns the schema's or fleet's namespace, `null` if it names none, `undefined` if it is not this output
 */
export function readOutputDescription(
  output: StackOutput,
  description: string | undefined,
): string | null | undefined {
  const start = OUTPUT_DESCRIPTIONS[output];
  if (description !== start && !description?.startsWith(`${start} of the `)) return undefined;
  return description.slice(start.length).match(/^ of the (?:schema|fleet) (\S+)$/)?.[1] ?? null;
}
