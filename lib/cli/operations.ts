/**
 * The operations that commands need, wherever the engine runs: in this process against a database, or in the deployed
 * function of a stack. The two implementations are local.ts and remote.ts.
 */
import type { ConvergeOutcome, ConvergeRequest } from '../../lambda/contract/converge';
import type { Plan, Status, Verification } from '../../lambda/contract/status';
import type { TimeSlice } from './until-done';

export type DeclaredFile = NonNullable<ConvergeRequest['declared']>;

export interface Operations {
  /** Name of the ledger and its database, or of the stack, for messages. */
  readonly label: string;
  status(): Promise<Status>;
  plan(): Promise<Plan>;
  verify(): Promise<Verification>;
  /** Marks the migrations up to this one as applied if they verify. No migration is run. */
  baseline(upTo: string, slice: TimeSlice): Promise<ConvergeOutcome>;
  /** Records what a new file is: the renamed file `was`, or a new one if `was` is `null`. No migration is run. */
  declare(file: DeclaredFile, slice: TimeSlice): Promise<ConvergeOutcome>;
  /** Undoes one migration, even if that destroys data. */
  down(name: string, slice: TimeSlice): Promise<ConvergeOutcome>;
}
