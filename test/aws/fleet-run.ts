/** What the live check's runs of a fleet are called, in the stack, in its functions and in its steps. */

/** A fleet's server; there is none behind it. */
export const SERVER = 'main';
/** The tenant whose function dies. */
export const DIES = 'dies';
/** The run that a custom resource begins when its rights are given. */
export const AT_ONCE = 'at-once';
export const ALL_TENANTS = ['one', 'two', DIES];
export const LIVING_TENANTS = ['one', 'two'];

/** Rights that a map needs, each taken from a machine of its own. */
export const RIGHTS = {
  list: { words: 'to read its list', action: 's3:GetObject' },
  results: { words: 'to write its results', action: 's3:PutObject' },
  children: { words: 'to start its children', action: 'states:StartExecution' },
} as const;

export type Right = keyof typeof RIGHTS;
export const ALL_RIGHTS = Object.keys(RIGHTS) as Right[];
