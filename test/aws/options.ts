/** The command line of `npm run test:aws`. Pure. */
import { parseArgs } from 'node:util';

export const EXIT = {
  /** Every step ran, and everything is as assumed. */
  ok: 0,
  /** Something is not as assumed. */
  otherwise: 1,
  /** Wrong use, another account, or nobody said yes: nothing was tried. */
  refused: 2,
  /** Nothing is otherwise, but a step could not be carried out. */
  notSettled: 3,
  /** Ctrl-C; the deletion of what was made has been started. */
  interrupted: 130,
} as const;

export const PARTS = ['reads', 'stack', 'instance', 'aurora'] as const;
/** What is made for a group of steps: nothing, one small stack, an RDS instance, an Aurora cluster. */
export type Part = (typeof PARTS)[number];

export interface Target {
  readonly account: string;
  readonly region: string;
}

export interface RunOptions extends Target {
  readonly mode: 'run';
  readonly parts: readonly Part[];
  /** Ids of steps. @default - all of the parts */
  readonly only?: readonly string[];
  /** @default - a new one */
  readonly run?: string;
  readonly yes: boolean;
  /** Folder for the recordings. @default - test/aws/recordings; nothing is recorded of a local AWS */
  readonly recordings?: string;
  readonly json: boolean;
}

export interface SweepOptions extends Target {
  readonly mode: 'sweep';
  /** @default - what every run left */
  readonly run?: string;
  readonly yes: boolean;
}

export type Options =
  | RunOptions
  | SweepOptions
  | { readonly mode: 'help' }
  | { readonly mode: 'policy'; readonly target: Partial<Target>; readonly parts: readonly Part[] };

/** One clear sentence that says what to do; nothing was tried. */
export class Refusal extends Error {}

export const HELP = `Usage: npm run test:aws -- --account 123456789012 --region eu-west-1 [options]

Tries in an AWS account what Trueup assumes of AWS (docs/testing-aws.md). Needs credentials as the AWS SDK finds them, and
a region that \`cdk bootstrap\` has prepared. Says first what it costs.

  --account ID         the account; refused when the credentials are of another one
  --region NAME        the region
  --reads-only         only the steps that make nothing
  --instance           also an RDS instance, the smallest (about half an hour)
  --aurora             also an Aurora cluster at 0 capacity units (about half an hour)
  --only STEP[,STEP]   only these steps
  --yes                do not ask before something is made
  --recordings FOLDER  where the recordings go (default: test/aws/recordings, and nowhere for a local AWS)
  --json               print the findings as JSON, on standard output
  --sweep              delete what a killed run left, and do nothing else; with --run only that run's
  --run ID             the run to sweep, as it was printed; or the id of a new one (default: made up)
  --print-policy       print the IAM policy that it needs, and do nothing else; needs no account
  --help

Exit codes:
  0    everything that was tried is as assumed
  1    something is otherwise
  2    refused: wrong use, another account, or not confirmed; nothing was made
  3    a step could not be carried out
  130  stopped with Ctrl-C; the deletion was started`;

const BOOLEAN = { type: 'boolean' } as const;
const TEXT = { type: 'string' } as const;

/** @throws {Refusal} */
export function parseOptions(args: readonly string[], stepIds: readonly string[]): Options {
  const values = parsed(args);
  if (values.help) return { mode: 'help' };
  const { account, region } = values;
  if (account !== undefined && !/^\d{12}$/.test(account))
    throw new Refusal(`--account takes the 12 digits of an account, not ${JSON.stringify(account)}.`);
  if (region !== undefined && !/^[a-z]{2,}(-[a-z]+)+-\d$/.test(region))
    throw new Refusal(`--region takes a region's name, e.g. eu-west-1, not ${JSON.stringify(region)}.`);
  const parts: Part[] = ['reads'];
  if (!values['reads-only']) parts.push('stack');
  for (const part of ['instance', 'aurora'] as const) {
    if (!values[part]) continue;
    if (values['reads-only'])
      throw new Refusal(`--reads-only makes nothing, and --${part} makes a database. Give one.`);
    parts.push(part);
  }
  if (values['print-policy']) return { mode: 'policy', target: { account, region }, parts };

  if (account === undefined || region === undefined)
    throw new Refusal(
      'Give --account and --region: nothing is tried in an account that was not named. See --help.',
    );
  const yes = values.yes ?? false;
  if (values.run !== undefined && !isRunId(values.run))
    throw new Refusal(
      `--run takes the id of a run, eight letters and digits, not ${JSON.stringify(values.run)}.`,
    );
  if (values.sweep) return { mode: 'sweep', account, region, run: values.run, yes };
  const only = values.only?.split(',').map((each) => each.trim());
  const unknown = only?.find((each) => !stepIds.includes(each));
  if (unknown !== undefined)
    throw new Refusal(`There is no step ${JSON.stringify(unknown)}. The steps are ${stepIds.join(', ')}.`);
  return {
    mode: 'run',
    account,
    region,
    parts,
    only,
    run: values.run,
    yes,
    recordings: values.recordings,
    json: values.json ?? false,
  };
}

export const isRunId = (text: string): boolean => /^[a-z][a-z0-9]{7}$/.test(text);

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        account: TEXT,
        region: TEXT,
        only: TEXT,
        recordings: TEXT,
        run: TEXT,
        instance: BOOLEAN,
        aurora: BOOLEAN,
        'reads-only': BOOLEAN,
        'print-policy': BOOLEAN,
        yes: BOOLEAN,
        json: BOOLEAN,
        sweep: BOOLEAN,
        help: { ...BOOLEAN, short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new Refusal(`${(error as Error).message.replace(/\.$/, '')}. See --help.`);
  }
}
