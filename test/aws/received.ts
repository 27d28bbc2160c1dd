/** What the function in the place of Trueup's deployment writes down (handlers/deployment.ts). */
import type { StackEvent } from '../../lambda/deploy/history';

export interface Received {
  readonly phase: 'request' | 'poll';
  /** By Lambda's clock. */
  readonly at: number;
  /** The answer said that the request is done. */
  readonly answered: boolean;
  /** The version that was written into the code that ran. */
  readonly code: string;
  readonly type: 'Create' | 'Update' | 'Delete';
  readonly request: string;
  /** The version among the resource's properties. */
  readonly now: string;
  /** The same of the old properties; null where there were none. */
  readonly before: string | null;
  /** What CloudFormation said when it was asked then, newest event first. */
  readonly seen:
    | { readonly status: string; readonly events: readonly StackEvent[] }
    | { readonly refused: string };
}

/** An event of the whole stack, as it was at the end, with what the tests need. Times by CloudFormation's clock. */
export interface StackLine {
  /** `stack` for the stack itself, otherwise the logical id. */
  readonly of: string;
  readonly type: string;
  readonly status: string;
  readonly detail?: string;
  readonly reason?: string;
  readonly at: number;
}
