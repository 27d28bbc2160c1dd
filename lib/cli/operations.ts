/**
 * What the commands ask for, wherever the engine runs: in this process against a database, or in the deployed function
 * of a stack. The two implementations are local.ts and remote.ts.
 */
import type { Outcome } from '../../lambda/contract/converge';
import type { Plan, Status, Verification } from '../../lambda/contract/status';
import type { Slice } from './until-done';

export interface Operations {
  /** Which ledger of which database, or which stack: for people. */
  readonly label: string;
  status(): Promise<Status>;
  plan(): Promise<Plan>;
  verify(): Promise<Verification>;
  /** Marks migrations up to this one as applied where they verify; nothing is run. */
  baseline(upTo: string, slice: Slice): Promise<Outcome>;
  /** Undoes one migration by name, destructive or not. */
  down(name: string, slice: Slice): Promise<Outcome>;
}
