/** The steps, one after the other; for each part its stack is made first and deleted afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Aws } from './aws';
import { cdk } from './cdk';
import { costTable } from './cost';
import { removeLogGroups } from './log-groups';
import { EXIT, type Part, type RunOptions } from './options';
import { policyFor, policyText } from './policy';
import { RECORDINGS, writeRecording } from './recording';
import { exitCode, resultLines, type StepResult, seenLocally, summary } from './report';
import { type Deployed, describe, type LiveStack, newRun, outputsOf, stackName } from './stack';
import type { Step, StepContext } from './step';
import { STEPS } from './steps';
import { migrations } from './steps/database';
import { deleteOnInterrupt, remove, sweepCommand } from './sweep';
import type { Terminal } from './terminal';

/** What is the same for every step of a run. */
interface Session {
  readonly aws: Aws;
  readonly options: RunOptions;
  readonly terminal: Terminal;
  readonly runId: string;
  readonly folder: string;
}

/** @returns an exit code */
export async function run(aws: Aws, options: RunOptions, terminal: Terminal): Promise<number> {
  const steps = STEPS.filter(
    ({ id, part }) => options.parts.includes(part) && (options.only?.includes(id) ?? true),
  );
  const parts = options.parts.filter((part) => steps.some((step) => step.part === part));
  const makes = parts.some((part) => part !== 'reads');
  terminal.line(`It needs this policy:\n${policyText(policyFor(aws, parts))}\n`);
  terminal.line(`${costTable(parts)}\n`);
  if (makes && !(await terminal.confirmed(options.yes, `Make it in account ${aws.account}, ${aws.region}?`)))
    return EXIT.refused;

  const runId = options.run ?? newRun();
  if (makes) terminal.line(`Run ${runId}`);
  const folder = mkdtempSync(join(tmpdir(), 'trueup-live-'));
  const release = makes ? deleteOnInterrupt(aws, runId, terminal) : () => {};
  const results: StepResult[] = [];
  let swept = true;
  try {
    for (const part of parts) {
      const session = { aws, options, terminal, runId, folder };
      const own = steps.filter((step) => step.part === part);
      if (part === 'reads') for (const step of own) results.push(await runStep(session, step, NO_STACK));
      else swept = (await runPart(session, part, own, results)) && swept;
    }
  } finally {
    release();
    rmSync(folder, { recursive: true, force: true });
  }
  terminal.line(`\n${summary(results, aws.local)}`);
  if (options.json)
    process.stdout.write(`${JSON.stringify({ run: runId, local: aws.local, results }, null, 2)}\n`);
  return swept ? exitCode(results, aws.local) : EXIT.notSettled;
}

/** @returns whether nothing is left of it */
async function runPart(
  session: Session,
  part: Part,
  steps: readonly Step[],
  results: StepResult[],
): Promise<boolean> {
  const { aws, terminal } = session;
  const stack = liveStack(session, part);
  let id: string | undefined;
  let gone = true;
  let unmade: string | undefined;
  try {
    terminal.line(`\nMaking ${stack.name}`);
    const made = await stack.deploy({});
    if (made.exitCode !== 0) {
      terminal.line(reason(made));
      unmade = 'the stack could not be made';
    }
    for (const step of steps.filter(({ after }) => !after))
      results.push(unmade ? notRun(step, unmade) : await runStep(session, step, stack));
  } finally {
    try {
      id = (await describe(aws, stack.name))?.StackId;
      if (id !== undefined) gone = await remove(aws, stack.name, terminal);
      await removeLogGroups(aws, session.runId);
    } catch (error) {
      gone = false;
      terminal.line(
        `  ${stack.name} was not deleted (${(error as Error).message}). Run: ${sweepCommand(aws, session.runId)}`,
      );
    }
  }
  for (const step of steps.filter(({ after }) => after))
    results.push(unmade ? notRun(step, unmade) : await runStep(session, step, { ...stack, id }));
  return gone;
}

const notRun = ({ id }: Step, error: string): StepResult => ({ step: id, findings: [], error });

async function runStep(session: Session, step: Step, stack: LiveStack): Promise<StepResult> {
  const { aws, terminal } = session;
  terminal.line(`\n${step.id}: ${step.title}`);
  const result = await resultOf(step, {
    aws,
    stack,
    tell: (text) => terminal.line(`  … ${text}`),
    record: (data) => record(session, step, data),
  });
  for (const line of resultLines(result)) terminal.line(line);
  return result;
}

async function resultOf(step: Step, context: StepContext): Promise<StepResult> {
  const { local } = context.aws;
  if (local && step.locally?.skip) return seenLocally(step, []);
  try {
    const findings = await step.run(context);
    return local ? seenLocally(step, findings) : { step: step.id, findings };
  } catch (error) {
    return notRun(step, `${(error as Error).name}: ${(error as Error).message}`);
  }
}

function record({ aws, options, runId, terminal }: Session, step: Step, data: unknown): void {
  const folder = options.recordings ?? (aws.local ? null : RECORDINGS);
  if (folder === null) return;
  const frame = {
    step: step.id,
    source: aws.local ? 'local' : 'aws',
    recordedOn: new Date().toISOString().slice(0, 10),
    region: aws.region,
  } as const;
  try {
    const known = { words: { [aws.account]: '<account>', [runId]: '<run>' } };
    terminal.line(`  … recorded: ${writeRecording(folder, { ...frame, data }, known)}`);
  } catch (error) {
    // What was seen is told all the same.
    terminal.line(`  … not recorded: ${(error as Error).message}`);
  }
}

function liveStack({ aws, runId, folder }: Session, part: Part): LiveStack {
  const name = stackName(runId, part);
  const target = { folder, stack: name, account: aws.account, region: aws.region };
  const own = {
    run: runId,
    part,
    nested: aws.local ? 'no' : 'yes',
    folder: migrations(folder, 'good'),
  };
  let context: Readonly<Record<string, string>> = own;
  return {
    name,
    folder,
    outputs: () => outputsOf(aws, name),
    deploy(more, flags = []) {
      context = { ...own, ...more };
      return cdk(target, 'deploy', context, flags);
    },
    cdk: (command, flags = []) => cdk(target, command, context, flags),
  };
}

const unmade = (): never => {
  throw new Error('A step that makes nothing has no stack.');
};
const NO_STACK: LiveStack = {
  get name() {
    return unmade();
  },
  get folder() {
    return unmade();
  },
  outputs: unmade,
  deploy: unmade,
  cdk: unmade,
};

/** What failed, without the events of everything else. */
function reason({ output }: Deployed): string {
  const from = output.indexOf('Failed resources:');
  return from < 0 ? output.trimEnd().split('\n').slice(-20).join('\n') : output.slice(from).trimEnd();
}
