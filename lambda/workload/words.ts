/**
 * What is said about a statement that was planned: a fixed list, since a server's message quotes what it was sent. The server
 * answers with a code, and the words to each stand here.
 */

/** By SQLSTATE: the schema and the statement contradict each other. What is not here leaves a statement undecided. */
export const FAILURES: Readonly<Record<string, string>> = {
  '42P01': 'a table or view that it names does not exist',
  '42703': 'a column that it names does not exist',
  '42702': 'a column that it names is in more than one of its tables',
  '42883': 'a function or operator that it calls does not exist for these types',
  '42725': 'several functions or operators fit its types, and none of them better',
  '42P10': 'no unique index or constraint matches its ON CONFLICT',
  '42704': 'a type, constraint or other object that it names does not exist',
  '42803': 'a column is neither in GROUP BY nor fixed by a primary key in it',
  '42804': 'a value has another type than its place takes',
  '42809': 'an object that it names is of another kind',
  '42846': 'one type cannot be cast to the other',
  '428C9': 'it sets a column that the server generates',
  '42601': 'its numbers of columns and values differ, or it sets what must not be set',
  '42P17': 'a view or a policy refers to itself',
  '3F000': 'a schema that it names does not exist',
  '55000': 'a view that it writes to cannot be written to',
  '0A000': 'the server does not support it on these objects',
  '42501': 'its role may not use what it names',
};

/** By SQLSTATE: it plans, and every execution of it fails. */
export const WOULD_FAIL = {
  '23502': 'a column that must have a value gets none',
  '55000': 'ON CONFLICT cannot decide by a constraint that is deferrable',
  '42P01': 'the default of a column takes its numbers from a sequence that does not exist',
} as const;

/** Why nothing is known, by the code that the server's answer holds. */
export const UNDECIDED: Readonly<Record<string, string>> = {
  untyped: 'whether it fails depends on the types of its values, which are not in the workload',
  constant: 'the target of its ON CONFLICT has a constant that is not in the workload',
  overload: 'several functions or operators fit, and the types of its values are not in the workload',
  syntax: 'this PostgreSQL does not parse it as it stands in the workload',
  several: 'it is not one statement that can be prepared',
  long: 'it is longer than 1 MiB or has more than 1,000 parameters',
  path: 'the search path of its sender is not known, and other schemas hold what it may mean',
  permission: 'the connected role may not use what it names; ask as the role that sends it',
  code: 'it may call code of a role that is not trusted with the rights of whoever plans',
  foreign: 'it reads a foreign table: to plan it may ask another server',
  lock: 'somebody holds a lock on one of its tables',
  budget: 'there was no time left to ask',
  slow: 'planning it took too long',
  filled: 'a column that must have a value gets none, unless a trigger of the table puts one in its place',
  rows: 'it fails as soon as its query returns a row',
  default: 'one of several rows may leave out a column that must have a value',
  enum: 'it uses a value of an enum that is not committed yet',
  other: 'the server could not plan it, for a reason that says nothing about the schema',
};

/** What has become worse where it still plans, by the code in the answer of `trueup._worse`. */
export const WORSE: Readonly<Record<string, string>> = {
  parameter: 'a parameter has another type',
  overload: 'a parameter has another type, since another function of this name fits it too',
  result: 'a column that it returns has another type',
  row: 'the row that it returns has other columns or wider types: prepared before, it fails with 0A000',
  column: 'a column that it names has another type, or holds less',
  'lost-privilege': 'its role lost a privilege that it needs',
  'columns-privilege': 'its role has a privilege on some of the columns only that it had on all',
  'no-policy': 'row security is on, and no policy lets its role see or write a row',
  policies: 'row security is on, and policies decide which rows its role sees',
  unnumbered: 'a column that got its number from a sequence gets none',
  sequence: 'it names its sequence by a value, and a sequence is gone',
  typed:
    'whether it works depends on how the application sends its values: with the types that they had before it plans, without them it does not',
};
