/** Tracks the namespaces of one app: which ones share a database, and that none is used twice. */
import { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { SchemaDatabase } from './schema-database';

/** A construct that owns a namespace. */
interface NamespaceOwner extends Construct {
  readonly database: SchemaDatabase;
  readonly ledgerName: string;
}

const ownersByDatabase = new WeakMap<Stack, Map<string, NamespaceOwner[]>>();

/**
 * Returns a function that lists the namespaces of the stack's other constructs in the same database. Call it once all
 * constructs have been created.
 */
export function listOtherNamespaces(construct: NamespaceOwner): () => string[] {
  const stack = Stack.of(construct);
  const databases = ownersByDatabase.get(stack) ?? new Map<string, NamespaceOwner[]>();
  ownersByDatabase.set(stack, databases);
  const { _server: server, databaseName } = construct.database;
  const key = `${server}/${databaseName}`;
  const all = databases.get(key) ?? [];
  databases.set(key, all);
  all.push(construct);
  return () => all.filter((each) => each !== construct).map(({ ledgerName }) => ledgerName);
}

const reservedNamespaces = new WeakMap<object, Map<string, string>>();

/**
 * Reserves a namespace of a database. Two constructs of one stack with the same namespace would alternately undo each
 * other's migrations, and the ledger could not tell them apart.
 */
export function reserveNamespace(construct: Construct, key: string): void {
  const inApp = reservedNamespaces.get(construct.node.root) ?? new Map<string, string>();
  reservedNamespaces.set(construct.node.root, inApp);
  const other = inApp.get(key);
  if (other !== undefined) {
    throw new Error(
      `${construct.node.path} and ${other} use the same ledger in the same database. Give one of them another ledgerName.`,
    );
  }
  inApp.set(key, construct.node.path);
}

const serverReservations = new WeakMap<
  object,
  Map<string, { readonly kind: string; readonly path: string }[]>
>();

/**
 * Reserves a namespace on a server for fleets or for schemas, not both. Only the deployment knows the databases of a
 * fleet's tenants, so no schema on a fleet's server may have the fleet's namespace: both would use the same ledger in a
 * tenant's database.
 */
export function reserveOnServer(construct: Construct, key: string, kind: 'fleet' | 'schema'): void {
  const inApp =
    serverReservations.get(construct.node.root) ?? new Map<string, { kind: string; path: string }[]>();
  serverReservations.set(construct.node.root, inApp);
  const all = inApp.get(key) ?? [];
  inApp.set(key, all);
  const other = all.find((each) => each.kind !== kind);
  if (other !== undefined) {
    const [fleet, schema] =
      kind === 'fleet' ? [construct.node.path, other.path] : [other.path, construct.node.path];
    throw new Error(
      `${fleet} is a fleet on the server of ${schema}, with the same ledger name: a tenant's ledger could not tell them apart. Give one of them another ledgerName.`,
    );
  }
  all.push({ kind, path: construct.node.path });
}

/**
 * Returns the name of the deployed root stack followed by the path to the nested one, both fixed at synth, or undefined
 * for a stack that is not nested.
 */
export function formatStackPath(stack: Stack): string | undefined {
  let root = stack;
  while (root.nestedStackParent) root = root.nestedStackParent;
  return root === stack ? undefined : root.stackName + stack.node.path.slice(root.node.path.length);
}
