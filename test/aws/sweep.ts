/** Deletes what runs have made: at the end of a run, after Ctrl-C, and what a kill has left. */

import type { Aws } from './aws';
import { stopRunning } from './cdk';
import { logGroupsOfRuns, removeLogGroups } from './log-groups';
import { EXIT, type SweepOptions, type Target } from './options';
import { stacksOfRuns, startDeletion, untilDeleted } from './stack';
import type { Terminal } from './terminal';

/** An RDS instance takes minutes to go, and what waits for it too. */
const DELETION_MS = 60 * 60_000;
const REFUSAL_MS = 10 * 60_000;

export const sweepCommand = ({ account, region }: Target, run: string): string =>
  `npm run test:aws -- --account ${account} --region ${region} --sweep --run ${run}`;

/** @returns whether it is gone */
export async function remove(aws: Aws, name: string, terminal: Terminal): Promise<boolean> {
  terminal.line(`Deleting ${name}`);
  await startDeletion(aws, name, REFUSAL_MS);
  const left = await untilDeleted(aws, name, DELETION_MS);
  if (left === null) return true;
  terminal.line(`  ${name} is ${left}. See its events in CloudFormation, then run --sweep again.`);
  return false;
}

/** @returns an exit code */
export async function sweep(aws: Aws, options: SweepOptions, terminal: Terminal): Promise<number> {
  const found = await stacksOfRuns(aws, options.run);
  const groups = await logGroupsOfRuns(aws, options.run);
  if (found.length + groups.length === 0) {
    terminal.line('Nothing is left.');
    return EXIT.ok;
  }
  for (const { name, run, status } of found) terminal.line(`  ${name}  run ${run}  ${status}`);
  for (const group of groups) terminal.line(`  log group ${group}`);
  if (!(await terminal.confirmed(options.yes, 'Delete this?'))) return EXIT.refused;
  let gone = true;
  for (const { name } of found) gone = (await remove(aws, name, terminal)) && gone;
  await removeLogGroups(aws, options.run);
  return gone ? EXIT.ok : EXIT.notSettled;
}

/**
 * Ctrl-C: the command line is ended, the deletion of what this run has made is started, and the process ends. A second
 * Ctrl-C leaves at once.
 */
export function deleteOnInterrupt(aws: Aws, run: string, terminal: Terminal): () => void {
  const again = sweepCommand(aws, run);
  let asked = false;
  const leave = async (): Promise<void> => {
    terminal.line('\nStopping: what this run has made is deleted. Press Ctrl-C again to leave at once.');
    await stopRunning();
    for (const { name } of await stacksOfRuns(aws, run)) {
      await startDeletion(aws, name, REFUSAL_MS);
      terminal.line(`The deletion of ${name} has been started.`);
    }
    terminal.line(`To see that nothing is left: ${again}`);
  };
  const onSignal = (): void => {
    if (asked) {
      terminal.line(`Left at once; what is left is deleted by: ${again}`);
      process.exit(EXIT.interrupted);
    }
    asked = true;
    leave()
      .catch((error: Error) =>
        terminal.line(`The deletion was not started (${error.message}). Run: ${again}`),
      )
      .finally(() => process.exit(EXIT.interrupted));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return () => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
}
