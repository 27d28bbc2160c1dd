/**
 * Sentences about planned statements. The server answers with a code, and the sentence for each code is here. The
 * server's own messages are not shown, since they quote the statement's text.
 */

/** Reasons by SQLSTATE why a statement fails on the schema. Any other SQLSTATE leaves a statement undecided. */
export const FAILURE_REASONS: Readonly<Record<string, string>> = {
  '42P01': 'a table or view that it names does not exist',
  '42703': 'a column that it names does not exist',
  '42702': 'more than one of its tables has a column that it names',
  '42883': 'a function or operator that it calls does not exist for these types',
  '42725': 'several functions or operators match its types equally well',
  '42P10': 'no unique index or constraint matches its ON CONFLICT',
  '42704': 'a type, constraint or other object that it names does not exist',
  '42803': 'a column is neither in GROUP BY nor determined by a primary key in GROUP BY',
  '42804': 'a value has a type that is not accepted in its place',
  '42809': 'an object that it names is of the wrong kind, for example a view where it needs a table',
  '42846': 'one type cannot be cast to the other',
  '428C9': 'it sets a column that the server generates',
  '42601': 'its numbers of columns and values differ, or it sets a column that it must not set',
  '42P17': 'a view or a policy refers to itself',
  '3F000': 'a schema that it names does not exist',
  '55000': 'a view that it writes to cannot be written to',
  '0A000': 'the server does not support it on these objects',
  '42501': 'its role may not use what it names',
  '22P02': 'a constant in it is not a value of its type, for example a label that its enum does not have',
};

/** Reasons by the code in the answer, for an SQLSTATE that has several causes. */
export const FAILURE_CAUSES: Readonly<Record<string, string>> = {
  unpopulated: 'a materialized view that it reads has no data',
  unidentified:
    'a table whose rows it changes is published, and its replica identity is missing or does not fit the publication',
};

/** Reasons by SQLSTATE why every execution fails although the statement can be planned. */
export const WOULD_FAIL = {
  '23502': 'a column that must have a value gets none',
  '55000': 'a deferrable constraint cannot be the arbiter of its ON CONFLICT',
  '42P01': 'the default of a column uses a sequence that does not exist',
} as const;

/** Reasons why a statement is undecided, by the code in the server's answer. */
export const UNDECIDED_REASONS: Readonly<Record<string, string>> = {
  untyped: 'whether it fails depends on the types of its values, which are not in the workload',
  constant: 'the target of its ON CONFLICT has a constant that is not in the workload',
  overload: 'several functions or operators match, and the types of its values are not in the workload',
  syntax: 'this version of PostgreSQL cannot parse its text in the workload',
  several: 'it is not one statement that can be prepared',
  long: 'it is longer than 1 MiB or has more than 1,000 parameters',
  path: 'the search path of its sender is not known, and other schemas have objects with names that it uses',
  permission: 'the connected role may not use what it names; connect as the role that sends it',
  code: 'it may call untrusted code, which planning would run with the privileges of the connected role',
  foreign: 'it reads a foreign table, and planning it may query another server',
  lock: 'another session holds a lock on one of its tables',
  budget: 'there was no time left to plan it',
  slow: 'planning it took too long',
  filled: 'a column that must have a value gets none, unless a trigger of the table sets it',
  rows: 'it fails as soon as its query returns a row',
  default: 'one of several rows may have no value for a column that must have one',
  enum: 'it uses a value of an enum that is not committed yet',
  other: 'the server could not plan it, for a reason that has nothing to do with the schema',
};

/** Descriptions of what has become worse for a statement that still plans, by the code in the answer of `trueup._worse`. */
export const DEGRADATIONS: Readonly<Record<string, string>> = {
  parameter: 'a parameter has another type',
  overload: 'a parameter has another type, since another function of this name also matches',
  result: 'a column that it returns has another type',
  row: 'the row that it returns has other columns or wider types: if it is already prepared, it fails with 0A000',
  column: 'a column that it names has another or a shorter type',
  length: 'a column that it returns has another length: if it is already prepared, it fails with 0A000',
  label: 'an enum that it uses has lost a label, which a value may still carry',
  prepared: 'a type that it uses was created again: if it is already prepared, it fails with 0A000 or XX000',
  resolves: 'the search path of its sender leads to another object of this name',
  'lost-privilege': 'its role lost a privilege that it needs',
  behind:
    'its role may not call a function, or use a sequence, that a default, generated column, constraint, index, trigger or policy uses',
  'columns-privilege': 'its role has a privilege on some of the columns that it had on all of them',
  'no-policy': 'row security is on, and no policy lets its role see or write a row',
  policies: 'row security is on, and policies decide which rows its role sees',
  unguarded: 'row security no longer applies: its role sees or writes rows that policies excluded before',
  fills: 'it would insert values into other columns: it names no columns, and their order has changed',
  returned: 'the columns that it returns have another order or other names: it selects all of them',
  placed: 'it uses columns of a table by their position, and their order has changed',
  nothing: 'it succeeds but no longer does anything: a rule says DO INSTEAD NOTHING',
  unnumbered: 'a column that got its number from a sequence no longer gets one',
  sequence: 'it names its sequence by a value, and a sequence no longer exists, or its role may not use it',
  typed:
    'whether it works depends on how the application sends its values: with the types that they had before it plans, without them it does not',
};
