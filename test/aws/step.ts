/** What a step is, and what it finds. */
import type { Aws } from './aws';
import type { Part } from './options';
import type { LiveStack } from './stack';

/** `not-settled`: it was not tried, or the answer says nothing about AWS. */
export type Outcome = 'as-assumed' | 'otherwise' | 'not-settled';

export interface Finding {
  readonly outcome: Outcome;
  /** What was seen, one sentence, without anything of the account. */
  readonly words: string;
}

export interface StepContext {
  readonly aws: Aws;
  /** What the part made. Absent in `reads`. */
  readonly stack: LiveStack;
  /** A line for whoever watches. */
  readonly tell: (line: string) => void;
  /** Kept for the tests that run without AWS, after scrubbing. One document a step. */
  readonly record: (data: unknown) => void;
}

export interface Step {
  /** In kebab case; docs/testing-aws.md and the pages with assumptions name it. */
  readonly id: string;
  readonly part: Part;
  readonly title: string;
  /** Why the answer of a local AWS settles nothing; with `skip` it is not even asked. @default - it has an answer of its own */
  readonly locally?: { readonly why: string; readonly skip?: true };
  /** It looks at the stack when that has been deleted. @default - false */
  readonly after?: true;
  /** @throws where it cannot be carried out: that is reported, and the next step follows */
  run(context: StepContext): Promise<readonly Finding[]>;
}

export const found = (asAssumed: boolean, yes: string, no: string): Finding =>
  asAssumed ? { outcome: 'as-assumed', words: yes } : { outcome: 'otherwise', words: no };

export const notSettled = (words: string): Finding => ({ outcome: 'not-settled', words });
