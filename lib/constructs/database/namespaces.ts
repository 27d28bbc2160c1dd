/** Namespaces of one app: which stand beside one another in a database, and that none is used twice. */
import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { SchemaDatabase } from './schema-database';

/** What a namespace is of. */
interface Migrations extends Construct {
  readonly database: SchemaDatabase;
  readonly namespace: string;
}

const inDatabase = new WeakMap<Stack, Map<string, Migrations[]>>();

/** The namespaces of the stack's other constructs in the same database, once all of them are there. */
export function namespacesBeside(construct: Migrations): () => string[] {
  const stack = Stack.of(construct);
  const databases = inDatabase.get(stack) ?? new Map<string, Migrations[]>();
  inDatabase.set(stack, databases);
  const { server, databaseName } = construct.database;
  const key = `${server}/${databaseName}`;
  const all = databases.get(key) ?? [];
  databases.set(key, all);
  all.push(construct);
  return () => all.filter((each) => each !== construct).map(({ namespace }) => namespace);
}

const reserved = new WeakMap<object, Map<string, string>>();

/** Two constructs of one stack on one namespace would take turns undoing each other, and the ledger could not tell. */
export function reserve(construct: Construct, key: string): void {
  const inApp = reserved.get(construct.node.root) ?? new Map<string, string>();
  reserved.set(construct.node.root, inApp);
  const other = inApp.get(key);
  if (other !== undefined) {
    throw new Error(
      `${construct.node.path} and ${other} use the same namespace of the same database. Give one of them another namespace.`,
    );
  }
  inApp.set(key, construct.node.path);
}

/** The name of the stack that is deployed, and the way down to the nested one: both are fixed at synth. */
export function nestedName(stack: Stack): string | undefined {
  let root = stack;
  while (root.nestedStackParent) root = root.nestedStackParent;
  return root === stack ? undefined : root.stackName + stack.node.path.slice(root.node.path.length);
}
